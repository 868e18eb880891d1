import BabelWire

// What the kernel's answers lead to.

extension BabelNode {
  /// The kernel refused a change; the route is not in use and must not be announced. If it is in
  /// several tables, those where it was not refused lose it, too.
  public mutating func forwardingFailed(
    _ key: ForwardingKey, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard let row = table.find(key.destination, key.source) else { return }
    let destination = table.destinations[row]
    // This life has not asked for an adopted entry, so no refusal is about it.
    // And what was refused in a table that is not asked for any more is not about what is now.
    guard !destination.flags.contains(.adopted), isForwarded(row, in: key.table) else { return }
    let others = forgetForwarding(row, refusedIn: key.table)
    table.destinations[row].endHoldInKernel()
    if destination.selected != .none { table.routes[destination.selected].setInstallable(false) }
    reselect(row, replacing: others, now, &buffer)
  }

  /// What stood in the way of a destination's routes in the kernel may be gone: routes that were
  /// refused are considered again. Nil as destination means all.
  public mutating func forwardingMayWork(
    _ destination: Prefix?, source: Prefix? = nil, at now: Instant,
    into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown else { return }
    if let destination {
      guard let row = table.find(destination, source ?? .any(destination.family)) else { return }
      if allowInstallation(row) { reselect(row, now, &buffer) }
    } else {
      for row in table.destinations.indexes where table.isLive(row) {
        if allowInstallation(row) { reselect(row, now, &buffer) }
      }
    }
  }

  /// The node shuts down: nothing is selected any more, and the kernel keeps no entry.
  mutating func withdrawEverything(_ now: Instant, _ buffer: inout ActionBuffer) {
    for row in table.destinations.indexes where table.isLive(row) {
      let selected = table.destinations[row].selected
      table.destinations[row].select(.none)
      table.destinations[row].endHoldInKernel()
      if table.destinations[row].flags.contains(.adopted) {
        dropAdopted(row, &buffer)
      } else {
        updateForwarding(row, &buffer)
      }
      if selected != .none { reportRoute(.change, selected, now, &buffer) }
    }
  }
}
