import BabelWire

/// A next-hop object of the kernel (Linux 5.3 and later): a gateway and an interface that any
/// number of routes share by naming its number.
///
/// Whoever removes it removes all its routes. The kernel does so without a word when its interface
/// goes down or loses its carrier.
public struct KernelNexthop: Hashable, Sendable {
  /// Its number, 1 … 2^32-1.
  public var id: UInt32
  /// Who made it (`nh_protocol`).
  public var kernelProtocol: UInt8
  /// The gateway. It is `::` if there is none, or if the object is more than a gateway on an
  /// interface: a group of others, a tunnel, one that drops packets, and the like.
  public var gateway: IPAddress
  /// The interface by which packets leave; 0 if there is none.
  public var ifindex: Int32
  /// The gateway counts as directly reachable.
  public var isOnlink: Bool

  /// Makes an object of Babel whose gateway counts as directly reachable.
  public init(id: UInt32, gateway: IPAddress, ifindex: Int32) {
    self.id = id
    self.gateway = gateway
    self.ifindex = ifindex
    kernelProtocol = KernelRoute.babelProtocol
    isOnlink = true
  }
}

// `struct nhmsg { u8 family, scope, protocol, reserved; u32 flags; }` followed by attributes.

/// Octets of `struct nhmsg`.
private let nexthopHeaderCount = 8

extension KernelNexthop {
  /// Reads the body of an RTM_NEWNEXTHOP or RTM_DELNEXTHOP message; nil if it is malformed or has
  /// no number.
  package init?(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= nexthopHeaderCount, body.upperBound <= bytes.count else { return nil }
    let base = body.lowerBound
    let family = bytes[base]
    self.init(id: 0, gateway: .unspecified, ifindex: 0)
    kernelProtocol = bytes[base + 2]
    isOnlink = bytes.nativeUInt32(at: base + 4) & RouteFlag.onlink != 0
    var isSpecial = false
    var cursor = NetlinkAttributeCursor(body, after: nexthopHeaderCount)
    while let attribute = cursor.next(in: bytes) {
      switch attribute.type {
      case NexthopAttribute.id: id = attribute.uint32(in: bytes) ?? 0
      case NexthopAttribute.outputInterface:
        ifindex = Int32(bitPattern: attribute.uint32(in: bytes) ?? 0)
      case NexthopAttribute.gateway:
        gateway = attribute.address(family, in: bytes) ?? .unspecified
      case NexthopAttribute.group, NexthopAttribute.blackhole, NexthopAttribute.encapsulation,
        NexthopAttribute.bridge:
        isSpecial = true
      default: break
      }
    }
    guard id != 0 else { return nil }
    if isSpecial { gateway = .unspecified }
  }
}

extension NetlinkBuilder {
  /// Appends a message about a next-hop object. To remove it, its number alone is named.
  package mutating func nexthop(
    _ object: KernelNexthop, type: UInt16, flags: UInt16, sequence: UInt32
  ) {
    let isNew = type == NetlinkType.newNexthop
    begin(type: type, flags: flags, sequence: sequence)
    append(isNew ? object.gateway.familyNumber : FamilyNumber.any)
    append(UInt8(0))
    append(isNew ? object.kernelProtocol : 0)
    append(UInt8(0))
    append(isNew && object.isOnlink ? RouteFlag.onlink : 0)
    attribute(NexthopAttribute.id, object.id)
    if isNew {
      attribute(NexthopAttribute.outputInterface, UInt32(bitPattern: object.ifindex))
      attribute(NexthopAttribute.gateway, object.gateway)
    }
    end()
  }

  /// Appends a request for all next-hop objects.
  mutating func nexthopDump(sequence: UInt32) {
    dump(NetlinkType.getNexthop, headerCount: nexthopHeaderCount, sequence: sequence)
  }
}
