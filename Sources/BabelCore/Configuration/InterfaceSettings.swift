import BabelWire

/// What `type` says.
public enum ConfiguredLinkType: UInt8, Equatable, Sendable {
  /// Ethernet and such.
  case wired
  /// Lossy radio.
  case wireless
  /// A tunnel; its cost depends on the round-trip time.
  case tunnel
}

/// What a link was found or configured to be; decides the defaults of its parameters.
public enum ResolvedLinkType: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// Configured `type wired`.
  case wired
  /// Configured `type wireless`, or found to be.
  case wireless
  /// Configured `type tunnel`.
  case tunnel
  /// Not configured and not known to be wireless. Not the same as wired: split horizon is off.
  case unknown

  /// The type a configured one stands for.
  public init(_ type: ConfiguredLinkType) {
    self =
      switch type {
      case .wired: .wired
      case .wireless: .wireless
      case .tunnel: .tunnel
      }
  }

  /// The word of the configuration language; `auto` when unknown.
  public var description: String {
    switch self {
    case .wired: "wired"
    case .wireless: "wireless"
    case .tunnel: "tunnel"
    case .unknown: "auto"
    }
  }
}

/// The parameters of an `interface` or `default` statement. Nil is unset, which is also what
/// `auto` and `default` as values mean.
public struct InterfaceSettings: Equatable, Sendable {
  /// `type`.
  public var type: ConfiguredLinkType?
  /// `rxcost`, 1 … 65535.
  public var rxcost: UInt16?
  /// `hello-interval` in milliseconds, 1 … 655,350.
  public var helloInterval: UInt32?
  /// `update-interval` in milliseconds, 1 … 655,350.
  public var updateInterval: UInt32?
  /// `link-quality`.
  public var linkQuality: Bool?
  /// `split-horizon`.
  public var splitHorizon: Bool?
  /// `unicast`.
  public var unicast: Bool?
  /// `enable-timestamps`.
  public var timestamps: Bool?
  /// `rfc6126-compatible`.
  public var rfc6126Compatible: Bool?
  /// `rtt-decay`, 1 … 256.
  public var rttDecay: UInt16?
  /// `rtt-min` in microseconds.
  public var rttMin: UInt32?
  /// `rtt-max` in microseconds.
  public var rttMax: UInt32?
  /// `max-rtt-penalty`, 1 … 65535.
  public var maxRTTPenalty: UInt16?
  /// `jitter-min` in microseconds.
  public var jitterMin: UInt32?
  /// `jitter-max` in microseconds.
  public var jitterMax: UInt32?
  /// `max-jitter-penalty`, 1 … 65535.
  public var maxJitterPenalty: UInt16?
  /// `v4-via-v6`.
  public var v4ViaV6: Bool?
  /// `path-attributes`.
  public var pathAttributes: Bool?
  /// `althea-wire`.
  public var usesAltheaWire: Bool?
  /// `probe-mtu`.
  public var probesMTU: Bool?
  /// `link-local`: whether to make a link-local address where there is none.
  public var makesLinkLocal: Bool?
  /// `key`: the id of a key.
  public var key: [UInt8]?
  /// `also-key`: ids of further keys that sign and verify.
  public var alsoKeys: [[UInt8]]?
  /// `sign-key`: ids of keys that sign but do not verify.
  public var signKeys: [[UInt8]]?
  /// `verify-key`: ids of keys that verify but do not sign.
  public var verifyKeys: [[UInt8]]?
  /// `accept-bad-signatures`.
  public var acceptsBadSignatures: Bool?
  /// `neighbour`: who is greeted by unicast.
  public var unicastNeighbours: [IPAddress]?
  /// `ipv4-control`: packets are exchanged over IPv4.
  public var ipv4Control: Bool?

  /// Nothing set.
  public init() {}

  /// The fields that are set in `other` override.
  public mutating func override(with other: InterfaceSettings) {
    self = other.completed(with: self)
  }

  /// These settings, the unset fields taken from `other`.
  public func completed(with other: InterfaceSettings) -> InterfaceSettings {
    var result = InterfaceSettings()
    result.type = type ?? other.type
    result.rxcost = rxcost ?? other.rxcost
    result.helloInterval = helloInterval ?? other.helloInterval
    result.updateInterval = updateInterval ?? other.updateInterval
    result.linkQuality = linkQuality ?? other.linkQuality
    result.splitHorizon = splitHorizon ?? other.splitHorizon
    result.unicast = unicast ?? other.unicast
    result.timestamps = timestamps ?? other.timestamps
    result.rfc6126Compatible = rfc6126Compatible ?? other.rfc6126Compatible
    result.rttDecay = rttDecay ?? other.rttDecay
    result.rttMin = rttMin ?? other.rttMin
    result.rttMax = rttMax ?? other.rttMax
    result.maxRTTPenalty = maxRTTPenalty ?? other.maxRTTPenalty
    result.jitterMin = jitterMin ?? other.jitterMin
    result.jitterMax = jitterMax ?? other.jitterMax
    result.maxJitterPenalty = maxJitterPenalty ?? other.maxJitterPenalty
    result.v4ViaV6 = v4ViaV6 ?? other.v4ViaV6
    result.pathAttributes = pathAttributes ?? other.pathAttributes
    result.usesAltheaWire = usesAltheaWire ?? other.usesAltheaWire
    result.probesMTU = probesMTU ?? other.probesMTU
    result.makesLinkLocal = makesLinkLocal ?? other.makesLinkLocal
    result.key = key ?? other.key
    result.alsoKeys = alsoKeys ?? other.alsoKeys
    result.signKeys = signKeys ?? other.signKeys
    result.verifyKeys = verifyKeys ?? other.verifyKeys
    result.acceptsBadSignatures = acceptsBadSignatures ?? other.acceptsBadSignatures
    result.unicastNeighbours = unicastNeighbours ?? other.unicastNeighbours
    result.ipv4Control = ipv4Control ?? other.ipv4Control
    return result
  }
}

/// One configured interface.
public struct ConfiguredInterface: Equatable, Sendable {
  /// Its name.
  public let name: InterfaceName
  /// What its own statements say, without ``Configuration/defaults``.
  public var settings: InterfaceSettings
  /// Where it was first mentioned; nil if not in a text. Not part of what is compared.
  public let position: ConfigurationPosition?

  /// Makes an entry.
  public init(
    name: InterfaceName, settings: InterfaceSettings, position: ConfigurationPosition? = nil
  ) {
    self.name = name
    self.settings = settings
    self.position = position
  }

  /// Whether both say the same, wherever they say it.
  public static func == (a: ConfiguredInterface, b: ConfiguredInterface) -> Bool {
    a.name == b.name && a.settings == b.settings
  }
}

extension InterfaceParameters {
  /// Least distance of ``rttMax`` above ``rttMin`` in microseconds (babeld's choice).
  static let leastRTTSpan: UInt32 = 10_000
  /// Largest interval in milliseconds that fits the wire (RFC 8966 §4.6.5).
  static let greatestInterval: UInt32 = 655_350

  /// Resolves settings, with the defaults that depend on the type of the link.
  /// `wirelessHello` and `wiredHello` are the Hello intervals in milliseconds of wireless links
  /// and of all others, where the settings do not give one (`-h` and `-H`).
  public init(
    _ settings: InterfaceSettings, type: ResolvedLinkType, wirelessHello: UInt32,
    wiredHello: UInt32
  ) {
    self.init()
    let isWireless = type == .wireless
    let isTunnel = type == .tunnel
    if let cost = settings.rxcost ?? (isWireless ? Self.wirelessCost : nil) {
      rxcost = Metric(cost)
    }
    helloInterval = settings.helloInterval ?? (isWireless ? wirelessHello : wiredHello)
    let severalHellos = UInt64(helloInterval) * UInt64(Self.hellosPerUpdate)
    updateInterval =
      settings.updateInterval ?? UInt32(min(severalHellos, UInt64(Self.greatestInterval)))
    linkSensing = settings.linkQuality ?? isWireless ? .etx : .twoOutOfThree
    splitHorizon = settings.splitHorizon ?? (type == .wired)
    unicast = settings.unicast ?? false
    timestamps = settings.timestamps ?? isTunnel
    rfc6126Compatible = settings.rfc6126Compatible ?? false
    rttDecay = settings.rttDecay ?? rttDecay
    rttMin = settings.rttMin ?? rttMin
    rttMax = Self.above(rttMin, settings.rttMax ?? rttMax)
    jitterMin = settings.jitterMin ?? jitterMin
    jitterMax = Self.above(jitterMin, settings.jitterMax ?? jitterMax)
    maxJitterPenalty = Metric(settings.maxJitterPenalty ?? 0)
    maxRTTPenalty = Metric(settings.maxRTTPenalty ?? (isTunnel ? Self.tunnelPenalty : 0))
    v4ViaV6 = settings.v4ViaV6 ?? true
    pathAttributes = settings.pathAttributes ?? false
    wireFormat = settings.usesAltheaWire == true ? .althea : .standard
    probesMTU = settings.probesMTU ?? false
    control = settings.ipv4Control == true ? .ipv4 : .ipv6
    let family = control
    unicastNeighbours = (settings.unicastNeighbours ?? []).filter { $0.family == family }
  }

  /// The upper end of a range: as given, if it is above the lower one.
  private static func above(_ least: UInt32, _ most: UInt32) -> UInt32 {
    guard most <= least else { return most }
    let (sum, overflow) = least.addingReportingOverflow(leastRTTSpan)
    return overflow ? .max : sum
  }
}

extension Configuration {
  /// What the statements say about an interface, patterns that match it and `default` included;
  /// for an interface that was never mentioned (positional on the command line) that is
  /// `default` alone.
  public func settings(for name: InterfaceName) -> InterfaceSettings {
    let general = patternSettings(for: name).completed(with: defaults)
    guard let index = interfaces.firstIndex(where: { $0.name == name }) else { return general }
    return interfaces[index].settings.completed(with: general)
  }

  /// The resolved parameters of an interface. `type` is
  /// `settings(for: name).type` if there is one, else what the daemon found out.
  /// Hello intervals are in milliseconds, see
  /// ``InterfaceParameters/init(_:type:wirelessHello:wiredHello:)``.
  public func interfaceParameters(
    for name: InterfaceName, type: ResolvedLinkType,
    wirelessHello: UInt32 = InterfaceParameters.defaultHelloInterval,
    wiredHello: UInt32 = InterfaceParameters.defaultHelloInterval
  ) -> InterfaceParameters {
    var parameters = InterfaceParameters(
      settings(for: name), type: type, wirelessHello: wirelessHello, wiredHello: wiredHello)
    parameters.authentication = authentication(for: name)
    return parameters
  }

  /// What an operator should know about the resolved parameters of an interface: values that
  /// had to be adjusted or have no effect. Each is a sentence without the interface's name.
  public func remarks(about name: InterfaceName, type: ResolvedLinkType) -> [String] {
    let settings = settings(for: name)
    let parameters = InterfaceParameters(
      settings, type: type, wirelessHello: InterfaceParameters.defaultHelloInterval,
      wiredHello: InterfaceParameters.defaultHelloInterval)
    let defaults = InterfaceParameters()
    var remarks: [String] = []
    if (settings.rttMax ?? defaults.rttMax) <= parameters.rttMin {
      remarks.append("rtt-max is not above rtt-min and was set to rtt-min + 10 ms")
    }
    if (settings.jitterMax ?? defaults.jitterMax) <= parameters.jitterMin {
      remarks.append("jitter-max is not above jitter-min and was set to jitter-min + 10 ms")
    }
    // Where timestamps are switched off, a penalty of `default` is left aside on purpose.
    let isDeliberate = settings.timestamps == false
    if parameters.maxRTTPenalty > .zero, !parameters.timestamps, !isDeliberate {
      remarks.append("max-rtt-penalty has no effect without enable-timestamps")
    }
    if parameters.maxJitterPenalty > .zero, !parameters.timestamps, !isDeliberate {
      remarks.append("max-jitter-penalty has no effect without enable-timestamps")
    }
    for address in settings.unicastNeighbours ?? []
    where !parameters.unicastNeighbours.contains(address) {
      let way = parameters.control == .ipv4 ? "over IPv4" : "over IPv6"
      remarks.append("neighbour \(address) has no effect: packets are exchanged \(way)")
    }
    if !parameters.unicastNeighbours.isEmpty, parameters.rfc6126Compatible {
      remarks.append("neighbour has no effect with rfc6126-compatible")
    }
    let keys = authentication(for: name).keys
    if !keys.isEmpty, !keys.contains(where: { $0.verifies }) {
      remarks.append("packets are signed, but no key verifies: whatever comes is accepted")
    } else if !keys.isEmpty, !keys.contains(where: { $0.signs }) {
      remarks.append("packets are verified, but no key signs: nobody who verifies accepts ours")
    } else if !keys.isEmpty, settings.acceptsBadSignatures == true {
      remarks.append("accept-bad-signatures: packets that fail verification are accepted")
    } else if keys.isEmpty, settings.acceptsBadSignatures == true {
      remarks.append("accept-bad-signatures has no effect without a key")
    }
    if parameters.rxcost.isInfinite {
      remarks.append("rxcost 65535 is infinity: the link is never used")
    }
    return remarks
  }

  /// How packets of an interface are authenticated (RFC 8967).
  public func authentication(for name: InterfaceName) -> InterfaceAuthentication {
    let settings = settings(for: name)
    let both = (settings.key.map { [$0] } ?? []) + (settings.alsoKeys ?? [])
    let signing = both + (settings.signKeys ?? [])
    let verifying = both + (settings.verifyKeys ?? [])
    var result = InterfaceAuthentication()
    result.acceptsBadSignatures = settings.acceptsBadSignatures ?? false
    for id in signing + verifying {
      guard !result.keys.contains(where: { $0.key.id == id }), let key = key(id: id) else {
        continue
      }
      result.keys.append(
        InterfaceKey(key: key, signs: signing.contains(id), verifies: verifying.contains(id)))
    }
    return result
  }

  /// The key with an id.
  public func key(id: [UInt8]) -> AuthenticationKey? { keys.first { $0.id == id } }

  /// Adds or merges an `interface` statement: fields that are set override earlier ones.
  public mutating func merge(
    _ settings: InterfaceSettings, into name: InterfaceName,
    at position: ConfigurationPosition? = nil
  ) {
    if let index = interfaces.firstIndex(where: { $0.name == name }) {
      interfaces[index].settings.override(with: settings)
    } else {
      interfaces.append(ConfiguredInterface(name: name, settings: settings, position: position))
    }
  }

  /// Forgets an interface, as `flush interface` does at run time; false if it is not there.
  @discardableResult
  public mutating func removeInterface(_ name: InterfaceName) -> Bool {
    guard let index = interfaces.firstIndex(where: { $0.name == name }) else { return false }
    interfaces.remove(at: index)
    return true
  }

  /// Merges a `default` statement.
  public mutating func mergeDefaults(_ settings: InterfaceSettings) {
    defaults.override(with: settings)
  }

  /// Adds a key or replaces the one with the same id, for all interfaces that use it.
  public mutating func define(_ key: AuthenticationKey) {
    if let index = keys.firstIndex(where: { $0.id == key.id }) {
      keys[index] = key
    } else {
      keys.append(key)
    }
  }

  /// Overwrites the values of all keys with zeros.
  public mutating func wipeKeys() {
    for index in keys.indices { keys[index].value.wipe() }
  }
}
