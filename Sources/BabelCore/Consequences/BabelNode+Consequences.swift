import BabelWire

// What follows from what. Selection, holds, forwarding, announcing and seqno requests do not call
// each other: they are called from here, in an order that is stated here. A test reads the sources
// and sees to that.

/// What a new selection changed for a destination.
struct SelectionChange {
  let row: DestinationRow
  /// The route that was selected before, and the one that is now.
  let former: RouteRow
  let selected: RouteRow

  var isAnother: Bool { former != selected }
}

extension BabelNode {
  /// Selects the route of a destination anew, and does what follows:
  ///
  /// 1. A move to another way is entered for those who could not hear of it otherwise. They may
  ///    have lost their own way at the same time, so this comes before everything that waits.
  /// 2. A hold begins or ends. What the kernel is asked for depends on it.
  /// 3. Who still has a route that is not feasible is asked for a newer seqno: the answer takes
  ///    longest, so the request leaves first.
  /// 4. The kernel is asked for the new entry, before anybody is told of it: a packet that follows
  ///    an announcement must find the way.
  /// 5. Neighbours are told what we announce now.
  /// 6. Monitors are told, when all of it is true.
  /// 7. A row that nothing hangs on any more is freed. Nothing may look at it afterwards.
  mutating func reselect(_ row: DestinationRow, _ now: Instant, _ buffer: inout ActionBuffer) {
    let change = select(row, now)
    if change.isAnother { announceMove(change, now) }
    if holdOrRelease(change, now) { starve(row, now, &buffer) }
    updateForwarding(row, &buffer)
    considerAnnouncement(row, now)
    if change.isAnother {
      if change.former != .none { reportRoute(.change, change.former, now, &buffer) }
      if change.selected != .none { reportRoute(.change, change.selected, now, &buffer) }
    }
    table.removeIfUnused(row)
  }

  private mutating func announceMove(_ change: SelectionChange, _ now: Instant) {
    guard change.selected != .none else { return }
    if change.former != .none {
      noteMove(change.row, from: change.former, to: change.selected, now)
    }
    // The price depends on the way, so it may change where the metric does not.
    if usesPrices { noteChange(change.row, isCritical: false, now) }
  }

  /// Begins or ends the hold of a destination. Returns whether a learned route was lost just now.
  private mutating func holdOrRelease(_ change: SelectionChange, _ now: Instant) -> Bool {
    let destination = table.destinations[change.row]
    if change.selected != .none || destination.flags.contains(.originated) {
      endHold(change.row)
      return false
    }
    if destination.flags.isDisjoint(with: [.announced, .adopted]) {
      // While its routes may not be used, packets must not follow a shorter prefix instead: they
      // may come from one who still believes in what we announced before a crash.
      if hasAwaitingRoute(change.row, now) { beginHold(change.row, inKernel: true, now) }
      return false
    }
    // An entry of an earlier life stays until there is something better to do.
    guard !destination.flags.contains(.adopted) else { return false }
    // Without a former route it is one we redistributed, or one of an earlier life.
    let isLearned = change.former != .none || destination.sourceRouter != ownRouter
    beginHold(change.row, inKernel: isLearned, now)
    return change.former != .none
  }

  /// A destination that neighbours may believe we lead to is lost without a new selection: it is
  /// held, for a time of its own if one is given (microseconds), and retracted.
  mutating func holdLost(
    _ row: DestinationRow, for time: Int64? = nil, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    beginHold(row, inKernel: true, for: time, now)
    updateForwarding(row, &buffer)
    considerAnnouncement(row, now)
  }

  // MARK: News of one route

  /// A route was entered. Only with its row selected, or not, is it known what is worth asking.
  mutating func routeArrived(
    _ number: RouteRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    reportRoute(.add, number, now, &buffer)
    reselect(row, now, &buffer)
    askForSeqnoIfWanted(number, isNewWay: true, now)
    passOnAnswers(row, now)
  }

  /// An Update changed a route; `before` is what monitors saw of it, and `isNewWay` says that it
  /// could not be used then.
  mutating func routeChanged(
    _ number: RouteRow, from before: VisibleRoute?, formerPrice: UInt32?, isNewWay: Bool,
    _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    reselect(row, now, &buffer)
    if isPriceNews(of: number, formerly: formerPrice) { noteChange(row, isCritical: false, now) }
    reportRoute(number, ifNot: before, now, &buffer)
    askForSeqnoIfWanted(number, isNewWay: isNewWay, now)
    passOnAnswers(row, now)
  }

  /// A route was retracted, or expired.
  mutating func routeLost(
    _ number: RouteRow, from before: VisibleRoute?, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    reselect(table.routes[number].destination, now, &buffer)
    reportRoute(number, ifNot: before, now, &buffer)
  }

  /// The cost of the link to a route's neighbour changed, and with it the metric.
  mutating func routeCostChanged(
    _ number: RouteRow, from before: VisibleRoute?, isNewWay: Bool, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    routeLost(number, from: before, now, &buffer)
    if restart.isRecovering {
      askForSeqnoIfWanted(number, isNewWay: isNewWay, now)
    } else {
      askForSeqnoIfWanted(afterChangeOf: number, now)
    }
  }

  private mutating func passOnAnswers(_ row: DestinationRow, _ now: Instant) {
    if satisfyRequests(row, now) { noteChange(row, isCritical: false, now) }
  }

  // MARK: Requests

  /// A neighbour asks for a newer seqno. Where ours was raised everybody is told, or else who did
  /// not ask holds routes of an older seqno, which help nobody when the way of the one who asked is
  /// lost.
  mutating func seqnoRequestArrived(
    _ request: SeqnoRequest, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    switch answer(to: request, from: id, now, &buffer) {
    case .none: break
    case .requester(let row): enqueueUrgent(.update(row), to: id, now)
    case .everybody(let row):
      noteChange(row, isCritical: false, now)
      enqueueUrgent(.update(row), to: id, now)
    }
  }

  // MARK: Delays

  /// Ends holds, sends further copies and looks at settling routes whose time has come; at most
  /// `budget` destinations. Returns how many.
  mutating func runDelays(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    var work = 0
    while work < budget, let row = selection.holdDue(at: now) {
      work += 1
      guard expireHold(row, now) else { continue }
      table.destinations[row].forgetAnnouncement()
      updateForwarding(row, &buffer)
      table.removeIfUnused(row)
    }
    while work < budget, let row = announcing.copyDue(at: now) {
      work += 1
      if table.isLive(row) { sendCopy(row, now) }
    }
    while work < budget, let row = restart.dueRestored(at: now) {
      work += 1
      judgeRestored(row, now, &buffer)
    }
    while work < budget, let row = selection.settlingDue(at: now) {
      work += 1
      guard endSettling(row) else { continue }
      reselect(row, now, &buffer)
    }
    return work
  }
}
