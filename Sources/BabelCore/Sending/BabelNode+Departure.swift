import BabelWire

// Before editing, read RFC 8966 §3.7.

extension BabelNode {
  /// Retracts on an interface everything that was announced there, and tells that no Hello
  /// follows. To be called, and its packets to be sent, before ``removeInterface(_:at:into:)``
  /// where the link still works: keys and addresses of the interface are needed for that.
  /// Nothing is sent on one that is down.
  public mutating func sayGoodbye(
    on id: InterfaceID, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown, interface(id)?.isUp == true else { return }
    sayGoodbye(id, now, &buffer)
  }

  /// A wildcard retraction and a Hello with a very short interval, so that neighbours forget us
  /// quickly (§3.7).
  mutating func sayGoodbye(
    _ id: InterfaceID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    var packet = OpenPacket(id, interface, toEach: recipients(interface))
    add(.wildcardRetraction, &packet, now, &buffer)
    packet.add(farewell(seqno: interface.helloSeqno, isUnicast: false), &buffer)
    packet.close(&buffer)
    links.countFarewell(on: id)
    for peer in interface.unicastPeers where peer.isGreeted {
      bidFarewell(to: peer.address, id, interface, &buffer)
    }
  }

  /// A Hello after which nothing follows for so long that we are forgotten.
  private func farewell(seqno: Seqno, isUnicast: Bool) -> Hello {
    Hello(
      isUnicast: isUnicast, seqno: seqno,
      interval: Interval(centiseconds: ProtocolParameters.farewellInterval),
      transmitTimestamp: nil)
  }

  /// A last unicast Hello.
  mutating func bidFarewell(
    to address: IPAddress, _ id: InterfaceID, _ interface: Interface, _ buffer: inout ActionBuffer
  ) {
    guard !interface.parameters.rfc6126Compatible else { return }
    var packet = OpenPacket(id, interface, to: .unicast(address))
    let neighbour = neighbours.id(of: address, on: id)
    let own = neighbour.flatMap { neighbours.takeUnicastSeqno(of: $0) }
    packet.add(farewell(seqno: own ?? interface.helloSeqno, isUnicast: true), &buffer)
    packet.close(&buffer)
  }

  /// Whether forwarding entries may still name an interface, be it removed: the entries of many
  /// routes are withdrawn in slices.
  public func usesInterface(_ id: InterfaceID) -> Bool {
    table.nextHops.uses(id) || restart.adoption.uses(id)
  }
}
