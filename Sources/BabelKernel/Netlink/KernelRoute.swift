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
  /// Refused: unreachable.
  public static let unreachable = RouteType(rawValue: 7)
  /// Lookup goes on in another table.
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

/// What makes two kernel routes compete for one place: adding a second one is refused, or makes
/// a multipath route.
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
  /// Source prefix; zero length for any source. The kernel has such routes for IPv6 only.
  public var source: Prefix
  /// Table, 1 … 2^32-1.
  public var table: UInt32
  /// Priority, the lower the better. For IPv6 the kernel makes 1024 of 0.
  public var metric: UInt32
  /// Who made it (`rtm_protocol`); 42 is Babel.
  public var kernelProtocol: UInt8
  /// What it does.
  public var type: RouteType
  /// Next hop; may be IPv6 for an IPv4 destination (RFC 9229). Nil for directly attached ones.
  public var gateway: IPAddress?
  /// Interface it leaves by; nil for several, or none.
  public var ifindex: Int32?
  /// Source address for packets of this machine.
  public var preferredSource: IPAddress?
  /// The gateway counts as directly reachable, whatever the addresses of the interface are.
  public var isOnlink = false
  /// Has several next hops; ``gateway`` and ``ifindex`` are nil.
  public var isMultipath = false
  /// A cache entry and no route of a table.
  public var isCloned = false
  /// The kernel does not use it: all its links are down, or without a carrier where such routes
  /// are to be ignored (`ignore_routes_with_linkdown`). A route whose link has no carrier is used
  /// otherwise. Or its time is over, and it is still there only until the kernel cleans up.
  public var isDead = false
  /// Microseconds until its time is over, if that is limited: of IPv6 routes that were learned from
  /// router advertisements. It may be prolonged without a word.
  public var lifetime: Int64?
  /// How far the destination is: 0 anywhere, 253 on the link, 254 this machine.
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

  /// Its place in the tables.
  public var key: KernelRouteKey {
    KernelRouteKey(
      destination: destination, source: source, table: table, metric: storedMetric)
  }

  /// Whether `other`, at the same place, was made by the same protocol and does the same with
  /// packets. Interfaces count for unicast only: IPv6 names `lo` for unreachable ones.
  public func forwardsLike(_ other: KernelRoute) -> Bool {
    guard kernelProtocol == other.kernelProtocol, type == other.type,
      isMultipath == other.isMultipath, gateway == other.gateway,
      preferredSource == other.preferredSource
    else { return false }
    return type != .unicast || ifindex == other.ifindex
  }
}

extension KernelRoute: CustomStringConvertible {
  /// About what `ip route` would print.
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
