import BabelWire

/// What was measured of the link to a neighbour, for whoever comes to know the neighbour again: a
/// next life, or this one after the neighbour was gone.
public struct LinkRecord: Equatable, Sendable {
  /// The interface it is heard on.
  public let interface: InterfaceName
  /// Its address.
  public let address: IPAddress
  /// Milliseconds since its last Hello.
  public let silence: UInt32
  /// The seqno of the next unicast Hello to it, if those have a count of their own.
  public let unicastSeqno: Seqno?
  /// Whether it measures losses, too.
  public let isMutual: Bool
  /// The numbers of the meter of losses, in the order of ``LossMeter/numbers``.
  public let losses: [UInt32]
  /// Smoothed round-trip time, its mean deviation, and the one that is remembered, in microseconds,
  /// as far as they are known.
  public let roundTrip: [UInt32]

  /// Makes a record; nil if a number cannot be one that was measured.
  public init?(
    interface: InterfaceName, address: IPAddress, silence: UInt32, unicastSeqno: Seqno?,
    isMutual: Bool, losses: [UInt32], roundTrip: [UInt32]
  ) {
    // A sample is nowhere longer than stamps are valid, nor is the distance of two.
    guard LossMeter(losses) != nil, roundTrip.count <= 3,
      roundTrip.allSatisfy({ Int64($0) <= ProtocolParameters.rttValidity })
    else { return nil }
    self.interface = interface
    self.address = address
    self.silence = silence
    self.unicastSeqno = unicastSeqno
    self.isMutual = isMutual
    self.losses = losses
    self.roundTrip = roundTrip
  }

  /// How many numbers there are of losses.
  public static var lossCount: Int { LossMeter().numbers.count }

  /// Whether it says no more than what is presumed of a new neighbour.
  var isPlain: Bool { unicastSeqno == nil && LossMeter(losses)?.isPlain ?? true }
}

/// Records of neighbours that are not known now.
struct LinkRecords {
  private var entries: [(record: LinkRecord, since: Instant)] = []

  /// Keeps a record of what was known at `end`.
  mutating func keep(_ record: LinkRecord, measuredUntil end: Instant) {
    entries.append((record, end + -Int64(record.silence) * 1000))
  }

  /// Keeps what was known of a neighbour that is gone now. If there are too many the oldest goes.
  mutating func keep(of neighbour: Neighbour, at now: Instant) {
    guard let record = neighbour.record(at: now, withRoundTrip: false) else { return }
    if entries.count >= ProtocolParameters.linkRecordLimit { entries.removeFirst() }
    keep(record, measuredUntil: now)
  }

  /// Hands over the record of a neighbour that is heard again, and since when it was silent.
  mutating func take(
    _ address: IPAddress, on interface: InterfaceName, at now: Instant
  ) -> (record: LinkRecord, since: Instant)? {
    guard
      let index = entries.lastIndex(where: {
        $0.record.address == address && $0.record.interface == interface
      })
    else { return nil }
    let found = entries.remove(at: index)
    return now - found.since < ProtocolParameters.linkMemory ? found : nil
  }

  /// What is left, for a next life; what is too old is left out.
  func remaining(at now: Instant) -> [LinkRecord] {
    entries.compactMap { record, since in
      guard now - since < ProtocolParameters.linkMemory else { return nil }
      return LinkRecord(
        interface: record.interface, address: record.address,
        silence: HelloHistory.milliseconds(from: since, to: now),
        unicastSeqno: record.unicastSeqno, isMutual: record.isMutual, losses: record.losses,
        roundTrip: record.roundTrip)
    }
  }
}

extension BabelNode {
  /// What was measured of links until `now`, neighbour by neighbour, where it says more than what
  /// is presumed of a new one; at most `limit` records. Those of neighbours that are not known now
  /// come last.
  public func linkRecords(limit: Int, at now: Instant) -> [LinkRecord] {
    var records: [LinkRecord] = []
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] where records.count < limit {
        if let record = neighbours[id].record(at: now) { records.append(record) }
      }
    }
    return records + restart.links.remaining(at: now).prefix(limit - records.count)
  }

  /// Takes over what an earlier life had measured at `end`, when it ended, to be called before the
  /// first packet is received. It counts when something comes from the neighbour.
  public mutating func restoreLink(_ record: LinkRecord, measuredUntil end: Instant) {
    restart.keepLink(record, measuredUntil: end)
  }
}

extension Neighbour {
  /// What was measured of the link; nil if that says nothing.
  func record(at now: Instant, withRoundTrip: Bool = true) -> LinkRecord? {
    let time = withRoundTrip ? roundTrip.current(at: now) : nil
    let jitter = time == nil ? nil : roundTrip.jitter(at: now)
    let remembered = jitter == nil ? nil : roundTrip.rememberedJitter(at: now)
    let record = LinkRecord(
      interface: interfaceName, address: address,
      silence: HelloHistory.milliseconds(from: lastHello ?? createdAt, to: now),
      unicastSeqno: measuring.seqno, isMutual: measuring.isMutual,
      losses: measuring.meter.numbers,
      roundTrip: [time, jitter, remembered].compactMap { $0 })
    return record.flatMap { $0.isPlain && time == nil ? nil : $0 }
  }
}
