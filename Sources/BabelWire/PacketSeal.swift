// Before editing, read RFC 8967 §4.

/// What is added to a finished packet when it is signed (RFC 8967 §4.2), in this order: PC,
/// then one MAC per key, then padding.
public enum PacketSeal {
  /// Octets of a PC TLV with an index of `count` octets; the encoder's `bodyReserve`.
  public static func packetCounterCount(indexCount count: Int) -> Int { 6 + count }

  /// Octets of a MAC TLV with a MAC of `count` octets; their sum over the keys is the encoder's
  /// `trailerReserve`.
  public static func macCount(_ count: Int) -> Int { 2 + count }

  /// Appends a PC TLV to the body and corrects the body length in the header.
  ///
  /// `packet` is a header and a body; padding in the trailer is kept behind the new TLV. False,
  /// and nothing changed, if it is not a packet, the index is longer than 32 octets, or the body
  /// would exceed 65535 octets.
  public static func appendPacketCounter(
    _ counter: UInt32, index: [UInt8], to packet: inout [UInt8]
  ) -> Bool {
    guard index.count <= PacketCounter.maximumIndexCount, packet.count >= PacketHeader.count
    else { return false }
    let length = Int(packet[2]) << 8 | Int(packet[3])
    let end = PacketHeader.count + length
    let newLength = length + packetCounterCount(indexCount: index.count)
    guard end <= packet.count, newLength <= 65535 else { return false }
    var octets: [UInt8] = [TLVType.packetCounter, UInt8(4 + index.count)]
    for shift in [24, 16, 8, 0] as [UInt32] {
      octets.append(UInt8(truncatingIfNeeded: counter >> shift))
    }
    octets += index
    packet.insert(contentsOf: octets, at: end)
    packet[2] = UInt8(truncatingIfNeeded: newLength >> 8)
    packet[3] = UInt8(truncatingIfNeeded: newLength)
    return true
  }

  /// Appends a MAC TLV at the end of the trailer; a MAC has at most 255 octets.
  public static func appendMAC(_ mac: [UInt8], to packet: inout [UInt8]) -> Bool {
    guard mac.count <= 255 else { return false }
    packet.append(TLVType.mac)
    packet.append(UInt8(mac.count))
    packet += mac
    return true
  }
}
