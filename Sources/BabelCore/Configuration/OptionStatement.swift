import BabelWire

/// First words of the statements that hold one value for the whole daemon.
enum OptionKeyword: KeywordText, ConfigurationKeyword {
  case protocolGroup = "protocol-group"
  case protocolPort = "protocol-port"
  case kernelPriority = "kernel-priority"
  case reflectKernelMetric = "reflect-kernel-metric"
  case allowDuplicates = "allow-duplicates"
  case randomID = "random-id"
  case routerID = "router-id"
  case ipv6Subtrees = "ipv6-subtrees"
  case debug
  case localPort = "local-port"
  case localPortReadWrite = "local-port-readwrite"
  case localPath = "local-path"
  case localPathReadWrite = "local-path-readwrite"
  case exportTable = "export-table"
  case importTable = "import-table"
  case kernelCheckInterval = "kernel-check-interval"
  case kernelNexthops = "kernel-nexthops"
  case shutdownDelay = "shutdown-delay-ms"
  case linkDetect = "link-detect"
  case smoothingHalfLife = "smoothing-half-life"
  case switchMargin = "switch-margin"
  case switchDwell = "switch-dwell"
  case neighbourLoss = "neighbour-loss"
  case daemonise
  case skipKernelSetup = "skip-kernel-setup"
  case reloadOnHangup = "reload-on-sighup"
  case stateFile = "state-file"
  case pidFile = "pid-file"
  case logFile = "log-file"
  case logLevel = "log-level"
  case limit
  case sourceTables = "source-tables"
  case sourceRulePriority = "source-rule-priority"
  case fee
  case metricFactor = "metric-factor"
  case maxUpdateRetry = "max-update-retry"
  case protocolBufferSize = "protocol-buffer-size"
}

/// What `limit` speaks of.
enum LimitKeyword: KeywordText, ConfigurationKeyword {
  case interfaces, neighbours, routes, sources, requests
  case neighbourRoutes = "neighbour-routes"
  case deniedRoutes = "denied-routes"
  case originatedPrefixes = "originated-prefixes"
  case kernelBuffer = "kernel-buffer"
}

extension StatementParser {
  /// Largest number babeld's own statements take.
  private static let shortLimit: Int64 = 65534

  /// Parses the value of an option.
  mutating func parseOption(
    _ option: OptionKeyword, at first: ConfigurationToken
  ) throws(ConfigurationError) {
    switch option {
    case .protocolGroup: configuration.protocolGroup = try group()
    case .protocolPort: configuration.protocolPort = UInt16(try optionNumber(from: 1, at: first))
    case .kernelPriority: configuration.kernelPriority = try kernelPriority(at: first)
    case .reflectKernelMetric: configuration.reflectsKernelMetric = try boolean() ?? false
    case .allowDuplicates:
      configuration.allowDuplicates = UInt16(try optionNumber(from: 1, at: first))
    case .randomID: configuration.usesRandomID = try boolean() ?? false
    case .routerID: configuration.routerID = try ownRouterID()
    case .ipv6Subtrees: configuration.ipv6Subtrees = try boolean() ?? false
    case .debug: configuration.debugLevel = Int(try number(0...Int64(Int32.max)))
    case .localPort, .localPortReadWrite:
      configuration.localServer = LocalServer(
        endpoint: .port(UInt16(try optionNumber(from: 1, at: first))),
        isReadWrite: option == .localPortReadWrite)
    case .localPath, .localPathReadWrite:
      configuration.localServer = LocalServer(
        endpoint: .path(try path()), isReadWrite: option == .localPathReadWrite)
    case .exportTable:
      configuration.exportTable = try table(upTo: Self.shortLimit, at: first)
    case .importTable: try parseImportTable(at: first)
    case .kernelCheckInterval: configuration.kernelCheckInterval = try numberOrZero(first)
    case .kernelNexthops:
      warn(.unknownToBabeld, at: first, "babeld does not have this statement")
      configuration.sharesNexthops = try boolean()
    case .shutdownDelay: configuration.shutdownDelay = try numberOrZero(first)
    case .linkDetect: configuration.detectsLinks = try boolean()
    case .smoothingHalfLife: configuration.smoothingHalfLife = try smoothingHalfLife()
    case .switchMargin, .switchDwell: try parseSwitchRule(option, at: first)
    case .neighbourLoss: configuration.neighbourLoss = try neighbourLoss(at: first)
    case .daemonise: configuration.daemonises = try boolean() ?? false
    case .skipKernelSetup: configuration.skipsKernelSetup = try boolean() ?? false
    case .reloadOnHangup:
      warn(.unknownToBabeld, at: first, "babeld ends on SIGHUP")
      configuration.reloadsOnHangup = try boolean() ?? false
    case .stateFile: configuration.stateFile = try path()
    case .pidFile: configuration.pidFile = try path()
    case .logFile: configuration.logFile = try path()
    case .logLevel: try parseLogLevel(at: first)
    case .limit: try parseLimit(at: first)
    case .sourceTables: configuration.sourceTables = try sourceTables(at: first)
    case .sourceRulePriority:
      warn(.unknownToBabeld, at: first, "babeld makes no routing rules")
      configuration.sourceRulePriority = UInt32(try number(1...32_000))
    case .fee: configuration.pricing.fee = try pricingNumber(at: first)
    case .metricFactor: configuration.pricing.metricFactor = try pricingNumber(at: first)
    case .maxUpdateRetry:
      warn(.unknownToBabeld, at: first, Self.knownToAREDN("max-update-retry"))
      configuration.maxUpdateRetry = UInt32(try number(0...Int64(Int32.max)))
    case .protocolBufferSize:
      _ = try number(0...Int64(Int32.max))
      warn(
        .withoutEffect, at: first,
        Self.knownToAREDN("protocol-buffer-size")
          + " and does nothing here: buffers are as large as they need to be")
    }
    try endStatement()
  }

  /// The remark on a word that only AREDN's fork has.
  static func knownToAREDN(_ word: String) -> String {
    "\"\(word)\" is known to AREDN's fork of babeld only"
  }

  /// Most tables for source-specific routes: each costs a rule for every packet.
  private static let sourceTableLimit = 1024

  /// The first and the last of a range of tables.
  private mutating func sourceTables(
    at first: ConfigurationToken
  ) throws(ConfigurationError) -> ClosedRange<UInt32> {
    warn(.unknownToBabeld, at: first, "babeld makes no routing rules")
    let least = try number(1...Int64(UInt32.max))
    let before = reader
    let greatest = try number(1...Int64(UInt32.max))
    let count = greatest - least + 1
    // 253 to 255 are default, main and local.
    guard count > 0, count <= Int64(Self.sourceTableLimit), greatest < 253 || least > 255 else {
      reader = before
      let expected =
        "the last of at most \(Self.sourceTableLimit) tables, without those from 253 to 255"
      throw reader.error(at: try word(expected), expected: expected)
    }
    return UInt32(least)...UInt32(greatest)
  }

  /// A number of Althea's fork: 32 bits.
  private mutating func pricingNumber(
    at first: ConfigurationToken
  ) throws(ConfigurationError) -> UInt32 {
    warn(.unknownToBabeld, at: first, "prices are known to Althea's fork of babeld only")
    return UInt32(try number(0...Int64(UInt32.max)))
  }

  /// When a usable route gives way to a better one; `auto` unsets it.
  private mutating func parseSwitchRule(
    _ option: OptionKeyword, at first: ConfigurationToken
  ) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld does not have this statement")
    let before = reader
    let token = try word("a number or auto")
    let isAutomatic = !token.isQuoted && token.octets == Array("auto".utf8)
    if !isAutomatic { reader = before }
    if option == .switchMargin {
      configuration.switchMargin = isAutomatic ? nil : UInt16(try number(0...Self.shortLimit))
    } else {
      // More than an hour is no patience but a route nailed down.
      configuration.switchDwell =
        isAutomatic ? nil : try thousandths(0...3_600_000, unit: "seconds")
    }
  }

  /// The value of `smoothing-half-life` in seconds.
  mutating func smoothingHalfLife() throws(ConfigurationError) -> UInt32 {
    UInt32(try number(0...Int64(Int32.max)))
  }

  /// The number of a kernel table. babeld takes 16 bits, the kernel 32.
  mutating func table(
    upTo usual: Int64, at first: ConfigurationToken
  ) throws(ConfigurationError) -> UInt32 {
    let table = try number(1...Int64(UInt32.max))
    if table > usual { warn(.unknownToBabeld, at: first, "babeld takes tables up to \(usual)") }
    return UInt32(table)
  }

  /// A number of 16 bits that can also be given as an option. babeld takes 65535 as an option only;
  /// here the statement takes what the option takes.
  private mutating func optionNumber(
    from least: Int64, at first: ConfigurationToken
  ) throws(ConfigurationError) -> UInt32 {
    let value = try number(least...Int64(UInt16.max))
    if value > Self.shortLimit {
      warn(.unknownToBabeld, at: first, "babeld takes numbers up to \(Self.shortLimit) here")
    }
    return UInt32(value)
  }

  private mutating func kernelPriority(
    at first: ConfigurationToken
  ) throws(ConfigurationError) -> UInt32 {
    let value = try optionNumber(from: 0, at: first)
    if value == 0 { warnOfZero(at: first) }
    return value
  }

  /// A number whose zero is documented by babeld ("off") but refused by it.
  private mutating func numberOrZero(
    _ first: ConfigurationToken
  ) throws(ConfigurationError) -> UInt32 {
    let value = try number(0...Self.shortLimit)
    if value == 0 { warnOfZero(at: first) }
    return UInt32(value)
  }

  private mutating func warnOfZero(at first: ConfigurationToken) {
    warn(.unknownToBabeld, at: first, "babeld refuses 0 here")
  }

  private mutating func group() throws(ConfigurationError) -> IPAddress {
    let expected = "an IPv6 multicast address"
    let token = try word(expected)
    guard let address = IPAddress(octets: token.octets), address.family == .ipv6,
      address.isMulticast
    else { throw reader.error(at: token, expected: expected) }
    return address
  }

  private mutating func ownRouterID() throws(ConfigurationError) -> RouterID {
    let before = reader
    let id = try routerID()
    guard id.isValid else {
      reader = before
      let token = try word("a router-id")
      throw reader.error(at: token, expected: "a router-id that is neither all 0 nor all 1")
    }
    return id
  }

  private mutating func parseImportTable(
    at first: ConfigurationToken
  ) throws(ConfigurationError) {
    let table = try table(upTo: Self.shortLimit, at: first)
    guard !configuration.importTables.contains(table) else { return }
    guard configuration.importTables.count < Configuration.importTableLimit else {
      let limit = Configuration.importTableLimit
      return warn(.withoutEffect, at: first, "only the first \(limit) import tables are used")
    }
    configuration.importTables.append(table)
  }

  private mutating func parseLimit(at first: ConfigurationToken) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld has no limits")
    let token = try word("what is limited")
    guard let keyword = LimitKeyword(octets: token.octets) else {
      var error = reader.error(at: token, expected: oneOf(LimitKeyword.words))
      error = error.adding(suggestion: nearestWord(to: token.octets, among: LimitKeyword.words))
      throw error
    }
    // Ten million rows are more than any table of routes on Earth.
    let range: ClosedRange<Int64> = keyword == .kernelBuffer ? 4096...268_435_456 : 1...10_000_000
    let limit = Int(try number(range))
    configuration.limits[keyword] = limit
  }
}

extension TableLimits {
  /// The bound of what `limit` speaks of.
  subscript(_ keyword: LimitKeyword) -> Int? {
    get {
      switch keyword {
      case .interfaces: interfaces
      case .neighbours: neighbours
      case .routes: routes
      case .sources: sources
      case .requests: requests
      case .neighbourRoutes: neighbourRoutes
      case .deniedRoutes: deniedRoutes
      case .originatedPrefixes: originatedPrefixes
      case .kernelBuffer: kernelBuffer
      }
    }
    set {
      switch keyword {
      case .interfaces: interfaces = newValue
      case .neighbours: neighbours = newValue
      case .routes: routes = newValue
      case .sources: sources = newValue
      case .requests: requests = newValue
      case .neighbourRoutes: neighbourRoutes = newValue
      case .deniedRoutes: deniedRoutes = newValue
      case .originatedPrefixes: originatedPrefixes = newValue
      case .kernelBuffer: kernelBuffer = newValue
      }
    }
  }
}

/// `a, b or c`.
func oneOf(_ words: [String]) -> String {
  var text = ""
  for (index, word) in words.enumerated() {
    if index > 0 { text += index == words.count - 1 ? " or " : ", " }
    text += word
  }
  return text
}
