import BabelWire

// Before editing, read RFC 8966 §3.2.3 and §4.

/// What follows from the parameters and the state of a link.
extension Interface {
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
    if parameters.keepsWireGuardPeers { return parameters.v4ViaV6 ? .ipv6 : nil }
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

  /// Interval of quick unicast Hellos in microseconds; 0 if there are none.
  var probeMicroseconds: Int64 { parameters.sendsProbes ? Int64(parameters.probeInterval) : 0 }

  /// The interval announced in them.
  var probeInterval: Interval {
    Interval(roundingUpMilliseconds: (parameters.probeInterval + 999) / 1000)
  }

  /// The interval announced in Hellos.
  var helloInterval: Interval { Interval(roundingUpMilliseconds: parameters.helloInterval) }

  /// The interval announced in Updates.
  var updateInterval: Interval { Interval(roundingUpMilliseconds: parameters.updateInterval) }

  /// Every how many Hellos an IHU leaves: every third, unless a longer time passes meanwhile than
  /// an IHU can promise.
  var hellosPerIHU: UInt16 {
    let most = ProtocolParameters.longestIHUInterval / max(parameters.helloInterval, 1)
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

extension Interface {
  /// Whether a packet may come from an address: one on the link, or one that was configured.
  func accepts(_ source: IPAddress) -> Bool {
    state.isOnLink(source, parameters.control) || parameters.unicastNeighbours.contains(source)
  }

  /// Whether unicast Hellos are sent to an address.
  func greetsByUnicast(_ address: IPAddress) -> Bool {
    !parameters.rfc6126Compatible && !unicastPeers.isEmpty
      && unicastPeers.contains { $0.address == address && $0.isGreeted }
  }
}

/// A neighbour that is greeted by unicast. Its unicast Hellos leave with the multicast Hellos and
/// carry their seqno: a counter of its own that counts alike, and goes on when it is made anew.
struct UnicastPeer: Equatable {
  /// Why it is here.
  enum Standing: Equatable {
    /// Configured.
    case configured
    /// It greets us by unicast: perhaps multicast does not reach us, nor it.
    case heard
    /// It hears what goes to it alone, and not what goes to the group.
    case missesGroup
    /// Not configured any more; not greeted however long it greets us.
    case dismissed
  }

  let address: IPAddress
  var standing: Standing

  var isGreeted: Bool { standing != .dismissed }
}
