import BabelWire

// Before editing, read RFC 8966 §2.4, §3.3 and §3.7 (on start-up), and `Recovery`.

extension BabelNode {
  /// Says how this life begins; to be called before the first interface comes up. A node that is
  /// not told begins clean.
  public mutating func begin(_ beginning: Beginning, at now: Instant) {
    restart.begin(beginning, at: now)
    claims.begin(at: now)
    guard beginning == .afterCrash else { return }
    restart.beginRecovery(UInt16(truncatingIfNeeded: jitter.next()), at: now)
  }

  /// Whether neighbours have yet to acknowledge that we started anew.
  public var awaitsAcknowledgments: Bool { restart.recovery.map { !$0.isAcknowledged } ?? false }

  // MARK: Asking

  /// An interface came up in a recovery: the first Hellos carry a retraction of everything and a
  /// request to acknowledge it. What we announce follows behind the last of them.
  mutating func beginRetracting(_ id: InterfaceID, _ now: Instant) {
    links.beginRetracting(on: id)
    links[announcing: id]?.announcing.planFullUpdate(at: nil)
  }

  /// Queues the retraction that goes with a Hello.
  mutating func queueRetraction(_ id: InterfaceID, _ now: Instant) {
    guard let interface = interface(id), interface.retractionsLeft > 0 else { return }
    guard let recovery = restart.recovery else {
      // The interface came up so late that there is nothing left to wait for.
      links.enqueueInFront([.wildcardRetraction], on: id, by: now)
      links.endRetracting(on: id)
      links[announcing: id]?.announcing.planFullUpdate(at: now)
      return
    }
    links.enqueueInFront(recovery.retraction, on: id, by: now)
    links.countRetraction(on: id, at: now)
    if interface.retractionsLeft == 1 { links[announcing: id]?.announcing.planFullUpdate(at: now) }
  }

  /// A neighbour is heard for the first time.
  mutating func awaitAcknowledgment(of id: NeighbourID, _ now: Instant) {
    guard restart.isRecovering else { return }
    neighbours[restart: id].awaitAcknowledgment()
  }

  /// A neighbour says that it hears us: its answer to the multicast request may be under way, else
  /// it is asked by unicast. One that does not say so does not route through us, and perhaps it
  /// does not exist.
  mutating func planRetraction(for id: NeighbourID, _ now: Instant) {
    guard restart.isRecovering, neighbours[id].restart.awaitsAcknowledgment,
      neighbours[id].restart.retractionDue == nil, !neighbours[id].txcost.isInfinite,
      let interface = interface(neighbours[id].interface)
    else { return }
    let asked = interface.retractedAt ?? now
    neighbours[restart: id].planRetraction(
      at: max(now, asked + ProtocolParameters.acknowledgmentTimeout))
  }

  /// An answer: the neighbour has no route through us from before.
  mutating func receiveAcknowledgment(
    _ answer: Acknowledgment, from id: NeighbourID, _ now: Instant
  ) {
    guard let recovery = restart.recovery, answer.opaque == recovery.opaque,
      neighbours[id].restart.awaitsAcknowledgment
    else { return }
    neighbours[restart: id].endWaiting()
    reconsiderRecovery(now)
  }

  // MARK: Ending

  /// Something happened that may end the wait for acknowledgments.
  mutating func reconsiderRecovery(_ now: Instant) {
    restart.reconsiderRecovery(at: now)
  }

  /// Looks how far the wait is: neighbours have been listened to, everybody has answered,
  /// everything from before has expired.
  mutating func checkRecovery(_ now: Instant, _ buffer: inout ActionBuffer) {
    guard let recovery = restart.recovery, recovery.checkDue <= now else { return }
    if recovery.end <= now { return endRecovery(now, &buffer) }
    restart.checkRecovery(at: recovery.end)
    if !recovery.hasListened {
      if recovery.listensUntil > now {
        restart.checkRecovery(at: min(recovery.listensUntil, recovery.end))
        return
      }
      restart.endListening()
      forEachNeighbour { node, id in node.judgeRoutes(of: id) }
    }
    guard !recovery.isAcknowledged else { return }
    if let due = nextObstacle(recovery, now) {
      restart.checkRecovery(at: min(due, recovery.end))
      return
    }
    restart.endAsking()
    reportEnd(of: recovery, now, &buffer)
  }

  /// When to look again because of a neighbour that may route through us and has not answered;
  /// nil if there is none. One that does not say that it hears us does not route through us, but
  /// a new one gets the time to say so.
  private func nextObstacle(_ recovery: Recovery, _ now: Instant) -> Instant? {
    var next: Instant?
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] {
        let neighbour = neighbours[id]
        guard neighbour.restart.awaitsAcknowledgment else { continue }
        if !neighbour.txcost.isInfinite { return recovery.end }
        let patience = neighbour.createdAt + ProtocolParameters.introductionTime
        if patience > now { next = min(next ?? patience, patience) }
      }
    }
    return next
  }

  private mutating func endRecovery(_ now: Instant, _ buffer: inout ActionBuffer) {
    guard let recovery = restart.recovery else { return }
    if !recovery.isAcknowledged { reportEnd(of: recovery, now, &buffer) }
    restart.endRecovery()
    forEachNeighbour { node, id in
      node.neighbours[restart: id].endWaiting()
      node.judgeRoutes(of: id)
    }
  }

  private func reportEnd(of recovery: Recovery, _ now: Instant, _ buffer: inout ActionBuffer) {
    var answers = 0
    var unanswered = 0
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] {
        if neighbours[id].restart.awaitsAcknowledgment { unanswered += 1 } else { answers += 1 }
      }
    }
    let milliseconds = UInt32(clamping: (now - recovery.beganAt) / 1000)
    buffer.actions.append(
      .notify(.recovered(milliseconds: milliseconds, answers: answers, unanswered: unanswered)))
  }

  private mutating func forEachNeighbour(
    _ body: (inout BabelNode, NeighbourID) -> Void
  ) {
    for interface in links.order {
      for id in self.interface(interface)?.neighbours ?? [] { body(&self, id) }
    }
  }

  // MARK: Selecting meanwhile

  /// An Update names a source: what we may have announced of it before the crash is presumed, as
  /// long as neighbours are listened to or when it is heard of for the first time.
  mutating func presumeAnnounced(
    _ row: DestinationRow, _ router: RouterRow, _ seqno: Seqno, _ now: Instant
  ) {
    guard let recovery = restart.recovery else { return }
    if let presumed = table.presumedSeqno(row, router: router, at: now) {
      guard !recovery.hasListened, seqno.isNewer(than: presumed) else { return }
    } else if table.sourceCount >= parameters.sourceLimit {
      return
    }
    table.presume(row, router: router, seqno, until: recovery.end, at: now)
  }

  /// Whether a route may not be selected yet, because it may lead back to us.
  func isAwaiting(_ number: RouteRow, _ now: Instant) -> Bool {
    guard restart.isRecovering else { return false }
    let route = table.routes[number]
    if let presumed = table.presumedSeqno(route.destination, router: route.routerID, at: now),
      route.seqno.isNewer(than: presumed)
    {
      return false
    }
    return !isForwardedAlready(number)
  }

  /// Whether a destination has a route that may not be selected yet.
  func hasAwaitingRoute(_ row: DestinationRow, _ now: Instant) -> Bool {
    guard restart.isRecovering else { return false }
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      if !metric(of: number).isInfinite, isAwaiting(number, now) { return true }
    }
    return false
  }

  /// Whether the kernel sends packets along this route now: selecting it changes nothing.
  private func isForwardedAlready(_ number: RouteRow) -> Bool {
    let route = table.routes[number]
    let destination = table.destinations[route.destination]
    if destination.flags.contains(.adopted) {
      return restart.adoption.leads(destination.adoptedWay, along: table.nextHops[route.nextHop])
    }
    return destination.forwardedNextHop == route.nextHop
  }
}
