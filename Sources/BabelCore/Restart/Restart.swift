import BabelWire

/// What is left of an earlier life of this node, and how far it has been got over.
///
/// The rest of the node asks two questions above all: may this route be selected
/// (``BabelNode/isAwaiting(_:_:)``), and may this prefix be announced (``BabelNode/isWithheld``).
struct Restart {
  /// How this life began.
  private(set) var beginning = Beginning.clean
  /// The wait for neighbours after a crash; nil when there is none.
  private(set) var recovery: Recovery?
  /// What an earlier life left in the kernel.
  private(set) var adoption = AdoptedForwarding()
  /// Destinations that an earlier life announced, to be looked at once.
  private var restored = DelayLine(delay: 0)
  /// Whether somebody may be told what became of them.
  private var judgesRestored = false
  /// What an earlier life heard of neighbours that were not heard again yet, and since when nothing
  /// came.
  private var formerHellos: [(record: HelloRecord, since: Instant)] = []
  /// What was measured of links to neighbours that are not known now.
  private(set) var links = LinkRecords()
  /// Until then a resumed life is not told of when an interface comes up.
  private var unnoticedEnd = Instant(microseconds: 0)
  /// By how much our seqno may still be raised at once, to one that a neighbour remembers.
  private var learnableSeqnos = ProtocolParameters.learnableSeqnos

  /// When something is to be done.
  var firstDeadline: Instant? {
    var first = Instant.distantFuture
    if judgesRestored, let due = restored.first { first = min(first, due) }
    if let due = recovery?.checkDue { first = min(first, due) }
    if let due = adoption.firstDeadline { first = min(first, due) }
    return first == .distantFuture ? nil : first
  }

  /// Begins a life.
  mutating func begin(_ beginning: Beginning, at now: Instant) {
    self.beginning = beginning
    if beginning == .resumed { adoption.prefer(at: now) }
    unnoticedEnd = now + ProtocolParameters.longestAdoption
  }

  /// Whether to believe that a neighbour remembers a seqno of an earlier life which is so far ahead
  /// of ours. How long it remembers one depends on intervals of others, so that does not end; but
  /// all that we believe adds up to less than half of all numbers, so nobody can lead us around.
  mutating func learnSeqno(ahead distance: Int) -> Bool {
    guard distance > 1, distance <= learnableSeqnos else { return false }
    learnableSeqnos -= distance
    return true
  }

  /// Whether to send a neighbour no IHU yet, in a resumed life: that its cost is infinite means
  /// nothing before there was time to hear Hellos. Until then it goes by the last IHU of the
  /// earlier life.
  func mayHear(_ neighbour: Neighbour, on interface: Interface, at now: Instant) -> Bool {
    guard beginning == .resumed, neighbour.rxcost.isInfinite else { return false }
    let interval = max(interface.helloMicroseconds, neighbour.multicast.interval.microseconds)
    return now - neighbour.createdAt < interval * ProtocolParameters.introductionHellos
  }

  /// Keeps what an earlier life that ended at `end` heard of a neighbour.
  mutating func restore(_ record: HelloRecord, heardUntil end: Instant) {
    formerHellos.append((record, end + -Int64(record.silence) * 1000))
  }

  /// Hands over what an earlier life heard of a neighbour, each with whether it is unicast.
  mutating func takeHellos(
    of address: IPAddress, on interface: InterfaceName, at now: Instant
  ) -> [(history: HelloHistory, isUnicast: Bool)] {
    guard !formerHellos.isEmpty else { return [] }
    var taken: [(history: HelloHistory, isUnicast: Bool)] = []
    formerHellos.removeAll { record, since in
      guard record.address == address, record.interface == interface else { return false }
      let history = HelloHistory(record, unchangedSince: since, at: now)
      taken.append((history, record.isUnicast))
      return true
    }
    return taken
  }

  /// What an earlier life heard of neighbours that were not heard in this one, for the next life:
  /// in a life of a second there may be no Hello. What would have become empty by now is left out.
  func remainingHellos(at now: Instant) -> [HelloRecord] {
    formerHellos.compactMap { record, since in
      let history = HelloHistory(record, unchangedSince: since, at: now)
      guard history.bits != 0, history.isScheduled else { return nil }
      return HelloRecord(
        interface: record.interface, address: record.address, isUnicast: record.isUnicast,
        bits: record.bits, expected: record.expected, interval: record.interval,
        silence: HelloHistory.milliseconds(from: since, to: now))
    }
  }

  /// Keeps what was measured of a link until `end`, for when its neighbour is heard again.
  mutating func keepLink(_ record: LinkRecord, measuredUntil end: Instant) {
    links.keep(record, measuredUntil: end)
  }

  /// Keeps it of a neighbour that is gone.
  mutating func keepLink(of neighbour: Neighbour, at now: Instant) {
    links.keep(of: neighbour, at: now)
  }

  /// Hands over what was measured of the link to a neighbour, and when that was heard last.
  mutating func takeLink(
    _ address: IPAddress, on interface: InterfaceName, at now: Instant
  ) -> (record: LinkRecord, since: Instant)? {
    links.take(address, on: interface, at: now)
  }

  // MARK: Recovery

  /// Whether routes are not selected freely yet, because of a crash.
  var isRecovering: Bool { recovery != nil }

  /// Whether it is known what seqnos there are: not while neighbours are listened to after a crash.
  var hasListened: Bool { recovery?.hasListened ?? true }

  /// The wait for neighbours after a crash begins; `opaque` marks our requests.
  mutating func beginRecovery(_ opaque: UInt16, at now: Instant) {
    recovery = Recovery(opaque: opaque, at: now)
  }

  /// Its neighbours have been listened to.
  mutating func endListening() { recovery?.hasListened = true }

  /// Everybody has acknowledged that we started anew.
  mutating func endAsking() { recovery?.isAcknowledged = true }

  /// Everything from before has expired.
  mutating func endRecovery() { recovery = nil }

  /// Something happened that may end the wait for acknowledgments.
  mutating func reconsiderRecovery(at now: Instant) {
    guard let recovery, !recovery.isAcknowledged else { return }
    self.recovery?.checkDue = min(recovery.checkDue, now)
  }

  /// Says when the wait is looked at next.
  mutating func checkRecovery(at due: Instant) { recovery?.checkDue = due }

  // MARK: Adopted entries

  /// Whether this is a resumed life whose entries are not all confirmed or taken back yet, or which
  /// had none to take over and has just begun. Until then neighbours are not told to forget what an
  /// earlier life announced.
  func isUnnoticed(at now: Instant) -> Bool {
    beginning == .resumed && (adoption.isUnderWay || now < unnoticedEnd)
  }

  /// Whether some destinations have to be looked at because of adopted entries, a few at a time.
  var isWalking: Bool { adoption.position != nil }

  /// An interface came up.
  mutating func join(_ id: InterfaceID, _ interface: Interface, at now: Instant) {
    recovery?.join(interface, at: now)
    adoption.join(id, interface, at: now)
  }

  /// Counts an entry that was found; returns its way, nil if there are too many different ones.
  mutating func adopt(_ target: AdoptedTarget, at now: Instant) -> AdoptedWay? {
    adoption.insert(target, at: now)
  }

  /// Forgets one entry.
  mutating func removeAdopted() { adoption.remove() }

  /// Revokes the entries through an interface whose gateway fulfils a condition.
  mutating func revoke(
    _ interface: InterfaceID, isLost: Bool, where condition: (IPAddress) -> Bool
  ) {
    adoption.revoke(interface, isLost: isLost, where: condition)
  }

  /// Remembers the entries in the order of their prefixes.
  mutating func noteOrder(_ order: [(prefix: Prefix, row: DestinationRow)]) {
    adoption.order = order
  }

  /// A destination has to wait before it is announced.
  mutating func withhold(_ row: DestinationRow, at now: Instant) {
    adoption.withhold(row, at: now)
  }

  /// Hands over what was withheld, if its time has come.
  mutating func takeWithheld(at now: Instant) -> [DestinationRow] {
    guard let due = adoption.withheldDue, due <= now else { return [] }
    return adoption.takeWithheld()
  }

  /// Begins to take back all entries that were not confirmed, or to allow others beside them, if
  /// the time for it has come.
  mutating func beginSweep(at now: Instant) {
    if let due = adoption.preferenceDue, due <= now { adoption.endPreference() }
    if let due = adoption.sweepDue, due <= now { adoption.beginSweep() }
  }

  /// The next destination to be looked at, of a table with so many rows; nil at the end.
  mutating func nextOfWalk(below capacity: UInt32) -> DestinationRow? {
    adoption.nextOfWalk(below: capacity)
  }

  // MARK: Restored destinations

  /// An earlier life announced a destination: what became of it is looked at as soon as an
  /// interface is up. All that the kernel has left is known by then, and no route is used before.
  mutating func judgeLater(_ row: DestinationRow, at now: Instant) {
    restored.append(row, at: now)
  }

  /// A destination whose time has come.
  mutating func dueRestored(at now: Instant) -> DestinationRow? {
    judgesRestored ? restored.popDue(at: now) : nil
  }

  /// The first interface came up, or the last one went down.
  mutating func noteInterfaces(areUp: Bool) { judgesRestored = areUp }
}
