import BabelWire

/// Names a destination of a node, see ``BabelNode/destinationOrder()``.
public struct DestinationHandle: Hashable, Sendable {
  let row: DestinationRow
}

extension BabelNode {
  /// Our router-id.
  public var routerID: RouterID { parameters.routerID }

  /// Our own seqno.
  public var seqno: Seqno { ownSeqno.value }

  /// Handles of all destinations in babeld's dump order (source-specific first, then by
  /// address, then length); a handle whose destination goes away yields no routes.
  public func destinationOrder() -> [DestinationHandle] {
    var rows: [DestinationRow] = []
    for row in table.destinations.indexes
    where table.isLive(row) && table.destinations[row].firstRoute != .none {
      rows.append(row)
    }
    rows = rows.ordered { a, b in
      let sourceA = table.destinations[a].sourcePrefix
      let sourceB = table.destinations[b].sourcePrefix
      if (sourceA != 0) != (sourceB != 0) { return sourceA != 0 }
      let prefixA = table.destinations[a].prefix
      let prefixB = table.destinations[b].prefix
      if prefixA != prefixB { return prefixA < prefixB }
      return table.sourcePrefix(a) < table.sourcePrefix(b)
    }
    return rows.map { DestinationHandle(row: $0) }
  }

  /// The routes of one destination, the installed one first, then in order of arrival; empty
  /// when the destination is gone. Routes that the `in` filter denies are left out, as babeld does
  /// not have them, unless they are asked for.
  public func routes(
    ofDestination handle: DestinationHandle, includingDenied: Bool = false, at now: Instant
  ) -> [RouteStatus] {
    guard table.isLive(handle.row) else { return [] }
    var result: [RouteStatus] = []
    var walk = table.routes(of: handle.row)
    while let number = walk.next(in: table) {
      if table.routes[number].isDenied, !includingDenied { continue }
      let status = routeStatus(number, now)
      if status.isInstalled { result.insert(status, at: 0) } else { result.append(status) }
    }
    return result
  }

  /// Keys of the neighbours that some selected route leads through, see ``NeighbourStatus/id``.
  public func neighboursInUse() -> Set<UInt64> {
    var result: Set<UInt64> = []
    for row in table.destinations.indexes where table.isLive(row) {
      let selected = table.destinations[row].selected
      guard selected != .none else { continue }
      let id = table.nextHops[table.routes[selected].nextHop].neighbour
      result.insert(neighbours[id].objectID)
    }
    return result
  }

  func routeStatus(_ number: RouteRow, _ now: Instant) -> RouteStatus {
    let route = table.routes[number]
    let nextHop = table.nextHops[route.nextHop]
    let neighbour = neighbours[nextHop.neighbour]
    let metric = metric(of: number)
    let age = max(0, now - route.updatedAt.instant(near: now)) / 1_000_000
    let holdTime =
      route.interval.microseconds * ProtocolParameters.routeHoldHalves / 2 / 1_000_000
    return RouteStatus(
      id: UInt64(number.rawValue) + 1, destination: table.destinations[route.destination].prefix,
      source: table.sourcePrefix(route.destination),
      isInstalled: table.destinations[route.destination].selected == number,
      isFeasible: isFeasible(number, now), routerID: table.routerIDs[route.routerID],
      seqno: route.seqno, metric: metric,
      smoothedMetric: route.smoothed.value(
        metric, timeConstant: timeConstant(number), at: now),
      advertisedMetric: route.advertisedMetric, age: UInt32(age),
      secondsLeft: UInt32(clamping: holdTime - age), neighbour: neighbour.address,
      nextHop: nextHop.gateway, interface: neighbour.interfaceName, reason: route.reason,
      table: forwardingTable(ofRoute: number),
      pathRoundTripTime: pathRoundTripTime(of: number, at: now),
      price: table.attributes[number]?.price)
  }

  /// Tells monitors of a route, if there are any.
  mutating func reportRoute(
    _ event: TableEvent, _ number: RouteRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard reportsRoutes else { return }
    buffer.actions.append(.notify(.route(event, routeStatus(number, now))))
  }

  /// Tells monitors of a route that is not what it was, unless that was told already: a change
  /// of place is.
  mutating func reportRoute(
    _ number: RouteRow, ifNot before: VisibleRoute?, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let before, let after = visible(number) else { return }
    if after != before, after.isSelected == before.isSelected {
      reportRoute(.change, number, now, &buffer)
    }
  }
}
