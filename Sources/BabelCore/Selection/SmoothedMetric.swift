import BabelWire

// Before editing, read RFC 8966 Appendix A.3.

/// The exponential average of a route's metric, brought up to date when it is looked at.
struct SmoothedMetric: Equatable {
  // In this order a row has no gap.
  private var since: Tick
  private var value: Metric

  init(_ metric: Metric, at now: Instant) {
    value = metric
    since = Tick(now)
  }

  /// The average at `now`, given that the metric has been `metric` since the last look.
  /// `timeConstant` is in microseconds; zero switches smoothing off.
  func value(_ metric: Metric, timeConstant: Int64, at now: Instant) -> Metric {
    guard !metric.isInfinite, !value.isInfinite, timeConstant > 0, value != metric,
      !isFar(from: metric)
    else { return metric }
    let elapsed = max(0, now - since.instant(near: now))
    // (1 − 1/8)^(8t/τ) in steps of τ/8, the rest linearly: close to e^(−t/τ), integers only.
    let step = max(1, timeConstant / 8)
    guard elapsed / step < 128 else { return metric }
    var difference = (Int64(value.rawValue) - Int64(metric.rawValue)) << 16
    for _ in 0..<(elapsed / step) { difference -= difference / 8 }
    // A step of 2^30 µs (18 minutes) or more loses low bits: the product has no room for them.
    let surplus = max(0, 34 - step.leadingZeroBitCount)
    difference -= difference / 8 * ((elapsed % step) >> surplus) / (step >> surplus)
    return Metric(UInt16(Int64(metric.rawValue) + difference >> 16))
  }

  /// Whether the average is so far from a metric that this is no jitter: somebody drained a link of
  /// the path, or no longer does. Traffic would else take half a minute to come back.
  private func isFar(from metric: Metric) -> Bool {
    abs(Int(value.rawValue) - Int(metric.rawValue)) >= ProtocolParameters.drainedDifference
  }

  /// Whether the route has had no other metric before `metric`, as far as the average tells.
  func isFirst(_ metric: Metric) -> Bool {
    value == metric || value.isInfinite || isFar(from: metric)
  }

  /// Microseconds since the last change.
  func unchangedTime(at now: Instant) -> Int64 { max(0, now - since.instant(near: now)) }

  /// Whether the last change is so long ago that ``keepTellable(_:at:)`` is to be called.
  func isAged(at now: Instant) -> Bool { unchangedTime(at: now) > 2 * Self.day }

  /// Keeps the time of the last change within what a ``Tick`` can tell apart: a metric may stand
  /// still for a year. After a day the average equals the metric, so older times make no
  /// difference.
  mutating func keepTellable(_ metric: Metric, at now: Instant) {
    guard isAged(at: now) else { return }
    value = metric
    since = Tick(now + -Self.day)
  }

  private static var day: Int64 { 86_400_000_000 }

  /// Notes a change: until `now` the metric was `old`. A first one that did not last was no metric
  /// of the route but a step on the way to it, as in a network that has just begun: it says
  /// nothing about what is usual.
  mutating func changed(from old: Metric, timeConstant: Int64, at now: Instant) {
    let isPassing = isFirst(old) && unchangedTime(at: now) < timeConstant / 24
    value = isPassing ? .infinity : value(old, timeConstant: timeConstant, at: now)
    since = Tick(now)
  }
}
