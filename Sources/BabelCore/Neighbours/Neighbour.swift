import BabelWire

// Before editing, read RFC 8966 §3.4.

extension Neighbour {
  /// The full update for one neighbour.
  struct FullUpdate {
    /// Where it stands in the announcement order; nil when none is under way.
    var position: Int?
    /// When it goes on; nil when none is under way.
    var due: Instant?
    /// When the last one began.
    var began: Instant?
  }

  /// What a neighbour may believe of an earlier life of ours.
  struct Restart {
    /// After a crash: it may have routes through us from before.
    var awaitsAcknowledgment = false
    /// When it is told again that it must not.
    var retractionDue: Instant?
    /// How often it was told by unicast, at most 3 counted.
    var retractionsSent: UInt8 = 0
    /// When adopted entries that lead to it, and that it has not confirmed, are looked at.
    var adoptedDue: Instant?
    /// It was asked for what has not been confirmed.
    var wasAskedForAdopted = false
  }

  /// When something is to be done about the neighbour's Hellos or IHUs.
  var timerDeadline: Instant? {
    var first = Instant.distantFuture
    if let deadline = multicast.deadline { first = min(first, deadline) }
    if let deadline = unicast.deadline { first = min(first, deadline) }
    if let due = restart.retractionDue { first = min(first, due) }
    if let due = restart.adoptedDue { first = min(first, due) }
    if let ihuExpiry { first = min(first, ihuExpiry) }
    if multicast.deadline == nil, unicast.deadline == nil {
      first = min(first, (lastHello ?? createdAt) + ProtocolParameters.silentNeighbour)
    }
    return first
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
