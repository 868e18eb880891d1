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

  /// Runs the `in` chain; nil when the Update is denied, else what is added and the rule.
  func passInput(_ update: Update, from id: NeighbourID) -> (Metric, UInt16)? {
    let neighbour = neighbours[id]
    var subject = FilterSubject(destination: update.destination, source: update.source)
    subject.interface = interface(neighbour.interface)?.name
    subject.neighbour = neighbour.address
    subject.routerID = update.routerID
    guard let rule = filters.input.firstMatch(subject) else { return (.zero, 0) }
    let metric = filters.input.rules[rule].metric
    return metric.isInfinite ? nil : (metric, UInt16(truncatingIfNeeded: rule + 1))
  }
}
