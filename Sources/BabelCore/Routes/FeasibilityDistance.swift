import BabelWire

// Before editing, read RFC 8966 §2.4, §3.2.5 and §3.5.1.

/// A distance (seqno, metric), ordered as §3.5.1 says.
struct FeasibilityDistance: Equatable {
  var seqno: Seqno
  var metric: Metric

  /// A newer seqno wins; with equal ones the smaller metric. Equal distances are not better.
  func isBetter(than other: FeasibilityDistance) -> Bool {
    seqno.isNewer(than: other.seqno) || (seqno == other.seqno && metric < other.metric)
  }

  /// The feasibility condition: a retraction always, anything where we keep no distance, else
  /// only what is strictly better.
  static func isFeasible(
    _ advertised: FeasibilityDistance, against source: FeasibilityDistance?
  ) -> Bool {
    guard !advertised.metric.isInfinite, let source else { return true }
    return advertised.isBetter(than: source)
  }

  /// Takes over an announcement of ours: newer seqno, or equal seqno and smaller metric (§3.7.3).
  mutating func announced(_ other: FeasibilityDistance) {
    if other.isBetter(than: self) { self = other }
  }
}
