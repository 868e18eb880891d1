import BabelWire

// `struct ifaddrmsg { u8 family, prefixlen, flags, scope; u32 index; }` followed by attributes.

/// Octets of `struct ifaddrmsg`.
private let addressHeaderCount = 8

/// An address of this machine.
public struct KernelAddress: Hashable, Sendable {
  /// Interface it belongs to.
  public var ifindex: Int32
  /// The address itself. On a point-to-point link it is ours, not the peer's.
  public var address: IPAddress
  /// An address inside the prefix on the link: ours or, on a point-to-point link, the peer's.
  public var network: IPAddress
  /// Length of the prefix on the link, in the family's own terms.
  public var prefixLength: UInt8
  /// Where it is valid: 0 means everywhere, 253 on the link, 254 on this machine only.
  public var scope: UInt8
  /// The `IFA_F_` bits.
  public var flags: UInt32

  /// Whether duplicate address detection still runs, so that the address cannot be used yet.
  public var isTentative: Bool { flags & 0x40 != 0 && flags & 0x04 == 0 }
  /// Whether somebody else has the address, so that it cannot be used.
  public var isDuplicate: Bool { flags & 0x08 != 0 }
  /// Whether the interface has another address of the same network before it (IPv4).
  public var isSecondary: Bool { flags & 0x01 != 0 && address.family == .ipv4 }

  /// Makes an address.
  public init(
    ifindex: Int32, address: IPAddress, network: IPAddress? = nil, prefixLength: UInt8,
    scope: UInt8 = 0, flags: UInt32 = 0
  ) {
    self.ifindex = ifindex
    self.address = address
    self.network = network ?? address
    self.prefixLength = prefixLength
    self.scope = scope
    self.flags = flags
  }

  /// Reads the body of an RTM_NEWADDR or RTM_DELADDR message; nil if it is malformed, neither
  /// IPv4 nor IPv6, or inside ::ffff:0:0/96.
  package init?(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= addressHeaderCount, body.upperBound <= bytes.count else { return nil }
    let base = body.lowerBound
    let family = bytes[base]
    let length = bytes[base + 1]
    guard length <= (family == FamilyNumber.ipv4 ? 32 : 128) else { return nil }
    let ifindex = Int32(bitPattern: bytes.nativeUInt32(at: base + 4))
    guard ifindex > 0 else { return nil }
    var flags = UInt32(bytes[base + 2])
    var plain: IPAddress?
    var local: IPAddress?
    var cursor = NetlinkAttributeCursor(body, after: addressHeaderCount)
    while let attribute = cursor.next(in: bytes) {
      switch attribute.type {
      case AddressAttribute.address: plain = attribute.address(family, in: bytes)
      case AddressAttribute.local: local = attribute.address(family, in: bytes)
      case AddressAttribute.flags: flags = attribute.uint32(in: bytes) ?? flags
      default: break
      }
    }
    guard let address = local ?? plain else { return nil }
    self.init(
      ifindex: ifindex, address: address, network: plain, prefixLength: length,
      scope: bytes[base + 3], flags: flags)
  }
}

extension NetlinkBuilder {
  /// Appends a request for all addresses of both families.
  mutating func addressDump(sequence: UInt32) {
    dump(NetlinkType.getAddress, headerCount: addressHeaderCount, sequence: sequence)
  }

  /// Appends a request to add or remove an address.
  mutating func address(
    _ address: KernelAddress, type: UInt16, flags: UInt16, sequence: UInt32
  ) {
    begin(type: type, flags: flags, sequence: sequence)
    append(address.address.familyNumber)
    append(address.prefixLength)
    append(UInt8(truncatingIfNeeded: address.flags))
    append(address.scope)
    append(UInt32(bitPattern: address.ifindex))
    attribute(AddressAttribute.local, address.address)
    attribute(AddressAttribute.address, address.address)
    end()
  }
}
