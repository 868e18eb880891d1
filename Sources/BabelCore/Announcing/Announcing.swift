import BabelWire

// Before editing, read RFC 8966 §3.7.

/// What is to be announced: the log of changes, further copies of them, and how many full updates
/// are under way. What is said of a destination is decided in
/// `BabelNode+AnnouncementDecision.swift`.
struct Announcing {
  private var changes = ChangeLog()
  /// Interfaces that read the change log.
  private(set) var readers = 0
  /// The farthest position that any interface has read. When the log grows beyond it all interfaces
  /// get a deadline, so one that is behind always has one.
  private var farthestReader = LogPosition()
  /// Destinations with further copies of a critical update to send.
  private var copies = DelayLine(delay: ProtocolParameters.copySpacing)
  /// Full updates under way, multicast and unicast.
  private var fullUpdatesUnderWay = 0
  /// `out` chains that neighbours may remember the effect of.
  private var retiredFilters = RetiredFilters()

  /// When the next further copies are due.
  var firstDeadline: Instant? { copies.first }

  // MARK: The change log

  /// An interface comes up. Returns where it begins to read.
  mutating func addReader() -> LogPosition {
    readers += 1
    farthestReader = changes.end
    return changes.end
  }

  /// An interface goes down.
  mutating func removeReader() { readers -= 1 }

  /// Whether every reader has a deadline for what the log holds: an entry waits at its end that
  /// nobody has read.
  var isScheduled: Bool { farthestReader != changes.end }

  /// Enters a destination whose latest entry is at `position`. Returns where it is now: an entry
  /// that nobody has read yet serves as well.
  mutating func log(_ row: DestinationRow, formerly position: LogPosition) -> LogPosition {
    let waits = changes.destination(at: position) == row && !farthestReader.isAfter(position)
    return waits ? position : changes.append(row)
  }

  /// Where the next entry of the log will stand.
  var end: LogPosition { changes.end }

  /// A position, or that of the first entry of the log if what stood there is forgotten.
  func firstKnown(from position: LogPosition) -> LogPosition {
    changes.firstKnown(from: position)
  }

  /// The destination at a position of the log, nil at its end.
  func change(at position: LogPosition) -> DestinationRow? { changes.destination(at: position) }

  /// An interface has read the log to a position.
  mutating func noteRead(to position: LogPosition) {
    if position.isAfter(farthestReader) { farthestReader = position }
  }

  /// Forgets the part of the log that all interfaces have read.
  mutating func trim(_ links: borrowing Links) {
    var least = changes.end
    for id in links.order {
      guard let interface = links[id], interface.isUp else { continue }
      let position = interface.announcing.logPosition
      if least.isAfter(position) { least = position }
    }
    changes.trim(before: least)
  }

  // MARK: Filters

  /// An `out` chain is replaced; see ``RetiredFilters``.
  mutating func retire(_ chain: FilterChain, until end: Instant, at now: Instant) {
    retiredFilters.retire(chain, until: end, at: now)
  }

  /// Whether a chain that was replaced lately let a destination pass.
  func passedFormerly(_ subject: FilterSubject, at now: Instant) -> Bool {
    retiredFilters.passed(subject, at: now)
  }

  // MARK: Copies

  /// A further copy of a critical update is to be sent.
  mutating func planCopy(_ row: DestinationRow, at now: Instant) { copies.append(row, at: now) }

  /// A destination of which a copy may be due.
  mutating func copyDue(at now: Instant) -> DestinationRow? { copies.popDue(at: now) }

  // MARK: Full updates

  /// Whether the order of announcement may be changed.
  var mayReorder: Bool { fullUpdatesUnderWay == 0 }

  /// A full update begins, by multicast or unicast.
  mutating func fullUpdateBegins() { fullUpdatesUnderWay += 1 }

  /// A full update ends, done or not.
  mutating func fullUpdateEnds() { fullUpdatesUnderWay -= 1 }
}

/// How far announcing has come on one interface.
struct LinkAnnouncing {
  /// When the next full update of its own accord is due.
  private(set) var periodicUpdateDue: Instant?
  /// Where the full update under way stands in the announcement order; nil when none is.
  private(set) var fullUpdatePosition: Int?
  /// When a full update that waits, or the next part of the one under way, leaves; nil when there
  /// is none.
  private(set) var fullUpdateDue: Instant?
  /// When the last multicast full update began.
  private(set) var fullUpdateBegan: Instant?
  /// IPv4 prefixes cannot be announced here any more, and neighbours have yet to be told.
  private(set) var retractsIPv4 = false
  /// Unicast full updates under way.
  private(set) var unicastFullUpdates = 0
  /// Where this interface has read the change log to.
  private(set) var logPosition = LogPosition()
  /// When the change log's new entries leave; nil when there are none.
  private(set) var changesDue: Instant?
  private var pacer = ChangePacer()

  /// When something is to be announced.
  var firstDeadline: Instant? {
    var first = Instant.distantFuture
    if let due = periodicUpdateDue { first = min(first, due) }
    if let due = fullUpdateDue { first = min(first, due) }
    if let due = changesDue { first = min(first, due) }
    return first == .distantFuture ? nil : first
  }

  // MARK: Full updates

  /// The interface came up: it reads the log from a position on, and everything is announced.
  mutating func begin(at position: LogPosition, fullUpdateDue due: Instant) {
    logPosition = position
    fullUpdateDue = due
  }

  /// Sets when the next full update of its own accord is due.
  mutating func planPeriodicUpdate(at due: Instant) { periodicUpdateDue = due }

  /// A full update leaves at `due`; one that is under way goes on then.
  mutating func planFullUpdate(at due: Instant?) { fullUpdateDue = due }

  /// One that is under way begins again.
  mutating func restartFullUpdate() { if fullUpdatePosition != nil { fullUpdatePosition = 0 } }

  /// A multicast full update begins.
  mutating func fullUpdateBegins(at now: Instant) { fullUpdateBegan = now }

  /// The full update has come to a position, and goes on at a time; nil if it is done.
  mutating func fullUpdateStands(at position: Int?, goesOnAt due: Instant?) {
    fullUpdatePosition = position
    fullUpdateDue = due
    if position == nil { retractsIPv4 = false }
  }

  /// The interface goes down. Returns whether a full update was under way.
  mutating func endFullUpdate() -> Bool {
    guard fullUpdatePosition != nil else { return false }
    fullUpdatePosition = nil
    return true
  }

  /// Notes whether neighbours have to be told that IPv4 prefixes cannot be announced any more.
  mutating func setRetractsIPv4(_ retracts: Bool) { retractsIPv4 = retracts }

  /// A full update for one neighbour begins.
  mutating func unicastFullUpdateBegins() { unicastFullUpdates += 1 }

  /// A full update for one neighbour ends.
  mutating func unicastFullUpdateEnds() { unicastFullUpdates -= 1 }

  // MARK: Changes

  /// When the next changes may leave a node with so many interfaces; in the past if now.
  func nextTurn(ofInterfaces count: Int) -> Instant { pacer.nextTurn(ofInterfaces: count) }

  /// Notes that changes have left.
  mutating func takeTurn(at now: Instant, ofInterfaces count: Int) {
    pacer.take(at: now, ofInterfaces: count)
  }

  /// Changes leave at `due`, or go on then; nil if there are none.
  mutating func planChanges(at due: Instant?) { changesDue = due }

  /// The log has been read to a position.
  mutating func read(to position: LogPosition) { logPosition = position }
}
