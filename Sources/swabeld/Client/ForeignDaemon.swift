import BabelCore

/// What is said of a daemon that does not take a request.
enum ForeignDaemon {
  /// What it is, if its greeting names another program than this one; nil if it is ours.
  static func description(of version: String) -> String? {
    let name = version.utf8.split(separator: UInt8(ascii: "-"), maxSplits: 1)
    guard let first = name.first, !first.elementsEqual("swabeld".utf8) else { return nil }
    let words = name.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    return "this is \(words), which knows only dump, monitor, unmonitor, quit, and on a read-write "
      + "socket interface, flush interface, default, key, link-detect, smoothing-half-life, "
      + "log-file and reopen-logfile"
  }

  /// Whether a request is wrong whatever the daemon's state is, so that it is a mistake of whoever
  /// wrote it, and no refusal.
  static func isMistake(_ line: [UInt8]) -> Bool {
    if case .mistake = ShowQuery.read(line) { return true }
    if case .mistake = ExplainQuery.read(line) { return true }
    if case .mistake = PathQuery.read(line) { return true }
    return TraceRequest.read(line) == .mistake
  }
}
