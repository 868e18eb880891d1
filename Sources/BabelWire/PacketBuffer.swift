/// The octets of a packet under construction. The encoder checks the room before it writes.
struct PacketBuffer: Sendable {
  private(set) var octets: [UInt8]

  /// Makes a buffer for packets of up to `capacity` octets and starts the first one.
  init(capacity: Int) {
    octets = []
    octets.reserveCapacity(capacity)
    reset()
  }

  /// Octets so far.
  var count: Int { octets.count }

  /// Starts a new packet: a header with an empty body.
  mutating func reset() {
    octets.removeAll(keepingCapacity: true)
    append(PacketHeader.magic)
    append(PacketHeader.version)
    append16(0)
  }

  /// Writes the number of octets behind the header, up to `end`, into the header.
  mutating func setBodyEnd(_ end: Int) {
    let length = UInt16(end - PacketHeader.count)
    octets[2] = UInt8(truncatingIfNeeded: length >> 8)
    octets[3] = UInt8(truncatingIfNeeded: length)
  }

  /// Writes type and length of a TLV or sub-TLV.
  mutating func beginTLV(_ type: UInt8, count: Int) {
    append(type)
    append(UInt8(count))
  }

  mutating func append(_ octet: UInt8) { octets.append(octet) }

  mutating func append16(_ value: UInt16) {
    append(UInt8(truncatingIfNeeded: value >> 8))
    append(UInt8(truncatingIfNeeded: value))
  }

  mutating func append32(_ value: UInt32) {
    append16(UInt16(truncatingIfNeeded: value >> 16))
    append16(UInt16(truncatingIfNeeded: value))
  }

  mutating func append64(_ value: UInt64) {
    append32(UInt32(truncatingIfNeeded: value >> 32))
    append32(UInt32(truncatingIfNeeded: value))
  }

  /// Writes octets `first` ..< `end` of the 16-octet form of an address.
  mutating func append(_ address: IPAddress, from first: Int, to end: Int) {
    for i in first..<max(first, end) { append(address.octet(i)) }
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
