import BabelWire

/// How many routes and destinations there are of each kind.
public struct RouteTally: Equatable, Sendable {
  private var counts = [Int](repeating: 0, count: 256)
  /// All routes.
  public fileprivate(set) var routes = 0
  /// Destinations with a selected route.
  public fileprivate(set) var reached = 0
  /// Destinations that are held as unreachable after a loss.
  public fileprivate(set) var held = 0
  /// Destinations that have routes, all of them unfeasible or waiting for a newer seqno.
  public fileprivate(set) var starving = 0
  /// Prefixes that originate here.
  public fileprivate(set) var originated = 0

  fileprivate init() {}

  /// Routes that are selected or not for a reason.
  public subscript(_ reason: RouteReason) -> Int { counts[Int(reason.rawValue)] }

  fileprivate mutating func count(_ reason: RouteReason) {
    counts[Int(reason.rawValue)] += 1
    routes += 1
  }
}

extension BabelNode {
  /// Counts routes and destinations, in one walk.
  public func routeTally() -> RouteTally {
    var tally = RouteTally()
    for row in table.destinations.indexes where table.isLive(row) {
      let destination = table.destinations[row]
      if destination.flags.contains(.originated) { tally.originated += 1 }
      if destination.flags.contains(.held) { tally.held += 1 }
      if destination.selected != .none { tally.reached += 1 }
      var (mayComeBack, isUsable) = (false, false)
      var walk = table.routes(of: row)
      while let number = walk.next(in: table) {
        let reason = table.routes[number].reason
        tally.count(reason)
        switch reason {
        case .unfeasible, .awaitingSeqno: mayComeBack = true
        case .retracted, .expired, .linkUnusable, .metricInfinite, .deniedByFilter: break
        case .selected, .worse, .settling, .withinMargin, .redistributedHere, .ownAddress,
          .notInstallable:
          isUsable = true
        }
      }
      if mayComeBack, !isUsable { tally.starving += 1 }
    }
    return tally
  }
}
