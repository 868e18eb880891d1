import BabelWire

// Before editing, read RFC 8966 §3.4 and Appendix A.

extension BabelNode {
  /// The neighbour a packet came from, entered if it is new; nil when the table is full.
  mutating func findOrAddNeighbour(
    _ interface: InterfaceID, _ address: IPAddress, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) -> NeighbourID? {
    let key = NeighbourKey(interface: interface, address: address)
    if let id = neighbourIDs[key] { return id }
    guard let row = self.interface(interface) else { return nil }
    guard hasPlaceForNeighbour(on: interface, now, &buffer) else {
      counters.count(.neighbourLimit)
      buffer.actions.append(
        .notify(.packetDropped(.neighbourLimit, from: address, interface: row.name)))
      return nil
    }
    let id = neighbours.insert(
      Neighbour(
        objectID: nextObjectID, interface: interface, named: row.name, address: address, at: now))
    nextObjectID += 1
    neighbourIDs[key] = id
    links.add(id, on: interface)
    awaitAcknowledgment(of: id, now)
    neighbourTimers.set(id.rawValue, neighbours[id].timerDeadline)
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
      guard !neighbour.heardUs, neighbour.routeCount == 0,
        !interface.parameters.unicastNeighbours.contains(neighbour.address)
      else { continue }
      let heard = neighbour.lastHello ?? neighbour.createdAt
      if oldest.map({ heard < $0.heard }) ?? true { oldest = (id, heard) }
    }
    guard let oldest else { return false }
    flush(oldest.id, now, &buffer)
    return true
  }

  /// A neighbour is new: two quick Hellos let it hear us within a second instead of two
  /// intervals. Those that come while a greeting is planned share it.
  private mutating func greet(_ id: InterfaceID, _ now: Instant) {
    guard let interface = interface(id), interface.isUp, interface.greetingDue == nil else {
      return
    }
    let soon = now + jitter.within(5_000...50_000)
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
    if enter(hello, id, now) == .restarted {
      let former = neighbours[id]
      if let name = interface(former.interface)?.name {
        buffer.actions.append(
          .notify(.neighbourRestarted(former.address, interface: name)))
      }
      revokeAdopted(of: id)
      flush(id, now, &buffer)
      guard
        let new = findOrAddNeighbour(former.interface, former.address, now, &buffer)
      else { return nil }
      id = new
      _ = enter(hello, id, now)
    }
    neighbours[id].lastHello = now
    keepIndices(on: neighbours[id].interface, between: hello.interval)
    if hello.isUnicast, hello.isScheduled { answerByUnicast(id) }
    neighbourTimers.set(id.rawValue, neighbours[id].timerDeadline)
    computeCost(id, now, &buffer)
    return id
  }

  private mutating func enter(
    _ hello: Hello, _ id: NeighbourID, _ now: Instant
  ) -> HelloHistory.Outcome {
    hello.isUnicast
      ? neighbours[id].unicast.heard(hello.seqno, interval: hello.interval, at: now)
      : neighbours[id].multicast.heard(hello.seqno, interval: hello.interval, at: now)
  }

  /// Processes an IHU (§3.4.2). Returns whether it was meant for us.
  mutating func receiveIHU(
    _ ihu: IHU, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) -> Bool {
    guard let interface = interface(neighbours[id].interface) else { return false }
    if let address = ihu.address, !interface.state.linkLocals.contains(address),
      interface.state.ipv4 != address,
      !interface.state.hasControlAddress(address, interface.parameters.control)
    {
      return false
    }
    neighbours[id].txcost = ihu.rxcost
    if ihu.rxcost.isInfinite {
      reconsiderRecovery(now)
    } else {
      neighbours[id].heardUs = true
      planRetraction(for: id, now)
    }
    neighbours[id].ihuExpiry =
      now + ihu.interval.microseconds * ProtocolParameters.ihuHoldHalves / 2
    neighbourTimers.set(id.rawValue, neighbours[id].timerDeadline)
    computeCost(id, now, &buffer)
    return true
  }

  /// Hellos or IHUs of a neighbour are overdue.
  mutating func neighbourTimerFired(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard !neighbours[id].isLeaving else { return }
    _ = neighbours[id].multicast.expire(at: now)
    _ = neighbours[id].unicast.expire(at: now)
    if let expiry = neighbours[id].ihuExpiry, expiry <= now {
      neighbours[id].txcost = .infinity
      neighbours[id].ihuExpiry = nil
      reconsiderRecovery(now)
    }
    if let due = neighbours[id].retractionDue, due <= now { repeatRetraction(to: id, now) }
    if let due = neighbours[id].adoptedDue, due <= now { askAboutAdopted(of: id, now) }
    let neighbour = neighbours[id]
    // No Hello left in either history, or none with a timer for long (A.1, §3.4).
    let isForgotten = neighbour.multicast.bits == 0 && neighbour.unicast.bits == 0
    let isSilent =
      neighbour.multicast.deadline == nil && neighbour.unicast.deadline == nil
      && now - (neighbour.lastHello ?? neighbour.createdAt) >= ProtocolParameters.silentNeighbour
    if isSilent || (isForgotten && neighbour.lastHello != nil) {
      flush(id, now, &buffer)
      return
    }
    neighbourTimers.set(id.rawValue, neighbour.timerDeadline)
    computeCost(id, now, &buffer)
  }

  /// Computes rxcost and cost anew and spreads a change (§3.4.1, §3.4.2).
  mutating func computeCost(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let old = neighbours[id]
    guard !old.isLeaving, let interface = interface(old.interface) else { return }
    let parameters = interface.parameters
    let rxcost = LinkCost.rxcost(
      multicast: old.multicast, unicast: old.unicast, nominal: parameters.rxcost,
      sensing: parameters.linkSensing,
      isListed: parameters.unicastNeighbours.contains(old.address))
    let rttCost = old.roundTrip.penalty(parameters, at: now)
    let jitterCost = old.roundTrip.jitterPenalty(parameters, at: now)
    let cost = LinkCost.cost(
      rxcost: rxcost, txcost: old.txcost, nominal: parameters.rxcost,
      sensing: parameters.linkSensing
    ).adding(rttCost).adding(jitterCost)
    neighbours[id].rxcost = rxcost
    neighbours[id].rttCost = rttCost
    neighbours[id].jitterCost = jitterCost
    if rxcost != old.rxcost, rxcost.isInfinite || old.rxcost.isInfinite {
      // The other side cannot use the link before it knows that we hear it.
      sendIHU(to: id, now)
    }
    if cost != old.cost {
      neighbours[id].cost = cost
      costChanged(id, from: old.cost, now)
    }
    reportNeighbour(.change, id, now, &buffer)
  }

  private mutating func costChanged(_ id: NeighbourID, from old: Metric, _ now: Instant) {
    let neighbour = neighbours[id]
    if neighbour.routeCount > 0 {
      if neighbour.jobRemaining == nil { jobs.append(id) }
      neighbours[id].formerCost = old
      neighbours[id].jobRemaining = neighbour.routeCount
    }
    guard old.isInfinite, !neighbour.cost.isInfinite else { return }
    // The link became usable both ways: exchange what each side knows within a round trip.
    enqueue(.wildcardRequest, to: id, by: now + urgentDelay(on: neighbour.interface))
    startUnicastFullUpdate(id, now)
    expectAdopted(of: id, now)
  }

  /// Removes a neighbour: at once from lookups and from the wire, its routes by a job (§3.4).
  mutating func flush(_ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer) {
    let neighbour = neighbours[id]
    guard !neighbour.isLeaving else { return }
    if neighbour.fullUpdatePosition != nil { endUnicastFullUpdate(id) }
    neighbourIDs[NeighbourKey(interface: neighbour.interface, address: neighbour.address)] = nil
    links.remove(id, from: neighbour.interface)
    links.removeUnicastPeers(of: neighbour.interface) {
      $0.address == neighbour.address && $0.standing != .configured
    }
    neighbourTimers.set(id.rawValue, nil)
    unicastTimers.set(id.rawValue, nil)
    neighbours[id].queue = OutgoingQueue()
    neighbours[id].cost = .infinity
    neighbours[id].isLeaving = true
    reconsiderRecovery(now)
    reportNeighbour(.flush, id, now, &buffer)
    if neighbour.jobRemaining == nil { jobs.append(id) }
    neighbours[id].jobRemaining = neighbour.routeCount
  }

  // MARK: Reading

  /// Neighbours, the most recently created first.
  public func neighbours(at now: Instant) -> [NeighbourStatus] {
    var result: [NeighbourStatus] = []
    for id in links.order {
      guard let interface = interface(id) else { continue }
      for neighbour in interface.neighbours {
        if let status = neighbourStatus(neighbour, now) { result.append(status) }
      }
    }
    return result.sorted { $0.id > $1.id }
  }

  func neighbourStatus(_ id: NeighbourID, _ now: Instant) -> NeighbourStatus? {
    let neighbour = neighbours[id]
    guard let interface = interface(neighbour.interface) else { return nil }
    return NeighbourStatus(
      id: neighbour.objectID, address: neighbour.address, interface: interface.name,
      interfaceIsUp: interface.isUp, multicastHistory: neighbour.multicast.bits,
      unicastHistory: neighbour.unicast.bits, rxcost: neighbour.rxcost,
      txcost: neighbour.txcost, roundTripTime: neighbour.roundTrip.current(at: now),
      rttCost: neighbour.rttCost, jitter: neighbour.roundTrip.jitter(at: now),
      jitterCost: neighbour.jitterCost, cost: neighbour.cost)
  }

  /// Tells monitors, but only what changed.
  mutating func reportNeighbour(
    _ event: TableEvent, _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let status = neighbourStatus(id, now) else { return }
    if event == .change, let reported = neighbours[id].reported,
      reported.looksLike(status)
    {
      return
    }
    neighbours[id].reported = status
    buffer.actions.append(.notify(.neighbour(event, status)))
  }
}
