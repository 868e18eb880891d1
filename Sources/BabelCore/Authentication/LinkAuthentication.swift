import BabelWire

// Before editing, read RFC 8967 §4 and RFC 9467 §3.

/// An index of a sender, and the counters of the packets that carry it.
struct SenderIndex {
  /// Its octets, which each of the packets carries.
  let octets: [UInt8]
  /// The counters in packets to the group, and to us (RFC 9467 §3.3).
  private var multicast: CounterWindow
  private var unicast: CounterWindow

  init(index: [UInt8], counter: UInt32) {
    octets = index
    multicast = CounterWindow(counter)
    unicast = CounterWindow(counter)
  }

  /// One that an earlier life knew.
  init(_ record: SenderRecord) {
    octets = record.index
    multicast = CounterWindow(allUpTo: record.multicast)
    unicast = CounterWindow(allUpTo: record.unicast)
  }

  /// What a next life needs to know of it.
  func record(of address: IPAddress) -> SenderRecord {
    SenderRecord(
      address: address, index: octets, multicast: multicast.highest, unicast: unicast.highest)
  }

  /// The highest counter of all packets.
  var highest: UInt32 { max(multicast.highest, unicast.highest) }

  /// Takes note of a packet; false if it came before or is too old to tell.
  mutating func accept(_ counter: UInt32, toMulticast: Bool) -> Bool {
    toMulticast ? multicast.accept(counter) : unicast.accept(counter)
  }
}

/// What is known of one sender on an interface (RFC 8967 §3.2).
struct PeerAuthentication {
  /// The index it proved to be its own by answering a challenge; nil until then.
  var proved: SenderIndex?
  /// The index it claims but has not proved. Packets that carried it were dropped, and stay so.
  var claim: SenderIndex?
  /// When its last packet was accepted.
  var acceptedAt: Instant
  /// The nonce it was asked to send back.
  var nonce: [UInt8]?
  /// When it was last asked.
  var challengedAt: Instant?
  /// When it was last answered.
  var repliedAt: Instant?

  /// The nonce that may still be answered.
  func pendingNonce(at now: Instant) -> [UInt8]? {
    guard let challengedAt, now - challengedAt < ProtocolParameters.challengeLifetime
    else { return nil }
    return nonce
  }

  /// Whether everything known is too old to be kept: an index is, `lifetime` microseconds after
  /// the last packet.
  func isStale(at now: Instant, lifetime: Int64) -> Bool {
    if proved != nil { return now - acceptedAt >= lifetime }
    let last = max(challengedAt ?? acceptedAt, repliedAt ?? acceptedAt)
    return now - last >= ProtocolParameters.challengeLifetime
  }
}

/// What is to be done with a packet, and what is to be sent to its sender at once.
struct Judgement {
  /// What becomes of the packet.
  enum Outcome: Equatable {
    /// It is genuine and new.
    case accept
    /// It is genuine and new, and its sender has just proved that its index is.
    case acceptNew
    /// It is not, but the interface takes such packets.
    case acceptUnverified(DropReason)
    /// It must have no effect.
    case drop(DropReason)
  }

  var outcome: Outcome
  /// The nonce of a challenge.
  var challenge: [UInt8]?
  /// The nonce to be sent back.
  var reply: [UInt8]?
}

/// Authentication on one interface: the keys, our own packet counter, and everybody who sends.
struct LinkAuthentication {
  /// The keys.
  var ring: KeyRing
  /// For how many microseconds an index is remembered without a packet. One that is forgotten
  /// costs the next packet, so this is longer where Hellos are rare.
  var indexLifetime = ProtocolParameters.indexLifetime
  /// What happened so far.
  private(set) var counters = AuthenticationCounters()
  /// Who sends without a key of ours.
  private(set) var offenders = Offenders()
  /// Our own index, drawn anew when the counter is used up.
  private var index: [UInt8]
  /// The counter of the packet sent last.
  private var sent: UInt32
  private var peers: [IPAddress: PeerAuthentication] = [:]
  /// Senders that have not answered a challenge, the oldest first. Who replays packets of many
  /// cannot make us remember more.
  private var strangers: [IPAddress] = []
  private let peerLimit: Int
  private var tokens = ProtocolParameters.exchangeBurst
  private var refilledAt = Instant(microseconds: 0)

  init(_ ring: KeyRing, index: [UInt8], sent: UInt32 = 0, peerLimit: Int) {
    self.ring = ring
    self.index = index
    self.sent = sent
    self.peerLimit = peerLimit
  }

  /// Whether nothing is known of anybody.
  var isEmpty: Bool { peers.isEmpty }

  /// Senders of whom something is known.
  var peerCount: Int { peers.count }

  /// The index that a sender has proved to be its own; nil if there is none.
  func provedIndex(of source: IPAddress) -> SenderIndex? { peers[source]?.proved }

  // MARK: Lives

  /// What a next life needs to know, senders in the order of their addresses.
  var record: AuthenticationRecord {
    var senders: [SenderRecord] = []
    for (address, peer) in peers {
      if let proved = peer.proved { senders.append(proved.record(of: address)) }
    }
    senders = senders.ordered { $0.address < $1.address }
    return AuthenticationRecord(index: index, sent: sent, senders: senders)
  }

  /// Goes on where an earlier life ended.
  mutating func restore(_ record: AuthenticationRecord, at now: Instant) {
    index = record.index
    sent = record.sent
    for sender in record.senders.prefix(peerLimit) where peers[sender.address] == nil {
      var peer = PeerAuthentication(acceptedAt: now)
      peer.proved = SenderIndex(sender)
      peers[sender.address] = peer
    }
  }

  // MARK: Sending

  /// Signs a packet that is about to leave (§4.2). False if it cannot be.
  mutating func seal(
    _ packet: inout [UInt8], between addresses: PacketAddresses, second: Int64?,
    random: inout SecretRandom
  ) -> Bool {
    ring.refresh(at: second)
    if sent == .max {
      index = random.draw()
      sent = 0
    }
    sent += 1
    return PacketSeal.seal(
      &packet, counter: sent, index: index, keys: ring.signing, between: addresses)
  }

  // MARK: Receiving

  /// Judges a packet (§4.3).
  mutating func judge(
    _ datagram: borrowing Span<UInt8>, _ decoder: PacketDecoder, between addresses: PacketAddresses,
    at now: Instant, second: Int64?, random: inout SecretRandom
  ) -> Judgement {
    ring.refresh(at: second)
    let source = addresses.source
    let toMulticast = addresses.destination.isMulticast
    let verdict = PacketSeal.verify(
      datagram, body: decoder.body, trailer: decoder.trailer, keys: ring.verifying,
      between: addresses
    ).verdict
    guard verdict == .valid else {
      let reason = verdict == .unsigned ? DropReason.unsigned : .wrongMAC
      offenders.note(reason, from: source, at: now)
      var judgement = refuse(reason)
      guard ring.isPermissive else { return judgement }
      // Who verifies us must be answered even if we cannot verify it.
      let found = AuthenticationTLVs(
        in: datagram, body: decoder.body, toMulticast: toMulticast, nonce: nil)
      answer(found, datagram, source, now, &judgement)
      return judgement
    }
    if peers[source]?.isStale(at: now, lifetime: indexLifetime) == true { forget(source) }
    let known = peers[source]
    let found = AuthenticationTLVs(
      in: datagram, body: decoder.body, toMulticast: toMulticast,
      nonce: known?.pendingNonce(at: now))
    guard let counter = found.counter else { return refuse(.noPacketCounter) }
    var judgement: Judgement
    if found.isAnswered {
      judgement = admit(source, counter, counter.index.octets(in: datagram), now)
    } else if let index = known?.proved?.octets, counter.index.holds(index, in: datagram) {
      judgement = compare(source, counter.counter, toMulticast, now)
      // A request in a replayed packet is not worth an answer.
      if case .drop = judgement.outcome { return judgement }
    } else {
      judgement = refuse(known?.proved == nil ? .unknownIndex : .otherIndex)
      challenge(source, now, &judgement, &random)
      note(source, counter, toMulticast, datagram)
    }
    answer(found, datagram, source, now, &judgement)
    return judgement
  }

  /// The challenge was answered: from now on this index counts (§4.3.1.3).
  private mutating func admit(
    _ source: IPAddress, _ counter: PacketCounter, _ index: [UInt8], _ now: Instant
  ) -> Judgement {
    if peers[source]?.proved == nil, peers.count - strangers.count >= peerLimit {
      _ = expire(at: now)
      if peers.count - strangers.count >= peerLimit { return refuse(.neighbourLimit) }
    }
    strangers.removeAll { $0 == source }
    var peer = peers[source] ?? PeerAuthentication(acceptedAt: now)
    var proved = SenderIndex(index: index, counter: counter.counter)
    if let claim = peer.claim, claim.octets == index {
      proved = claim
      _ = proved.accept(counter.counter, toMulticast: true)
      _ = proved.accept(counter.counter, toMulticast: false)
    }
    peer.proved = proved
    peer.claim = nil
    peer.nonce = nil
    peer.acceptedAt = now
    peers[source] = peer
    counters.accepted += 1
    return Judgement(outcome: .acceptNew)
  }

  private mutating func compare(
    _ source: IPAddress, _ counter: UInt32, _ toMulticast: Bool, _ now: Instant
  ) -> Judgement {
    guard peers[source]?.proved?.accept(counter, toMulticast: toMulticast) == true else {
      counters.count(.replayed)
      return Judgement(outcome: .drop(.replayed))
    }
    peers[source]?.acceptedAt = now
    counters.accepted += 1
    return Judgement(outcome: .accept)
  }

  /// Remembers a packet that is dropped for its index: it shall not be taken when it is sent again
  /// by somebody else once the index is known.
  private mutating func note(
    _ source: IPAddress, _ counter: PacketCounter, _ toMulticast: Bool,
    _ datagram: borrowing Span<UInt8>
  ) {
    guard let peer = peers[source] else { return }
    if let claim = peer.claim, counter.index.holds(claim.octets, in: datagram) {
      _ = peers[source]?.claim?.accept(counter.counter, toMulticast: toMulticast)
    } else {
      peers[source]?.claim = SenderIndex(
        index: counter.index.octets(in: datagram), counter: counter.counter)
    }
  }

  private mutating func refuse(_ reason: DropReason) -> Judgement {
    counters.count(reason)
    guard ring.isPermissive else { return Judgement(outcome: .drop(reason)) }
    counters.unverified += 1
    return Judgement(outcome: .acceptUnverified(reason))
  }

  // MARK: Challenges

  /// Asks a sender to prove that it is there (§4.3.1.1), unless it was asked a moment ago: each
  /// question makes answers to the one before worthless.
  private mutating func challenge(
    _ source: IPAddress, _ now: Instant, _ judgement: inout Judgement,
    _ random: inout SecretRandom
  ) {
    if let peer = peers[source], let asked = peer.challengedAt {
      let spacing =
        peer.nonce == nil
        ? ProtocolParameters.challengeSpacing : ProtocolParameters.challengePatience
      guard now - asked >= spacing else { return }
    }
    guard takeToken(at: now) else { return }
    meet(source, now)
    let nonce = random.draw()
    peers[source]?.nonce = nonce
    peers[source]?.challengedAt = now
    counters.challenges += 1
    judgement.challenge = nonce
  }

  /// Answers a challenge, with a limit (§4.3.1.2).
  private mutating func answer(
    _ found: AuthenticationTLVs, _ datagram: borrowing Span<UInt8>, _ source: IPAddress,
    _ now: Instant, _ judgement: inout Judgement
  ) {
    guard let nonce = found.challenge else { return }
    if let replied = peers[source]?.repliedAt,
      now - replied < ProtocolParameters.challengeSpacing
    {
      return
    }
    guard takeToken(at: now) else { return }
    meet(source, now)
    peers[source]?.repliedAt = now
    counters.replies += 1
    judgement.reply = nonce.octets(in: datagram)
  }

  /// Makes a row for a sender that has none.
  private mutating func meet(_ source: IPAddress, _ now: Instant) {
    guard peers[source] == nil else { return }
    if strangers.count >= ProtocolParameters.strangerLimit {
      peers[strangers.removeFirst()] = nil
    }
    strangers.append(source)
    peers[source] = PeerAuthentication(acceptedAt: now)
  }

  private mutating func forget(_ source: IPAddress) {
    peers[source] = nil
    strangers.removeAll { $0 == source }
  }

  /// Forgets what is too old (§4.4). True if something is left.
  mutating func expire(at now: Instant) -> Bool {
    peers = peers.filter { !$0.value.isStale(at: now, lifetime: indexLifetime) }
    strangers.removeAll { peers[$0] == nil }
    return !peers.isEmpty
  }

  private mutating func takeToken(at now: Instant) -> Bool {
    let earned = (now - refilledAt) / ProtocolParameters.exchangeSpacing
    if earned > 0 {
      tokens = Int(min(Int64(tokens) + earned, Int64(ProtocolParameters.exchangeBurst)))
      refilledAt = refilledAt + earned * ProtocolParameters.exchangeSpacing
    }
    guard tokens > 0 else {
      counters.suppressed += 1
      return false
    }
    tokens -= 1
    return true
  }
}
