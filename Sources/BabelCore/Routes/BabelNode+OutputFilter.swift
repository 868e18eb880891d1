import BabelWire

// What the `out` filter lets through. Its rules may name router-ids, so what a prefix has become
// can be denied where what it was had been announced.

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
    _ row: UInt32, but router: UInt32, _ interface: Interface, _ now: Instant
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

  /// Whether the filter denies an announcement on all interfaces that are up: nobody needs to be
  /// told of its changes.
  func isDeniedEverywhere(_ row: UInt32, _ announcement: Announcement) -> Bool {
    guard !filters.output.rules.isEmpty else { return false }
    let prefix = table.destinations[row].prefix
    let source = table.sourcePrefix(row)
    let router = table.routerIDs[announcement.router]
    return interfaceOrder.allSatisfy {
      guard let interface = interface($0), interface.isUp else { return true }
      return passOutput(prefix, source, router, announcement.metric, interface) == nil
    }
  }
}
