import BabelWire

// Who is told of a destination, and who was. A rule of the `out` filter may name a router-id. So an
// Update can be denied on a link where the same prefix was announced before, while another router
// originated it.

extension BabelNode {
  /// Runs the `out` chain; nil when the Update is denied, else the metric to announce.
  func passOutput(
    _ destination: Prefix, _ source: Prefix, _ routerID: RouterID, _ metric: Metric,
    _ interface: Interface
  ) -> Metric? {
    let subject = outputSubject(destination, source, routerID, interface)
    guard let added = filters.output.adds(to: subject) else { return metric }
    return added.isInfinite ? nil : metric.adding(added)
  }

  /// The same for an Update that is about to leave, which counts for the rule that matches.
  mutating func countedOutput(
    _ row: DestinationRow, _ routerID: RouterID, _ metric: Metric, _ interface: Interface
  ) -> Metric? {
    let subject = outputSubject(
      table.destinations[row].prefix, table.sourcePrefix(row), routerID, interface)
    guard let number = filters.output.firstMatch(subject) else { return metric }
    let added = filters.output.rules[number].metric
    if ruleCounts.count(number, of: .output), added.isInfinite {
      ruleCounts.note(
        RuleDenial(
          chain: .output, number: number, destination: table.destinations[row].prefix,
          neighbour: nil, interface: interface.name))
    }
    return added.isInfinite ? nil : metric.adding(added)
  }

  private func outputSubject(
    _ destination: Prefix, _ source: Prefix, _ routerID: RouterID, _ interface: Interface
  ) -> FilterSubject {
    var subject = FilterSubject(destination: destination, source: source)
    subject.interface = interface.name
    subject.routerID = routerID
    return subject
  }

  /// Whether neighbours on an interface may know a destination from us because the filter let it
  /// pass until lately.
  func passedFormerly(
    _ row: DestinationRow, by router: RouterID, _ interface: Interface, _ now: Instant
  ) -> Bool {
    let subject = outputSubject(
      table.destinations[row].prefix, table.sourcePrefix(row), router, interface)
    return announcing.passedFormerly(subject, at: now) && wasAnnouncedLately(row, now)
  }

  /// Replaces the `out` chain. Returns the destinations for which it says something else on some
  /// interface: neighbours are to be told of those, and of no others.
  mutating func replaceOutputFilter(_ chain: FilterChain, _ now: Instant) -> [DestinationRow] {
    let former = filters.output
    filters.output = chain
    guard !former.saysTheSame(as: chain) else { return [] }
    var concerned: [DestinationRow] = []
    announcing.retire(former, until: now + holdTime, at: now)
    for row in table.destinations.indexes where table.isLive(row) {
      guard let announcement = announcement(row) else { continue }
      let router = table.routerIDs[announcement.router]
      let isConcerned = links.order.contains {
        guard let interface = interface($0), interface.isUp else { return false }
        let subject = outputSubject(
          table.destinations[row].prefix, table.sourcePrefix(row), router, interface)
        return (former.adds(to: subject) ?? .zero) != (chain.adds(to: subject) ?? .zero)
      }
      if isConcerned { concerned.append(row) }
    }
    return concerned
  }

  /// Whether neighbours on an interface may know a destination from us under another router-id: we
  /// announced one lately, and the filter lets it pass there.
  func mayHaveBeenTold(
    _ row: DestinationRow, but router: RouterRow, _ interface: Interface, _ now: Instant
  ) -> Bool {
    let prefix = table.destinations[row].prefix
    let source = table.sourcePrefix(row)
    var isTold = false
    table.forEachSource(of: row) { former, distance, expiry in
      guard !isTold, former != router, !expiry.isDue(at: now) else { return }
      let id = table.routerIDs[former]
      isTold = passOutput(prefix, source, id, distance.metric, interface) != nil
    }
    return isTold
  }

  /// Whether we announced a destination, with any router-id but one, so lately that somebody may
  /// remember it. Where split horizon hides what it is now, somebody may believe in that
  /// still: who falls back on it sends packets to us, and we send them back. Feasibility distances
  /// do not prevent that, as they are kept by originator (§3.5.1).
  func wasAnnouncedLately(_ row: DestinationRow, but router: RouterRow = .none, _ now: Instant)
    -> Bool
  {
    var isRemembered = false
    table.forEachSource(of: row) { former, _, expiry in
      if former != router, !expiry.isDue(at: now) { isRemembered = true }
    }
    return isRemembered
  }

  /// Whether there is an interface where an announcement is finite: neither split horizon hides
  /// it there, nor does the filter deny it. Elsewhere its changes concern nobody.
  func isTellable(_ row: DestinationRow, _ announcement: Announcement) -> Bool {
    let prefix = table.destinations[row].prefix
    let source = table.sourcePrefix(row)
    let router = table.routerIDs[announcement.router]
    return links.order.contains {
      guard let interface = interface($0), interface.isUp else { return false }
      if interface.parameters.splitHorizon, announcement.interface == $0 { return false }
      if filters.output.rules.isEmpty { return true }
      let metric = passOutput(prefix, source, router, announcement.metric, interface)
      return metric.map { !$0.isInfinite } ?? false
    }
  }
}
