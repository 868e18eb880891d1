/// Cuts what a client sends into lines. As with babeld, a line has at most 1023 octets and a
/// newline.
struct RequestLines {
  /// Longest line without its newline; a longer one ends the connection.
  static let limit = 1023

  private var pending: [UInt8] = []
  private var start = 0

  /// Takes octets from the socket.
  mutating func append(_ octets: ArraySlice<UInt8>) {
    if start > 0 {
      pending.removeSubrange(0..<start)
      start = 0
    }
    pending.append(contentsOf: octets)
  }

  /// The next complete line without its newline; nil when there is none.
  mutating func next() -> [UInt8]? {
    guard let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { start = end + 1 }
    return Array(pending[start..<end])
  }

  /// Whether there is a complete line.
  var hasLine: Bool { pending[start...].contains(UInt8(ascii: "\n")) }

  /// The words of a line, without a comment.
  static func words(_ line: [UInt8]) -> [ArraySlice<UInt8>] {
    line.prefix { $0 != UInt8(ascii: "#") }.split { $0 == 0x20 || ($0 >= 0x09 && $0 <= 0x0D) }
  }

  /// Whether the line under way, or the first complete one, is too long.
  var isTooLong: Bool {
    guard pending.count - start > Self.limit else { return false }
    let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) ?? pending.count
    return end - start > Self.limit
  }
}
