import BabelWire

/// What values a parameter of an interface takes.
package enum SettingForm {
  /// A whole number.
  case number(ClosedRange<UInt32>)
  /// Seconds in the text, milliseconds in the program; the range is in milliseconds.
  case seconds(ClosedRange<UInt32>)
  /// Milliseconds in the text, microseconds in the program; the range is in microseconds.
  case milliseconds(ClosedRange<UInt32>)
  /// `true` or `false`; `auto` unsets it.
  case boolean
  /// `true`, `false` or `tunnel`; `auto` unsets it.
  case quality
  /// The type of the link; `auto` unsets it.
  case linkType
  /// `auto` or `manual`.
  case automatic
  /// The id of a key, or `none`.
  case keyID
  /// The same, repeated so many times at most.
  case furtherKeys(limit: Int)
  /// The address of a neighbour, repeated so many times at most.
  case neighbours(limit: Int)
  /// A boolean that stands for a type of the link.
  case typeByBoolean
  /// A boolean without a meaning.
  case idleBoolean
}

/// The parameters of `interface` and `default`. A new one that is a number, a duration or a boolean
/// changes two files: here it gets a case, a row of the table and an accessor; in
/// `BabelCore/InterfaceParameters.swift` it gets a property, a line in `init(_:type:…)` and its
/// default in `resolved`. Parsing, merging, comparing and printing follow from the table. A new
/// form of value needs more, and the compiler says where. Warnings about a value are made by
/// `Configuration.remarks(about:type:)`.
package enum InterfaceKeyword: UInt8, CaseIterable, ConfigurationKeyword {
  case type, rxcost, helloInterval, updateInterval, linkQuality, splitHorizon, unicast
  case enableTimestamps, rfc6126Compatible, rttDecay, rttMin, rttMax, maxRTTPenalty
  case jitterMin, jitterMax, maxJitterPenalty, lossWindow, maxLossPenalty, probeInterval
  case v4ViaV6, pathAttributes, altheaWire, probeMTU
  case linkLocal, key, alsoKey, signKey, verifyKey, acceptBadSignatures, neighbour, ipv4Control
  case answerPath, wireGuardPeers
  case wired, faraway

  /// One row of the table.
  package struct Row {
    /// The word of the language.
    package let text: String
    /// The values it takes.
    package let form: SettingForm
    /// What to say of its use; nil for what babeld has.
    let remark: String?
    /// The kind of that remark.
    let kind: ConfigurationWarning.Kind

    fileprivate init(
      _ text: String, _ form: SettingForm, _ remark: String? = nil,
      _ kind: ConfigurationWarning.Kind = .unknownToBabeld
    ) {
      self.text = text
      self.form = form
      self.remark = remark
      self.kind = kind
    }
  }

  /// The table.
  package var row: Row {
    switch self {
    case .type: Row("type", .linkType)
    case .rxcost: Row("rxcost", .number(1...65535))
    case .helloInterval: Row("hello-interval", Self.interval)
    case .updateInterval: Row("update-interval", Self.interval)
    case .linkQuality: Row("link-quality", .quality)
    case .splitHorizon: Row("split-horizon", .boolean)
    case .unicast: Row("unicast", .boolean)
    case .enableTimestamps: Row("enable-timestamps", .boolean)
    case .rfc6126Compatible: Row("rfc6126-compatible", .boolean)
    case .rttDecay: Row("rtt-decay", .number(1...256))
    case .rttMin: Row("rtt-min", Self.roundTripTime)
    case .rttMax: Row("rtt-max", Self.roundTripTime)
    case .maxRTTPenalty: Row("max-rtt-penalty", .number(1...65535))
    case .jitterMin: Row("jitter-min", Self.roundTripTime, Self.noJitter)
    case .jitterMax: Row("jitter-max", Self.roundTripTime, Self.noJitter)
    case .maxJitterPenalty: Row("max-jitter-penalty", .number(1...65535), Self.noJitter)
    case .lossWindow: Row("loss-window", .seconds(10_000...3_600_000), Self.noLoss)
    case .maxLossPenalty: Row("max-loss-penalty", .number(1...65535), Self.noLoss)
    case .probeInterval:
      Row(
        "probe-interval", .milliseconds(0...60_000_000), "babeld sends no Hellos to measure losses")
    case .v4ViaV6: Row("v4-via-v6", .boolean)
    case .pathAttributes: Row("path-attributes", .boolean, "babeld has no path attributes")
    case .altheaWire:
      Row("althea-wire", .boolean, "babeld does not speak like Althea's fork of it")
    case .probeMTU: Row("probe-mtu", .boolean)
    case .linkLocal: Row("link-local", .automatic, "babeld does not have this parameter")
    case .key: Row("key", .keyID)
    case .alsoKey: Row("also-key", Self.furtherKeys, Self.oneKey)
    case .signKey: Row("sign-key", Self.furtherKeys, Self.oneKey)
    case .verifyKey: Row("verify-key", Self.furtherKeys, Self.oneKey)
    case .acceptBadSignatures: Row("accept-bad-signatures", .boolean)
    case .neighbour:
      // Each of them is greeted with packets of its own.
      Row("neighbour", .neighbours(limit: 256), "babeld finds its neighbours by multicast only")
    case .ipv4Control: Row("ipv4-control", .boolean, "babeld speaks over IPv6 only")
    case .answerPath:
      Row("answer-path", .boolean, "babeld does not tell which way packets take")
    case .wireGuardPeers:
      Row(
        "wireguard-peers", .boolean,
        "babeld needs an interface of its own for each peer of WireGuard")
    case .wired:
      Row("wired", .typeByBoolean, "\"wired\" is deprecated, use \"type\"", .deprecated)
    case .faraway:
      Row("faraway", .idleBoolean, "\"faraway\" is deprecated and does nothing", .deprecated)
    }
  }

  /// Milliseconds that fit the wire.
  private static var interval: SettingForm {
    .seconds(1...InterfaceParameters.greatestInterval)
  }
  /// Microseconds; at most what a timestamp difference can hold.
  private static var roundTripTime: SettingForm { .milliseconds(1...UInt32(Int32.max)) }
  /// Each key costs up to 34 octets of every packet.
  private static var furtherKeys: SettingForm { .furtherKeys(limit: 8) }
  private static var noJitter: String { "babeld does not measure jitter" }
  private static var noLoss: String { "babeld measures losses by link-quality only" }
  private static var oneKey: String { "babeld takes one key for an interface" }

  /// The word of the language.
  package var text: String { row.text }
}

extension InterfaceSettings {
  /// What `link-quality tunnel` is kept as.
  static let tunnelQuality: UInt32 = 2
  /// What `link-quality mutual` is kept as.
  static let mutualQuality: UInt32 = 3
  /// The words for them.
  static var qualityWords: [(text: String, number: UInt32)] {
    [("tunnel", tunnelQuality), ("mutual", mutualQuality)]
  }

  /// Whether a key is chosen, or packets without one are taken.
  public var areAboutKeys: Bool {
    key != nil || alsoKeys != nil || signKeys != nil || verifyKeys != nil
      || acceptsBadSignatures != nil
  }
  /// `type`.
  public var type: ConfiguredLinkType? {
    get { self[number: .type].flatMap { ConfiguredLinkType(rawValue: UInt8(clamping: $0)) } }
    set { self[number: .type] = newValue.map { UInt32($0.rawValue) } }
  }
  /// `rxcost`, 1 … 65535.
  public var rxcost: UInt32? {
    get { self[number: .rxcost] }
    set { self[number: .rxcost] = newValue }
  }
  /// `hello-interval` in milliseconds, 1 … 655,350.
  public var helloInterval: UInt32? {
    get { self[number: .helloInterval] }
    set { self[number: .helloInterval] = newValue }
  }
  /// `update-interval` in milliseconds, 1 … 655,350.
  public var updateInterval: UInt32? {
    get { self[number: .updateInterval] }
    set { self[number: .updateInterval] = newValue }
  }
  /// `link-quality`; also true if it is `tunnel`.
  public var linkQuality: Bool? {
    get { self[flag: .linkQuality] }
    set { self[flag: .linkQuality] = newValue }
  }
  /// `split-horizon`.
  public var splitHorizon: Bool? {
    get { self[flag: .splitHorizon] }
    set { self[flag: .splitHorizon] = newValue }
  }
  /// `unicast`.
  public var unicast: Bool? {
    get { self[flag: .unicast] }
    set { self[flag: .unicast] = newValue }
  }
  /// `enable-timestamps`.
  public var timestamps: Bool? {
    get { self[flag: .enableTimestamps] }
    set { self[flag: .enableTimestamps] = newValue }
  }
  /// `rfc6126-compatible`.
  public var rfc6126Compatible: Bool? {
    get { self[flag: .rfc6126Compatible] }
    set { self[flag: .rfc6126Compatible] = newValue }
  }
  /// `rtt-decay`, 1 … 256.
  public var rttDecay: UInt32? {
    get { self[number: .rttDecay] }
    set { self[number: .rttDecay] = newValue }
  }
  /// `rtt-min` in microseconds.
  public var rttMin: UInt32? {
    get { self[number: .rttMin] }
    set { self[number: .rttMin] = newValue }
  }
  /// `rtt-max` in microseconds.
  public var rttMax: UInt32? {
    get { self[number: .rttMax] }
    set { self[number: .rttMax] = newValue }
  }
  /// `max-rtt-penalty`, 1 … 65535.
  public var maxRTTPenalty: UInt32? {
    get { self[number: .maxRTTPenalty] }
    set { self[number: .maxRTTPenalty] = newValue }
  }
  /// `jitter-min` in microseconds.
  public var jitterMin: UInt32? {
    get { self[number: .jitterMin] }
    set { self[number: .jitterMin] = newValue }
  }
  /// `jitter-max` in microseconds.
  public var jitterMax: UInt32? {
    get { self[number: .jitterMax] }
    set { self[number: .jitterMax] = newValue }
  }
  /// `max-jitter-penalty`, 1 … 65535.
  public var maxJitterPenalty: UInt32? {
    get { self[number: .maxJitterPenalty] }
    set { self[number: .maxJitterPenalty] = newValue }
  }
  /// `loss-window` in milliseconds.
  public var lossWindow: UInt32? {
    get { self[number: .lossWindow] }
    set { self[number: .lossWindow] = newValue }
  }
  /// `max-loss-penalty`, 1 … 65535.
  public var maxLossPenalty: UInt32? {
    get { self[number: .maxLossPenalty] }
    set { self[number: .maxLossPenalty] = newValue }
  }
  /// `probe-interval` in microseconds; 0 for none.
  public var probeInterval: UInt32? {
    get { self[number: .probeInterval] }
    set { self[number: .probeInterval] = newValue }
  }
  /// `v4-via-v6`.
  public var v4ViaV6: Bool? {
    get { self[flag: .v4ViaV6] }
    set { self[flag: .v4ViaV6] = newValue }
  }
  /// `path-attributes`.
  public var pathAttributes: Bool? {
    get { self[flag: .pathAttributes] }
    set { self[flag: .pathAttributes] = newValue }
  }
  /// `althea-wire`.
  public var usesAltheaWire: Bool? {
    get { self[flag: .altheaWire] }
    set { self[flag: .altheaWire] = newValue }
  }
  /// `probe-mtu`.
  public var probesMTU: Bool? {
    get { self[flag: .probeMTU] }
    set { self[flag: .probeMTU] = newValue }
  }
  /// `link-local`: whether to make a link-local address where there is none.
  public var makesLinkLocal: Bool? {
    get { self[flag: .linkLocal] }
    set { self[flag: .linkLocal] = newValue }
  }
  /// `key`: the id of a key; empty for `none`.
  public var key: [UInt8]? {
    get { self[ids: .key].map { $0.first ?? [] } }
    set { self[ids: .key] = newValue.map { $0.isEmpty ? [] : [$0] } }
  }
  /// `also-key`: ids of further keys that sign and verify.
  public var alsoKeys: [[UInt8]]? {
    get { self[ids: .alsoKey] }
    set { self[ids: .alsoKey] = newValue }
  }
  /// `sign-key`: ids of keys that sign but do not verify.
  public var signKeys: [[UInt8]]? {
    get { self[ids: .signKey] }
    set { self[ids: .signKey] = newValue }
  }
  /// `verify-key`: ids of keys that verify but do not sign.
  public var verifyKeys: [[UInt8]]? {
    get { self[ids: .verifyKey] }
    set { self[ids: .verifyKey] = newValue }
  }
  /// `accept-bad-signatures`.
  public var acceptsBadSignatures: Bool? {
    get { self[flag: .acceptBadSignatures] }
    set { self[flag: .acceptBadSignatures] = newValue }
  }
  /// `neighbour`: who is greeted by unicast.
  public var unicastNeighbours: [IPAddress]? {
    get { self[addresses: .neighbour] }
    set { self[addresses: .neighbour] = newValue }
  }
  /// `answer-path`: neighbours are asked for ways, and are answered.
  public var answersPaths: Bool? {
    get { self[flag: .answerPath] }
    set { self[flag: .answerPath] = newValue }
  }
  /// `wireguard-peers`: the peers of the WireGuard interface are its neighbours.
  public var keepsWireGuardPeers: Bool? {
    get { self[flag: .wireGuardPeers] }
    set { self[flag: .wireGuardPeers] = newValue }
  }
  /// `ipv4-control`: packets are exchanged over IPv4.
  public var ipv4Control: Bool? {
    get { self[flag: .ipv4Control] }
    set { self[flag: .ipv4Control] = newValue }
  }
}
