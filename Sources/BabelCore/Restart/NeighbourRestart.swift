extension Neighbour {
  /// What a neighbour may believe of an earlier life of ours.
  struct Restart {
    /// After a crash: it may have routes through us from before.
    private(set) var awaitsAcknowledgment = false
    /// When it is told again that it must not.
    private(set) var retractionDue: Instant?
    /// How often it was told by unicast, at most 3 counted.
    private var retractionsSent: UInt8 = 0
    /// When adopted entries that lead to it, and that it has not confirmed, are looked at.
    private(set) var adoptedDue: Instant?
    /// It was asked for what has not been confirmed.
    private(set) var wasAskedForAdopted = false

    /// It is heard for the first time since the crash.
    mutating func awaitAcknowledgment() { awaitsAcknowledgment = true }

    /// It is told by unicast at `due`.
    mutating func planRetraction(at due: Instant) { retractionDue = due }

    /// It need not be told any more, for now.
    mutating func cancelRetraction() { retractionDue = nil }

    /// It is told now, and again if it does not answer. The wait doubles with each repetition, and
    /// grows no further than to eight times the first.
    mutating func countRetraction(at now: Instant) {
      retractionDue = now + ProtocolParameters.acknowledgmentTimeout << Int64(retractionsSent)
      retractionsSent = min(retractionsSent + 1, 3)
    }

    /// It has answered, or whatever it believed has expired.
    mutating func endWaiting() {
      awaitsAcknowledgment = false
      retractionDue = nil
    }

    /// What it has not confirmed by then is looked at; nil if it is looked at now.
    mutating func expectAdopted(by due: Instant?) { adoptedDue = due }

    /// It is asked for what it has not confirmed.
    mutating func countQuestion() { wasAskedForAdopted = true }
  }
}
