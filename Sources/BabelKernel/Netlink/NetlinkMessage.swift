/// The header of one netlink message and where its body lies in the buffer.
///
/// `struct nlmsghdr { u32 len; u16 type; u16 flags; u32 seq; u32 pid; }`, machine byte order,
/// every message aligned to four octets.
package struct NetlinkMessage: Equatable, Sendable {
  /// `nlmsg_type`.
  package let type: UInt16
  /// `nlmsg_flags`.
  package let flags: UInt16
  /// `nlmsg_seq`.
  package let sequence: UInt32
  /// `nlmsg_pid`: who caused it.
  package let portID: UInt32
  /// The octets behind the header, without padding; inside the buffer.
  package let body: Range<Int>

  /// Octets of the header.
  package static let headerCount = 16
}

/// `NLMSG_ALIGN` and `RTA_ALIGN`: `((len) + 4 - 1) & ~(4 - 1)`.
func netlinkAligned(_ count: Int) -> Int { (count + 3) & ~3 }

/// Walks over the messages of a buffer. The walk ends at the first message that does not fit.
package struct NetlinkMessageCursor {
  private var offset: Int
  private let end: Int

  /// Starts at the beginning of the buffer, of which only the first `count` octets count.
  package init(count: Int) {
    offset = 0
    end = count
  }

  /// The next message; nil at the end, or if a length is impossible.
  package mutating func next(in bytes: Span<UInt8>) -> NetlinkMessage? {
    let end = min(end, bytes.count)
    guard end - offset >= NetlinkMessage.headerCount else { return nil }
    let length = Int(clamping: bytes.nativeUInt32(at: offset))
    guard length >= NetlinkMessage.headerCount, length <= end - offset else { return nil }
    let message = NetlinkMessage(
      type: bytes.nativeUInt16(at: offset + 4), flags: bytes.nativeUInt16(at: offset + 6),
      sequence: bytes.nativeUInt32(at: offset + 8), portID: bytes.nativeUInt32(at: offset + 12),
      body: offset + NetlinkMessage.headerCount..<offset + length)
    offset += netlinkAligned(length)
    return message
  }
}

/// Writes messages into one buffer that is reused.
package struct NetlinkBuilder {
  private var storage: [UInt8]
  /// Octets written.
  package private(set) var count = 0
  private var messageStart = 0

  /// Makes a builder for `capacity` octets. To write more than that is a fault in our own code.
  package init(capacity: Int) { storage = [UInt8](unfilled: capacity) }

  /// Octets that still fit.
  package var room: Int { storage.count - count }

  /// The octets written so far.
  package var bytes: [UInt8] { Array(storage[..<count]) }

  /// Forgets everything but keeps the storage.
  package mutating func removeAll() { count = 0 }

  /// Runs `body` with the octets written so far.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  /// Begins a message.
  package mutating func begin(type: UInt16, flags: UInt16, sequence: UInt32) {
    messageStart = count
    append(UInt32(0))
    append(type)
    append(flags)
    append(sequence)
    append(UInt32(0))
  }

  /// Ends the message begun last.
  package mutating func end() {
    store(UInt32(count - messageStart), at: messageStart)
  }

  /// Appends a request for a whole table, whose header of so many octets selects nothing.
  mutating func dump(_ type: UInt16, headerCount: Int, sequence: UInt32) {
    begin(type: type, flags: NetlinkFlag.request | NetlinkFlag.dump, sequence: sequence)
    for _ in 0..<headerCount { append(UInt8(0)) }
    end()
  }

  /// Writes the length of an attribute that was begun at an offset.
  mutating func setLength(_ length: UInt16, at offset: Int) { store(length, at: offset) }

  /// Adds flags to the message begun last.
  package mutating func addFlags(_ flags: UInt16) {
    let old = storage.span.nativeUInt16(at: messageStart + 6)
    store(old | flags, at: messageStart + 6)
  }

  /// Appends a number in the machine's byte order.
  package mutating func append<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number) {
    let offset = count
    count += MemoryLayout<Number>.size
    store(number, at: offset)
  }

  /// Appends octets and pads to four.
  package mutating func append(octets: [UInt8]) {
    for octet in octets { append(octet) }
    while count & 3 != 0 { append(UInt8(0)) }
  }

  private mutating func store<Number: FixedWidthInteger & BitwiseCopyable>(
    _ number: Number, at offset: Int
  ) {
    if offset + MemoryLayout<Number>.size > storage.count { die("netlink buffer is too small") }
    storage.withUnsafeMutableBytes {
      $0.storeBytes(of: number, toByteOffset: offset, as: Number.self)
    }
  }
}
