/// Paces the triggered updates of one interface (RFC 8966 §3.7.2). The first ones leave at once,
/// because they mend what was lost. When they go on, as in a network that starts, each one waits
/// and gathers what changes meanwhile. A node with many interfaces sends every change on each of
/// them, so it waits longer: the number of its packets stays bounded.
struct ChangePacer {
  /// When all turns that were taken are earned back.
  private var earnedBack = Instant(microseconds: 0)

  /// When the next triggered update may leave a node with so many interfaces; in the past if it
  /// may leave now.
  func nextTurn(ofInterfaces count: Int) -> Instant {
    earnedBack + -Self.spacing(count) * (Self.burst(count) - 1)
  }

  /// Notes that one has left that filled no packet. However many they were, the next change waits
  /// for no more than one spacing.
  mutating func take(at now: Instant, ofInterfaces count: Int) {
    let spacing = Self.spacing(count)
    earnedBack = min(max(earnedBack, now) + spacing, now + spacing * Self.burst(count))
  }

  /// Turns that need not be earned first.
  private static func burst(_ count: Int) -> Int64 {
    max(ProtocolParameters.changesAtOnce / Int64(max(count, 1)), 3)
  }

  /// Microseconds in which a further turn is earned.
  private static func spacing(_ count: Int) -> Int64 {
    let range = ProtocolParameters.changeSpacing
    return min(
      max(Int64(count) * ProtocolParameters.changeShare, range.lowerBound), range.upperBound)
  }
}
