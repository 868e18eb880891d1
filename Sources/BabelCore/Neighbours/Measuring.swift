import BabelWire

// Before editing, read docs/loss.md.

extension Neighbour {
  /// What is measured of losses on the way from a neighbour, and the quick Hellos that it is sent
  /// to measure those on the way back.
  struct Measuring {
    /// The losses.
    fileprivate(set) var meter = LossMeter()
    /// Whether the neighbour says that it measures losses, too.
    fileprivate(set) var isMutual = false
    /// Part of the costs that comes from them, as computed last.
    private(set) var cost = Metric.zero
    /// Seqno of the next unicast Hello; nil as long as there was no quick one. Before that, unicast
    /// Hellos have the seqno of the multicast ones that they go with.
    fileprivate(set) var seqno: Seqno?
    /// When the next quick Hello is due; nil if none is sent.
    fileprivate(set) var probeDue: Instant?

    /// Whether losses count on an interface.
    func counts(_ parameters: InterfaceParameters) -> Bool {
      parameters.measuresLoss || parameters.measuresLossMutually && isMutual
    }

    /// What the losses cost on an interface.
    func penalty(_ parameters: InterfaceParameters) -> Metric {
      counts(parameters) ? meter.penalty(parameters.maxLossPenalty) : .zero
    }

    /// Notes what they cost.
    mutating func setCost(_ cost: Metric) { self.cost = cost }
  }

  /// Whether a Hello is one of the quick ones that only measure: multicast Hellos of the same
  /// neighbour are heard, and come more rarely.
  func isProbe(_ hello: Hello) -> Bool {
    hello.isUnicast && hello.isScheduled && multicast.isScheduled
      && 2 * UInt32(hello.interval.centiseconds) <= UInt32(multicast.interval.centiseconds)
  }
}

extension Neighbours {
  /// Notes whether the neighbour measures losses. Quick Hellos say nothing of that.
  mutating func noteMeasuring(_ hello: Hello, from id: NeighbourID) {
    if hello.measuresLoss {
      self[measuring: id].isMutual = true
    } else if !hello.isUnicast {
      self[measuring: id].isMutual = false
    }
  }

  /// Looks for gaps before a Hello, where losses are measured. The average goes over as many Hellos
  /// as are sent within the window.
  mutating func measureLoss(_ hello: Hello, from id: NeighbourID, window: UInt32) {
    let interval = max(self[id].helloInterval, 1)
    let count = UInt16(clamping: Int64(window) * 1000 / interval)
    let isQuick = self[id].unicast.isQuick(beside: self[id].multicast)
    self[measuring: id].meter.heard(
      hello.seqno, isUnicast: hello.isUnicast, window: count,
      wasUnheard: isQuick && self[id].rxcost.isInfinite)
  }

  /// Goes on with what was known of the link to a neighbour when it was heard the last time.
  mutating func resume(_ record: LinkRecord, since: Instant, of id: NeighbourID) {
    if let meter = LossMeter(record.losses) { self[measuring: id].meter = meter }
    self[measuring: id].seqno = record.unicastSeqno
    self[measuring: id].isMutual = record.isMutual
    resume(record.roundTrip, since: since, of: id)
  }

  // MARK: Quick Hellos

  /// Quick Hellos begin. Unicast Hellos that were sent before had the seqnos of multicast ones.
  mutating func beginProbes(to id: NeighbourID, after multicast: Seqno, at due: Instant) {
    if self[id].measuring.seqno == nil { self[measuring: id].seqno = multicast }
    self[measuring: id].probeDue = due
    scheduleUnicast(id)
  }

  /// They end.
  mutating func endProbes(to id: NeighbourID) {
    self[measuring: id].probeDue = nil
    scheduleUnicast(id)
  }

  /// The next one is due at a time. The caller calls ``scheduleUnicast(_:)`` at the end.
  mutating func planProbe(to id: NeighbourID, at due: Instant) {
    self[measuring: id].probeDue = due
  }

  /// Takes the seqno of a unicast Hello that leaves now; nil if it is that of the multicast one.
  mutating func takeUnicastSeqno(of id: NeighbourID) -> Seqno? {
    guard let seqno = self[id].measuring.seqno else { return nil }
    self[measuring: id].seqno = seqno.next
    return seqno
  }
}
