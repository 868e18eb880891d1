import BabelWire

// What operators are told of neighbours and routes.

extension BabelNode {
  /// Counts what a new selection changed. To be called before a hold ends.
  mutating func noteShift(_ change: SelectionChange, _ now: Instant) {
    let flags = table.destinations[change.row].flags
    let former = change.former == .none ? nil : neighbour(ofRoute: change.former)
    let selected = change.selected == .none ? nil : neighbour(ofRoute: change.selected)
    let kind: RouteShift.Kind
    if selected == nil {
      // One of our own takes its place.
      guard !flags.contains(.originated) else { return }
      kind = .lost
    } else if former == nil {
      kind = flags.contains(.held) ? .regained : .found
    } else if former != selected {
      kind = .moved
    } else {
      return
    }
    if kind == .lost, table.routes[change.former].flags.contains(.notInstallable),
      news.takeBack(change.row, table.destinations[change.row].prefix)
    {
      // The kernel refused it at once: packets never took this way, and nobody was told of it yet.
      return
    }
    var reason = former == nil ? RouteReason.selected : table.routes[change.former].reason
    if let former, neighbours[former].isLeaving { reason = .linkUnusable }
    if former == nil { news.noteFinding(of: change.row, kind) }
    if news.count(kind, reason, of: former, at: now) {
      let destination = table.destinations[change.row].prefix
      news.keep(
        RouteShift(
          kind: kind, destination: destination, source: table.sourcePrefix(change.row),
          former: former.map { way(through: $0) }, selected: selected.map { way(through: $0) },
          reason: reason, time: now), of: former)
    }
  }

  private func neighbour(ofRoute number: RouteRow) -> NeighbourID {
    table.nextHops[table.routes[number].nextHop].neighbour
  }

  private func way(through id: NeighbourID) -> RouteShift.Way {
    RouteShift.Way(neighbour: neighbours[id].address, interface: neighbours[id].interfaceName)
  }

  /// A neighbour is of another use than was told last. If its routes are to be looked at first, it
  /// is told after that.
  mutating func neighbourChanged(
    _ id: NeighbourID, from former: NeighbourUse, to state: NeighbourUse,
    _ cause: NeighbourCause, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let neighbour = neighbours[id]
    let change = NeighbourChange(
      address: neighbour.address, interface: neighbour.interfaceName, from: former, to: state,
      cause: cause, silence: neighbour.lastHello.map { now - $0 }, cost: neighbour.cost, time: now,
      wasUsable: neighbour.standing.wasUsable)
    if state != .usable, neighbour.routes.hasJob {
      news.await(change, of: id)
    } else {
      tellLoss(of: id, &buffer)
      buffer.actions.append(.notify(.neighbourChanged(change)))
    }
  }

  /// Why a neighbour ceased to be usable, or did not become it.
  func cause(of state: NeighbourUse, _ id: NeighbourID, from former: NeighbourUse)
    -> NeighbourCause
  {
    let neighbour = neighbours[id]
    switch state {
    case .usable, .new: return .bothHear
    case .deaf: return neighbour.ihuExpiry == nil ? .noIHU : .saysSo
    case .unheard:
      return former == .new ? .noHello : neighbour.saidGoodbye ? .left : .silent
    case .gone: return neighbour.saidGoodbye ? .left : .silent
    }
  }

  /// The routes of a neighbour have been looked at: if it was lost, this can be told now.
  mutating func tellLoss(of id: NeighbourID, _ buffer: inout ActionBuffer) {
    guard let change = news.takeLoss(of: id) else { return }
    buffer.actions.append(.notify(.neighbourChanged(change)))
  }

  /// Tells of changes of routes, when a burst of them is over.
  mutating func tellOfRoutes(_ now: Instant, _ buffer: inout ActionBuffer) {
    guard let tally = news.takeBurst(at: now) else { return }
    buffer.actions.append(.notify(.routesChanged(tally)))
  }
}
