import BabelWire

// Before editing, read docs/path-tlvs.md.

extension BabelNode {
  // MARK: Our own questions

  /// Asks which way packets from `source` (zero length if that is left open) to an address take.
  /// What is heard is told by ``Action/tellPath(_:_:)``, this node's own hop at once. Nil if too
  /// many ways are being asked for.
  public mutating func beginPath(
    to destination: IPAddress, from source: Prefix, at now: Instant,
    into buffer: inout ActionBuffer
  ) -> PathID? {
    guard !hasShutDown, let id = questions.name() else { return nil }
    let (step, next) = pathStep(to: destination, from: source, now)
    let hop = PathHop(
      number: 0, routerID: routerID, step: step,
      interface: next.flatMap { interface($0.interface)?.name })
    buffer.actions.append(.tellPath(id, .hop(hop)))
    guard let next, !step.status.isEnd else { return id }
    let request = PathRequest(
      nonce: UInt32(truncatingIfNeeded: jitter.next()), hop: 1, destination: destination,
      source: source)
    questions.begin(id, request, at: next, hop, now)
    send(.pathRequest(request), to: next, now)
    return id
  }

  /// Nobody waits for the answer to a question any more.
  public mutating func endPath(_ id: PathID) { questions.end(id) }

  /// The questions that are under way.
  public var pathQuestions: [PathID] { questions.own.map { $0.id } }

  /// Asks again where no answer has come, or gives up.
  mutating func checkPaths(_ now: Instant, _ buffer: inout ActionBuffer) {
    while let question = questions.overdue(at: now) {
      let (step, next) = pathStep(to: question.destination, from: question.source, now)
      guard question.triesLeft > 0, let next, !step.status.isEnd else {
        questions.end(question.id)
        buffer.actions.append(.tellPath(question.id, .silence(behind: question.last)))
        continue
      }
      let request = PathRequest(
        nonce: UInt32(truncatingIfNeeded: jitter.next()), hop: 1,
        destination: question.destination, source: question.source)
      questions.again(question.id, nonce: request.nonce, at: next, now)
      send(.pathRequest(request), to: next, now)
    }
  }

  // MARK: Questions of others

  /// A neighbour asks: it is told our own step, and who follows is asked in turn.
  mutating func receivePathRequest(
    _ request: PathRequest, from id: NeighbourID, _ now: Instant
  ) {
    let asker = PathPlace(interface: neighbours[id].interface, address: neighbours[id].address)
    guard mayExchangePaths(with: id), request.hop <= Paths.hopLimit else { return }
    // A route is looked up only for a request that is admitted: many more may come.
    let admission = questions.admit(request, from: asker, at: now)
    if admission == .refused { return }
    var (step, next) = pathStep(to: request.destination, from: request.source, now)
    switch admission {
    case .refused: return
    case .circle: step = step.ending(.seenBefore)
    case .admitted:
      if !step.status.isEnd, request.hop >= Paths.hopLimit { step = step.ending(.hopLimit) }
    }
    let reply = PathReply(
      nonce: request.nonce, hop: request.hop, routerID: routerID, step: step)
    send(.pathReply(reply), to: asker, now)
    guard let next, !step.status.isEnd else { return }
    questions.pass(request.nonce, to: next)
    send(.pathRequest(request.onward), to: next, now)
  }

  /// A neighbour answers: who asked hears it, another node or our own operator.
  mutating func receivePathReply(
    _ reply: PathReply, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard mayExchangePaths(with: id) else { return }
    let sender = PathPlace(interface: neighbours[id].interface, address: neighbours[id].address)
    switch questions.take(reply, from: sender, at: now) {
    case .unwanted: break
    case .relay(let asker): send(.pathReply(reply), to: asker, now)
    case .own(let id, let hop): buffer.actions.append(.tellPath(id, .hop(hop)))
    }
  }

  /// Sends at once: a way has many hops, and nothing else is sent for it.
  private mutating func send(_ tlv: OutgoingTLV, to place: PathPlace, _ now: Instant) {
    guard let id = neighbours.id(of: place.address, on: place.interface),
      mayExchangePaths(with: id)
    else { return }
    neighbours.enqueue(tlv, to: id, by: now)
  }

  /// Whether a neighbour may be asked, and is answered: it is no stranger, and the operator has
  /// nothing against it. If the operator says nothing, the neighbour must have proved to have our
  /// key.
  private func mayExchangePaths(with id: NeighbourID) -> Bool {
    let neighbour = neighbours[id]
    guard !neighbour.isLeaving, !neighbour.cost.isInfinite,
      let interface = interface(neighbour.interface), interface.isUp
    else { return false }
    if let answers = interface.parameters.answersPaths { return answers }
    guard let ring = authentication[neighbour.interface]?.ring else { return false }
    return ring.signs && !ring.isPermissive
  }

  // MARK: One step

  /// What packets meet here, and the neighbour that they go to.
  private func pathStep(
    to address: IPAddress, from source: Prefix, _ now: Instant
  ) -> (PathStep, PathPlace?) {
    if offers.isOwnAddress(Prefix(mapped: address, mappedLength: 128)) {
      return (PathStep(status: .ownAddress, metric: .zero), nil)
    }
    let match = table.firstMatch(of: address, from: source) { row in
      let destination = table.destinations[row]
      return destination.flags.contains(.originated) || destination.selected != .none
        || !desiredTables(destination.prefix, source: table.sourcePrefix(row)).isEmpty
    }
    guard let match else { return (PathStep(status: .noRoute), nil) }
    let destination = table.destinations[match]
    let length = UInt8(destination.prefix.length)
    if destination.flags.contains(.originated) {
      let metric = table.originatedMetric(match)
      return (PathStep(status: .originated, metric: metric, prefixLength: length), nil)
    }
    guard destination.selected != .none else {
      return (PathStep(status: .unreachable, prefixLength: length), nil)
    }
    let id = table.nextHops[table.routes[destination.selected].nextHop].neighbour
    let neighbour = neighbours[id]
    let isHeardByGroup =
      neighbour.multicast.bits.nonzeroBitCount >= neighbour.unicast.bits.nonzeroBitCount
    let step = PathStep(
      status: mayExchangePaths(with: id) ? .forwarded : .notAsked,
      metric: metric(of: destination.selected), linkCost: neighbour.cost,
      roundTripTime: neighbour.roundTrip.current(at: now),
      history: isHeardByGroup ? neighbour.multicast.bits : neighbour.unicast.bits,
      prefixLength: length, nextHop: neighbour.address)
    return (step, PathPlace(interface: neighbour.interface, address: neighbour.address))
  }
}

extension PathStep {
  /// The same with another status.
  fileprivate func ending(_ status: PathStatus) -> PathStep {
    PathStep(
      status: status, metric: metric, linkCost: linkCost, roundTripTime: roundTripTime,
      history: history, prefixLength: prefixLength, nextHop: nextHop)
  }
}
