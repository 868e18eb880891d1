import BabelWire

/// The seqno that we announce our own prefixes with (RFC 8966 §3.2.2).
struct OwnSeqno {
  private(set) var value: Seqno
  private var increasedAt: Instant?

  init(_ value: Seqno) { self.value = value }

  /// Whether it was raised so lately that it must not be raised again.
  func hasJustIncreased(_ now: Instant) -> Bool {
    increasedAt.map { now - $0 < ProtocolParameters.seqnoIncreaseSpacing } ?? false
  }

  /// Raises it.
  mutating func increase(to seqno: Seqno, at now: Instant) {
    increasedAt = now
    value = seqno
  }
}
