/// Paces the packets of one interface (RFC 8966 §3.1): a burst, then one per spacing.
struct PacketPacer {
  /// When all packets that left are earned back.
  private var earnedBack = Instant(microseconds: 0)

  /// Takes permission for one packet where so many may leave back to back; false when it is too
  /// early.
  mutating func take(at now: Instant, burst: Int) -> Bool {
    let spacing = ProtocolParameters.packetSpacing
    guard earnedBack <= now + spacing * Int64(burst - 1) else { return false }
    earnedBack = max(earnedBack, now) + spacing
    return true
  }

  /// When a few packets may leave again, so that nobody wakes up for each of them.
  func nextTurn(burst: Int) -> Instant {
    let few = ProtocolParameters.packetBurst.lowerBound
    return earnedBack + -ProtocolParameters.packetSpacing * Int64(burst - few)
  }

  /// Packets that may leave back to back. A neighbour that works on something else meanwhile keeps
  /// them in its socket, of which it may never have enlarged the buffer, and the other nodes of the
  /// link may have as much to say at the same moment: each has its share of that buffer. A radio
  /// carries long bursts at the cost of everybody else's packets.
  static func burst(octetsOfPacket: Int, neighbours: Int, isRadio: Bool) -> Int {
    let range = ProtocolParameters.packetBurst
    guard !isRadio else { return range.lowerBound }
    let room = ProtocolParameters.burstOctets / (2 * max(octetsOfPacket, 1))
    return min(max(room / max(neighbours, 1), range.lowerBound), range.upperBound)
  }
}

extension Interface {
  /// Packets that may leave back to back.
  var packetBurst: Int {
    PacketPacer.burst(
      octetsOfPacket: datagramLimit, neighbours: neighbours.count,
      isRadio: parameters.linkSensing == .etx)
  }
}
