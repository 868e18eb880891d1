import BabelWire

// Before editing, read RFC 8967 §4.

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
    let row = Int(datagram.interface.rawValue)
    guard datagram.isSigned, row < authentications.count else { return !datagram.isSigned }
    let addresses = PacketAddresses(
      source: source, sourcePort: parameters.port, destination: destination,
      destinationPort: parameters.port)
    let second = wallSecond(at: now)
    return authentications[row]?.seal(
      &packet, between: addresses, second: second, random: &secrets) ?? false
  }

  /// Says what time of day it is, in seconds since 1970, for keys that count for a time only; nil
  /// while the clock is not set. To be called at start and whenever the clock may have been set.
  public mutating func setWallClock(_ second: Int64?, at now: Instant) {
    wallOrigin = second.map { $0 - now.microseconds / 1_000_000 }
  }

  /// The index that a sender on an interface with keys has proved to be its own, and the highest
  /// counter of its packets; nil if it has not. What it sends from now on has that index and, but
  /// for packets that overtook one another, a higher counter (RFC 8967 §4.1).
  public func provedCounter(
    of source: IPAddress, on id: InterfaceID
  ) -> (index: [UInt8], counter: UInt32)? {
    let row = Int(id.rawValue)
    guard row < authentications.count, let proved = authentications[row]?.provedIndex(of: source)
    else { return nil }
    return (proved.octets, proved.highest)
  }

  private func wallSecond(at now: Instant) -> Int64? {
    wallOrigin.map { $0 + now.microseconds / 1_000_000 }
  }

  /// Takes over the keys of an interface; counters and what is known of neighbours stay.
  mutating func setAuthentication(_ authentication: InterfaceAuthentication, of id: InterfaceID) {
    let row = Int(id.rawValue)
    while authentications.count <= row { authentications.append(nil) }
    guard !authentication.keys.isEmpty else {
      authentications[row] = nil
      links.setSealReserve(nil, of: id)
      return
    }
    let ring = KeyRing(authentication)
    if authentications[row] == nil {
      authentications[row] = LinkAuthentication(
        ring, index: secrets.draw(), sent: parameters.firstPacketCounter,
        peerLimit: parameters.neighbourLimit)
    } else {
      authentications[row]?.ring = ring
    }
    links.setSealReserve(ring.signs ? ring.macCount : nil, of: id)
  }

  mutating func removeAuthentication(of id: InterfaceID) {
    let row = Int(id.rawValue)
    if row < authentications.count { authentications[row] = nil }
  }

  /// Whether a packet may have an effect (§4.3). Sends what the exchange of challenges asks for.
  mutating func isAuthentic(
    _ bytes: borrowing Span<UInt8>, _ decoder: PacketDecoder, on id: InterfaceID,
    from source: IPAddress, port: UInt16, to destination: IPAddress, at now: Instant,
    _ buffer: inout ActionBuffer
  ) -> Bool {
    let row = Int(id.rawValue)
    let second = wallSecond(at: now)
    let addresses = PacketAddresses(
      source: source, sourcePort: port, destination: destination,
      destinationPort: parameters.port)
    guard row < authentications.count,
      let judgement = authentications[row]?.judge(
        bytes, decoder, between: addresses, at: now, second: second, random: &secrets),
      let interface = interface(id)
    else { return true }
    // Before anything else: the other side drops whatever comes first (§4.3.1.2).
    if judgement.challenge != nil || judgement.reply != nil {
      exchange(judgement, with: source, on: id, interface, &buffer)
    }
    if authenticationSweepDue == nil, authentications[row]?.isEmpty == false {
      authenticationSweepDue = now + ProtocolParameters.authenticationSweep
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

  /// A neighbour may not be heard before its next Hello: its index is remembered for 3.5 intervals
  /// at least, as what an Update says is (§3.5.3).
  mutating func keepIndices(on id: InterfaceID, between hellos: Interval) {
    let lifetime = hellos.microseconds * ProtocolParameters.routeHoldHalves / 2
    guard lifetime > ProtocolParameters.indexLifetime, Int(id.rawValue) < authentications.count,
      let link = authentications[Int(id.rawValue)], link.indexLifetime < lifetime
    else { return }
    authentications[Int(id.rawValue)]?.indexLifetime = lifetime
  }

  /// Forgets senders that are gone, now and then; what is too old counts for nothing before.
  mutating func sweepAuthentication(_ now: Instant) {
    guard let due = authenticationSweepDue, due <= now else { return }
    var isAnythingLeft = false
    for row in authentications.indices where authentications[row]?.expire(at: now) == true {
      isAnythingLeft = true
    }
    authenticationSweepDue = isAnythingLeft ? now + ProtocolParameters.authenticationSweep : nil
  }

  /// Interfaces with keys, in the order they were added.
  public func authentication() -> [AuthenticationStatus] {
    var result: [AuthenticationStatus] = []
    for id in links.order {
      guard Int(id.rawValue) < authentications.count,
        let link = authentications[Int(id.rawValue)], let interface = interface(id)
      else { continue }
      result.append(
        AuthenticationStatus(
          interface: interface.name, isStrict: !link.ring.isPermissive,
          signingKeys: link.ring.signing.count, verifyingKeys: link.ring.verifying.count,
          peers: link.peerCount, counters: link.counters))
    }
    return result
  }
}
