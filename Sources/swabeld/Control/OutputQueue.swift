import BabelKernel

/// Octets on their way to a client of the control socket, in order and bounded.
///
/// The daemon never waits for a client. What the socket does not take stays here. A client for
/// which more than ``limit`` octets wait is cut off.
struct OutputQueue {
  /// How many octets of events may wait. When a node moves 20,000 routes at once, a monitor gets
  /// about 4 MB of lines. A client that is so far behind does not read any more.
  static let limit = 4 << 20

  /// A dump is fed in pieces of about this many octets, so that it neither fills memory nor
  /// keeps the loop busy.
  static let comfortable = 64 << 10

  /// What waits; octets before `start` are gone already.
  private var storage: [UInt8] = []
  private var start = 0

  /// Octets waiting.
  var count: Int { storage.count - start }

  /// Whether nothing waits.
  var isEmpty: Bool { start == storage.count }

  /// Whether more is waiting than a client may leave unread.
  var isOverfull: Bool { count > Self.limit }

  /// Lets `body` append octets.
  mutating func append(_ body: (inout [UInt8]) -> Void) { body(&storage) }

  /// Appends text.
  mutating func append(_ text: String) { storage.append(contentsOf: text.utf8) }

  /// Appends octets.
  mutating func append(_ octets: [UInt8]) { storage.append(contentsOf: octets) }

  /// Writes what the socket takes now and forgets it. Returns how many octets that were, nil if
  /// the client is gone.
  mutating func drain(into connection: borrowing LocalConnection) throws(KernelError) -> Int? {
    guard !isEmpty else { return 0 }
    guard let taken = try connection.write(storage, from: start) else { return nil }
    start += min(taken, count)
    if isEmpty {
      storage.removeAll(keepingCapacity: storage.capacity <= 2 * Self.comfortable)
      start = 0
    } else if start >= Self.comfortable, start * 2 >= storage.count {
      storage.removeSubrange(0..<start)
      start = 0
    }
    return taken
  }
}
