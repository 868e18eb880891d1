/// Words that ask or control a daemon, which this program cannot do. On the command line they are
/// refused as names of interfaces, because otherwise a daemon would start and wait for an interface
/// of that name. An interface that really has such a name can be named in a statement.
enum CommandWord {
  private static let groups: [(words: String, hint: String)] = [
    (
      "status show dump monitor neighbours neighbors routes xroutes interfaces counters ctl",
      "a running daemon is asked on its local socket, as by: echo dump | socat - SOCKET"
    ),
    (
      "start restart reload",
      "that is for the service manager, as in: systemctl restart swabeld"
    ),
    ("stop", "a running daemon ends on SIGTERM, or by: systemctl stop swabeld"),
    ("check configtest validate", "--check examines a configuration"),
    ("explain", "--explain prints what a configuration comes to"),
    ("version", "-V prints the version"),
    ("help", "--help lists the options"),
    ("genkey keygen", "swabeld keygen prints a key; it must be the first word"),
  ]

  /// What to do instead of naming an interface so; nil for any other word.
  static func hint(_ octets: [UInt8]) -> String? {
    for group in groups
    where Array(group.words.utf8).split(separator: 0x20).contains(where: { Array($0) == octets }) {
      return group.hint
    }
    return nil
  }
}
