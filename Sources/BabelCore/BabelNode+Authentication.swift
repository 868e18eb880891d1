import BabelWire

// Before editing, read RFC 8967 §4.

// What packets need of keys: ours are signed when they leave, those of others are judged first.

extension BabelNode {
  /// Signs a packet of ours (RFC 8967 §4.2): to be called when the packet is about to leave, after
  /// it was stamped, and anew if it has to be sent again. Packets must leave in this order.
  ///
  /// `source` and `destination` are the addresses the packet really has. False if it must not be
  /// sent. A packet that is not to be signed stays as it is.
  public mutating func seal(
    _ packet: inout [UInt8], _ datagram: Datagram, from source: IPAddress,
    to destination: IPAddress, at now: Instant
  ) -> Bool {
    guard datagram.isSigned else { return true }
    let addresses = PacketAddresses(
      source: source, sourcePort: parameters.port, destination: destination,
      destinationPort: parameters.port)
    return authentication.seal(&packet, on: datagram.interface, between: addresses, at: now)
  }

  /// Says what time of day it is, in seconds since 1970, for keys that count for a time only; nil
  /// while the clock is not set. To be called at start and whenever the clock may have been set.
  public mutating func setWallClock(_ second: Int64?, at now: Instant) {
    authentication.setWallClock(second, at: now)
  }

  /// The index that a sender on an interface with keys has proved to be its own, and the highest
  /// counter of its packets; nil if it has not. What it sends from now on has that index and, but
  /// for packets that overtook one another, a higher counter (RFC 8967 §4.1).
  public func provedCounter(
    of source: IPAddress, on id: InterfaceID
  ) -> (index: [UInt8], counter: UInt32)? {
    guard let proved = authentication[id]?.provedIndex(of: source) else { return nil }
    return (proved.octets, proved.highest)
  }

  /// Takes over the keys of an interface; counters and what is known of neighbours stay.
  mutating func setAuthentication(_ keys: InterfaceAuthentication, of id: InterfaceID) {
    let reserve = authentication.setKeys(
      keys, of: id, sent: parameters.firstPacketCounter, peerLimit: parameters.neighbourLimit)
    links.setSealReserve(reserve, of: id)
  }

  /// Whether a packet may have an effect (§4.3). Sends what the exchange of challenges asks for.
  mutating func isAuthentic(
    _ bytes: borrowing Span<UInt8>, _ decoder: PacketDecoder, on id: InterfaceID,
    from source: IPAddress, port: UInt16, to destination: IPAddress, at now: Instant,
    _ buffer: inout ActionBuffer
  ) -> Bool {
    let addresses = PacketAddresses(
      source: source, sourcePort: port, destination: destination,
      destinationPort: parameters.port)
    guard
      let judgement = authentication.judge(bytes, decoder, on: id, between: addresses, at: now),
      let interface = interface(id)
    else { return true }
    // Before anything else: the other side drops whatever comes first (§4.3.1.2).
    if judgement.challenge != nil || judgement.reply != nil {
      exchange(judgement, with: source, on: id, interface, &buffer)
    }
    switch judgement.outcome {
    case .accept: return true
    case .acceptNew:
      buffer.actions.append(.notify(.senderAuthenticated(source, interface: interface.name)))
      return true
    case .acceptUnverified(let reason):
      buffer.actions.append(
        .notify(.packetUnverified(reason, from: source, interface: interface.name)))
      return true
    case .drop(let reason):
      counters.count(reason)
      buffer.actions.append(
        .notify(.packetDropped(reason, from: source, interface: interface.name)))
      return false
    }
  }

  private func exchange(
    _ judgement: Judgement, with source: IPAddress, on id: InterfaceID, _ interface: Interface,
    _ buffer: inout ActionBuffer
  ) {
    var packet = OpenPacket(id, interface, to: .unicast(source))
    if let nonce = judgement.reply {
      packet.add(&buffer) { $0.appendChallengeReply(nonce: nonce) }
    }
    if let nonce = judgement.challenge {
      packet.add(&buffer) { $0.appendChallengeRequest(nonce: nonce) }
    }
    packet.close(&buffer)
  }

  /// Interfaces with keys, in the order they were added.
  public func authenticationStatus() -> [AuthenticationStatus] {
    var result: [AuthenticationStatus] = []
    for id in links.order {
      guard let link = authentication[id], let interface = interface(id) else { continue }
      result.append(
        AuthenticationStatus(
          interface: interface.name, isStrict: !link.ring.isPermissive,
          signingKeys: link.ring.signing.count, verifyingKeys: link.ring.verifying.count,
          peers: link.peerCount, counters: link.counters, offenders: link.offenders.all))
    }
    return result
  }

  // MARK: Lives

  /// What a next life needs to know of an interface with keys; nil if it has none. It counts only
  /// if this node sends nothing more afterwards.
  public func authenticationRecord(of id: InterfaceID) -> AuthenticationRecord? {
    authentication[id]?.record
  }

  /// Goes on with the counters of an earlier life; to be called before the interface comes up.
  /// Without keys on the interface it does nothing.
  public mutating func restoreAuthentication(
    _ record: AuthenticationRecord, of id: InterfaceID, at now: Instant
  ) {
    authentication.restore(record, of: id, at: now)
  }
}
