import BabelWire

/// What a kernel route does with a packet (`rtm_type`).
public struct RouteType: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
  /// The kernel's number.
  public let rawValue: UInt8
  /// Makes a type from the kernel's number.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Goes to a gateway or out of an interface.
  public static let unicast = RouteType(rawValue: 1)
  /// An address of this machine.
  public static let local = RouteType(rawValue: 2)
  /// Multicast.
  public static let multicast = RouteType(rawValue: 5)
  /// Dropped in silence.
  public static let blackhole = RouteType(rawValue: 6)
  /// Refused; the sender is told that the destination is unreachable.
  public static let unreachable = RouteType(rawValue: 7)
  /// The kernel looks on in the table of the next rule.
  public static let `throw` = RouteType(rawValue: 9)

  /// The word that `ip route` uses.
  public var description: String {
    switch rawValue {
    case 1: "unicast"
    case 2: "local"
    case 3: "broadcast"
    case 4: "anycast"
    case 5: "multicast"
    case 6: "blackhole"
    case 7: "unreachable"
    case 8: "prohibit"
    case 9: "throw"
    default: "type \(rawValue)"
    }
  }
}

/// What two kernel routes share that compete for one place. The kernel refuses to add a second one,
/// or makes a multipath route of both.
public struct KernelRouteKey: Hashable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length for any.
  public let source: Prefix
  /// Table.
  public let table: UInt32
  /// Priority as the kernel stores it.
  public let metric: UInt32

  /// Makes a key.
  public init(destination: Prefix, source: Prefix, table: UInt32, metric: UInt32) {
    self.destination = destination
    self.source = source
    self.table = table
    self.metric = metric
  }
}

/// One entry of a kernel routing table.
public struct KernelRoute: Hashable, Sendable {
  /// Destination prefix.
  public var destination: Prefix
  /// Source prefix; zero length for any source. The kernel has
  /// routes with a longer source prefix for IPv6 only.
  public var source: Prefix
  /// Table, 1 … 2^32-1.
  public var table: UInt32
  /// Priority (metric); the kernel uses the route with the lowest. For IPv6 the kernel makes 1024
  /// of 0.
  public var metric: UInt32
  /// Who made it (`rtm_protocol`); 42 is Babel.
  public var kernelProtocol: UInt8
  /// What it does.
  public var type: RouteType
  /// Next hop; may be IPv6 for an IPv4 destination (RFC 9229). Nil if the destination is on the
  /// link.
  public var gateway: IPAddress?
  /// The interface by which packets leave; nil if there are several, or none.
  public var ifindex: Int32?
  /// Source address for packets of this machine.
  public var preferredSource: IPAddress?
  /// The gateway counts as directly reachable, whatever the addresses of the interface are.
  public var isOnlink = false
  /// Whether the route has several next hops; ``gateway`` and ``ifindex`` are nil then.
  public var isMultipath = false
  /// Whether it is an entry of the cache and no route of a table.
  public var isCloned = false
  /// Whether the kernel does not use the route. One reason is that all its links are down. Another
  /// is that they have no carrier and `ignore_routes_with_linkdown` is set; without that setting
  /// the kernel uses such a route. A third is that the time of the route is over and the kernel has
  /// not removed it yet.
  public var isDead = false
  /// Microseconds until the time of the route is over; nil if it has no limit. Only IPv6 routes
  /// that were learned from router advertisements have one. The kernel may prolong it and does not
  /// tell.
  public var lifetime: Int64?
  /// Where the destination is: 0 means anywhere, 253 on the link, 254 on this machine.
  public var scope: UInt8 = 0
  /// Type of service; part of the key of IPv4 routes.
  public var typeOfService: UInt8 = 0
  /// Number of a next-hop object; 0 if none.
  public var nexthopID: UInt32 = 0

  /// The protocol number of Babel.
  public static let babelProtocol: UInt8 = 42
  /// The main table.
  public static let mainTable: UInt32 = 254
  /// What the kernel makes of metric 0 for IPv6.
  public static let ipv6DefaultMetric: UInt32 = 1024

  /// Makes a route. Nil as source means any.
  public init(
    destination: Prefix, source: Prefix? = nil, table: UInt32 = KernelRoute.mainTable,
    metric: UInt32 = 0, kernelProtocol: UInt8 = KernelRoute.babelProtocol,
    type: RouteType = .unicast, gateway: IPAddress? = nil, ifindex: Int32? = nil,
    preferredSource: IPAddress? = nil, isOnlink: Bool = false
  ) {
    self.destination = destination
    self.source = source ?? Prefix.any(destination.family)
    self.table = table
    self.metric = metric
    self.kernelProtocol = kernelProtocol
    self.type = type
    self.gateway = gateway
    self.ifindex = ifindex
    self.preferredSource = preferredSource
    self.isOnlink = isOnlink
  }

  /// The priority as the kernel stores it.
  public var storedMetric: UInt32 {
    metric == 0 && destination.family == .ipv6 ? KernelRoute.ipv6DefaultMetric : metric
  }

  /// The place of the route in the tables.
  public var key: KernelRouteKey {
    KernelRouteKey(
      destination: destination, source: source, table: table, metric: storedMetric)
  }

  /// Whether `other`, at the same place, was made by the same protocol and does the same with
  /// packets. The interface counts only for unicast routes, because IPv6 names `lo` for unreachable
  /// ones.
  public func forwardsLike(_ other: KernelRoute) -> Bool {
    guard kernelProtocol == other.kernelProtocol, type == other.type,
      isMultipath == other.isMultipath, gateway == other.gateway,
      preferredSource == other.preferredSource
    else { return false }
    return type != .unicast || ifindex == other.ifindex
  }
}

extension KernelRoute: CustomStringConvertible {
  /// Text that is close to the output of `ip route`.
  public var description: String {
    var text = "\(type) \(destination)"
    if !source.isDefault { text += " from \(source)" }
    if let gateway { text += " via \(gateway)" }
    if isMultipath { text += " multipath" }
    if let ifindex { text += " oif \(ifindex)" }
    text += " table \(table) metric \(metric) proto \(kernelProtocol)"
    if let preferredSource { text += " src \(preferredSource)" }
    return text
  }
}
