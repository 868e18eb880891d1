import BabelWire

// Reads accounts; nothing is changed here.
extension BabelNode {
  /// Whole seconds from one instant to a later one, rounded up; 0 if it has passed.
  private func seconds(from now: Instant, to later: Instant) -> UInt32 {
    UInt32(clamping: max(0, (later - now + 999_999) / 1_000_000))
  }

  // MARK: Neighbours

  /// All neighbours, interface by interface, in order of arrival. Their routes are counted in one
  /// walk over all destinations.
  public func neighbourAccounts(at now: Instant) -> [NeighbourAccount] {
    neighbourAccounts(routeSurvey(), at: now)
  }

  /// The same with routes as a survey has counted them.
  public func neighbourAccounts(_ survey: RouteSurvey, at now: Instant) -> [NeighbourAccount] {
    var result: [NeighbourAccount] = []
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] {
        guard let status = neighbourStatus(id, now) else { continue }
        var tally = NeighbourTally(of: neighbours[id].objectID)
        if let known = survey.neighbours[id], known.objectID == tally.objectID { tally = known }
        result.append(account(of: id, status, tally, now))
      }
    }
    return result
  }

  private func account(
    of id: NeighbourID, _ status: NeighbourStatus, _ counts: NeighbourTally, _ now: Instant
  ) -> NeighbourAccount {
    let neighbour = neighbours[id]
    let parameters = interface(neighbour.interface)?.parameters ?? InterfaceParameters()
    let surcharge = parameters.surcharge(of: neighbour.address)
    let added =
      Int(neighbour.rttCost.rawValue) + Int(neighbour.jitterCost.rawValue)
      + Int(neighbour.measuring.cost.rawValue) + Int(surcharge.rawValue)
    let base =
      neighbour.cost.isInfinite
      ? Metric.infinity : Metric(UInt16(clamping: Int(neighbour.cost.rawValue) - added))
    return NeighbourAccount(
      status: status, knownFor: seconds(from: neighbour.createdAt, to: now),
      lastHelloAge: neighbour.lastHello.map { seconds(from: $0, to: now) },
      lastPacketAge: UInt32(clamping: max(0, now - neighbour.lastPacket) / 1_000_000),
      isSigning: neighbour.signedAt == neighbour.lastPacket,
      ihuLeft: neighbour.ihuExpiry.map { seconds(from: now, to: $0) },
      hasHeardUs: neighbour.heardUs, wasUsable: neighbour.standing.wasUsable,
      healingSteps: Int(neighbour.healing.steps),
      hearsUnicast: neighbour.healing.hasAnswered, missesGroup: misses(group: neighbour),
      helloInterval: UInt32(clamping: neighbour.multicast.interval.microseconds / 1000),
      routeCount: neighbour.routes.count, selectedCount: counts.selected,
      refusedCount: counts.refused, deniedCount: counts.denied,
      uninstallableCount: counts.uninstallable, surcharge: surcharge, baseCost: base)
  }

  // MARK: Routes

  /// Destination and source prefix of a handle; nil when the destination is gone.
  public func prefixes(of handle: DestinationHandle) -> (destination: Prefix, source: Prefix)? {
    guard table.isLive(handle.row) else { return nil }
    return (table.destinations[handle.row].prefix, table.sourcePrefix(handle.row))
  }

  /// What is known of all destinations of a prefix, one for each source prefix; none if there is
  /// nothing about it.
  public func accounts(of destination: Prefix, at now: Instant) -> [DestinationAccount] {
    table.rows(of: destination).map { account(of: $0, now) }
  }

  private func account(of row: DestinationRow, _ now: Instant) -> DestinationAccount {
    let destination = table.destinations[row]
    let isHeld = destination.flags.contains(.held)
    let tables = desiredTables(destination.prefix, source: table.sourcePrefix(row))
    let forwarding = tables.first.map {
      desiredForwarding(
        ForwardingKey(
          destination: destination.prefix, source: table.sourcePrefix(row), table: $0))
    }
    var routes: [RouteAccount] = []
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      let account = account(of: number, now)
      if account.status.isInstalled {
        routes.insert(account, at: 0)
      } else {
        routes.append(account)
      }
    }
    return DestinationAccount(
      destination: destination.prefix, source: table.sourcePrefix(row),
      originatedMetric: destination.flags.contains(.originated)
        ? table.originatedMetric(row) : nil,
      isOwnAddress: offers.isOwnAddress(destination.prefix),
      holdLeft: isHeld
        ? seconds(from: now, to: destination.holdExpiry.instant(near: now)) : nil,
      forwarding: forwarding ?? .absent, tables: tables,
      betterFor: destination.betterSince.map {
        UInt32(clamping: max(0, now - $0.instant(near: now)) / 1000)
      },
      routes: routes)
  }

  private func account(of number: RouteRow, _ now: Instant) -> RouteAccount {
    let route = table.routes[number]
    let row = route.destination
    let id = table.nextHops[route.nextHop].neighbour
    let selected = table.destinations[row].selected
    let distance = table.distance(row, router: route.routerID, at: now)
    let rule = selected == .none || selected == number ? nil : switchRule(number, selected)
    return RouteAccount(
      status: routeStatus(number, now), linkCost: neighbours[id].cost,
      filterMetric: route.filterMetric,
      inputRule: route.filterRule == 0 ? nil : Int(route.filterRule) - 1,
      installRule: installRule(ofRoute: number),
      isRefusedByKernel: route.flags.contains(.notInstallable),
      feasibilityDistance: distance.map { Distance(seqno: $0.seqno, metric: $0.metric) },
      isSeqnoRequested: requests.find(row, route.routerID) != nil,
      toReplace: rule.map { ($0.margin, UInt32(clamping: $0.dwell / 1000)) })
  }

  /// Whether the kernel refused a route to a destination.
  public func isRefusedByKernel(_ destination: Prefix, source: Prefix) -> Bool {
    guard let row = table.find(destination, source) else { return false }
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if table.routes[number].flags.contains(.notInstallable) { return true }
    }
    return false
  }

  // MARK: Announcements

  /// What neighbours on each interface are told of a destination, and why, in the order of the
  /// interfaces; empty if there is nothing about it.
  public func announcementAccounts(
    of destination: Prefix, source: Prefix
  ) -> [AnnouncementAccount] {
    guard let row = table.find(destination, source) else { return [] }
    return links.order.compactMap { id in
      guard let interface = interface(id) else { return nil }
      let (verdict, rule) = announcementVerdict(row, on: interface, id)
      return AnnouncementAccount(interface: interface.name, verdict: verdict, rule: rule)
    }
  }

  private func announcementVerdict(
    _ row: DestinationRow, on interface: Interface, _ id: InterfaceID
  ) -> (AnnouncementVerdict, Int?) {
    guard interface.isUp else { return (.interfaceDown, nil) }
    guard let announcement = announcement(row) else { return (.nothingToTell, nil) }
    // As long as an earlier life's entries are looked at, what was not announced yet may wait.
    if restart.adoption.count > 0, restart.beginning == .afterCrash,
      !table.destinations[row].flags.contains(.announced)
    {
      return (.withheld, nil)
    }
    if interface.parameters.splitHorizon, announcement.interface == id {
      return (.splitHorizon, nil)
    }
    let (prefix, source) = (table.destinations[row].prefix, table.sourcePrefix(row))
    if !source.isDefault, !interface.carriesSourcePrefixes { return (.noSourcePrefixes, nil) }
    let nextHop = prefix.family == .ipv6 ? interface.ipv6NextHop : interface.ipv4NextHop
    guard nextHop != nil else { return (.noNextHop, nil) }
    var subject = FilterSubject(destination: prefix, source: source)
    subject.interface = interface.name
    subject.routerID = table.routerIDs[announcement.router]
    guard let number = filters.output.firstMatch(subject) else {
      return (.announced(announcement.metric), nil)
    }
    let added = filters.output.rules[number].metric
    if added.isInfinite { return (.denied, number) }
    let metric = announcement.metric.adding(added)
    return (metric.isInfinite ? .metricInfinite : .announced(metric), number)
  }
}
