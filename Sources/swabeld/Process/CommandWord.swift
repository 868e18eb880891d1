/// Words that ask or control a daemon. As the first word of the command line some of them are a
/// request to a running daemon (``ControlClient``). Everywhere else they are refused as names of
/// interfaces, and so are all other words of requests and statements (``RequestWord``), because
/// otherwise a daemon would start and wait for an interface of that name. An interface that really
/// has such a name can be named in a statement, or behind `--`.
enum CommandWord {
  private static let requests =
    "dump monitor show metrics events trace capture watch top status explain path ping flush "
    + "reload restart stop"

  private static let groups: [(words: String, hint: String)] = [
    (requests, "it asks a running daemon, as in: swabelctl WORD; or make it the first word"),
    ("ctl", "it asks a running daemon, and must be the first word"),
    ("neighbors xroutes route", "a running daemon is asked by: swabelctl show WORD"),
    ("problems", "a running daemon tells them by: swabelctl status"),
    ("start", "that is for the service manager, as in: systemctl start swabeld"),
    ("check configtest validate", "--check examines a configuration"),
    ("version", "-V prints the version"),
    ("help", "--help lists the options"),
    ("genkey keygen", "swabeld keygen prints a key; it must be the first word"),
  ]

  /// What to do instead of naming an interface so; nil for any other word.
  static func hint(_ octets: [UInt8]) -> String? {
    if let group = groups.first(where: { contains($0.words, octets) }) { return group.hint }
    let word = String(decoding: octets, as: UTF8.self)
    let isShown = RequestWord.isShown(octets[...])
    guard isShown || RequestWord.isKnown(octets[...]) else { return nil }
    return "a running daemon is asked by: swabelctl \(isShown ? "show " : "")\(word); an interface "
      + "of that name can stand behind --, or in a statement"
  }

  /// Whether the word, as the first one, begins a request to a running daemon.
  static func isRequest(_ octets: [UInt8]) -> Bool { contains(requests, octets) }

  private static func contains(_ words: String, _ octets: [UInt8]) -> Bool {
    RequestWord.contains(words, octets[...])
  }
}
