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

/// The value of a parameter.
enum SettingValue: Equatable, Sendable {
  /// A number in its smallest unit; 1 and 0 for true and false.
  case number(UInt32)
  /// Ids of keys; none at all is what `none` says.
  case ids([[UInt8]])
  /// Addresses of neighbours.
  case addresses([IPAddress])
}

/// The parameters of an `interface` or `default` statement. Nil is unset, which is also what
/// `auto` and `default` as values mean. ``InterfaceKeyword`` has the table of parameters.
public struct InterfaceSettings: Equatable, Sendable {
  private struct Entry: Equatable, Sendable {
    let keyword: InterfaceKeyword
    var value: SettingValue
  }

  /// What is set, in the order of the table.
  private var entries: [Entry] = []

  /// Nothing set.
  public init() {}

  /// Whether nothing is set.
  var isEmpty: Bool { entries.isEmpty }

  /// The value of a parameter; nil if it is not set.
  subscript(_ keyword: InterfaceKeyword) -> SettingValue? {
    get { entries.first { $0.keyword.rawValue == keyword.rawValue }?.value }
    set {
      let place =
        entries.firstIndex { $0.keyword.rawValue >= keyword.rawValue } ?? entries.count
      let isSet = place < entries.count && entries[place].keyword.rawValue == keyword.rawValue
      if isSet { entries.remove(at: place) }
      if let newValue {
        entries.insert(Entry(keyword: keyword, value: newValue), at: place)
      }
    }
  }

  /// The same for a parameter that is a number.
  subscript(number keyword: InterfaceKeyword) -> UInt32? {
    get {
      guard case .number(let number) = self[keyword] else { return nil }
      return number
    }
    set { self[keyword] = newValue.map { .number($0) } }
  }

  /// The same for a parameter that is true or false.
  subscript(flag keyword: InterfaceKeyword) -> Bool? {
    get { self[number: keyword].map { $0 != 0 } }
    set { self[number: keyword] = newValue.map { $0 ? 1 : 0 } }
  }

  /// The same for a parameter that names keys.
  subscript(ids keyword: InterfaceKeyword) -> [[UInt8]]? {
    get {
      guard case .ids(let ids) = self[keyword] else { return nil }
      return ids
    }
    set { self[keyword] = newValue.map { .ids($0) } }
  }

  /// The same for a parameter that names neighbours.
  subscript(addresses keyword: InterfaceKeyword) -> [IPAddress]? {
    get {
      guard case .addresses(let addresses) = self[keyword] else { return nil }
      return addresses
    }
    set { self[keyword] = newValue.map { .addresses($0) } }
  }

  /// What is set in `other` overrides.
  public mutating func override(with other: InterfaceSettings) {
    for entry in other.entries { self[entry.keyword] = entry.value }
  }

  /// These settings, what is unset taken from `other`.
  public func completed(with other: InterfaceSettings) -> InterfaceSettings {
    var result = other
    result.override(with: self)
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
    if !parameters.countsLosses, settings.maxLossPenalty != nil || settings.lossWindow != nil {
      remarks.append("loss-window and max-loss-penalty have no effect without link-quality tunnel")
    }
    let isWanted = settings.probeInterval ?? 0 > 0
    if isWanted, parameters.rfc6126Compatible {
      remarks.append("probe-interval has no effect with rfc6126-compatible")
    } else if isWanted, !parameters.sendsProbes {
      remarks.append("probe-interval has no effect: it is more than half of hello-interval")
    }
    if settings.keepsWireGuardPeers == true {
      if parameters.control == .ipv4 {
        remarks.append("wireguard-peers has no effect with ipv4-control")
      } else if parameters.maxRTTPenalty > .zero || parameters.maxJitterPenalty > .zero
        || parameters.linkSensing == .etx || parameters.measuresLoss
      {
        remarks.append(
          "costs that each end measures by itself let it choose other ways than the other end, "
            + "and WireGuard drops what comes from another peer than the one it would go to")
      }
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
