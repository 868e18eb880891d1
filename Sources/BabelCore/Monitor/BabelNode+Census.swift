import BabelWire

/// What the node has of destinations and routes, counted.
public struct RouteCensus: Equatable, Sendable {
  /// Destinations that a route is selected for.
  public fileprivate(set) var selected = 0
  /// Destinations that packets are forwarded to, as the kernel was asked for.
  public fileprivate(set) var forwarded = 0
  /// Destinations that the kernel was asked to hold as unreachable.
  public fileprivate(set) var unreachable = 0
  /// Prefixes that we originate or redistribute.
  public fileprivate(set) var originated = 0
  private var routes = [Int](repeating: 0, count: RouteReason.allCases.count)

  /// Nothing counted yet.
  init() {}

  /// Routes that are, or are not, used for a reason.
  public subscript(_ reason: RouteReason) -> Int {
    let index = Int(reason.rawValue)
    return routes.indices.contains(index) ? routes[index] : 0
  }

  fileprivate mutating func count(_ reason: RouteReason) {
    let index = Int(reason.rawValue)
    if routes.indices.contains(index) { routes[index] += 1 }
  }
}

/// How many routes were learned from a neighbour.
public struct NeighbourRoutes: Equatable, Sendable {
  /// The neighbour.
  public let neighbour: NeighbourStatus
  /// Its routes, those that an `in` filter denies included.
  public let routeCount: Int
}

extension BabelNode {
  /// Whether a route to a prefix, for packets from anywhere, is selected.
  public func hasSelectedRoute(to prefix: Prefix) -> Bool {
    guard let row = table.find(prefix, Prefix.any(prefix.family)) else { return false }
    return table.destinations[row].selected != .none
  }

  /// That route.
  public func selectedRoute(to prefix: Prefix, at now: Instant) -> RouteStatus? {
    guard let row = table.find(prefix, Prefix.any(prefix.family)),
      table.destinations[row].selected != .none
    else { return nil }
    return routeStatus(table.destinations[row].selected, now)
  }

  /// Counts destinations and routes, in one walk through the table.
  public func routeCensus() -> RouteCensus {
    var census = RouteCensus()
    for row in table.destinations.indexes where table.isLive(row) {
      if table.destinations[row].selected != .none { census.selected += 1 }
      let flags = table.destinations[row].flags
      if flags.contains(.originated) { census.originated += 1 }
      if flags.contains(.forwardedUnreachable) {
        census.unreachable += 1
      } else if table.destinations[row].forwardedNextHop != .none {
        census.forwarded += 1
      }
      var walk = table.routes(of: row)
      while let number = walk.next(in: table) { census.count(table.routes[number].reason) }
    }
    return census
  }

  /// Neighbours with the number of their routes, in the order of interfaces, on each the oldest
  /// first.
  public func neighbourRoutes(at now: Instant) -> [NeighbourRoutes] {
    var result: [NeighbourRoutes] = []
    for id in links.order {
      guard let interface = links[id] else { continue }
      for neighbour in interface.neighbours {
        guard let status = neighbourStatus(neighbour, now) else { continue }
        let count = neighbours[neighbour].routes.count
        result.append(NeighbourRoutes(neighbour: status, routeCount: count))
      }
    }
    return result
  }
}
