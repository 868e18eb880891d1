import BabelKernel
import BabelWire

/// How a node without a configured router-id gets one (babeld's rules).
enum RouterIDChoice {
  /// A router-id made from the first hardware address that is unique in the world, among the
  /// interfaces with indices 1 … 255; nil if there is none.
  static func fromHardware(_ links: [KernelLink]) -> RouterID? {
    for link in links where link.ifindex <= 255 {
      if let id = eui64(link) { return id }
    }
    return nil
  }

  /// A router-id from 64 random bits, which says of itself that it is neither global nor that
  /// of a group.
  static func random(_ bits: UInt64) -> RouterID {
    let id = RouterID(bits & 0xFCFF_FFFF_FFFF_FFFF)
    return id.isValid ? id : RouterID(1)
  }

  /// ARPHRD numbers of 48-bit addresses: Ethernet, token ring, IEEE 802, FDDI.
  private static let shortTypes: [UInt16] = [1, 4, 6, 774, 800]
  /// ARPHRD numbers of 64-bit addresses: EUI-64, IEEE 1394, InfiniBand.
  private static let longTypes: [UInt16] = [27, 24, 32]

  private static func eui64(_ link: KernelLink) -> RouterID? {
    var octets = link.hardwareAddress
    if shortTypes.contains(link.hardwareType) {
      guard octets.count == 6 else { return nil }
    } else if longTypes.contains(link.hardwareType) {
      guard octets.count >= 8 else { return nil }
      octets = Array(octets.suffix(8))
    } else {
      return nil
    }
    // Neither all zero, nor of a group, nor chosen locally.
    guard octets.contains(where: { $0 != 0 }), octets[0] & 3 == 0 else { return nil }
    if octets.count == 6 { octets.insert(contentsOf: [0xFF, 0xFE], at: 3) }
    octets[0] ^= 2
    let id = RouterID(octets.reduce(0) { $0 << 8 | UInt64($1) })
    return id.isValid ? id : nil
  }
}
