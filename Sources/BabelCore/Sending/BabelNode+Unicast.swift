import BabelWire

// Before editing, read RFC 8966 §3.4.1 and §4.6.5.

extension BabelNode {
  /// Who gets what is meant for everyone on an interface: the group, and by themselves those who
  /// may not hear it; with `unicast`, each neighbour by itself. Who is not configured must have
  /// been heard twice: to others we say that the link is unusable, so they do not rely on us, and
  /// forged addresses shall not multiply what we send.
  func recipients(_ interface: Interface) -> [DatagramDestination] {
    var recipients: [DatagramDestination] = interface.parameters.unicast ? [] : [.multicast]
    guard interface.parameters.unicast || !interface.unicastPeers.isEmpty else {
      return recipients
    }
    for id in interface.neighbours {
      let address = neighbours[id].address
      guard
        !neighbours[id].rxcost.isInfinite
          || interface.parameters.unicastNeighbours.contains(address)
      else { continue }
      if interface.parameters.unicast || interface.greetsByUnicast(address) {
        recipients.append(.unicast(address))
      }
    }
    return recipients
  }

  /// How the IHU for a neighbour leaves.
  enum IHUDelivery {
    /// Beside the multicast Hello.
    case multicast
    /// By itself.
    case unicast
    /// With the unicast Hello that the neighbour gets.
    case besideUnicastHello
  }

  /// How the IHU for a neighbour leaves. Timestamps need a Hello beside them (RFC 9616 §3.2): on a
  /// `unicast` interface a unicast one or, where that is not allowed, the multicast one.
  func ihuDelivery(_ id: NeighbourID, _ interface: Interface) -> IHUDelivery {
    let parameters = interface.parameters
    if interface.greetsByUnicast(neighbours[id].address) { return .besideUnicastHello }
    guard parameters.unicast else { return .multicast }
    guard parameters.timestamps else { return .unicast }
    return parameters.rfc6126Compatible ? .multicast : .besideUnicastHello
  }

  /// Sends the unicast Hellos that go with a multicast one. Neighbours that hear the group get
  /// theirs unscheduled, to carry the timestamp that an IHU needs.
  mutating func greetByUnicast(
    _ id: InterfaceID, _ interface: Interface, _ multicast: Hello, isTurn: Bool, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    guard !interface.parameters.rfc6126Compatible else { return }
    let hello = Hello(
      isUnicast: true, seqno: multicast.seqno, interval: multicast.interval,
      transmitTimestamp: multicast.transmitTimestamp, measuresLoss: multicast.measuresLoss)
    for peer in interface.unicastPeers where peer.isGreeted {
      greet(peer.address, id, interface, hello, isTurn, now, &buffer)
    }
    guard interface.parameters.unicast, interface.parameters.timestamps else { return }
    let unscheduled = Hello(
      isUnicast: true, seqno: multicast.seqno, interval: Interval(centiseconds: 0),
      transmitTimestamp: multicast.transmitTimestamp)
    for neighbour in interface.neighbours {
      let address = neighbours[neighbour].address
      guard !interface.greetsByUnicast(address) else { continue }
      greet(address, id, interface, unscheduled, isTurn, now, &buffer)
    }
  }

  private mutating func greet(
    _ address: IPAddress, _ id: InterfaceID, _ interface: Interface, _ hello: Hello,
    _ isTurn: Bool, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    var packet = OpenPacket(id, interface, to: .unicast(address))
    let neighbour = neighbours.id(of: address, on: id)
    packet.add(unicastHello(hello, to: neighbour, interface), &buffer)
    if let neighbour, isIHUDue(neighbour, interface, isTurn) {
      add(.ihu(neighbour), &packet, now, &buffer)
    }
    packet.close(&buffer)
  }

  // MARK: Who is greeted

  /// Enters those configured, in front.
  mutating func configureUnicastPeers(_ id: InterfaceID, at now: Instant) {
    guard links.configureUnicastPeers(of: id), interface(id)?.isUp == true else { return }
    // Those who are new shall hear us soon.
    links.beginHellos(on: id, at: now)
  }

  /// Says goodbye to those no longer configured. They are not answered while they still greet us,
  /// or two nodes would greet one another for ever.
  mutating func dismissUnicastPeers(
    _ id: InterfaceID, _ former: Interface, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    let wanted = interface.parameters.unicastNeighbours
    for (index, peer) in former.unicastPeers.enumerated()
    where peer.standing == .configured && !wanted.contains(peer.address) {
      if interface.isUp { bidFarewell(to: peer.address, id, former, &buffer) }
      links.dismissUnicastPeer(at: index, on: id)
    }
    // Those who are no neighbours would never be forgotten.
    links.removeUnicastPeers(of: id) {
      $0.standing == .dismissed && neighbours.id(of: $0.address, on: id) == nil
    }
  }

  /// Enters a neighbour that is to be greeted by unicast. False if it is entered already, or there
  /// is no room.
  mutating func greetByUnicast(
    _ id: NeighbourID, because standing: UnicastPeer.Standing
  ) -> Bool {
    let neighbour = neighbours[id]
    guard let interface = interface(neighbour.interface),
      !interface.unicastPeers.contains(where: { $0.address == neighbour.address })
    else { return false }
    let others = interface.unicastPeers.count - interface.parameters.unicastNeighbours.count
    guard others < ProtocolParameters.unicastAnswerLimit else {
      counters.countFull(.unicastNeighbours)
      return false
    }
    links.greetByUnicast(neighbour.address, because: standing, on: neighbour.interface)
    return true
  }
}
