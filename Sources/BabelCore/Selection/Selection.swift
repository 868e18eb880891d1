import BabelWire

/// What selection has to come back to: destinations that are held, those of them that keep their
/// entry in the kernel for a while, and better routes that have not proved themselves yet.
struct Selection {
  private var holds = RowWheel<Destination>()
  private var kept = RowWheel<Destination>()
  private var settling = DelayLine(delay: ProtocolParameters.settlingTime)
  /// How often routes of a destination were judged, so that it can be told whether some were
  /// since. It wraps.
  private(set) var judgements: UInt32 = 0

  /// The routes of a destination were judged.
  mutating func noteJudgement() { judgements &+= 1 }

  /// When something is to be done.
  var firstDeadline: Instant? {
    var first = holds.firstDeadline
    if let end = kept.firstDeadline { first = min(first ?? end, end) }
    if let settled = settling.first { first = min(first ?? settled, settled) }
    return first
  }

  /// A destination is held until then.
  mutating func hold(_ row: DestinationRow, until due: Instant, at now: Instant) {
    // The row may still be queued, for an earlier hold or for a destination that had it before.
    holds.remove(row)
    holds.add(row, due, now: now)
  }

  /// A destination whose hold may be over.
  mutating func holdDue(at now: Instant) -> DestinationRow? { holds.popDue(at: now) }

  /// A destination that is held keeps its entry in the kernel until then.
  mutating func keep(_ row: DestinationRow, until due: Instant, at now: Instant) {
    kept.remove(row)
    kept.add(row, due, now: now)
  }

  /// A destination that may have kept its entry long enough.
  mutating func keptDue(at now: Instant) -> DestinationRow? { kept.popDue(at: now) }

  /// A destination has a better route, which is looked at again when it has settled.
  mutating func settle(_ row: DestinationRow, at now: Instant) { settling.append(row, at: now) }

  /// A destination whose better route has had its time to settle.
  mutating func settlingDue(at now: Instant) -> DestinationRow? { settling.popDue(at: now) }
}
