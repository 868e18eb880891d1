import BabelWire

// Before editing, read RFC 8966 §4 and §4.4–4.6.

extension BabelNode {
  /// A datagram arrived on an interface. `port` is its source port, `destination` the group or
  /// one of our addresses; `now` is when it is looked at, `arrival` when it arrived, if known.
  public mutating func receive(
    _ bytes: borrowing Span<UInt8>, on id: InterfaceID, from source: IPAddress, port: UInt16,
    to destination: IPAddress, at now: Instant, arrivedAt arrival: Instant? = nil,
    into buffer: inout ActionBuffer
  ) {
    #if DEBUG
      trace.enter()
    #endif
    guard !hasShutDown, let interface = interface(id) else { return }
    counters.packets &+= 1
    func drop(_ reason: DropReason, _ buffer: inout ActionBuffer) {
      counters.count(reason)
      buffer.actions.append(
        .notify(.packetDropped(reason, from: source, interface: interface.name)))
    }
    guard interface.isUp else { return drop(.interfaceDown, &buffer) }
    guard interface.accepts(source) else { return drop(.foreignSource, &buffer) }
    guard port == parameters.port else { return drop(.sourcePort, &buffer) }
    guard !interface.state.hasControlAddress(source, interface.parameters.control) else {
      links.noteOwnPacket(on: id, at: now)
      return drop(.ownPacket, &buffer)
    }
    var decoder: PacketDecoder
    do throws(PacketFault) {
      decoder = try PacketDecoder(
        bytes, from: source, toMulticast: destination.isMulticast,
        format: interface.parameters.wireFormat)
    } catch {
      return drop(DropReason(error), &buffer)
    }
    guard
      isAuthentic(
        bytes, decoder, on: id, from: source, port: port, to: destination, at: now, &buffer)
    else { return }
    guard var neighbour = findOrAddNeighbour(id, source, now, &buffer) else { return }
    neighbours.notePacket(from: neighbour, at: now)
    var stamps = PacketStamps(arrival: min(arrival ?? now, now))
    while let item = decoder.next(in: bytes) {
      switch item {
      case .ignored(let type, let fault):
        counters.count(fault)
        buffer.actions.append(
          .notify(
            .tlvIgnored(type: type, reason: fault, from: source, interface: interface.name)))
      case .tlv(let tlv):
        guard let same = process(tlv, from: neighbour, &stamps, now, &buffer) else { return }
        neighbour = same
      }
    }
    takeSample(stamps, from: neighbour, now, &buffer)
  }

  /// The stamps of one packet; only together do they make a sample (RFC 9616 §3.2).
  private struct PacketStamps {
    let arrival: Instant
    var hello: UInt32?
    var ihu: IHUTimestamps?
  }

  /// Acts on one TLV. Returns the neighbour, nil when the rest of the packet has no owner.
  private mutating func process(
    _ tlv: TLV, from id: NeighbourID, _ stamps: inout PacketStamps, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) -> NeighbourID? {
    switch tlv {
    case .hello(let hello):
      guard let id = receiveHello(hello, from: id, now, &buffer) else { return nil }
      if let transmit = hello.transmitTimestamp,
        neighbours.heardStamp(transmit, of: hello, from: id, at: stamps.arrival)
      {
        stamps.hello = transmit
      }
      return id
    case .ihu(let ihu):
      if receiveIHU(ihu, from: id, now, &buffer), let times = ihu.timestamps {
        stamps.ihu = times
      }
    case .acknowledgmentRequest(let request):
      acknowledge(request, to: id, now)
    case .acknowledgment(let answer):
      receiveAcknowledgment(answer, from: id, now)
      receiveHealingAnswer(answer, from: id, now, &buffer)
    case .update(let update):
      receiveUpdate(update, from: id, now, &buffer)
    case .wildcardRetraction:
      receiveWildcardRetraction(from: id, now)
    case .routeRequest(let request):
      receiveRouteRequest(request, from: id, now)
    case .wildcardRequest:
      receiveWildcardRequest(from: id, now)
    case .seqnoRequest(let request):
      seqnoRequestArrived(request, from: id, now, &buffer)
    case .pathRequest(let request):
      receivePathRequest(request, from: id, now)
    case .pathReply(let reply):
      receivePathReply(reply, from: id, now, &buffer)
    case .packetCounter:
      if authentication[neighbours[id].interface] == nil { neighbours.noteSignature(from: id) }
    case .pad1, .padN, .routerID, .nextHop, .mac, .challengeRequest, .challengeReply:
      break
    }
    return id
  }

  /// Answers an acknowledgment request by unicast, well before its interval ends (§3.3).
  private mutating func acknowledge(
    _ request: AcknowledgmentRequest, to id: NeighbourID, _ now: Instant
  ) {
    let most = min(request.interval.microseconds / 2, ProtocolParameters.urgentTimeout)
    enqueue(
      .acknowledgment(request.opaque), to: id, by: now + jitter.within((most / 4)...most))
  }

  private mutating func takeSample(
    _ stamps: PacketStamps, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let hello = stamps.hello, let ihu = stamps.ihu, !neighbours[id].isLeaving,
      let interface = interface(neighbours[id].interface),
      interface.parameters.timestamps
    else { return }
    guard
      let sample = RoundTripTime.sample(transmit: hello, stamps: ihu, at: stamps.arrival)
    else { return }
    let isNew = neighbours.take(
      sample, from: id, decay: interface.parameters.rttDecay, at: stamps.arrival)
    if isNew { neighbours[routes: id].setRestartsSmoothing(true) }
    computeCost(id, now, &buffer)
    if !neighbours[id].routes.hasJob {
      neighbours[routes: id].setRestartsSmoothing(false)
    }
  }
}

extension DropReason {
  init(_ fault: PacketFault) {
    switch fault {
    case .short: self = .short
    case .magic: self = .magic
    case .version: self = .version
    case .bodyLength: self = .bodyLength
    }
  }
}
