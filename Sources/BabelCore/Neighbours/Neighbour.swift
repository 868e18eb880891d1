import BabelWire

// Before editing, read RFC 8966 §3.4.

extension Neighbour {
  /// When something is to be done about the neighbour's Hellos or IHUs.
  var timerDeadline: Instant? {
    var first = Instant.distantFuture
    if let deadline = multicast.deadline { first = min(first, deadline) }
    if let deadline = unicast.deadline { first = min(first, deadline) }
    if let due = restart.retractionDue { first = min(first, due) }
    if let due = restart.adoptedDue { first = min(first, due) }
    if let ihuExpiry { first = min(first, ihuExpiry) }
    if let due = healing.due { first = min(first, due) }
    if let due = healing.trialDue { first = min(first, due) }
    if multicast.deadline == nil, unicast.deadline == nil {
      first = min(first, (lastHello ?? createdAt) + ProtocolParameters.silentNeighbour)
    }
    return first
  }

  /// Whether it retracted everything and said that it is missed soon (§3.7).
  var saidGoodbye: Bool {
    guard let retractedAt = standing.retractedAt, let lastHello else { return false }
    return multicast.isScheduled
      && multicast.interval.centiseconds <= ProtocolParameters.farewellInterval
      && lastHello - retractedAt < ProtocolParameters.farewellTime
  }

  /// Microseconds between its Hellos, of the kind that comes more often.
  var helloInterval: Int64 {
    let intervals = [multicast, unicast].filter { $0.isScheduled }.map { $0.interval.microseconds }
    return intervals.min() ?? 0
  }

  /// Whether nothing is to be expected of it any more: no Hello is left in either history, or none
  /// that promised another one came for long (A.1, §3.4).
  func isGone(at now: Instant) -> Bool {
    let isForgotten = multicast.bits == 0 && unicast.bits == 0
    let isSilent =
      multicast.deadline == nil && unicast.deadline == nil
      && now - (lastHello ?? createdAt) >= ProtocolParameters.silentNeighbour
    return isSilent || (isForgotten && lastHello != nil)
  }
}
