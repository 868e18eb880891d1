import BabelWire

// What follows from what. Selection, holds, forwarding, announcing and seqno requests may ask each
// other, but none of them sets off what another one does: that is called from here, in an order
// that is stated here. A test reads the sources and sees to that.

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
  /// 1. If the selected route moved to another interface, this is put into the change log for the
  ///    neighbours from whom split horizon hid the former route. They may have lost their own way
  ///    at the same time, so it comes before everything that waits.
  /// 2. A hold begins or ends. What the kernel is asked for depends on it.
  /// 3. Who still has a route that is not feasible is asked for a newer seqno: the answer takes
  ///    longest, so the request leaves first.
  /// 4. The kernel is asked for the new entry, before anybody is told of it: a packet that follows
  ///    an announcement must find the way.
  /// 5. Neighbours are told what we announce now.
  /// 6. Monitors are told, when all of it is true.
  /// 7. A row that nothing hangs on any more is freed. Nothing may look at it afterwards.
  ///
  /// `former` is given if what the kernel was asked for goes by other rules now.
  mutating func reselect(
    _ row: DestinationRow, replacing former: FormerForwarding? = nil, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    #if DEBUG
      trace.enter()
    #endif
    let change = select(row, now)
    if change.isAnother { announceMove(change, now) }
    if change.isAnother { noteShift(change, now) }
    if holdOrRelease(change, now) { starve(row, now, &buffer) }
    updateForwarding(row, replacing: former, &buffer)
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
      keepUnannounced(change, now)
      return false
    }
    // An entry of an earlier life stays until there is something better to do.
    guard !destination.flags.contains(.adopted) else { return false }
    // Without a former route it is one we redistributed, or one of an earlier life.
    let isLearned = change.former != .none || destination.sourceRouter != ownRouter
    beginHold(after: change, isLearned: isLearned, now)
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

  // MARK: Requests

  /// A request for one destination: the answer is the selected route, or a retraction, also for
  /// what we never heard of (§3.8.1.1).
  mutating func receiveRouteRequest(
    _ request: RouteRequest, from id: NeighbourID, _ now: Instant
  ) {
    let due = now + answerDelay(on: neighbours[id].interface)
    if let row = table.find(request.destination, request.source) {
      enqueue(.update(row), to: id, by: due)
    } else {
      enqueue(.retraction(request), to: id, by: due)
    }
  }

  /// A request for everything: answered at once, by unicast, but not again within a Hello interval
  /// or 4 s, whichever is shorter.
  mutating func receiveWildcardRequest(from id: NeighbourID, _ now: Instant) {
    sendIHU(to: id, now)
    startUnicastFullUpdate(id, now)
  }

  /// A neighbour asks for a newer seqno. If ours is raised for that, everybody is told. Otherwise
  /// the neighbours that did not ask keep routes of the old seqno, and the one that asked could not
  /// use them when its own way is lost.
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

  /// A request was not answered for a while: it is repeated or given up. What became worse was not
  /// told as long as an answer might have led to a better route.
  mutating func requestDue(_ pending: RequestRow, _ now: Instant) {
    let row = requests[pending].destination
    guard requestTimerFired(pending, now), table.isLive(row) else { return }
    considerAnnouncement(row, now)
  }

  // MARK: Delays

  /// Ends holds, sends further copies, looks at settling routes and at what an earlier life
  /// announced, each when its time has come; at most `budget` destinations. Returns how many.
  mutating func runDelays(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    var work = 0
    while work < budget, let row = selection.holdDue(at: now) {
      work += 1
      guard expireHold(row, now) else { continue }
      table.destinations[row].forgetAnnouncement()
      updateForwarding(row, &buffer)
      table.removeIfUnused(row)
    }
    while work < budget, let row = selection.keptDue(at: now) {
      work += 1
      if endKeeping(row) { updateForwarding(row, &buffer) }
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
