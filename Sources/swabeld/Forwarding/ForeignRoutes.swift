import BabelKernel
import BabelWire

/// Routes of others at places where ours might be put: same table, and a metric we use.
///
/// Kept so that ours never replaces one of them. Small, since others rarely use our metrics.
struct ForeignRoutes {
  /// Which places ours may take.
  struct Places {
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
  /// Set when changes were not heard of: until the tables are read, somebody may be anywhere.
  var isUncertain = false
  private var routes: [KernelRouteKey: [KernelRoute]] = [:]

  init(_ places: Places) { self.places = places }

  /// Whether somebody is known to have a route at a place.
  func occupy(_ key: KernelRouteKey) -> Bool { !routes.isEmpty && routes[key] != nil }

  /// Whether somebody has a route at a place, or that is not known.
  func mayOccupy(_ key: KernelRouteKey) -> Bool { isUncertain || occupy(key) }

  /// Who is at a place, for an operator.
  func occupant(_ key: KernelRouteKey) -> KernelRoute? { routes[key]?.first }

  /// All that are at a place.
  func occupants(_ key: KernelRouteKey) -> [KernelRoute] { routes[key] ?? [] }

  /// Whether somebody was at a place where nobody is according to a newer account, or might have
  /// been.
  func mayBeFreed(by newer: ForeignRoutes) -> Bool {
    isUncertain || routes.keys.contains { newer.routes[$0] == nil }
  }

  /// A route was seen; hearing of it twice does no harm.
  mutating func insert(_ route: KernelRoute, replacing: Bool = false) {
    guard places.contains(route) else { return }
    if replacing {
      routes[route.key] = [route]
    } else if let index = routes[route.key]?.firstIndex(where: { Self.areSame($0, route) }) {
      // The same one, but perhaps it has come to life, or died.
      routes[route.key]?[index] = route
    } else {
      routes[route.key, default: []].append(route)
    }
  }

  /// Takes over what an older account has and this one has not, of the families of which the
  /// reading it was made from may have left something out.
  mutating func keep(from older: ForeignRoutes, where mayLack: (AddressFamily) -> Bool) {
    for (key, others) in older.routes
    where routes[key] == nil && mayLack(key.destination.family) {
      routes[key] = others
    }
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
