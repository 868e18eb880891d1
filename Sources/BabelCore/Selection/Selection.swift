import BabelWire

/// What selection has to come back to: destinations that are held, and better routes that have not
/// proved themselves yet.
struct Selection {
  private var holds = RowWheel<Destination>()
  private var settling = DelayLine(delay: ProtocolParameters.settlingTime)

  /// When something is to be done.
  var firstDeadline: Instant? {
    guard let one = holds.firstDeadline, let other = settling.first else {
      return holds.firstDeadline ?? settling.first
    }
    return min(one, other)
  }

  /// A destination is held until then.
  mutating func hold(_ row: DestinationRow, until due: Instant, at now: Instant) {
    // The row may still be queued, for an earlier hold or for a destination that had it before.
    holds.remove(row)
    holds.add(row, due, now: now)
  }

  /// A destination whose hold may be over.
  mutating func holdDue(at now: Instant) -> DestinationRow? { holds.popDue(at: now) }

  /// A destination has a better route, which is looked at again when it has settled.
  mutating func settle(_ row: DestinationRow, at now: Instant) { settling.append(row, at: now) }

  /// A destination whose better route has had its time to settle.
  mutating func settlingDue(at now: Instant) -> DestinationRow? { settling.popDue(at: now) }
}
