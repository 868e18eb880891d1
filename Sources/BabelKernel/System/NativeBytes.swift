import BabelWire

// Numbers in the machine's byte order and addresses, read from and written to octets. The span
// checks every access. Callers check lengths before, so that no input can make the program trap.

extension Array where Element: FixedWidthInteger {
  /// Numbers to be overwritten, which have any values until then. Nothing is written to their
  /// memory, so that a page of it counts as ours only after the kernel or we have filled it.
  init(unfilled count: Int) {
    self.init(unsafeUninitializedCapacity: count) { $1 = count }
  }
}

extension Span where Element == UInt8 {
  /// 16 bits in the machine's byte order.
  func nativeUInt16(at offset: Int) -> UInt16 {
    UInt16(littleEndian: UInt16(self[offset]) | UInt16(self[offset + 1]) << 8)
  }

  /// 64 bits in the machine's byte order.
  func nativeUInt64(at offset: Int) -> UInt64 {
    UInt64(littleEndian: networkUInt64(at: offset).byteSwapped)
  }

  /// 32 bits in the machine's byte order.
  func nativeUInt32(at offset: Int) -> UInt32 {
    let low = UInt32(self[offset]) | UInt32(self[offset + 1]) << 8
    let high = UInt32(self[offset + 2]) << 16 | UInt32(self[offset + 3]) << 24
    return UInt32(littleEndian: low | high)
  }

  /// 64 bits in network byte order.
  func networkUInt64(at offset: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in offset..<offset + 8 { value = value << 8 | UInt64(self[i]) }
    return value
  }

  /// 16 octets as an address.
  func ipv6Address(at offset: Int) -> IPAddress {
    IPAddress(high: networkUInt64(at: offset), low: networkUInt64(at: offset + 8))
  }

  /// Four octets as an address.
  func ipv4Address(at offset: Int) -> IPAddress {
    var bits: UInt32 = 0
    for i in offset..<offset + 4 { bits = bits << 8 | UInt32(self[i]) }
    return IPAddress(ipv4: bits)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores the 16 octets of an address.
  func store(_ address: IPAddress, at offset: Int) {
    storeBytes(of: address.high.bigEndian, toByteOffset: offset, as: UInt64.self)
    storeBytes(of: address.low.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
  }
}

extension UnsafeRawBufferPointer {
  /// 16 octets as an address.
  func address(at offset: Int) -> IPAddress {
    IPAddress(
      high: UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self)),
      low: UInt64(bigEndian: loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
  }
}
