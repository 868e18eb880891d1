import BabelWire

// Before editing, read RFC 8966 §3.2.6 and §3.5.

/// One row of the route table. 4-byte links and ticks: 100,000 rows are normal.
struct Route {
  let destination: DestinationRow
  /// Interned next hop; it knows the neighbour.
  fileprivate(set) var nextHop: NextHopRow
  /// Interned router-id.
  fileprivate(set) var routerID: RouterRow
  fileprivate(set) var nextInDestination = RouteRow.none
  /// When the last Update that counted arrived.
  fileprivate(set) var updatedAt = Tick(rawValue: 0)
  fileprivate(set) var smoothed: SmoothedMetric
  fileprivate(set) var seqno: Seqno
  fileprivate(set) var advertisedMetric: Metric
  fileprivate(set) var interval: Interval
  /// What the `in` filter adds; infinity if it denies the route.
  fileprivate(set) var filterMetric = Metric.zero
  /// Number of the `in` rule plus one, 0 if none matched.
  fileprivate(set) var filterRule: UInt16 = 0
  fileprivate(set) var flags = RouteFlags()
  /// The neighbour's epoch when the last Update arrived; a wildcard retraction begins a new one.
  fileprivate(set) var epoch: UInt8
  /// What selection thinks of it.
  fileprivate(set) var reason = RouteReason.worse

  /// What selection thinks of it now.
  mutating func judge(_ reason: RouteReason) { self.reason = reason }

  /// The kernel refused it, or may be asked for it again.
  mutating func setInstallable(_ isInstallable: Bool) {
    if isInstallable { flags.remove(.notInstallable) } else { flags.insert(.notInstallable) }
  }

  /// The route behind it to the same destination.
  mutating func setNext(_ next: RouteRow) { nextInDestination = next }

  // MARK: News from its neighbour

  /// A route that an Update brings.
  init(
    _ update: Update, to destination: DestinationRow, via nextHop: NextHopRow, by router: RouterRow,
    metric: Metric, epoch: UInt8, at now: Instant
  ) {
    self.destination = destination
    self.nextHop = nextHop
    routerID = router
    smoothed = SmoothedMetric(metric, at: now)
    seqno = update.seqno
    advertisedMetric = update.metric
    interval = update.interval
    self.epoch = epoch
    updatedAt = Tick(now)
  }

  /// An Update that is taken over says something else of it. What it names is interned, and counted
  /// by the caller.
  mutating func renew(
    _ update: Update, via nextHop: NextHopRow, by router: RouterRow, epoch: UInt8, at now: Instant
  ) {
    self.nextHop = nextHop
    routerID = router
    seqno = update.seqno
    advertisedMetric = update.metric
    interval = update.interval
    self.epoch = epoch
    repeated(at: now)
  }

  /// Notes what the `in` filter says of it.
  mutating func filtered(_ verdict: InputVerdict) {
    filterMetric = verdict.metric
    filterRule = verdict.rule
  }

  /// Whether the `in` filter denies it. Such a route is kept for the day when the filter changes.
  var isDenied: Bool { filterMetric.isInfinite }

  /// A finite Update arrived: what was wrong with the route before does not count.
  mutating func repeated(at now: Instant) {
    updatedAt = Tick(now)
    flags = []
  }

  /// The neighbour does not have it any more.
  mutating func retracted(epoch: UInt8) {
    advertisedMetric = .infinity
    self.epoch = epoch
    flags.remove(.expired)
  }

  /// The neighbour retracted everything that it announced before this epoch.
  mutating func overtaken(by epoch: UInt8) {
    self.epoch = epoch
    advertisedMetric = .infinity
  }

  /// The neighbour is gone, or the route: it is removed at once, or soon.
  mutating func leaves() { advertisedMetric = .infinity }

  /// The neighbour did not repeat it in time.
  mutating func expired() {
    advertisedMetric = .infinity
    flags.insert(.expired)
  }

  /// The neighbour is asked to repeat it.
  mutating func refreshAsked() { flags.insert(.refreshAsked) }

  // MARK: Time

  /// When the row is looked at next: to ask for a refresh, then to let it expire, and one more hold
  /// time later to remove it (§3.5.3).
  var deadline: Tick {
    let hold = ProtocolParameters.routeHoldHalves
    let halves =
      flags.contains(.expired)
      ? 2 * hold : flags.contains(.refreshAsked) ? hold : ProtocolParameters.routeRefreshHalves
    // Ticks and intervals have the same unit.
    return updatedAt.advanced(byHalves: Int64(interval.centiseconds) * halves)
  }

  /// Its metric changes; until `now` it was `former`.
  mutating func metricChanged(from former: Metric, timeConstant: Int64, at now: Instant) {
    smoothed.changed(from: former, timeConstant: timeConstant, at: now)
  }

  /// What its metric was before does not count any more.
  mutating func restartSmoothing(_ metric: Metric, at now: Instant) {
    smoothed = SmoothedMetric(metric, at: now)
  }

  /// See ``SmoothedMetric/isAged(at:)``.
  func isMetricAged(at now: Instant) -> Bool { smoothed.isAged(at: now) }

  /// See ``SmoothedMetric/keepTellable(_:at:)``.
  mutating func keepTellable(_ metric: Metric, at now: Instant) {
    smoothed.keepTellable(metric, at: now)
  }

  /// The distance as advertised.
  var distance: FeasibilityDistance {
    FeasibilityDistance(seqno: seqno, metric: advertisedMetric)
  }
}

/// Conditions of a route.
struct RouteFlags: OptionSet {
  let rawValue: UInt8
  /// The neighbour was asked to repeat its Update before the route expires.
  static let refreshAsked = RouteFlags(rawValue: 1)
  /// The kernel refused it, or an install filter denies it.
  static let notInstallable = RouteFlags(rawValue: 2)
  /// The route expired (it was not retracted).
  static let expired = RouteFlags(rawValue: 4)
}
