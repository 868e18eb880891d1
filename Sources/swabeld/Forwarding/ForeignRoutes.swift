import BabelKernel
import BabelWire

/// Routes of others at places where ours might be put: same table, and a metric we use.
///
/// Kept so that ours never replaces one of them. What follows from it is decided in
/// `ForeignRouteRule.swift`. Small, since others rarely use our metrics.
struct ForeignRoutes {
  /// Which places ours may take.
  struct Places: Equatable {
    /// Tables we install into.
    var tables: [UInt32]
    /// Metrics we install with, as the kernel stores them; unreachable entries have another.
    var metrics: [ClosedRange<UInt32>]

    /// The metric of unreachable entries, so that any other route is preferred; babeld's.
    static let unreachableMetric = UInt32.max

    /// Whether a route may be in our way. Ours have no type of service, which is part of the
    /// key for IPv4.
    func contains(_ route: KernelRoute) -> Bool {
      guard route.typeOfService == 0 else { return false }
      let metric = route.storedMetric
      return tables.contains(route.table)
        && (metric == Self.unreachableMetric || metrics.contains { $0.contains(metric) })
    }
  }

  /// The places watched.
  let places: Places
  /// Whether changes were not heard of: until the tables are read, somebody may be anywhere.
  var isUncertain: Bool {
    get { isUncertainIPv4 || isUncertainIPv6 }
    set { (isUncertainIPv4, isUncertainIPv6) = (newValue, newValue) }
  }
  private var isUncertainIPv4 = false
  private var isUncertainIPv6 = false
  private var routes: [KernelRouteKey: [KernelRoute]] = [:]

  init(_ places: Places) { self.places = places }

  /// Whether somebody is known to have a route at a place.
  func occupy(_ key: KernelRouteKey) -> Bool { !routes.isEmpty && routes[key] != nil }

  /// Whether somebody has a route at a place, or that is not known.
  func mayOccupy(_ key: KernelRouteKey) -> Bool {
    (key.destination.family == .ipv4 ? isUncertainIPv4 : isUncertainIPv6) || occupy(key)
  }

  /// Who is at a place, for an operator.
  func occupant(_ key: KernelRouteKey) -> KernelRoute? { routes[key]?.first }

  /// All that are at a place.
  func occupants(_ key: KernelRouteKey) -> [KernelRoute] { routes[key] ?? [] }

  /// Whether somebody was at a place and is not there any more according to a newer account, or
  /// might have been. Others may be left at the place: they may lead where ours would.
  func mayBeFreed(by newer: ForeignRoutes) -> Bool {
    isUncertain
      || routes.contains { key, known in
        let rest = newer.routes[key] ?? []
        return known.contains { one in
          !rest.contains { Self.areSame($0, one) && $0.isDead == one.isDead }
        }
      }
  }

  /// A route was seen; hearing of it twice does no harm.
  mutating func insert(_ route: KernelRoute, replacing: Bool = false) {
    guard places.contains(route) else { return }
    // Of several IPv4 routes at a place one was replaced, and nobody tells which: all count until
    // the tables are read.
    let isSoleOrNone = route.destination.family == .ipv6 || occupants(route.key).count < 2
    if replacing, isSoleOrNone {
      routes[route.key] = [route]
    } else if let index = routes[route.key]?.firstIndex(where: { Self.areSame($0, route) }) {
      // The same one, but perhaps it has come to life, or died.
      routes[route.key]?[index] = route
    } else {
      routes[route.key, default: []].append(route)
    }
  }

  /// Takes over what an older account has and this one has not, of the families of which the
  /// reading it was made from may have left something out. Where it was not known who is there, it
  /// is not known then either. True if anything is in doubt so.
  @discardableResult
  mutating func keep(from older: ForeignRoutes, where mayLack: (AddressFamily) -> Bool) -> Bool {
    if mayLack(.ipv4), older.isUncertainIPv4 { isUncertainIPv4 = true }
    if mayLack(.ipv6), older.isUncertainIPv6 { isUncertainIPv6 = true }
    var isKept = isUncertain
    for (key, others) in older.routes
    where routes[key] == nil && mayLack(key.destination.family) {
      routes[key] = others
      isKept = true
    }
    return isKept
  }

  /// A route is gone. Returns false if another one than those known is, one leg of several for
  /// instance: then nobody knows what is left.
  @discardableResult
  mutating func remove(_ route: KernelRoute) -> Bool {
    guard let known = routes[route.key] else { return true }
    let rest = known.filter { !Self.areSame($0, route) }
    routes[route.key] = rest.isEmpty ? nil : rest
    return rest.count < known.count
  }

  private static func areSame(_ a: KernelRoute, _ b: KernelRoute) -> Bool {
    a.kernelProtocol == b.kernelProtocol && a.gateway == b.gateway && a.ifindex == b.ifindex
      && a.typeOfService == b.typeOfService
  }
}
