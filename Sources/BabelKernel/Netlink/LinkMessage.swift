import BabelWire

// `struct ifinfomsg { u8 family, pad; u16 type; s32 index; u32 flags, change; }` followed by
// attributes.

/// Octets of `struct ifinfomsg`.
private let linkHeaderCount = 16
/// `MAX_ADDR_LEN`: no link-layer address is longer.
private let hardwareAddressLimit = 32

extension KernelLink {
  /// Reads the body of an RTM_NEWLINK or RTM_DELLINK message; nil if it is malformed or not about
  /// the link itself. A message about a port of a bridge, which has a family, is of the latter
  /// kind.
  package init?(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= linkHeaderCount, body.upperBound <= bytes.count else { return nil }
    let base = body.lowerBound
    guard bytes[base] == FamilyNumber.any else { return nil }
    let ifindex = Int32(bitPattern: bytes.nativeUInt32(at: base + 4))
    guard ifindex > 0 else { return nil }
    var name: InterfaceName?
    var mtu: UInt32 = 0
    var hardwareAddress: [UInt8] = []
    var kind = LinkKind.none
    var master: UInt32 = 0
    var cursor = NetlinkAttributeCursor(body, after: linkHeaderCount)
    while let attribute = cursor.next(in: bytes) {
      switch attribute.type {
      case LinkAttribute.name: name = InterfaceName(octets: attribute.text(in: bytes))
      case LinkAttribute.mtu: mtu = attribute.uint32(in: bytes) ?? 0
      case LinkAttribute.master: master = attribute.uint32(in: bytes) ?? 0
      case LinkAttribute.address where attribute.value.count <= hardwareAddressLimit:
        hardwareAddress = []
        for i in attribute.value { hardwareAddress.append(bytes[i]) }
      case LinkAttribute.information:
        var inner = NetlinkAttributeCursor(attribute.value)
        while let part = inner.next(in: bytes) {
          if part.type == LinkAttribute.informationKind {
            kind = LinkKind(octets: part.text(in: bytes))
          }
        }
      default: break
      }
    }
    guard let name else { return nil }
    self.init(
      ifindex: ifindex, name: name, flags: bytes.nativeUInt32(at: base + 8), mtu: mtu,
      hardwareType: bytes.nativeUInt16(at: base + 2), hardwareAddress: hardwareAddress,
      kind: kind, master: Int32(bitPattern: master))
  }
}

extension NetlinkBuilder {
  /// Appends a request for all links.
  mutating func linkDump(sequence: UInt32) {
    begin(
      type: NetlinkType.getLink, flags: NetlinkFlag.request | NetlinkFlag.dump,
      sequence: sequence)
    for _ in 0..<4 { append(UInt32(0)) }
    attribute(LinkAttribute.extensionMask, LinkAttribute.skipStatistics)
    end()
  }
}
