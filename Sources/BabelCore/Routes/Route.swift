import BabelWire

// Before editing, read RFC 8966 §3.2.6 and §3.5.

/// One row of the route table. 4-byte links and ticks: 100,000 rows are normal.
struct Route {
  let destination: DestinationRow
  /// Interned next hop; it knows the neighbour.
  var nextHop: NextHopRow
  /// Interned router-id.
  var routerID: RouterRow
  var nextInDestination = RouteRow.none
  var previousOfNeighbour = RouteRow.none
  var nextOfNeighbour = RouteRow.none
  /// When the row is looked at next: refresh, expiry or removal.
  var deadline = Tick(rawValue: 0)
  /// When the last Update that counted arrived.
  var updatedAt = Tick(rawValue: 0)
  var smoothed: SmoothedMetric
  var seqno: Seqno
  var advertisedMetric: Metric
  var interval: Interval
  /// What the `in` filter adds.
  var filterMetric = Metric.zero
  /// Number of the `in` rule plus one, 0 if none matched.
  var filterRule: UInt16 = 0
  fileprivate(set) var flags = RouteFlags()
  /// The neighbour's epoch when the last Update arrived; a wildcard retraction begins a new one.
  var epoch: UInt8
  /// What selection thinks of it.
  fileprivate(set) var reason = RouteReason.worse

  /// What selection thinks of it now.
  mutating func judge(_ reason: RouteReason) { self.reason = reason }

  /// The kernel refused it, or may be asked for it again.
  mutating func setInstallable(_ isInstallable: Bool) {
    if isInstallable { flags.remove(.notInstallable) } else { flags.insert(.notInstallable) }
  }

  /// A finite Update arrived: what was wrong with the route before does not count.
  mutating func updated(at now: Instant) {
    updatedAt = Tick(now)
    flags = []
  }

  /// The neighbour does not have it any more, or announces something that the `in` filter denies.
  mutating func retracted(isDenied: Bool) {
    advertisedMetric = .infinity
    flags.remove([.expired, .denied])
    if isDenied { flags.insert(.denied) }
  }

  /// The neighbour did not repeat it in time.
  mutating func expired() {
    advertisedMetric = .infinity
    flags.insert(.expired)
  }

  /// The neighbour is asked to repeat it.
  mutating func refreshAsked() { flags.insert(.refreshAsked) }

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
  /// The `in` filter denies what the neighbour announces now.
  static let denied = RouteFlags(rawValue: 8)
}
