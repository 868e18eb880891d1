import BabelWire

// What the kernel is asked for. Every change names what was asked for before, so that its
// receiver can replace in place.

/// What the kernel was asked for, before the parameters that its key depends on changed.
struct FormerForwarding {
  let row: DestinationRow
  let tables: InstallTables
  let target: ForwardingTarget
}

extension BabelNode {
  /// What is wanted for a destination.
  private struct WantedForwarding: Equatable {
    var nextHop = NextHopRow.none
    var metric: UInt16 = 0
    var rule: UInt16
    var isUnreachable = false
  }

  private func wantedForwarding(_ row: DestinationRow) -> WantedForwarding {
    let destination = table.destinations[row]
    var wanted = WantedForwarding(rule: destination.forwardedRule)
    if destination.selected != .none {
      wanted.nextHop = table.routes[destination.selected].nextHop
      if parameters.reflectsKernelMetric {
        wanted.metric = metric(of: destination.selected).rawValue
      }
      wanted.rule = installRule(row)
    } else if keepsEntry(destination) {
      wanted.nextHop = destination.forwardedNextHop
      wanted.metric = destination.forwardedMetric
    } else if destination.flags.contains(.heldInKernel) {
      wanted.isUnreachable = true
      if destination.flags.contains(.adopted) { wanted.rule = installRule(ofAdopted: row) }
    }
    return wanted
  }

  /// Whether the kernel keeps the entry of a destination that is held.
  private func keepsEntry(_ destination: Destination) -> Bool {
    destination.flags.contains(.keepsEntry) && destination.forwardedNextHop != .none
      && !table.nextHops[destination.forwardedNextHop].isLostByKernel
  }

  /// Compares what is wanted for a destination with what was asked for, and asks. `former` is what
  /// was asked for under other parameters or `install` rules, if these have just changed.
  mutating func updateForwarding(
    _ row: DestinationRow, replacing former: FormerForwarding? = nil,
    _ buffer: inout ActionBuffer
  ) {
    #if DEBUG
      trace.enter()
    #endif
    let destination = table.destinations[row]
    let wanted = wantedForwarding(row)
    let oldTables: InstallTables
    let old: ForwardingTarget
    if destination.flags.contains(.adopted) {
      // An entry of an earlier life stays until there is something better to do.
      guard
        wanted.nextHop != .none || wanted.isUnreachable || destination.flags.contains(.originated)
      else { return }
      (oldTables, old) = endAdoption(row)
    } else {
      let isLost =
        destination.forwardedNextHop != .none
        && table.nextHops[destination.forwardedNextHop].isLostByKernel
      if former == nil, !isLost, isAskedFor(wanted, destination) { return }
      oldTables = former?.tables ?? forwardingTables(row)
      old = isLost ? .absent : former?.target ?? forwardedTarget(row)
    }
    if wanted.rule > 0, wanted.nextHop != .none {
      ruleCounts.count(Int(wanted.rule) - 1, of: .install)
    }
    ask(for: wanted, row)
    let new = forwardedTarget(row)
    append(row, from: old, in: oldTables, to: new, in: forwardingTables(row), &buffer)
  }

  /// Asks for what becomes different in each table.
  private func append(
    _ row: DestinationRow, from old: ForwardingTarget, in oldTables: InstallTables,
    to new: ForwardingTarget, in newTables: InstallTables, _ buffer: inout ActionBuffer
  ) {
    func append(_ table: UInt32, _ old: ForwardingTarget, _ new: ForwardingTarget) {
      guard old != new else { return }
      buffer.actions.append(
        .forward(ForwardingChange(key: forwardingKey(row, table), old: old, new: new)))
    }
    // New entries first, so that there is never none.
    for table in newTables { append(table, oldTables.contains(table) ? old : .absent, new) }
    for table in oldTables where !newTables.contains(table) { append(table, old, .absent) }
  }

  private func isAskedFor(_ wanted: WantedForwarding, _ destination: Destination) -> Bool {
    wanted.nextHop == destination.forwardedNextHop
      && (wanted.nextHop == .none
        || (wanted.metric == destination.forwardedMetric
          && wanted.rule == destination.forwardedRule))
      && wanted.isUnreachable == destination.flags.contains(.forwardedUnreachable)
  }

  /// Notes what is asked for from now on.
  private mutating func ask(for wanted: WantedForwarding, _ row: DestinationRow) {
    let former = table.destinations[row].forwardedNextHop
    if wanted.nextHop != .none { table.nextHops.retain(number: wanted.nextHop) }
    if former != .none { table.nextHops.release(former) }
    table.destinations[row].forward(
      wanted.nextHop, metric: wanted.metric, rule: wanted.rule, isUnreachable: wanted.isUnreachable)
  }

  /// The kernel does not have what it was asked for in one table. Returns what it has in the
  /// others, which goes too: a route that is announced must be there for all who look for it, and
  /// each of the tables may be the only one that some packets see.
  mutating func forgetForwarding(
    _ row: DestinationRow, refusedIn refusing: UInt32
  ) -> FormerForwarding? {
    let destination = table.destinations[row]
    let isLost =
      destination.forwardedNextHop != .none
      && table.nextHops[destination.forwardedNextHop].isLostByKernel
    let former = FormerForwarding(
      row: row, tables: forwardingTables(row).removing(refusing), target: forwardedTarget(row))
    ask(for: WantedForwarding(rule: destination.forwardedRule), row)
    return isLost || former.tables.isEmpty || former.target == .absent ? nil : former
  }

  /// Whether a table is one of those that the kernel was asked to hold a destination in.
  func isForwarded(_ row: DestinationRow, in table: UInt32) -> Bool {
    forwardingTables(row).contains(table)
  }

  /// Withdraws an adopted entry.
  mutating func dropAdopted(_ row: DestinationRow, _ buffer: inout ActionBuffer) {
    let (tables, old) = endAdoption(row)
    append(row, from: old, in: tables, to: .absent, in: tables, &buffer)
  }

  /// Makes a destination an ordinary one without an entry; returns what the kernel has for it.
  mutating func endAdoption(_ row: DestinationRow) -> (InstallTables, ForwardingTarget) {
    let way = table.destinations[row].adoptedWay
    let tables = restart.adoption[way].tables
    let actual = restart.adoption.actual(way)
    table.destinations[row].endAdoption()
    restart.removeAdopted()
    return (tables, actual)
  }

  /// Routes of a destination that the kernel refused may be installed again. Returns whether there
  /// are any.
  mutating func allowInstallation(_ row: DestinationRow) -> Bool {
    var wasRefused = false
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if table.routes[number].flags.contains(.notInstallable) {
        table.routes[number].setInstallable(true)
        wasRefused = true
      }
    }
    return wasRefused
  }

  /// What the kernel was asked for, for every destination that it has an entry of, in the order of
  /// rows.
  func formerForwarding() -> [FormerForwarding] {
    var result: [FormerForwarding] = []
    for row in table.destinations.indexes where table.isLive(row) {
      let target = forwardedTarget(row)
      guard target != .absent, !table.destinations[row].flags.contains(.adopted) else { continue }
      result.append(FormerForwarding(row: row, tables: forwardingTables(row), target: target))
    }
    return result
  }

  /// Replaces the `install` chain. Rows that name a rule name it by its new number from now on, or
  /// its successor, or none if it is gone. What is held without a route goes by that. What they all
  /// have in the kernel is to be compared afterwards.
  mutating func setInstallFilter(_ chain: FilterChain) {
    let numbers = filters.install.successors(in: chain).map { place in
      place.map { UInt16(truncatingIfNeeded: $0 + 1) } ?? 0
    }
    filters.install = chain
    for row in table.destinations.indexes where table.isLive(row) {
      let number = table.destinations[row].forwardedRule
      if number != 0 { table.destinations[row].renumber(numbers[Int(number) - 1]) }
    }
  }

  /// What the node wants forwarded for a key.
  public func desiredForwarding(_ key: ForwardingKey) -> ForwardingTarget {
    guard let row = table.find(key.destination, key.source),
      forwardingTables(row).contains(key.table)
    else { return .absent }
    return forwardedTarget(row)
  }

  /// The tables that the node wants a pair of destination and source prefix forwarded in; none if
  /// it does not want it at all.
  public func desiredTables(_ destination: Prefix, source: Prefix) -> InstallTables {
    guard let row = table.find(destination, source), forwardedTarget(row) != .absent else {
      return InstallTables()
    }
    return forwardingTables(row)
  }

  /// The entries the node wants forwarded, in the order of its table, from a position on: for
  /// comparing with the kernel in slices. Looks at `limit` rows at most and returns the position
  /// to go on from, or nil at the end; rows that change between two slices keep their positions.
  @discardableResult
  public func forEachDesiredForwarding(
    from position: UInt32 = 0, limit: Int = .max,
    _ body: (ForwardingKey, ForwardingTarget) -> Void
  ) -> UInt32? {
    let capacity = table.destinations.capacity
    guard position < capacity else { return nil }
    let end = position + UInt32(min(Int(capacity - position), max(limit, 1)))
    for row in RowIndexes<Destination>(from: position, to: end) where table.isLive(row) {
      let target = forwardedTarget(row)
      if target == .absent { continue }
      for table in forwardingTables(row) { body(forwardingKey(row, table), target) }
    }
    return end < capacity ? end : nil
  }

  private func forwardingKey(_ row: DestinationRow, _ number: UInt32) -> ForwardingKey {
    ForwardingKey(
      destination: table.destinations[row].prefix, source: table.sourcePrefix(row), table: number)
  }

  /// The tables of what the kernel was asked for last, or has from an earlier life.
  private func forwardingTables(_ row: DestinationRow) -> InstallTables {
    let destination = table.destinations[row]
    return destination.flags.contains(.adopted)
      ? restart.adoption[destination.adoptedWay].tables
      : installTables(ofRule: destination.forwardedRule)
  }

  /// The tables that an `install` rule names, by its number plus one; 0 for none.
  private func installTables(ofRule number: UInt16) -> InstallTables {
    guard number != 0 else { return InstallTables(parameters.exportTable) }
    let tables = filters.install.rules[Int(number) - 1].tables
    return tables.isEmpty ? InstallTables(parameters.exportTable) : tables
  }

  /// What the kernel was asked for last, or what it has from an earlier life.
  private func forwardedTarget(_ row: DestinationRow) -> ForwardingTarget {
    let destination = table.destinations[row]
    if destination.flags.contains(.adopted) {
      return restart.adoption.actual(destination.adoptedWay)
    }
    if destination.flags.contains(.forwardedUnreachable) { return .unreachable }
    guard destination.forwardedNextHop != .none else { return .absent }
    let nextHop = table.nextHops[destination.forwardedNextHop]
    var priority = parameters.kernelPriority
    var preferredSource: IPAddress?
    if destination.forwardedRule != 0 {
      let rule = filters.install.rules[Int(destination.forwardedRule) - 1]
      priority = rule.kernelMetric ?? priority
      preferredSource = rule.preferredSource
    }
    if parameters.reflectsKernelMetric {
      priority = ReflectedMetric.sum(priority, Metric(destination.forwardedMetric))
    }
    return .via(
      ForwardingPath(
        gateway: nextHop.gateway, interface: nextHop.interface, kernelMetric: priority,
        preferredSource: preferredSource))
  }

  /// The number plus one of the first `install` rule that matches the selected route.
  private func installRule(_ row: DestinationRow) -> UInt16 {
    guard !filters.install.rules.isEmpty else { return 0 }
    let selected = table.destinations[row].selected
    guard selected != .none else { return 0 }
    return installRule(ofRoute: selected).map { UInt16(truncatingIfNeeded: $0 + 1) } ?? 0
  }

  /// The number plus one of an `install` rule for what an earlier life left of a destination, so
  /// that it is held as unreachable in the tables where it is; 0 if there is none. No route is left
  /// to say which rule it was: the first that may match and names these tables is taken.
  private func installRule(ofAdopted row: DestinationRow) -> UInt16 {
    let way = restart.adoption[table.destinations[row].adoptedWay]
    guard !way.tables.areThose(of: InstallTables(parameters.exportTable)) else { return 0 }
    var subject = FilterSubject(
      destination: table.destinations[row].prefix, source: table.sourcePrefix(row))
    if case .via(let path) = way.target { subject.interface = interface(path.interface)?.name }
    for number in filters.install.rules.indices {
      guard filters.install.rules[number].tables.areThose(of: way.tables) else { continue }
      subject.routerID = filters.install.rules[number].routerID
      if filters.install.rules[number].matches(subject) {
        return UInt16(truncatingIfNeeded: number + 1)
      }
    }
    return 0
  }

  /// The kernel table a route is installed into, or would be; the first if there are several.
  func forwardingTable(ofRoute number: RouteRow) -> UInt32 {
    installRule(ofRoute: number).flatMap { filters.install.rules[$0].table }
      ?? parameters.exportTable
  }

  /// The first `install` rule that matches a route.
  func installRule(ofRoute number: RouteRow) -> Int? {
    guard !filters.install.rules.isEmpty else { return nil }
    let route = table.routes[number]
    var subject = FilterSubject(
      destination: table.destinations[route.destination].prefix,
      source: table.sourcePrefix(route.destination))
    subject.interface = interface(table.nextHops[route.nextHop].interface)?.name
    subject.routerID = table.routerIDs[route.routerID]
    return filters.install.firstMatch(subject)
  }
}
