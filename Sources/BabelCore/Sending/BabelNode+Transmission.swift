import BabelWire

// Before editing, read RFC 8966 §3.1 and §3.7.

extension BabelNode {
  /// Something is due on an interface: a Hello, queued TLVs, changes or a full update.
  mutating func interfaceTimerFired(
    _ id: InterfaceID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id), interface.isUp else { return }
    var packet = OpenPacket(id, interface, toEach: recipients(interface))
    let greetingIsDue = interface.greetingDue.map { $0 <= now } ?? false
    if greetingIsDue { links.beginGreeting(on: id, at: now) }
    let helloIsDue = greetingIsDue || interface.helloDue.map { $0 <= now } ?? false
    if helloIsDue {
      addHello(id, &packet, now, &buffer)
      queueRetraction(id, now)
    }
    if helloIsDue || interface.queue.deadline.map({ $0 <= now }) ?? false {
      for tlv in links.takeQueue(of: id) { add(tlv, &packet, now, &buffer) }
    }
    announce(on: id, &packet, now, &buffer)
    packet.close(&buffer)
    if helloIsDue { sendShortPacket(id, interface, &buffer) }
    links.schedule(id)
  }

  /// Where Hellos fill the MTU, they may be lost because the path is narrower. So that the other
  /// side can tell that from silence, a short packet follows as long as somebody is not usable.
  private func sendShortPacket(
    _ id: InterfaceID, _ interface: Interface, _ buffer: inout ActionBuffer
  ) {
    guard interface.parameters.probesMTU,
      interface.neighbours.isEmpty
        || interface.neighbours.contains(where: {
          neighbours[$0].cost.isInfinite
        })
    else { return }
    var packet = OpenPacket(id, interface, toEach: recipients(interface))
    packet.add(&buffer) { $0.appendShortPadding() }
    packet.close(&buffer)
  }

  /// Appends a scheduled multicast Hello, and IHUs where they are due (§3.4).
  private mutating func addHello(
    _ id: InterfaceID, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    let hello = Hello(
      isUnicast: false, seqno: interface.helloSeqno, interval: interface.helloInterval,
      transmitTimestamp: interface.parameters.timestamps ? 0 : nil,
      measuresLoss: interface.parameters.tellsOfMeasuring)
    let turn = interface.helloSeqno.rawValue % interface.hellosPerIHU == 0
    let next: Int64
    if interface.helloBurst > 1 {
      next = jitter.within(ProtocolParameters.burstSpacing)
    } else {
      // Never later than promised (§3.1).
      next = max(
        jitter.fraction(of: interface.helloMicroseconds, within: ProtocolParameters.helloJitter),
        ProtocolParameters.leastHelloSpacing)
    }
    links.countHello(on: id, nextDue: now + next)
    packet.add(hello, &buffer)
    // Stamps go with the IHUs beside the Hello, and that packet may not hold them all: another
    // neighbour comes first each time.
    let count = interface.neighbours.count
    let first =
      interface.parameters.timestamps && count > 0
      ? Int(hello.seqno.rawValue) * ProtocolParameters.ihusBesideHello % count : 0
    for position in 0..<count {
      let neighbour = interface.neighbours[(first + position) % count]
      guard isIHUDue(neighbour, interface, turn) else { continue }
      switch ihuDelivery(neighbour, interface) {
      case .multicast: add(.ihu(neighbour), &packet, now, &buffer)
      case .unicast: enqueue(.ihu(neighbour), to: neighbour, by: now)
      case .besideUnicastHello: break
      }
    }
    packet.endHello(&buffer)
    greetByUnicast(id, interface, hello, isTurn: turn, now, &buffer)
  }

  /// Whether a neighbour gets an IHU with this Hello. On a marginal link IHUs get lost, so they
  /// go out with every Hello (§3.4.2), and so do timestamps.
  func isIHUDue(_ id: NeighbourID, _ interface: Interface, _ isTurn: Bool) -> Bool {
    if isTurn || interface.parameters.timestamps { return true }
    let neighbour = neighbours[id]
    return neighbour.txcost.rawValue >= ProtocolParameters.marginalCost
      || (neighbour.multicast.bits | neighbour.unicast.bits) & 0xF000 != 0xF000
  }

  /// Appends one queued TLV.
  mutating func add(
    _ tlv: OutgoingTLV, _ packet: inout OpenPacket, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    switch tlv {
    case .ihu(let id):
      guard let ihu = makeIHU(id, packet, now), !packet.addIfItFits({ $0.append(ihu) }) else {
        return
      }
      packet.close(&buffer)
      // There is no Hello in the next packet, so it takes no stamps either.
      guard let plain = makeIHU(id, packet, now) else { return }
      _ = packet.addIfItFits { $0.append(plain) }
    case .acknowledgment(let opaque):
      packet.add(&buffer) { $0.append(Acknowledgment(opaque: opaque)) }
    case .acknowledgmentRequest(let opaque):
      let interval = Interval(centiseconds: ProtocolParameters.acknowledgmentInterval)
      packet.add(&buffer) {
        $0.append(AcknowledgmentRequest(opaque: opaque, interval: interval))
      }
    case .seqnoRequest(let request):
      guard mayName(request.source, on: packet.interface) else { return }
      packet.add(&buffer) { $0.append(request) }
    case .routeRequest(let request):
      guard mayName(request.source, on: packet.interface) else { return }
      packet.add(&buffer) { $0.append(request) }
    case .wildcardRequest:
      packet.add(&buffer) { $0.appendWildcardRequest() }
    case .wildcardRetraction:
      let seqno = ownSeqno.value
      packet.add(&buffer) { $0.appendWildcardRetraction(interval: .infinite, seqno: seqno) }
    case .update(let row):
      guard table.isLive(row) else { return }
      if addUpdate(row, &packet, isRequested: true, now) == .full {
        packet.close(&buffer)
        _ = addUpdate(row, &packet, isRequested: true, now)
      }
    case .pathRequest(let request):
      packet.add(&buffer) { $0.append(request) }
    case .pathReply(let reply):
      packet.add(&buffer) { $0.append(reply) }
    case .retraction(let request):
      guard let retraction = makeRetraction(request.destination, request.source, packet.interface)
      else { return }
      packet.add(&buffer) { $0.append(retraction) }
    }
  }

  /// Whether the nodes on a link understand TLVs with such a source prefix (RFC 9079 §6).
  private func mayName(_ source: Prefix, on id: InterfaceID) -> Bool {
    source.isDefault || interface(id)?.carriesSourcePrefixes == true
  }

  private func makeIHU(_ id: NeighbourID, _ packet: OpenPacket, _ now: Instant) -> IHU? {
    let neighbour = neighbours[id]
    guard !neighbour.isLeaving, let interface = interface(neighbour.interface),
      !restart.mayHear(neighbour, on: interface, at: now)
    else { return nil }
    // Stamps are of use only beside a timestamped Hello (RFC 9616 §3.2).
    let stamps =
      interface.parameters.timestamps && packet.encoder.timestampOffset != nil
      ? neighbour.roundTrip.echo(at: now) : nil
    return IHU(
      address: neighbour.address, rxcost: neighbour.rxcost, interval: interface.ihuInterval,
      timestamps: stamps)
  }

  // MARK: Unicast

  /// Lets a neighbour know soon whether we hear it. Where timestamps are sent an IHU belongs
  /// beside a Hello (RFC 9616 §3.2): the next one is brought forward, once per half an interval.
  mutating func sendIHU(to id: NeighbourID, _ now: Instant) {
    let number = neighbours[id].interface
    if let interface = interface(number), interface.parameters.timestamps,
      let due = interface.helloDue
    {
      if due - now <= ProtocolParameters.urgentTimeout { return }
      let hurried = interface.helloHurriedAt
      if hurried.map({ now - $0 >= interface.helloMicroseconds / 2 }) ?? true {
        let soon = now + urgentDelay(on: number)
        links.hurryHello(on: number, to: soon, at: now)
        return
      }
    }
    enqueueUrgent(.ihu(id), to: id, now)
  }

  /// Something is due for one neighbour: queued TLVs, or its full update.
  mutating func unicastTimerFired(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let neighbour = neighbours[id]
    guard !neighbour.isLeaving, let interface = interface(neighbour.interface), interface.isUp
    else { return }
    var packet = OpenPacket(neighbour.interface, interface, to: .unicast(neighbour.address))
    addProbe(id, interface, &packet, now, &buffer)
    var postponed: [OutgoingTLV] = []
    for tlv in neighbours.takeQueue(of: id) {
      if case .acknowledgment = tlv, isRetracting(id, now) {
        postponed.append(tlv)
      } else {
        add(tlv, &packet, now, &buffer)
      }
    }
    neighbours.enqueueInFront(
      postponed[...], to: id, by: now + ProtocolParameters.acknowledgmentRetry)
    if let due = neighbours[id].fullUpdate.due, due <= now {
      continueUnicastFullUpdate(id, &packet, now, &buffer)
    }
    packet.close(&buffer)
    neighbours.scheduleUnicast(id)
  }

  /// Whether routes of a neighbour that were retracted are still being worked on, or were in this
  /// call. An acknowledgment says that the retraction took effect (§3.3): it leaves when no
  /// packet goes that way any more.
  private func isRetracting(_ id: NeighbourID, _ now: Instant) -> Bool {
    let neighbour = neighbours[id]
    if neighbour.routes.jobRetracts || restart.isWalking || jobs.retractionDoneAt == now {
      return true
    }
    return jobs.contains {
      let other = neighbours[$0]
      return other.isLeaving && other.interface == neighbour.interface
        && other.address == neighbour.address
    }
  }
}
