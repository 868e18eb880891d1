import BabelWire

// Before editing, read RFC 8966 §3.5.1, §3.5.2 and Appendix A.3.

extension BabelNode {
  /// The metric of a route now: advertised metric, link cost and filter (§3.5.2). Strictly above
  /// the advertised one, because a cost is never zero.
  func metric(of number: RouteRow) -> Metric {
    let route = table.routes[number]
    let id = table.nextHops[route.nextHop].neighbour
    guard neighbours[id].routes.epoch == route.epoch else { return .infinity }
    return route.advertisedMetric.adding(neighbours[id].cost).adding(route.filterMetric)
  }

  /// Time constant of the smoothed metric in microseconds: three Hello intervals (A.3), or what
  /// the configured half-life says.
  func timeConstant(_ number: RouteRow) -> Int64 {
    if let halfLife = parameters.smoothingHalfLife {
      // τ = half-life / ln 2.
      return Int64(halfLife) * 1_000_000 / 693
    }
    let interface = table.nextHops[table.routes[number].nextHop].interface
    return 3 * (links.terms(interface)?.helloMicroseconds ?? 4_000_000)
  }

  /// Whether the feasibility condition holds for a stored route now: our own announcements may
  /// have improved the distance since it was received (§3.5.1).
  func isFeasible(_ number: RouteRow, _ now: Instant) -> Bool {
    let route = table.routes[number]
    return FeasibilityDistance.isFeasible(
      route.distance,
      against: table.distance(route.destination, router: route.routerID, at: now))
  }
}
