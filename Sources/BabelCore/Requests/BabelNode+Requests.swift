import BabelWire

// Before editing, read RFC 8966 §3.8.

/// Who is to hear the answer to a seqno request, and of which destination.
enum SeqnoAnswer {
  case none
  case requester(DestinationRow)
  case everybody(DestinationRow)
}

extension BabelNode {
  // MARK: Receiving

  /// Finds the answer to a request for a newer seqno, or forwards it (§3.8.1.2).
  mutating func answer(
    to request: SeqnoRequest, from id: NeighbourID, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) -> SeqnoAnswer {
    guard let row = table.find(request.destination, request.source) else { return .none }
    let router = table.routerIDs.number(of: request.routerID)
    if let announcement = announcement(row) {
      if announcement.router != router || !request.seqno.isNewer(than: announcement.seqno) {
        // Requests for several of our prefixes come together; the first one raised the seqno.
        let isRaised =
          router == ownRouter && request.seqno == ownSeqno.value
          && ownSeqno.hasJustIncreased(now)
        return isRaised ? .everybody(row) : .requester(row)
      }
      if router == ownRouter {
        increaseSeqno(asked: request.seqno, now, &buffer)
        return .everybody(row)
      }
    } else if !table.destinations[row].flags.contains(.held) {
      return .none
    }
    guard request.hopCount >= 2, let router, router != ownRouter else { return .none }
    forward(request, row, router, from: id, now)
    return .none
  }

  /// One more, however far ahead the request is (§3.8.1.2), and not too often. Only a life that
  /// began without knowing its seqno goes on from what a neighbour remembers of the earlier one.
  private mutating func increaseSeqno(
    asked: Seqno, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard !ownSeqno.hasJustIncreased(now) else { return }
    let isLearned =
      parameters.hasLostSeqno && restart.learnSeqno(ahead: asked.distance(from: ownSeqno.value))
    ownSeqno.increase(to: isLearned ? asked : ownSeqno.value.next, at: now)
    buffer.actions.append(.notify(.seqnoIncreased(ownSeqno.value)))
  }

  /// Forwards a request to one neighbour that is not the requester: the next hop of a feasible
  /// route if there is one, else of any (§3.8.1.2).
  private mutating func forward(
    _ request: SeqnoRequest, _ row: DestinationRow, _ router: RouterRow,
    from requester: NeighbourID,
    _ now: Instant
  ) {
    if let pending = requests.find(row, router),
      !request.seqno.isNewer(than: requests[pending].seqno),
      now - requests[pending].sentAt < ProtocolParameters.duplicateRequestSpacing
    {
      return
    }
    guard let target = forwardingTarget(row, except: requester, now) else { return }
    remember(row, router, request.seqno, requester: requester, repeats: 0, now)
    let onward = SeqnoRequest(
      destination: request.destination, source: request.source, seqno: request.seqno,
      hopCount: request.hopCount - 1, routerID: request.routerID)
    enqueueUrgent(.seqnoRequest(onward), to: target, now)
  }

  /// The selected route comes first. An answer by another way whose metric is no better would not
  /// change what we announce, and the requester would ask for ever.
  private func forwardingTarget(
    _ row: DestinationRow, except requester: NeighbourID, _ now: Instant
  ) -> NeighbourID? {
    let selected = table.destinations[row].selected
    if selected != .none {
      let id = table.nextHops[table.routes[selected].nextHop].neighbour
      if id != requester { return id }
    }
    var best: NeighbourID?
    var bestMetric = Metric.infinity
    var bestIsFeasible = false
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      let id = table.nextHops[table.routes[number].nextHop].neighbour
      let metric = metric(of: number)
      if id != requester, !metric.isInfinite {
        let feasible = isFeasible(number, now)
        if best == nil || (feasible && !bestIsFeasible)
          || (feasible == bestIsFeasible && metric < bestMetric)
        {
          (best, bestMetric, bestIsFeasible) = (id, metric, feasible)
        }
      }
    }
    return best
  }

  // MARK: Sending

  /// A destination lost its last feasible route: everyone who still has one is asked for a newer
  /// seqno (§3.8.2.1).
  mutating func starve(
    _ row: DestinationRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let targets = unfeasibleNeighbours(row, now)
    guard !targets.isEmpty else { return }
    buffer.actions.append(
      .notify(
        .starving(
          destination: table.destinations[row].prefix, source: table.sourcePrefix(row))))
    let router = table.destinations[row].sourceRouter
    if router != .none, router != ownRouter {
      askForSeqno(
        row, router, from: targets, repeats: ProtocolParameters.seqnoRequestRepeats, now)
    }
    // Routes of another originator wait for a newer seqno of that one.
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if table.routes[number].routerID != router { askForSeqnoIfWanted(number, now) }
    }
  }

  /// An Update that is not feasible but would be wanted: its neighbour is asked for a newer seqno
  /// (§3.8.2.2). A new way is tried at once, even if others have been asked already.
  mutating func askForSeqnoIfWanted(
    _ number: RouteRow, isNewWay: Bool = false, _ now: Instant
  ) {
    let route = table.routes[number]
    let metric = metric(of: number)
    guard !metric.isInfinite, restart.hasListened else { return }
    let selected = table.destinations[route.destination].selected
    let id = table.nextHops[route.nextHop].neighbour
    if table.destinations[route.destination].flags.contains(.originated) { return }
    if selected != .none {
      // It is worth asking if the route would replace the selected one.
      let margin = requestMargin(number, selected)
      let wanted = rank(number, metric.adding(Metric(margin)))
      guard wanted < rank(selected, self.metric(of: selected)) else { return }
    }
    guard needsNewerSeqno(number, now) else { return }
    if isNewWay, selected == .none,
      let pending = requests.find(route.destination, route.routerID), requests[pending].isOwn
    {
      let seqno = requests[pending].seqno
      sendSeqnoRequest(route.destination, route.routerID, seqno, to: [id], now)
    }
    // After a crash any neighbour's way may be the one that is broken.
    askForSeqno(
      route.destination, route.routerID,
      from: selected == .none && restart.isRecovering
        ? unfeasibleNeighbours(route.destination, now) : [id],
      repeats: selected == .none ? ProtocolParameters.seqnoRequestRepeats : 0, now)
  }

  /// By how much a route must be better than the selected one to be worth a request, less one. An
  /// answer makes an Update at each node of the way, and where losses count metrics of far prefixes
  /// vary more.
  private func requestMargin(_ number: RouteRow, _ selected: RouteRow) -> UInt16 {
    let rule = switchRule(number, selected)
    if rule.configuredMargin == nil {
      if bindsDirections(number) { return 0 }
      if !rule.isMeasured { return ProtocolParameters.insignificantMetric }
    }
    let margin = max(rule.margin, 1) - 1
    guard rule.configuredMargin == nil, countsLosses(number) || countsLosses(selected) else {
      return margin
    }
    return max(margin, metric(of: selected).rawValue / 16)
  }

  /// Whether only a newer seqno makes a route one that can be selected.
  private func needsNewerSeqno(_ number: RouteRow, _ now: Instant) -> Bool {
    !isFeasible(number, now) || isAwaiting(number, now)
  }

  /// The cost of a link changed: what it made better, or worse, may make a route wanted that is not
  /// feasible.
  mutating func askForSeqnoIfWanted(afterChangeOf number: RouteRow, _ now: Instant) {
    let row = table.routes[number].destination
    let selected = table.destinations[row].selected
    guard selected != .none else { return }
    if selected != number { return askForSeqnoIfWanted(number, now) }
    var walk = table.routes(of: row)
    while let other = walk.next(in: table) {
      if other != number { askForSeqnoIfWanted(other, now) }
    }
  }

  /// Sends a seqno request for one more than our feasibility distance has (§3.8.2.1), or may have
  /// had, unless one is pending.
  mutating func askForSeqno(
    _ row: DestinationRow, _ router: RouterRow, from targets: [NeighbourID], repeats: UInt8,
    _ now: Instant
  ) {
    let known = table.distance(row, router: router, at: now)?.seqno
    let presumed = table.presumedSeqno(row, router: router, at: now)
    guard var seqno = known ?? presumed else { return }
    if let presumed, presumed.isNewer(than: seqno) { seqno = presumed }
    seqno = seqno.next
    if let pending = requests.find(row, router), requests[pending].isOwn,
      !seqno.isNewer(than: requests[pending].seqno)
    {
      return
    }
    remember(row, router, seqno, requester: nil, repeats: repeats, now)
    sendSeqnoRequest(row, router, seqno, to: targets, now)
  }

  private mutating func sendSeqnoRequest(
    _ row: DestinationRow, _ router: RouterRow, _ seqno: Seqno, to targets: [NeighbourID],
    _ now: Instant
  ) {
    let request = SeqnoRequest(
      destination: table.destinations[row].prefix, source: table.sourcePrefix(row), seqno: seqno,
      hopCount: ProtocolParameters.initialHopCount, routerID: table.routerIDs[router])
    for id in targets { enqueueUrgent(.seqnoRequest(request), to: id, now) }
  }

  private func unfeasibleNeighbours(_ row: DestinationRow, _ now: Instant) -> [NeighbourID] {
    var result: [NeighbourID] = []
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if !metric(of: number).isInfinite, needsNewerSeqno(number, now) {
        result.append(table.nextHops[table.routes[number].nextHop].neighbour)
      }
    }
    return result
  }

  // MARK: The table of pending requests

  private mutating func remember(
    _ row: DestinationRow, _ router: RouterRow, _ seqno: Seqno, requester: NeighbourID?,
    repeats: UInt8,
    _ now: Instant
  ) {
    if let pending = requests.find(row, router) {
      requests.renew(pending, seqno, for: requester, repeats: repeats, at: now)
      return
    }
    // A full table costs duplicate suppression and repetition, not the request itself.
    guard requests.count < parameters.requestLimit else { return counters.countFull(.requests) }
    table.routerIDs.retain(number: router)
    requests.insert(
      PendingSeqnoRequest(row, router, seqno, for: requester, repeats: repeats, at: now))
    table.destinations[row].setRequested(true)
  }

  private mutating func forget(_ pending: RequestRow) {
    let request = requests[pending]
    table.routerIDs.release(request.router)
    if requests.remove(pending) {
      table.destinations[request.destination].setRequested(false)
      table.removeIfUnused(request.destination)
    }
  }

  /// Repeats a request of our own, or forgets it. Returns whether it did that.
  mutating func requestTimerFired(_ pending: RequestRow, _ now: Instant) -> Bool {
    let request = requests[pending]
    let isStarving = table.destinations[request.destination].selected == .none
    guard request.isOwn, request.repeatsLeft > 0, isStarving else {
      forget(pending)
      return true
    }
    sendSeqnoRequest(
      request.destination, request.router, request.seqno,
      to: unfeasibleNeighbours(request.destination, now), now)
    requests.countRepetition(of: pending, at: now)
    return false
  }

  /// What we announce now may be what pending requests wait for: those are forgotten. Returns
  /// whether others asked us for it, so that it is to be passed on at once (§3.8.1.2).
  mutating func satisfyRequests(_ row: DestinationRow, _ now: Instant) -> Bool {
    guard table.isLive(row), table.destinations[row].flags.contains(.requested),
      let announcement = announcement(row)
    else { return false }
    var passOn = false
    var pending = requests.first(row)
    while pending != .none {
      let request = requests[pending]
      let next = request.next
      if announcement.router != request.router || !request.seqno.isNewer(than: announcement.seqno) {
        passOn = passOn || request.requester != nil
        forget(pending)
      }
      pending = next
    }
    return passOn
  }
}
