import BabelWire

// Before editing, read RFC 8966 §3.4 and Appendix A.

// What follows when a neighbour comes, says something, falls silent or goes.

extension BabelNode {
  /// The neighbour a packet came from, entered if it is new; nil when the table is full.
  mutating func findOrAddNeighbour(
    _ interface: InterfaceID, _ address: IPAddress, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) -> NeighbourID? {
    if let id = neighbours.id(of: address, on: interface) { return id }
    guard let row = self.interface(interface) else { return nil }
    guard hasPlaceForNeighbour(on: interface, now, &buffer) else {
      counters.count(.neighbourLimit)
      buffer.actions.append(
        .notify(.packetDropped(.neighbourLimit, from: address, interface: row.name)))
      return nil
    }
    let id = neighbours.insert(address, on: interface, named: row.name, at: now)
    for record in restart.takeHellos(of: address, on: row.name, at: now) {
      neighbours.resume(record.history, isUnicast: record.isUnicast, of: id)
    }
    if let link = restart.takeLink(address, on: row.name, at: now) {
      neighbours.resume(link.record, since: link.since, of: id)
    }
    links.add(id, on: interface)
    awaitAcknowledgment(of: id, now)
    neighbours.schedule(id)
    reportNeighbour(.add, id, now, &buffer)
    greet(interface, now)
    return id
  }

  /// Whether there is a place for a newcomer. If all are taken, the newcomer gets the place of
  /// whoever was heard longest ago among those that never said that they hear us: perhaps they do
  /// not exist, and with long intervals they would stay for half an hour.
  private mutating func hasPlaceForNeighbour(
    on id: InterfaceID, _ now: Instant, _ buffer: inout ActionBuffer
  ) -> Bool {
    guard let interface = interface(id) else { return false }
    if interface.neighbours.count < parameters.neighbourLimit { return true }
    counters.countFull(.neighbours)
    // The search looks at all of them, so it is not made for each datagram of a flood.
    if let searched = interface.placeSoughtAt, now - searched < ProtocolParameters.placeSpacing {
      return false
    }
    links.noteSearch(on: id, at: now)
    var oldest: (id: NeighbourID, heard: Instant)?
    for id in interface.neighbours {
      let neighbour = neighbours[id]
      guard !neighbour.heardUs, neighbour.routes.count == 0,
        !interface.parameters.unicastNeighbours.contains(neighbour.address)
      else { continue }
      let heard = neighbour.lastHello ?? neighbour.createdAt
      if oldest.map({ heard < $0.heard }) ?? true { oldest = (id, heard) }
    }
    guard let oldest else { return false }
    flush(oldest.id, because: .displaced, now, &buffer)
    return true
  }

  /// A neighbour is new: two quick Hellos let it hear us within a second instead of two
  /// intervals. Those that come while a greeting is planned share it.
  private mutating func greet(_ id: InterfaceID, _ now: Instant) {
    guard let interface = interface(id), interface.isUp, interface.greetingDue == nil else {
      return
    }
    let soon = now + jitter.within(ProtocolParameters.greetingDelay)
    let spacing = interface.spacing(atMost: ProtocolParameters.greetingSpacing)
    let due = interface.greetedAt.map { max(soon, $0 + spacing) } ?? soon
    links.planGreeting(on: id, at: due)
  }

  /// Processes a Hello (§3.4.1, A.1). Returns the neighbour, which is another row if it had to
  /// be made anew.
  mutating func receiveHello(
    _ hello: Hello, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) -> NeighbourID? {
    var id = id
    if neighbours.heard(hello, from: id, at: now) == .restarted {
      let former = neighbours[id]
      if let name = interface(former.interface)?.name {
        buffer.actions.append(
          .notify(.neighbourRestarted(former.address, interface: name)))
      }
      revokeAdopted(of: id)
      flush(id, because: .restarted, now, &buffer)
      guard
        let new = findOrAddNeighbour(former.interface, former.address, now, &buffer)
      else { return nil }
      id = new
      _ = neighbours.heard(hello, from: id, at: now)
    }
    neighbours.noteHello(from: id, at: now)
    neighbours.noteMeasuring(hello, from: id)
    if let parameters = interface(neighbours[id].interface)?.parameters,
      neighbours[id].measuring.counts(parameters)
    {
      neighbours.measureLoss(hello, from: id, window: parameters.lossWindow)
    }
    authentication.keepIndices(on: neighbours[id].interface, between: hello.interval)
    // Whoever measures losses by quick Hellos hears us.
    if hello.isUnicast, hello.isScheduled, !neighbours[id].isProbe(hello) {
      _ = greetByUnicast(id, because: .heard)
    }
    neighbours.schedule(id)
    computeCost(id, now, &buffer)
    return id
  }

  /// Processes an IHU (§3.4.2). Returns whether it was meant for us.
  mutating func receiveIHU(
    _ ihu: IHU, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) -> Bool {
    guard let interface = interface(neighbours[id].interface) else { return false }
    // One for another of our addresses tells of that one, from which packets left before.
    if let address = ihu.address, interface.state.ipv4 != address,
      interface.state.controlAddress(interface.parameters.control) != address
    {
      return false
    }
    neighbours.heard(ihu, from: id, at: now)
    if ihu.rxcost.isInfinite {
      reconsiderRecovery(now)
    } else {
      planRetraction(for: id, now)
    }
    neighbours.schedule(id)
    computeCost(id, now, &buffer)
    return true
  }

  /// Hellos or IHUs of a neighbour are overdue.
  mutating func neighbourTimerFired(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard !neighbours[id].isLeaving else { return }
    if neighbours.expire(id, at: now) { reconsiderRecovery(now) }
    if let due = neighbours[id].restart.retractionDue, due <= now { repeatRetraction(to: id, now) }
    if let due = neighbours[id].restart.adoptedDue, due <= now { askAboutAdopted(of: id, now) }
    if neighbours[id].isGone(at: now) {
      let cause = cause(of: .gone, id, from: neighbours[id].standing.told)
      return flush(id, because: cause, now, &buffer)
    }
    if let due = neighbours[id].healing.due, due <= now {
      heal(id, now, &buffer)
      guard !neighbours[id].isLeaving else { return }
    }
    if let due = neighbours[id].healing.trialDue, due <= now { tryGroup(of: id, now, &buffer) }
    neighbours.schedule(id)
    computeCost(id, now, &buffer)
  }

  /// Computes rxcost and cost anew and spreads a change (§3.4.1, §3.4.2).
  mutating func computeCost(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard !neighbours[id].isLeaving, let interface = interface(neighbours[id].interface) else {
      return
    }
    let change = neighbours.computeCost(id, interface.parameters, at: now)
    // The other side cannot use the link before it knows that we hear it.
    if change.changesHearing { sendIHU(to: id, now) }
    judgeProbes(to: id, interface, now)
    if change.isChanged { costChanged(id, from: change.former, now) }
    if let former = change.formerState {
      let state = neighbours[id].standing.told
      judgeUnicastHellos(to: id, from: former, now, &buffer)
      neighbourChanged(
        id, from: former, to: state, cause(of: state, id, from: former), now, &buffer)
    }
    reportNeighbour(.change, id, now, &buffer)
  }

  private mutating func costChanged(_ id: NeighbourID, from old: Metric, _ now: Instant) {
    spreadCost(of: id, from: old)
    guard old.isInfinite, !neighbours[id].cost.isInfinite else { return }
    // The link became usable both ways: exchange what each side knows within a round trip.
    let due = now + urgentDelay(on: neighbours[id].interface)
    neighbours.enqueue(.wildcardRequest, to: id, by: due)
    startUnicastFullUpdate(id, now)
    expectAdopted(of: id, now)
  }

  /// Removes a neighbour: at once from lookups and from the wire, its routes by a job (§3.4).
  mutating func flush(
    _ id: NeighbourID, because cause: NeighbourCause, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    let neighbour = neighbours[id]
    guard !neighbour.isLeaving else { return }
    if neighbour.fullUpdate.position != nil { endUnicastFullUpdate(id) }
    restart.keepLink(of: neighbour, at: now)
    links.remove(id, from: neighbour.interface)
    links.removeUnicastPeers(of: neighbour.interface) {
      $0.address == neighbour.address && $0.standing != .configured
    }
    neighbours.leave(id)
    reconsiderRecovery(now)
    reportNeighbour(.flush, id, now, &buffer)
    removeRoutes(of: id)
    if neighbour.standing.told != .new, cause != .renewed {
      neighbourChanged(id, from: neighbour.standing.told, to: .gone, cause, now, &buffer)
    }
  }
}
