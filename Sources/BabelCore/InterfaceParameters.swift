import BabelWire

/// How the cost of a link is computed from Hello histories (RFC 8966 §3.4.3, Appendix A.2).
public enum LinkSensing: UInt8, Equatable, Sendable {
  /// 2-out-of-3 (A.2.1).
  case twoOutOfThree
  /// Expected transmission count (A.2.2).
  case etx
}

/// The validated, resolved parameters of one interface.
public struct InterfaceParameters: Equatable, Sendable {
  /// The Hello interval in milliseconds where nothing else is said (RFC 8966 Appendix B).
  public static let defaultHelloInterval: UInt32 = 4000
  /// So many Hello intervals are an Update interval where nothing else is said.
  static let hellosPerUpdate: UInt32 = 4
  /// Quick Hellos are at least so many microseconds apart.
  static let leastProbeInterval: UInt32 = 20_000
  /// Where nothing is said, and the other end measures losses: so many in a Hello interval, and not
  /// more often than each so many microseconds.
  static let probesPerHello: UInt32 = 10
  static let usualProbeInterval: UInt32 = 200_000
  /// The nominal cost of a radio (A.2.2).
  static let wirelessCost: UInt32 = 256
  /// The largest penalty for the round-trip time of a tunnel.
  static let tunnelPenalty: UInt32 = 96

  /// Multicast Hello interval in milliseconds, 1 … 655,350.
  public var helloInterval = Self.defaultHelloInterval
  /// Update interval in milliseconds, 1 … 655,350.
  public var updateInterval = Self.defaultHelloInterval * Self.hellosPerUpdate
  /// Nominal cost of receiving on this interface, 1 … 65534; the default is that of a cable.
  public var rxcost = Metric(96)
  /// Cost computation.
  public var linkSensing = LinkSensing.twoOutOfThree
  /// Suppress updates on the interface of the selected route (§3.7.4).
  public var splitHorizon = false
  /// Send everything but scheduled Hellos by unicast.
  public var unicast = false
  /// Send and use timestamps (RFC 9616).
  public var timestamps = false
  /// Neither unicast Hellos, nor unscheduled ones, nor source-specific TLVs are sent.
  public var rfc6126Compatible = false
  /// Weight of a new sample in the smoothed round-trip time, in 1/256: 1 … 256.
  public var rttDecay: UInt16 = 42
  /// Round-trip time in microseconds below which there is no penalty.
  public var rttMin: UInt32 = 10_000
  /// Round-trip time in microseconds above which the penalty is ``maxRTTPenalty``.
  public var rttMax: UInt32 = 120_000
  /// Largest penalty; zero switches the penalty off.
  public var maxRTTPenalty = Metric.zero
  /// Mean deviation of the round-trip time in microseconds below which there is no penalty.
  public var jitterMin: UInt32 = 5_000
  /// Mean deviation in microseconds above which the penalty is ``maxJitterPenalty``.
  public var jitterMax: UInt32 = 50_000
  /// Largest penalty for varying round-trip times; zero switches it off.
  public var maxJitterPenalty = Metric.zero
  /// Measure losses from gaps in the seqnos of Hellos.
  public var measuresLoss = false
  /// Measure them only where the neighbour says that it does so, too.
  public var measuresLossMutually = false
  /// Over so many milliseconds an average of losses goes.
  public var lossWindow: UInt32 = 120_000
  /// Largest penalty for losses in one direction.
  public var maxLossPenalty = Metric(384)
  /// Interval of quick unicast Hellos, from which neighbours can tell losses, in microseconds; zero
  /// if there are none.
  public var probeInterval: UInt32 = 0
  /// They are for those neighbours only that say that they measure losses.
  public var probesWhoMeasures = false
  /// Announce IPv4 prefixes with IPv6 next hops when there is no IPv4 address (RFC 9229). Whether
  /// they are accepted is ``NodeParameters/supportsV4ViaV6``, as in babeld.
  public var v4ViaV6 = true
  /// Tell price and round-trip time of paths in sub-TLVs of our own, and listen to them.
  public var pathAttributes = false
  /// How Updates are written; Althea's format carries prices by itself.
  public var wireFormat = WireFormat.standard
  /// Fill packets that carry a Hello up to the MTU and forbid fragmenting.
  public var probesMTU = false
  /// The family packets are exchanged over (§4); routes of both families go over either.
  public var control = AddressFamily.ipv6
  /// Addresses of neighbours that are greeted and told everything by unicast, because multicast
  /// does not reach them. Of the family of ``control``, no two alike.
  public var unicastNeighbours: [IPAddress] = []
  /// What is added to costs for a while.
  public var surcharge = Surcharge()
  /// Whether neighbours are asked for the ways of packets, and are answered; nil if only those that
  /// have proved to have our key.
  public var answersPaths: Bool?
  /// The interface is one of WireGuard whose peers are its neighbours: nothing reaches a group
  /// there, so each peer gets what is for the group by unicast, and IPv4 routes have IPv6 next
  /// hops.
  public var keepsWireGuardPeers = false
  /// Who gets a copy of what is for the group, where ``keepsWireGuardPeers`` is set. A Hello means
  /// the same in such a copy: the neighbours count one sequence of multicast Hellos.
  public var groupMembers: [IPAddress] = []
  /// Keys that sign and verify (RFC 8967).
  public var authentication = InterfaceAuthentication()

  /// Whether the cost is measured, so that it changes all the time.
  var isCostMeasured: Bool {
    linkSensing == .etx || countsLosses
      || timestamps && (maxRTTPenalty > .zero || maxJitterPenalty > .zero)
  }

  /// Whether losses are measured, at least where the neighbour measures them.
  var countsLosses: Bool { measuresLoss || measuresLossMutually }

  /// Whether our Hellos say that we measure losses.
  var tellsOfMeasuring: Bool { countsLosses && !rfc6126Compatible }

  /// Whether quick unicast Hellos are sent. They are to be much quicker than the others, by which
  /// neighbours tell what they are for.
  var sendsProbes: Bool {
    probeInterval > 0 && !rfc6126Compatible
      && UInt64(probeInterval) * 2 <= UInt64(helloInterval) * 1000
  }

  /// The defaults of an interface of unknown type (babeld's "auto").
  public init() {}

  /// Whether Updates tell of price and round-trip time.
  public var carriesPathAttributes: Bool { pathAttributes || wireFormat == .althea }
}

extension InterfaceSettings {
  /// These settings, what they leave open completed with what holds for a type of link.
  /// `wirelessHello` and `wiredHello` are the Hello intervals in milliseconds of wireless links
  /// and of all others, where the settings do not give one (`-h` and `-H`).
  func resolved(
    for type: ResolvedLinkType, wirelessHello: UInt32, wiredHello: UInt32
  ) -> InterfaceSettings {
    let plain = InterfaceParameters()
    let isWireless = type == .wireless
    let isTunnel = type == .tunnel
    var all = InterfaceSettings()
    all.rxcost =
      isWireless ? InterfaceParameters.wirelessCost : UInt32(plain.rxcost.rawValue)
    all.helloInterval = isWireless ? wirelessHello : wiredHello
    all.linkQuality = isWireless
    all.splitHorizon = type == .wired
    all.timestamps = isTunnel
    for keyword: InterfaceKeyword in [
      .unicast, .rfc6126Compatible, .pathAttributes, .altheaWire, .probeMTU, .linkLocal,
      .acceptBadSignatures, .ipv4Control, .wireGuardPeers,
    ] { all[flag: keyword] = false }
    all.rttDecay = UInt32(plain.rttDecay)
    all.rttMin = plain.rttMin
    all.rttMax = plain.rttMax
    // WireGuard takes packets from a peer only if routes lead back to it, so both ends must choose
    // alike, and each measures times by itself.
    let keepsPeers = keepsWireGuardPeers == true && ipv4Control != true
    if isTunnel, !keepsPeers {
      all.maxRTTPenalty = InterfaceParameters.tunnelPenalty
      all[number: .linkQuality] = Self.mutualQuality
    }
    all.jitterMin = plain.jitterMin
    all.jitterMax = plain.jitterMax
    all.override(with: self)
    if keepsPeers {
      all.unicast = true
      // What one peer announces is news to the others.
      all.splitHorizon = false
    }
    if all[number: .linkQuality] ?? 0 >= Self.tunnelQuality {
      all.lossWindow = all.lossWindow ?? plain.lossWindow
      all.maxLossPenalty = all.maxLossPenalty ?? UInt32(plain.maxLossPenalty.rawValue)
    }
    if updateInterval == nil {
      let severalHellos =
        UInt64(all.helloInterval ?? 0) * UInt64(InterfaceParameters.hellosPerUpdate)
      all.updateInterval = UInt32(
        min(severalHellos, UInt64(InterfaceParameters.greatestInterval)))
    }
    all.rttMax = Self.above(all.rttMin, all.rttMax)
    all.jitterMax = Self.above(all.jitterMin, all.jitterMax)
    return all
  }

  /// Least distance of the ends of a range in microseconds (babeld's choice).
  private static let leastSpan: UInt32 = 10_000

  /// The upper end of a range: as given, if it is above the lower one.
  private static func above(_ least: UInt32?, _ most: UInt32?) -> UInt32? {
    guard let least, let most, most <= least else { return most }
    let (sum, overflow) = least.addingReportingOverflow(leastSpan)
    return overflow ? .max : sum
  }
}

extension InterfaceParameters {
  /// Largest interval in milliseconds that fits the wire (RFC 8966 §4.6.5).
  static let greatestInterval: UInt32 = 655_350

  /// Resolves settings, with the defaults that depend on the type of the link.
  /// `wirelessHello` and `wiredHello` are the Hello intervals in milliseconds of wireless links
  /// and of all others, where the settings do not give one (`-h` and `-H`).
  public init(
    _ settings: InterfaceSettings, type: ResolvedLinkType, wirelessHello: UInt32,
    wiredHello: UInt32
  ) {
    let all = settings.resolved(for: type, wirelessHello: wirelessHello, wiredHello: wiredHello)
    func number(_ keyword: InterfaceKeyword) -> UInt32 { all[number: keyword] ?? 0 }
    func isSet(_ keyword: InterfaceKeyword) -> Bool { number(keyword) != 0 }
    func metric(_ keyword: InterfaceKeyword) -> Metric {
      Metric(UInt16(clamping: number(keyword)))
    }
    self.init()
    rxcost = metric(.rxcost)
    helloInterval = number(.helloInterval)
    updateInterval = number(.updateInterval)
    measuresLoss = number(.linkQuality) == InterfaceSettings.tunnelQuality
    measuresLossMutually = number(.linkQuality) == InterfaceSettings.mutualQuality
    linkSensing = isSet(.linkQuality) && !countsLosses ? .etx : .twoOutOfThree
    splitHorizon = isSet(.splitHorizon)
    unicast = isSet(.unicast)
    timestamps = isSet(.enableTimestamps)
    rfc6126Compatible = isSet(.rfc6126Compatible)
    rttDecay = UInt16(clamping: number(.rttDecay))
    rttMin = number(.rttMin)
    rttMax = number(.rttMax)
    maxRTTPenalty = metric(.maxRTTPenalty)
    jitterMin = number(.jitterMin)
    jitterMax = number(.jitterMax)
    maxJitterPenalty = metric(.maxJitterPenalty)
    lossWindow = all.lossWindow ?? lossWindow
    if all.maxLossPenalty != nil { maxLossPenalty = metric(.maxLossPenalty) }
    if let probes = all.probeInterval {
      probeInterval = probes > 0 ? max(probes, Self.leastProbeInterval) : 0
    } else if countsLosses {
      probeInterval = max(helloInterval / Self.probesPerHello * 1000, Self.usualProbeInterval)
      probesWhoMeasures = true
    }
    v4ViaV6 = all.v4ViaV6 ?? true
    pathAttributes = isSet(.pathAttributes)
    answersPaths = all.answersPaths
    wireFormat = isSet(.altheaWire) ? .althea : .standard
    probesMTU = isSet(.probeMTU)
    control = isSet(.ipv4Control) ? .ipv4 : .ipv6
    keepsWireGuardPeers = isSet(.wireGuardPeers) && control == .ipv6
    let family = control
    unicastNeighbours = (all.unicastNeighbours ?? []).filter { $0.family == family }
  }
}

/// An IPv4 address of ours with its subnet.
public struct IPv4Subnet: Equatable, Sendable {
  /// Our address.
  public let address: IPAddress
  /// What is on the link.
  public let prefix: Prefix

  /// Makes a subnet.
  public init(address: IPAddress, prefix: Prefix) {
    self.address = address
    self.prefix = prefix
  }
}

/// The state of a link as the kernel reports it.
public struct LinkState: Equatable, Sendable {
  /// Administratively up (and running, with link detection), as the operator wants it.
  public var isUp: Bool
  /// Largest packet in octets, IP header included.
  public var mtu: UInt32
  /// Usable (not tentative) link-local addresses, the first is the one packets leave from.
  public var linkLocals: [IPAddress]
  /// Primary IPv4 address.
  public var ipv4: IPAddress?
  /// IPv4 subnets of the link, for control traffic over IPv4; that of ``ipv4`` is the first.
  public var ipv4Subnets: [IPv4Subnet]

  /// Makes a link state.
  public init(
    isUp: Bool, mtu: UInt32, linkLocals: [IPAddress], ipv4: IPAddress?,
    ipv4Subnets: [IPv4Subnet] = []
  ) {
    self.isUp = isUp
    self.mtu = mtu
    self.linkLocals = linkLocals
    self.ipv4 = ipv4
    self.ipv4Subnets = ipv4Subnets
  }

  /// The address packets of a control family leave from; nil if there is none.
  public func controlAddress(_ family: AddressFamily) -> IPAddress? {
    family == .ipv4 ? ipv4Subnets.first?.address : linkLocals.first
  }

  /// Whether an address is one of ours that packets of a control family may leave from.
  public func hasControlAddress(_ address: IPAddress, _ family: AddressFamily) -> Bool {
    family == .ipv4
      ? ipv4Subnets.contains { $0.address == address } : linkLocals.contains(address)
  }

  /// Whether a packet of a control family may come from an address: one on the link (§4).
  public func isOnLink(_ address: IPAddress, _ family: AddressFamily) -> Bool {
    guard address.family == family, !address.isMulticast, !address.isUnspecified else {
      return false
    }
    return family == .ipv4
      ? ipv4Subnets.contains { $0.prefix.contains(address) } : address.isLinkLocal
  }
}
