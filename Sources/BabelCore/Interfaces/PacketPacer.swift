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
