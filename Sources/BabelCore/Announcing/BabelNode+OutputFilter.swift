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
    var subject = FilterSubject(destination: destination, source: source)
    subject.interface = interface.name
    subject.routerID = routerID
    guard let rule = filters.output.firstMatch(subject) else { return metric }
    let added = filters.output.rules[rule].metric
    return added.isInfinite ? nil : metric.adding(added)
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
