/// Paces the packets of one interface (RFC 8966 §3.1): a small burst, then one per spacing.
struct PacketPacer {
  private var tokens = ProtocolParameters.packetBurst
  private var refilledAt = Instant(microseconds: 0)

  /// Takes permission for one packet; false when it is too early.
  mutating func take(at now: Instant) -> Bool {
    refill(at: now)
    guard tokens > 0 else { return false }
    tokens -= 1
    return true
  }

  /// When a whole burst may leave again.
  var nextBurst: Instant {
    refilledAt + ProtocolParameters.packetSpacing * Int64(ProtocolParameters.packetBurst)
  }

  private mutating func refill(at now: Instant) {
    let earned = (now - refilledAt) / ProtocolParameters.packetSpacing
    guard earned > 0 else { return }
    if earned >= Int64(ProtocolParameters.packetBurst - tokens) {
      tokens = ProtocolParameters.packetBurst
      refilledAt = now
    } else {
      tokens += Int(earned)
      refilledAt = refilledAt + earned * ProtocolParameters.packetSpacing
    }
  }
}

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

  /// Notes that one has left. A long list of changes leaves in many parts; however many they
  /// were, the next change waits for no more than one spacing.
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
