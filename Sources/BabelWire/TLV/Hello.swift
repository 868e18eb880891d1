// Before editing, read RFC 8966 §4.6.5 and RFC 9616 §6.1.

/// Makes a node known to its neighbours and measures reception (RFC 8966 §4.6.5).
public struct Hello: Equatable, Sendable {
  /// The U flag: the Hello counts in the sequence of Unicast Hellos to one neighbour, not in that
  /// of Multicast Hellos. The flag does not say how the packet was sent.
  public let isUnicast: Bool
  /// The number of this Hello in its sequence.
  public let seqno: Seqno
  /// Upper bound on the time to the next scheduled Hello of the sequence; zero in an
  /// unscheduled one.
  public let interval: Interval
  /// When the packet left, on the sender's clock, in microseconds modulo 2^32 (RFC 9616).
  public let transmitTimestamp: UInt32?

  /// The sender measures how many Hellos get lost on the way to it, and wants quick ones for that:
  /// a sub-TLV of our own, which others pass over (§4.4).
  public let measuresLoss: Bool

  /// Makes a Hello. A `transmitTimestamp` that is not nil reserves room in the packet; its value
  /// is overwritten when the packet leaves.
  public init(
    isUnicast: Bool, seqno: Seqno, interval: Interval, transmitTimestamp: UInt32?,
    measuresLoss: Bool = false
  ) {
    self.measuresLoss = measuresLoss
    self.isUnicast = isUnicast
    self.seqno = seqno
    self.interval = interval
    self.transmitTimestamp = transmitTimestamp
  }

  /// Whether the interval promises another Hello.
  public var isScheduled: Bool { interval.centiseconds != 0 }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 6 else { throw .tooShort }
    isUnicast = body[0] & 0x80 != 0
    seqno = Seqno(body.uint16(at: 2))
    interval = Interval(centiseconds: body.uint16(at: 4))
    var timestamp: UInt32?
    var measuresLoss = false
    var subTLVs = SubTLVs(from: 6)
    while let found = try subTLVs.next(in: body) {
      switch found.type {
      case SubTLV.timestamp:
        // A timestamp that is too short is skipped; surplus octets are ignored.
        if found.count >= 4 { timestamp = body.uint32(at: found.offset) }
      case SubTLV.measuresLoss:
        let isOurs =
          found.count >= 2 && body.uint16(at: found.offset) == SubTLV.measuresLossMark
        measuresLoss = measuresLoss || isOurs
      default: try found.skip()
      }
    }
    transmitTimestamp = timestamp
    self.measuresLoss = measuresLoss
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.hello, count: encodedCount - 2)
    packet.append16(isUnicast ? 0x8000 : 0)
    packet.append16(seqno.rawValue)
    packet.append16(interval.centiseconds)
    // The stamp comes first, because babeld 1.12 reads the first sub-TLV whatever stands there.
    if let transmitTimestamp {
      packet.beginTLV(SubTLV.timestamp, count: 4)
      packet.append32(transmitTimestamp)
    }
    if measuresLoss {
      packet.beginTLV(SubTLV.measuresLoss, count: 2)
      packet.append16(SubTLV.measuresLossMark)
    }
  }

  /// Where the stamp is, in octets from the beginning of a Hello that has one.
  static let timestampOffset = 10

  /// Octets on the wire.
  var encodedCount: Int { 8 + (measuresLoss ? 4 : 0) + (transmitTimestamp == nil ? 0 : 6) }
}
