import BabelWire

// `struct rtmsg { u8 family, dst_len, src_len, tos, table, protocol, scope, type; u32 flags; }`
// followed by attributes.

/// Octets of `struct rtmsg`.
private let routeHeaderCount = 12
/// `RT_TABLE_COMPAT`: the number of the table does not fit into 8 bits and stands in an attribute.
private let compatibilityTable: UInt8 = 252

extension KernelRoute {
  /// Reads the body of an RTM_NEWROUTE or RTM_DELROUTE message; nil if it is neither IPv4 nor
  /// IPv6, is malformed, or is an IPv6 route inside ::ffff:0:0/96.
  package init?(message body: Range<Int>, in bytes: Span<UInt8>) {
    guard body.count >= routeHeaderCount, body.upperBound <= bytes.count else { return nil }
    let base = body.lowerBound
    let family = bytes[base]
    guard family == FamilyNumber.ipv4 || family == FamilyNumber.ipv6 else { return nil }
    let any = Prefix.any(family == FamilyNumber.ipv4 ? .ipv4 : .ipv6)
    self.init(
      destination: any, table: UInt32(bytes[base + 4]), kernelProtocol: bytes[base + 5],
      type: RouteType(rawValue: bytes[base + 7]))
    typeOfService = bytes[base + 3]
    scope = bytes[base + 6]
    let flags = bytes.nativeUInt32(at: base + 8)
    isCloned = flags & RouteFlag.cloned != 0
    isOnlink = flags & RouteFlag.onlink != 0
    isDead = flags & RouteFlag.dead != 0
    var destinationAddress = any.address
    var sourceAddress = any.address
    var cursor = NetlinkAttributeCursor(body, after: routeHeaderCount)
    while let attribute = cursor.next(in: bytes) {
      switch attribute.type {
      case RouteAttribute.destination:
        guard let address = attribute.address(family, in: bytes) else { return nil }
        destinationAddress = address
      case RouteAttribute.source:
        guard let address = attribute.address(family, in: bytes) else { return nil }
        sourceAddress = address
      default: read(attribute, family, bytes)
      }
    }
    guard
      let destination = Self.prefix(destinationAddress, bytes[base + 1], any.family),
      let source = Self.prefix(sourceAddress, bytes[base + 2], any.family)
    else { return nil }
    self.destination = destination
    self.source = source
    if isMultipath { (gateway, ifindex) = (nil, nil) }
  }

  /// The prefix, if it really is of that family: ::ffff:0:0/96 would turn into 0.0.0.0/0.
  private static func prefix(
    _ address: IPAddress, _ length: UInt8, _ family: AddressFamily
  ) -> Prefix? {
    if family == .ipv4 { return Prefix(address, length: Int(length)) }
    guard length <= 128 else { return nil }
    let prefix = Prefix(mapped: address, mappedLength: length)
    return prefix.family == .ipv6 ? prefix : nil
  }

  /// Whether the kernel uses none of several next hops, each
  /// `struct rtnexthop { u16 len; u8 flags, hops; s32 ifindex; }` followed by attributes.
  private static func areDead(legs: Range<Int>, in bytes: Span<UInt8>) -> Bool {
    let header = 8
    var offset = legs.lowerBound
    while legs.upperBound - offset >= header {
      let length = Int(bytes.nativeUInt16(at: offset))
      guard length >= header, length <= legs.upperBound - offset else { return false }
      if UInt32(bytes[offset + 2]) & RouteFlag.dead == 0 { return false }
      offset += netlinkAligned(length)
    }
    return !legs.isEmpty
  }

  private mutating func read(
    _ attribute: NetlinkAttribute, _ family: UInt8, _ bytes: Span<UInt8>
  ) {
    switch attribute.type {
    case RouteAttribute.table: table = attribute.uint32(in: bytes) ?? table
    case RouteAttribute.priority: metric = attribute.uint32(in: bytes) ?? metric
    case RouteAttribute.outputInterface:
      ifindex = attribute.uint32(in: bytes).map { Int32(bitPattern: $0) }
    case RouteAttribute.gateway: gateway = attribute.address(family, in: bytes)
    case RouteAttribute.preferredSource: preferredSource = attribute.address(family, in: bytes)
    case RouteAttribute.nexthopID: nexthopID = attribute.uint32(in: bytes) ?? 0
    case RouteAttribute.multipath:
      isMultipath = true
      isDead = Self.areDead(legs: attribute.value, in: bytes)
    case RouteAttribute.cacheInformation:
      // `struct rta_cacheinfo { u32 clntref, lastuse; s32 expires; … }`, hundredths of a second.
      guard attribute.value.count >= 12 else { return }
      let left = Int32(bitPattern: bytes.nativeUInt32(at: attribute.value.lowerBound + 8))
      if left < 0 { isDead = true }
      if left > 0 { lifetime = Int64(left) * 10_000 }
    case RouteAttribute.via:
      // `struct rtvia { u16 family; u8 address[]; }`
      guard attribute.value.count >= 2 else { return }
      let start = attribute.value.lowerBound
      let viaFamily = UInt8(truncatingIfNeeded: bytes.nativeUInt16(at: start))
      gateway = netlinkAddress(viaFamily, at: start + 2..<attribute.value.upperBound, in: bytes)
    default: break
    }
  }
}

extension NetlinkBuilder {
  /// Octets that one route message takes at most.
  static let routeCount = NetlinkMessage.headerCount + routeHeaderCount + 8 * 4 + 20 * 4 + 4

  /// Appends a whole message about a route. `nexthop` is the number of an object that stands for
  /// gateway and interface, unless the route names one itself; 0 if none does.
  package mutating func route(
    _ route: KernelRoute, nexthop: UInt32 = 0, type: UInt16, flags: UInt16, sequence: UInt32
  ) {
    let nexthop = route.nexthopID == 0 ? nexthop : route.nexthopID
    let isIPv4 = route.destination.family == .ipv4
    begin(type: type, flags: flags, sequence: sequence)
    append(isIPv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6)
    append(UInt8(route.destination.length))
    append(UInt8(route.source.length))
    append(route.typeOfService)
    append(route.table < 256 ? UInt8(route.table) : compatibilityTable)
    append(route.kernelProtocol)
    append(route.scope)
    append(route.type.rawValue)
    append(route.isOnlink && route.type == .unicast && nexthop == 0 ? RouteFlag.onlink : 0)
    attribute(RouteAttribute.table, route.table)
    // Default routes have this attribute, too, because babeld sends it for them.
    attribute(RouteAttribute.destination, route.destination.address)
    if !route.source.isDefault { attribute(RouteAttribute.source, route.source.address) }
    attribute(RouteAttribute.priority, route.storedMetric)
    if let preferredSource = route.preferredSource {
      attribute(RouteAttribute.preferredSource, preferredSource)
    }
    if nexthop != 0 {
      attribute(RouteAttribute.nexthopID, nexthop)
    } else if route.type == .unicast {
      if let ifindex = route.ifindex {
        attribute(RouteAttribute.outputInterface, UInt32(bitPattern: ifindex))
      }
      if let gateway = route.gateway { append(gateway: gateway, of: route.destination.family) }
    }
    end()
  }

  private mutating func append(gateway: IPAddress, of family: AddressFamily) {
    if gateway.family == family {
      attribute(RouteAttribute.gateway, gateway)
    } else {
      let isIPv4 = gateway.family == .ipv4
      append(UInt16(NetlinkAttribute.headerCount + 2 + (isIPv4 ? 4 : 16)))
      append(RouteAttribute.via)
      append(UInt16(isIPv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6))
      append(address: gateway)
      append(UInt16(0))  // to four octets
    }
  }
}
