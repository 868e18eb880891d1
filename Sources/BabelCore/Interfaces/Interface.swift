import BabelWire

// Before editing, read RFC 8966 §3.2.3.

/// One row of the interface table.
struct Interface {
  let name: InterfaceName
  var parameters: InterfaceParameters
  /// Octets of the MACs of its packets; nil when they are not signed.
  var sealReserve: Int?
  var state = LinkState(isUp: false, mtu: 1280, linkLocals: [], ipv4: nil)
  /// Babel runs: the link is up and has an address to speak from.
  var isUp = false
  /// Seqno of the next multicast Hello (§3.2.3).
  var helloSeqno: Seqno
  /// When the next multicast Hello is due.
  var helloDue: Instant?
  /// Hellos still to be sent in quick succession.
  var helloBurst: UInt8 = 0
  /// When quick Hellos for new neighbours begin; nil when there are none to be greeted.
  var greetingDue: Instant?
  /// When the last ones began.
  var greetedAt: Instant?
  /// When a Hello was last brought forward for an IHU that could not wait.
  var helloHurriedAt: Instant?
  /// Hellos still to be sent with a retraction of everything, after a crash.
  var retractionsLeft: UInt8 = 0
  /// When the last of them was sent.
  var retractedAt: Instant?
  /// When the next full update is due.
  var updateDue: Instant?
  /// Where the full update under way stands in the announcement order; nil when none is.
  var fullUpdatePosition: Int?
  /// A full update that waits for its delay; nil when none does.
  var fullUpdateDue: Instant?
  /// IPv4 prefixes cannot be announced here any more, and neighbours have yet to be told.
  var retractsIPv4 = false
  /// When the last multicast full update began.
  var fullUpdateBegan: Instant?
  /// Where this interface has read the change log to.
  var logPosition = LogPosition()
  /// When the change log's new entries leave; nil when there are none.
  var changesDue: Instant?
  /// Multicast TLVs.
  var queue = OutgoingQueue()
  var pacer = PacketPacer()
  var changePacer = ChangePacer()
  /// Neighbours heard on this interface, oldest first.
  var neighbours: [NeighbourID] = []
  /// When all places for neighbours were taken and a neighbour that can go was last looked for.
  var placeSoughtAt: Instant?
  /// Unicast full updates under way.
  var unicastFullUpdates = 0
  /// Who is greeted by unicast: first those configured, in their order.
  var unicastPeers: [UnicastPeer] = []

  init(name: InterfaceName, parameters: InterfaceParameters, helloSeqno: Seqno) {
    self.name = name
    self.parameters = parameters
    self.helloSeqno = helloSeqno
  }

  /// The interface without what was sent, promised or heard on its link: none of that holds when
  /// the link comes back.
  var withoutLink: Interface {
    var interface = Interface(name: name, parameters: parameters, helloSeqno: helloSeqno)
    interface.sealReserve = sealReserve
    interface.state = state
    interface.unicastPeers = unicastPeers
    return interface
  }

  /// The largest UDP payload (§4).
  var datagramLimit: Int {
    max(
      Int(min(state.mtu, 65535))
        - (parameters.control == .ipv4
          ? ProtocolParameters.ipv4Overhead : ProtocolParameters.ipv6Overhead),
      ProtocolParameters.leastDatagram)
  }

  /// The address packets leave from; nil if there is none.
  var controlAddress: IPAddress? { state.controlAddress(parameters.control) }

  /// Whether packets can be exchanged.
  var canSpeak: Bool { state.isUp && controlAddress != nil }

  /// How IPv4 routes are announced: an IPv4 next hop is preferred (RFC 9229 §2.1); nil when they
  /// cannot be. Althea's fork does not know IPv4 prefixes with IPv6 next hops.
  var ipv4NextHop: UpdateNextHop? {
    if let address = state.ipv4 { return .ipv4(address) }
    return parameters.v4ViaV6 && parameters.wireFormat == .standard ? .ipv6 : nil
  }

  /// How IPv6 routes are announced. Over IPv4 the packet's source is no next hop for them, so
  /// without a link-local address they cannot be: nil.
  var ipv6NextHop: UpdateNextHop? {
    parameters.control == .ipv6 ? .packetSource : state.linkLocals.first.map { .named($0) }
  }

  /// Whether source-specific routes are announced: not to who does not know them, nor to
  /// Althea's fork, which misreads them.
  var carriesSourcePrefixes: Bool {
    !parameters.rfc6126Compatible && parameters.wireFormat == .standard
  }

  /// Hello interval in microseconds.
  var helloMicroseconds: Int64 { Int64(parameters.helloInterval) * 1000 }

  /// Update interval in microseconds.
  var updateMicroseconds: Int64 { Int64(parameters.updateInterval) * 1000 }

  /// The interval announced in Hellos.
  var helloInterval: Interval { Interval(roundingUpMilliseconds: parameters.helloInterval) }

  /// The interval announced in Updates.
  var updateInterval: Interval { Interval(roundingUpMilliseconds: parameters.updateInterval) }

  /// Every how many Hellos an IHU leaves: every third, unless a longer time passes meanwhile than
  /// an IHU can promise.
  var hellosPerIHU: UInt16 {
    let most = 655_340 / max(parameters.helloInterval, 1)
    return UInt16(clamping: max(1, min(most, UInt32(ProtocolParameters.hellosPerIHU))))
  }

  /// The interval announced in IHUs.
  var ihuInterval: Interval {
    Interval(roundingUpMilliseconds: parameters.helloInterval * UInt32(hellosPerIHU))
  }

  /// The least time between two answers to the same need (greetings, full updates for one
  /// neighbour) in microseconds: a Hello interval, but nobody waits long where that is long.
  func spacing(atMost most: Int64) -> Int64 { min(helloMicroseconds, most) }
}
