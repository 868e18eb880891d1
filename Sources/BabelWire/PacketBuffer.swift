/// The octets of a packet under construction. The encoder checks the room before it writes.
struct PacketBuffer: Sendable {
  /// The octets, and zeros or remains of an earlier packet behind ``count``.
  private var room: [UInt8] = []
  /// Octets so far.
  private(set) var count = 0

  /// Makes a buffer for packets of up to `capacity` octets and starts the first one.
  @inline(never)
  init(capacity: Int) {
    room.reserveCapacity(capacity + Self.step)
    reset()
  }

  /// Room is filled with zeros by so many octets, so that what a packet does not reach is never
  /// touched.
  private static var step: Int { 256 }

  /// The octets so far.
  var octets: ArraySlice<UInt8> { room[..<count] }

  /// Starts a new packet: a header with an empty body.
  @inline(never)
  mutating func reset() {
    count = 0
    append(PacketHeader.magic)
    append(PacketHeader.version)
    append16(0)
  }

  /// Writes the number of octets behind the header, up to `end`, into the header.
  mutating func setBodyEnd(_ end: Int) {
    let length = UInt16(end - PacketHeader.count)
    room[2] = UInt8(truncatingIfNeeded: length >> 8)
    room[3] = UInt8(truncatingIfNeeded: length)
  }

  /// Writes type and length of a TLV or sub-TLV.
  mutating func beginTLV(_ type: UInt8, count: Int) {
    append16(UInt16(type) << 8 | UInt16(UInt8(count)))
  }

  mutating func append(_ octet: UInt8) { append(top: UInt64(octet) << 56, 1) }

  mutating func append16(_ value: UInt16) { append(top: UInt64(value) << 48, 2) }

  mutating func append32(_ value: UInt32) { append(top: UInt64(value) << 32, 4) }

  mutating func append64(_ value: UInt64) { append(top: value, 8) }

  /// Writes the `number` most significant octets of a value, at most eight: together, since each
  /// look whether the room is ours alone takes longer than an octet. Copies of this, and of what
  /// else is marked so, where they are called, would only make the program larger.
  @inline(never)
  private mutating func append(top value: UInt64, _ number: Int) {
    let start = count
    count += number
    if count > room.count { room.append(contentsOf: repeatElement(0, count: Self.step)) }
    var span = room.mutableSpan
    for i in 0..<number {
      span[start + i] = UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * i))
    }
  }

  /// Writes octets `first` ..< `end` of the 16-octet form of an address.
  mutating func append(_ address: IPAddress, from first: Int, to end: Int) {
    if first < min(end, 8) {
      append(top: address.high << UInt64(8 * first), min(end, 8) - first)
    }
    let second = max(first, 8)
    if second < end { append(top: address.low << UInt64(8 * (second - 8)), end - second) }
  }

  /// Writes a prefix without compression: as many octets as its length needs.
  mutating func append(_ prefix: Prefix) {
    let first = prefix.requestEncoding.firstOctet
    append(prefix.address, from: first, to: first + prefix.octetCount)
  }

  /// Writes Pad1 and PadN TLVs of exactly `count` octets together (RFC 8966 §4.6.1, §4.6.2).
  mutating func appendPadding(_ count: Int) {
    var left = count
    while left >= 2 {
      let payload = min(left - 2, 255)
      beginTLV(TLVType.padN, count: payload)
      for _ in 0..<payload { append(0) }
      left -= payload + 2
    }
    if left == 1 { append(TLVType.pad1) }
  }
}
