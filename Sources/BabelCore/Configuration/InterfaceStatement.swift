import BabelWire

/// Parameters of `interface` and `default`.
enum InterfaceKeyword: KeywordText, ConfigurationKeyword {
  case type, rxcost
  case helloInterval = "hello-interval"
  case updateInterval = "update-interval"
  case linkQuality = "link-quality"
  case splitHorizon = "split-horizon"
  case unicast
  case enableTimestamps = "enable-timestamps"
  case rfc6126Compatible = "rfc6126-compatible"
  case rttDecay = "rtt-decay"
  case rttMin = "rtt-min"
  case rttMax = "rtt-max"
  case maxRTTPenalty = "max-rtt-penalty"
  case jitterMin = "jitter-min"
  case jitterMax = "jitter-max"
  case maxJitterPenalty = "max-jitter-penalty"
  case v4ViaV6 = "v4-via-v6"
  case pathAttributes = "path-attributes"
  case altheaWire = "althea-wire"
  case probeMTU = "probe-mtu"
  case linkLocal = "link-local"
  case key
  case alsoKey = "also-key"
  case signKey = "sign-key"
  case verifyKey = "verify-key"
  case acceptBadSignatures = "accept-bad-signatures"
  case neighbour
  case ipv4Control = "ipv4-control"
  case wired, faraway
}

/// Values of `type`.
private enum LinkTypeKeyword: KeywordText, ConfigurationKeyword {
  case wired, wireless, tunnel, auto, `default`
}

/// Values of `link-local`.
private enum LinkLocalKeyword: KeywordText, ConfigurationKeyword {
  case auto, manual
}

extension StatementParser {
  /// Parses parameters up to the end of the line. Within one statement the last mention of a
  /// parameter counts, even when it is `auto`.
  mutating func parseInterfaceSettings() throws(ConfigurationError) -> InterfaceSettings {
    var settings = InterfaceSettings()
    while let token = try reader.next() {
      guard !token.isQuoted, let keyword = InterfaceKeyword(octets: token.octets) else {
        throw unknownWord(
          token, expected: "a parameter of an interface", among: InterfaceKeyword.words)
      }
      try parseInterfaceSetting(keyword, at: token, into: &settings)
    }
    return settings
  }

  private mutating func parseInterfaceSetting(
    _ keyword: InterfaceKeyword, at token: ConfigurationToken,
    into settings: inout InterfaceSettings
  ) throws(ConfigurationError) {
    switch keyword {
    case .type: settings.type = try linkType()
    case .rxcost: settings.rxcost = UInt16(try number(1...65535))
    case .helloInterval: settings.helloInterval = try seconds()
    case .updateInterval: settings.updateInterval = try seconds()
    case .linkQuality: settings.linkQuality = try boolean()
    case .splitHorizon: settings.splitHorizon = try boolean()
    case .unicast: settings.unicast = try boolean()
    case .enableTimestamps: settings.timestamps = try boolean()
    case .rfc6126Compatible: settings.rfc6126Compatible = try boolean()
    case .rttDecay: settings.rttDecay = UInt16(try number(1...256))
    case .rttMin: settings.rttMin = try roundTripTime()
    case .rttMax: settings.rttMax = try roundTripTime()
    case .maxRTTPenalty: settings.maxRTTPenalty = UInt16(try number(1...65535))
    case .jitterMin, .jitterMax, .maxJitterPenalty:
      warn(.unknownToBabeld, at: token, "babeld does not measure jitter")
      try parseJitter(keyword, into: &settings)
    case .v4ViaV6: settings.v4ViaV6 = try boolean()
    case .pathAttributes:
      settings.pathAttributes = try boolean()
      warn(.unknownToBabeld, at: token, "babeld has no path attributes")
    case .altheaWire:
      settings.usesAltheaWire = try boolean()
      warn(.unknownToBabeld, at: token, "babeld does not speak like Althea's fork of it")
    case .probeMTU: settings.probesMTU = try boolean()
    case .linkLocal:
      settings.makesLinkLocal = try linkLocal()
      warn(.unknownToBabeld, at: token, "babeld does not have this parameter")
    case .key: settings.key = try keyOrNone() ?? []
    case .alsoKey: try parseFurtherKey(at: token, into: &settings.alsoKeys)
    case .signKey: try parseFurtherKey(at: token, into: &settings.signKeys)
    case .verifyKey: try parseFurtherKey(at: token, into: &settings.verifyKeys)
    case .acceptBadSignatures: settings.acceptsBadSignatures = try boolean()
    case .neighbour: try parseNeighbour(at: token, into: &settings.unicastNeighbours)
    case .ipv4Control:
      warn(.unknownToBabeld, at: token, "babeld speaks over IPv6 only")
      settings.ipv4Control = try boolean()
    case .wired:
      // "auto" means wireless, too: so does babeld.
      settings.type = try boolean() == true ? .wired : .wireless
      warn(.deprecated, at: token, "\"wired\" is deprecated, use \"type\"")
    case .faraway:
      _ = try boolean()
      warn(.deprecated, at: token, "\"faraway\" is deprecated and does nothing")
    }
  }

  private mutating func parseJitter(
    _ keyword: InterfaceKeyword, into settings: inout InterfaceSettings
  ) throws(ConfigurationError) {
    switch keyword {
    case .jitterMin: settings.jitterMin = try roundTripTime()
    case .jitterMax: settings.jitterMax = try roundTripTime()
    default: settings.maxJitterPenalty = UInt16(try number(1...65535))
    }
  }

  /// An interval in milliseconds.
  private mutating func seconds() throws(ConfigurationError) -> UInt32 {
    try thousandths(1...InterfaceParameters.greatestInterval, unit: "seconds")
  }

  /// A round-trip time in microseconds; at most what a timestamp difference can hold.
  private mutating func roundTripTime() throws(ConfigurationError) -> UInt32 {
    try thousandths(1...UInt32(Int32.max), unit: "milliseconds")
  }

  private mutating func linkType() throws(ConfigurationError) -> ConfiguredLinkType? {
    let token = try word(oneOf(LinkTypeKeyword.words))
    switch LinkTypeKeyword(octets: token.octets) {
    case .wired: return .wired
    case .wireless: return .wireless
    case .tunnel: return .tunnel
    case .auto, .default: return nil
    case nil:
      throw unknownWord(
        token, expected: oneOf(LinkTypeKeyword.words), among: LinkTypeKeyword.words)
    }
  }

  /// Whether a link-local address is to be made. Unlike elsewhere, `auto` is a value.
  private mutating func linkLocal() throws(ConfigurationError) -> Bool {
    let token = try word(oneOf(LinkLocalKeyword.words))
    switch LinkLocalKeyword(octets: token.octets) {
    case .auto: return true
    case .manual: return false
    case nil:
      throw unknownWord(
        token, expected: oneOf(LinkLocalKeyword.words), among: LinkLocalKeyword.words)
    }
  }

  /// Most keys of one kind on an interface: each costs up to 34 octets of every packet.
  private static let keyLimit = 8

  private mutating func parseFurtherKey(
    at token: ConfigurationToken, into keys: inout [[UInt8]]?
  ) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: token, "babeld takes one key for an interface")
    let known = keys ?? []
    guard known.count < Self.keyLimit else {
      throw reader.error(at: token, expected: "at most \(Self.keyLimit) keys")
    }
    keys = try keyOrNone().map { known + [$0] } ?? []
  }

  /// Most neighbours of an interface that are greeted by unicast, each with packets of its own.
  private static let neighbourLimit = 256

  private mutating func parseNeighbour(
    at token: ConfigurationToken, into neighbours: inout [IPAddress]?
  ) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: token, "babeld finds its neighbours by multicast only")
    let expected = "a link-local IPv6 address or an IPv4 address"
    let word = try word(expected)
    guard let address = IPAddress(octets: word.octets), !address.isMulticast,
      !address.isUnspecified, !address.isLoopback,
      address.family == .ipv4 || address.isLinkLocal
    else { throw reader.error(at: word, expected: expected) }
    let known = neighbours ?? []
    guard !known.contains(address) else { return }
    guard known.count < Self.neighbourLimit else {
      throw reader.error(at: token, expected: "at most \(Self.neighbourLimit) neighbours")
    }
    neighbours = known + [address]
  }

  /// The id of a key, or nil for `none`, unless a key is called that.
  private mutating func keyOrNone() throws(ConfigurationError) -> [UInt8]? {
    let token = try word("the id of a key")
    if token.octets.elementsEqual("none".utf8), configuration.key(id: token.octets) == nil {
      return nil
    }
    return try knownKey(token)
  }

  private func knownKey(_ token: ConfigurationToken) throws(ConfigurationError) -> [UInt8] {
    guard configuration.key(id: token.octets) != nil else {
      var error = reader.error(at: token, expected: "the id of a key defined on an earlier line")
      let known = configuration.keys.map { printable($0.id, limit: 255) }
      error = error.adding(suggestion: nearestWord(to: token.octets, among: known))
      if reader.source == .commandLine {
        error = error.adding(hint: "-C is applied before any file, so keys of files are not known")
      }
      error = error.adding(preface: "Couldn't find key \(printable(token.octets, limit: 255)).")
      throw error
    }
    return token.octets
  }
}
