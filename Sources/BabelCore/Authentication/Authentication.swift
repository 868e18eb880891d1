import BabelWire

// Before editing, read RFC 8967 §4.

/// Authentication on all interfaces: keys, our own counters, everybody who sends, and what they
/// share: the time of day and the numbers that nobody can guess.
struct Authentication {
  /// By interface number; nil where there are no keys.
  private var links: [LinkAuthentication?] = []
  /// When senders that are gone are forgotten; nil when there are none.
  private(set) var sweepDue: Instant?
  /// Indices and nonces.
  private var random: SecretRandom
  /// The time of day at the origin of our clock, in seconds since 1970; nil if unknown.
  private var wallOrigin: Int64?

  /// Makes authentication without keys; `entropy` see ``NodeParameters/entropy``.
  init(entropy: [UInt8]) { random = SecretRandom(key: entropy) }

  /// What is known on an interface; nil where there are no keys.
  subscript(_ id: InterfaceID) -> LinkAuthentication? {
    Int(id.rawValue) < links.count ? links[Int(id.rawValue)] : nil
  }

  /// Says what time of day it is, in seconds since 1970; nil while the clock is not set.
  mutating func setWallClock(_ second: Int64?, at now: Instant) {
    wallOrigin = second.map { $0 - now.microseconds / 1_000_000 }
  }

  private func wallSecond(at now: Instant) -> Int64? {
    wallOrigin.map { $0 + now.microseconds / 1_000_000 }
  }

  /// Takes over the keys of an interface; counters and what is known of neighbours stay. Returns
  /// how many octets the MACs of its packets take; nil if they are not signed. An interface that
  /// had no keys begins behind the packet counter `sent`, and `peerLimit` limits its senders.
  mutating func setKeys(
    _ keys: InterfaceAuthentication, of id: InterfaceID, sent: UInt32, peerLimit: Int
  ) -> Int? {
    let row = Int(id.rawValue)
    while links.count <= row { links.append(nil) }
    guard !keys.keys.isEmpty else {
      links[row] = nil
      return nil
    }
    let ring = KeyRing(keys)
    if links[row] == nil {
      links[row] = LinkAuthentication(
        ring, index: random.draw(), sent: sent, peerLimit: peerLimit)
    } else {
      links[row]?.ring = ring
    }
    return ring.signs ? ring.macCount : nil
  }

  /// Goes on where an earlier life ended on an interface; without keys there it does nothing.
  mutating func restore(_ record: AuthenticationRecord, of id: InterfaceID, at now: Instant) {
    guard Int(id.rawValue) < links.count, links[Int(id.rawValue)] != nil else { return }
    links[Int(id.rawValue)]?.restore(record, at: now)
    sweepDue = sweepDue ?? now + ProtocolParameters.authenticationSweep
  }

  /// Forgets all about an interface.
  mutating func remove(_ id: InterfaceID) {
    if Int(id.rawValue) < links.count { links[Int(id.rawValue)] = nil }
  }

  /// Signs a packet that is about to leave (§4.2). False if it cannot be.
  mutating func seal(
    _ packet: inout [UInt8], on id: InterfaceID, between addresses: PacketAddresses,
    at now: Instant
  ) -> Bool {
    let row = Int(id.rawValue)
    guard row < links.count else { return false }
    let second = wallSecond(at: now)
    return links[row]?.seal(&packet, between: addresses, second: second, random: &random) ?? false
  }

  /// Judges a packet (§4.3); nil where there are no keys.
  mutating func judge(
    _ datagram: borrowing Span<UInt8>, _ decoder: PacketDecoder, on id: InterfaceID,
    between addresses: PacketAddresses, at now: Instant
  ) -> Judgement? {
    let row = Int(id.rawValue)
    guard row < links.count else { return nil }
    let second = wallSecond(at: now)
    let judgement = links[row]?.judge(
      datagram, decoder, between: addresses, at: now, second: second, random: &random)
    if sweepDue == nil, links[row]?.isEmpty == false {
      sweepDue = now + ProtocolParameters.authenticationSweep
    }
    return judgement
  }

  /// A neighbour may not be heard before its next Hello: its index is remembered for 3.5 intervals
  /// at least, as what an Update says is (RFC 8966 §3.5.3).
  mutating func keepIndices(on id: InterfaceID, between hellos: Interval) {
    let lifetime = hellos.microseconds * ProtocolParameters.routeHoldHalves / 2
    guard lifetime > ProtocolParameters.indexLifetime, let known = self[id]?.indexLifetime,
      known < lifetime
    else { return }
    links[Int(id.rawValue)]?.indexLifetime = lifetime
  }

  /// Forgets senders that are gone, now and then; what is too old counts for nothing before.
  mutating func sweep(_ now: Instant) {
    guard let due = sweepDue, due <= now else { return }
    var isAnythingLeft = false
    for row in links.indices where links[row]?.expire(at: now) == true { isAnythingLeft = true }
    sweepDue = isAnythingLeft ? now + ProtocolParameters.authenticationSweep : nil
  }
}
