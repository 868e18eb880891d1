import BabelWire

// Who is told of a destination, and who was. The rules of the `out` filter may name router-ids, so
// what a prefix has become can be denied where what it was had been announced.

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

  /// Whether everyone on an interface may have been told of a destination while it came from
  /// another router, of those that we announced lately: the filter lets one of them through.
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

  /// Whether we announced a destination, with any router-id but one, not so long ago that it is
  /// forgotten everywhere. Where split horizon hides what it is now, somebody may believe in that
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
