import BabelWire

// Before editing, read RFC 8966 Appendix A.3.

/// How a usable route's metric stands.
struct MetricStanding {
  let metric: Metric
  let smoothed: Metric
  /// The metric is the first one of the route, so the average says nothing else.
  var isFirst = false
  /// For how many microseconds it has not changed.
  var unchangedTime: Int64 = 0
  /// The link's round-trip time will cost something, but has not been measured yet.
  var awaitsRoundTripTime = false

  /// It has not changed for so long that this is no pause between two jitters.
  var isCalm: Bool {
    !awaitsRoundTripTime && unchangedTime >= ProtocolParameters.calmMetricTime
  }

  /// The route is new, or its metric well known.
  var isCertain: Bool { isCalm || isFirst && !awaitsRoundTripTime }

  /// The metric was better not long ago.
  var hasWorsened: Bool { Int(metric.rawValue) > Int(smoothed.rawValue) + 1 }
}

/// When the selected route, which is usable, gives way to a better one. A selected route that fails
/// is replaced at once, without this rule.
struct SwitchRule {
  /// What the configuration says; nil means as below.
  let configuredMargin: UInt16?
  let configuredDwell: Int64?
  /// The cost of one of the links is measured, so it changes all the time.
  let isMeasured: Bool

  /// What is to become of a route that is better at the moment.
  enum Verdict: Equatable {
    /// It is selected.
    case wins
    /// It is better by the margin, but not on average or not for long enough.
    case settles
    /// It is not better by the margin.
    case isTooClose
  }

  /// By how much the better route must be better. Where costs are not measured any difference
  /// counts.
  var margin: UInt16 {
    configuredMargin ?? (isMeasured ? ProtocolParameters.switchMargin : 0)
  }

  /// For how many microseconds.
  var dwell: Int64 { configuredDwell ?? (isMeasured ? ProtocolParameters.switchDwell : 0) }

  /// Judges a route that is better than the selected one; `time` is for how many microseconds some
  /// route has been better by the margin.
  func verdict(_ route: MetricStanding, over selected: MetricStanding, for time: Int64) -> Verdict {
    if selected.metric.rawValue - route.metric.rawValue < margin {
      // What stands still is no jitter, and small differences count, too.
      let areCalm = route.isCalm && selected.isCalm
      return areCalm && configuredMargin == nil ? .wins : .isTooClose
    }
    let smoothedMargin = Int(selected.smoothed.rawValue) - Int(route.smoothed.rawValue)
    guard smoothedMargin >= max(Int(margin), 1) else { return .settles }
    if time >= dwell { return .wins }
    // A route that has just come and is better has nothing to prove, unless the selected one was
    // better itself a moment ago.
    let mayBeTrusted = route.isCertain && !selected.hasWorsened
    return mayBeTrusted && configuredDwell == nil ? .wins : .settles
  }
}
