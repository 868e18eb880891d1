import BabelWire

// Before editing, read RFC 8966 §3.5.4.

extension BabelNode {
  /// Begins a hold (§3.5.4), which lasts until no neighbour can still use us for the destination.
  /// The caller retracts it.
  mutating func beginHold(
    _ row: DestinationRow, inKernel: Bool, for time: Int64? = nil, _ now: Instant
  ) {
    guard !table.destinations[row].flags.contains(.held) else { return }
    let due = now + (time ?? holdTime)
    table.destinations[row].hold(inKernel: inKernel, until: due)
    selection.hold(row, until: due, at: now)
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
    table.destinations[row].setBetterSince(nil)
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
