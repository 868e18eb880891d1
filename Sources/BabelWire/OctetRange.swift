/// A run of octets inside a datagram, for payloads of variable length that are not copied.
public struct OctetRange: Equatable, Sendable {
  /// Where the run starts, in octets from the start of the datagram.
  public let offset: Int
  /// How many octets it has.
  public let count: Int

  /// Makes a range; meaningful only together with the datagram it was made for.
  public init(offset: Int, count: Int) {
    self.offset = offset
    self.count = count
  }
}

// Big-endian fields. Subscripts of a span are checked; the decoders test lengths first, so a
// trap here would be a bug of ours, which the fuzzers look for.
extension Span where Element == UInt8 {
  /// The 16-bit field at `offset`.
  func uint16(at offset: Int) -> UInt16 {
    UInt16(self[offset]) << 8 | UInt16(self[offset + 1])
  }

  /// The 32-bit field at `offset`.
  func uint32(at offset: Int) -> UInt32 {
    UInt32(uint16(at: offset)) << 16 | UInt32(uint16(at: offset + 2))
  }

  /// The 64-bit field at `offset`.
  func uint64(at offset: Int) -> UInt64 {
    UInt64(uint32(at: offset)) << 32 | UInt64(uint32(at: offset + 4))
  }

  /// `base` with octets `position` … `position + count − 1` of its 16-octet form replaced by
  /// `count` octets from `offset`.
  func address(at offset: Int, count: Int, replacing position: Int, of base: IPAddress)
    -> IPAddress
  {
    var high = base.high
    var low = base.low
    for i in 0..<count {
      let place = position + i
      let shift = UInt64(56 - 8 * (place & 7))
      let octet = UInt64(self[offset + i]) << shift
      if place < 8 {
        high = high & ~(0xFF << shift) | octet
      } else {
        low = low & ~(0xFF << shift) | octet
      }
    }
    return IPAddress(high: high, low: low)
  }
}
