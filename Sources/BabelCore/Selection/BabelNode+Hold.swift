import BabelWire

// Before editing, read RFC 8966 §3.5.4. `BabelNode+Consequences.swift` begins holds, and
// `BabelNode+Forwarding.swift` makes an unreachable entry of them.

extension BabelNode {
  /// Begins a hold (§3.5.4), which lasts until no neighbour can still use us for the destination.
  /// The caller announces the retraction.
  mutating func beginHold(
    _ row: DestinationRow, inKernel: Bool, for time: Int64? = nil, _ now: Instant
  ) {
    guard !table.destinations[row].flags.contains(.held) else { return }
    let due = now + (time ?? holdTime)
    table.destinations[row].hold(inKernel: inKernel, until: due)
    selection.hold(row, until: due, at: now)
  }

  /// Begins the hold of a destination that has lost its route. If the neighbour fell silent, the
  /// configuration says which entry the kernel has during the hold; see ``NeighbourLoss``.
  mutating func beginHold(after change: SelectionChange, isLearned: Bool, _ now: Instant) {
    let loss = isLearned && fellSilent(change.former) ? parameters.neighbourLoss : .unreachable
    switch loss {
    case .unreachable: beginHold(change.row, inKernel: isLearned, now)
    case .covering: beginHold(change.row, inKernel: false, now)
    case .keep(let milliseconds):
      beginHold(change.row, inKernel: true, now)
      table.destinations[change.row].keepEntry()
      selection.keep(change.row, until: now + Int64(milliseconds) * 1000, at: now)
    }
  }

  /// A destination that nobody was told of has lost its route. No packets come back here, so it is
  /// not held. But if its neighbour fell silent and the configuration says `keep`, the kernel's
  /// entry stays for that time.
  mutating func keepUnannounced(_ change: SelectionChange, _ now: Instant) {
    guard case .keep(let milliseconds) = parameters.neighbourLoss,
      !table.destinations[change.row].flags.contains(.held), fellSilent(change.former)
    else { return }
    beginHold(change.row, inKernel: true, for: Int64(milliseconds) * 1000, now)
    table.destinations[change.row].keepEntry()
  }

  /// Whether a route cannot be used only because its neighbour is not heard any more.
  private func fellSilent(_ number: RouteRow) -> Bool {
    guard number != .none else { return false }
    return !isRetracted(number)
      && neighbours[table.nextHops[table.routes[number].nextHop].neighbour].cost.isInfinite
  }

  /// Whether the neighbour of a route does not announce it any more.
  private func isRetracted(_ number: RouteRow) -> Bool {
    let route = table.routes[number]
    let id = table.nextHops[route.nextHop].neighbour
    return route.advertisedMetric.isInfinite || neighbours[id].routes.epoch != route.epoch
  }

  /// A neighbour does not announce a route any more: packets are not sent to it, even if its entry
  /// was to be kept.
  mutating func endKeepingIfRetracted(_ number: RouteRow) {
    let row = table.routes[number].destination
    if table.destinations[row].flags.contains(.keepsEntry), isRetracted(number),
      table.destinations[row].forwardedNextHop == table.routes[number].nextHop
    {
      table.destinations[row].endKeeping()
    }
  }

  /// A kept entry has had its time; false if there is none any more.
  mutating func endKeeping(_ row: DestinationRow) -> Bool {
    guard table.isLive(row), table.destinations[row].flags.contains(.keepsEntry) else {
      return false
    }
    table.destinations[row].endKeeping()
    return true
  }

  /// How long neighbours may keep a route through us that is not refreshed, in microseconds. Links
  /// that are down count: the other end need not have noticed.
  var holdTime: Int64 {
    var longest: Int64 = 0
    for id in links.order {
      if let interface = interface(id) { longest = max(longest, interface.updateMicroseconds) }
    }
    return longest * ProtocolParameters.routeHoldHalves / 2
  }

  mutating func endHold(_ row: DestinationRow) {
    guard table.destinations[row].flags.contains(.held) else { return }
    table.destinations[row].endHold()
  }

  /// Ends a hold whose time has come; false if it was prolonged meanwhile.
  mutating func expireHold(_ row: DestinationRow, _ now: Instant) -> Bool {
    guard table.isLive(row), table.destinations[row].flags.contains(.held) else { return false }
    let expiry = table.destinations[row].holdExpiry
    guard expiry.isDue(at: now) else {
      selection.hold(row, until: expiry.instant(near: now), at: now)
      return false
    }
    table.destinations[row].endHold()
    return true
  }
}
