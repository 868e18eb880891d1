import BabelWire

// Before editing, read RFC 8966 §3.5.3 and Appendix C. What is refused here still ends the route
// that the neighbour announced before.

extension BabelNode {
  /// Whether a neighbour repeats one of our own addresses after us, or does no longer: nothing is
  /// wrong with that.
  func isEcho(_ update: Update) -> Bool {
    offers.isOwnAddress(update.destination)
      && (update.isRetraction || update.routerID == parameters.routerID)
  }

  /// Why what an Update says is not taken over; nil if it is.
  func refusal(of update: Update, from id: NeighbourID) -> UpdateRefusal? {
    let prefix = update.destination
    if prefix.isMartian || update.source.isMartian { return .martian }
    if offers.isOwnAddress(prefix) { return .ownAddress }
    // In a retraction neither router-id nor next hop counts (§4.6.9). BIRD sends it behind
    // whatever router-id went before, possibly ours.
    if update.isRetraction { return nil }
    // Our own announcements heard back.
    if update.routerID == parameters.routerID { return .ownRouterID }
    if prefix.family == .ipv4 {
      if !update.source.isDefault, !parameters.supportsSourceSpecificIPv4 { return .unsupported }
      if update.nextHop?.family == .ipv6, !parameters.supportsV4ViaV6 { return .unsupported }
    }
    guard let gateway = update.nextHop else { return nil }
    let isImpossible =
      gateway.isMulticast || gateway.isLoopback || gateway.isUnspecified
      || gateway.family == .ipv4 && Prefix(mapped: gateway, mappedLength: 128).isMartian
      || isOwnGateway(gateway, on: neighbours[id].interface)
    return isImpossible ? .nextHop : nil
  }

  /// A next hop that is one of our own addresses would send packets to ourselves. Link-local
  /// addresses count on their own link only: the other end of a tunnel may well have the address
  /// that we have on another one.
  private func isOwnGateway(_ gateway: IPAddress, on id: InterfaceID) -> Bool {
    if gateway.isLinkLocal {
      return interface(id)?.state.linkLocals.contains(gateway) ?? false
    }
    return offers.isOwnAddress(Prefix(mapped: gateway, mappedLength: 128))
  }

  /// Runs the `in` chain on an Update.
  func judge(_ update: Update, from id: NeighbourID) -> InputVerdict {
    guard !filters.input.rules.isEmpty, let router = update.routerID else { return InputVerdict() }
    return judge(update.destination, update.source, router, from: id, by: filters.input)
  }

  /// Runs an `in` chain on a route that we have.
  func judge(_ number: RouteRow, by chain: FilterChain) -> InputVerdict {
    let route = table.routes[number]
    return judge(
      table.destinations[route.destination].prefix, table.sourcePrefix(route.destination),
      table.routerIDs[route.routerID], from: table.nextHops[route.nextHop].neighbour, by: chain)
  }

  private func judge(
    _ destination: Prefix, _ source: Prefix, _ router: RouterID, from id: NeighbourID,
    by chain: FilterChain
  ) -> InputVerdict {
    let neighbour = neighbours[id]
    var subject = FilterSubject(destination: destination, source: source)
    subject.interface = interface(neighbour.interface)?.name
    subject.neighbour = neighbour.address
    subject.routerID = router
    guard let rule = chain.firstMatch(subject) else { return InputVerdict() }
    return InputVerdict(
      metric: chain.rules[rule].metric, rule: UInt16(truncatingIfNeeded: rule + 1))
  }
}

/// What the `in` chain says of a route.
struct InputVerdict: Equatable {
  /// What is added to the metric; infinity denies the route.
  var metric = Metric.zero
  /// The number of the rule plus one, 0 if none matches.
  var rule: UInt16 = 0

  /// Whether the route must not be used.
  var isDenied: Bool { metric.isInfinite }
}
