import BabelWire

/// Reads babeld's configuration language: files, `-C` statements and requests of the local
/// socket share one grammar.
///
/// Parsing is all or nothing: the configuration is changed only when everything is valid.
public enum ConfigurationParser {
  /// Largest file in octets; about half a million statements, so that a wrong file name (a disk,
  /// a log) cannot fill the memory.
  public static let fileLimit = 16 << 20

  /// Parses a file. Later values override earlier ones and what `configuration` holds already;
  /// filter rules are appended. Returns what is accepted but deserves a remark. `files` are those
  /// that the file may include; without them it may include none.
  @discardableResult
  public static func parse(
    file octets: [UInt8], name: String, into configuration: inout Configuration,
    including files: IncludedFiles? = nil
  ) throws(ConfigurationError) -> [ConfigurationWarning] {
    let source = ConfigurationSource.file(Array(name.utf8))
    guard octets.count <= fileLimit else {
      throw ConfigurationError(
        source: source, line: 1, column: 1, expected: "a file of at most \(fileLimit) octets")
    }
    var parser = StatementParser([], source: source, configuration: configuration)
    parser.includedFiles = files
    try parser.parseFile(octets, Array(name.utf8))
    configuration = parser.configuration
    return parser.warnings
  }

  /// Parses the argument of `-C`: one statement, with at most one newline, at its end.
  @discardableResult
  public static func parse(
    statement octets: [UInt8], into configuration: inout Configuration
  ) throws(ConfigurationError) -> [ConfigurationWarning] {
    var parser = StatementParser(octets, source: .commandLine, configuration: configuration)
    parser.enterSource(named: Array("command line".utf8))
    guard !octets.isEmpty else { throw parser.reader.missing("a statement") }
    try parser.parseStatement()
    try parser.expectEnd()
    configuration = parser.configuration
    return parser.warnings
  }

  /// Parses one line of the local socket, with or without its newline. `configuration` is the
  /// running one; it is asked for the keys that exist.
  public static func parseRuntime(
    line octets: [UInt8], configuration: Configuration
  ) -> RuntimeCommand {
    var parser = StatementParser(octets, source: .socket, configuration: configuration)
    do throws(ConfigurationError) {
      let command = try parser.parseRequest()
      try parser.expectEnd()
      return command
    } catch {
      return .bad(error)
    }
  }

  /// All words with which a statement, or a request that babeld has too, can begin.
  package static var firstWords: [String] {
    StatementKeyword.words + OptionKeyword.words + ProcessKeyword.words + RequestKeyword.words
  }

  /// Whether a statement, or a request that babeld has too, can begin with a word.
  public static func isFirstWord(_ word: [UInt8]) -> Bool {
    StatementKeyword(octets: word) != nil || OptionKeyword(octets: word) != nil
      || ProcessKeyword(octets: word) != nil || RequestKeyword(octets: word) != nil
  }
}

/// First words of statements.
enum StatementKeyword: KeywordText, ConfigurationKeyword {
  case interface, `default`, key, `in`, out, redistribute, install, flush, set, include
  case gateway
}

/// First words that only the local socket takes.
enum RequestKeyword: KeywordText, ConfigurationKeyword {
  case dump, monitor, unmonitor, quit, show
  case reopenLogFile = "reopen-logfile"
}

/// One run over one text. Extensions in other files hold the grammar of each statement.
struct StatementParser {
  var reader: StatementReader
  var configuration: Configuration
  private(set) var warnings: [ConfigurationWarning] = []
  /// Index of this text in ``Configuration/sources``.
  var sourceIndex = 0
  /// The files that may be included; nil where none may.
  var includedFiles: IncludedFiles?
  /// The files that are read.
  var files = FileStack()

  /// Most warnings kept; more of the same help nobody.
  static let warningLimit = 1000

  init(_ octets: [UInt8], source: ConfigurationSource, configuration: Configuration) {
    reader = StatementReader(octets, source: source)
    self.configuration = configuration
  }

  /// Finds or makes the entry of ``Configuration/sources`` positions refer to.
  mutating func enterSource(named name: [UInt8]) {
    if let index = configuration.sources.firstIndex(of: name) {
      sourceIndex = index
    } else {
      sourceIndex = configuration.sources.count
      configuration.sources.append(name)
    }
  }

  /// Remembers a remark.
  mutating func warn(
    _ kind: ConfigurationWarning.Kind, at token: ConfigurationToken, _ message: String
  ) {
    guard warnings.count < Self.warningLimit else { return }
    warnings.append(
      ConfigurationWarning(
        source: reader.source, line: token.line, column: token.column, kind: kind,
        message: message))
  }

  /// Parses one line of a file or a `-C` argument.
  mutating func parseStatement() throws(ConfigurationError) {
    if let first = try reader.next() { try parseStatement(first) }
    reader.skipLine()
  }

  private mutating func parseStatement(_ first: ConfigurationToken) throws(ConfigurationError) {
    guard !first.isQuoted, let keyword = StatementKeyword(octets: first.octets) else {
      if !first.isQuoted, let process = ProcessKeyword(octets: first.octets) {
        return try parseProcess(process, at: first)
      }
      guard !first.isQuoted, let option = OptionKeyword(octets: first.octets) else {
        return try parseRequestWord(first)
      }
      return try parseOption(option, at: first)
    }
    switch keyword {
    case .interface:
      let subjects = try interfaceSubjects()
      let settings = try parseInterfaceSettings()
      let position = ConfigurationPosition(
        source: sourceIndex, line: first.line, column: first.column)
      for subject in subjects {
        guard configuration.merge(settings, into: subject, at: position) else {
          throw reader.error(
            at: first, expected: "at most \(Configuration.patternLimit) patterns of interfaces")
        }
      }
    case .default: configuration.mergeDefaults(try parseInterfaceSettings())
    case .key: configuration.define(try parseKey(at: first))
    case .in: configuration.filters.input.rules.append(try parseRule(.input, at: first))
    case .out: configuration.filters.output.rules.append(try parseRule(.output, at: first))
    case .redistribute:
      configuration.filters.appendRedistribute(try parseRule(.redistribute, at: first))
    case .install: configuration.filters.install.rules.append(try parseRule(.install, at: first))
    case .flush:
      guard reader.source != .commandLine else { throw notInStatement(first) }
      _ = try parseFlush()
      warn(.withoutEffect, at: first, "flush does nothing but on the local socket")
    case .set: try parseSet(at: first)
    case .include: try parseInclude(at: first)
    case .gateway: try parseGateway(at: first)
    }
  }

  /// Of the words of the local socket babeld takes one in -C: there is no log file to open again
  /// while options are read, so it does nothing.
  private mutating func parseRequestWord(
    _ first: ConfigurationToken
  ) throws(ConfigurationError) {
    guard reader.source == .commandLine, !first.isQuoted,
      RequestKeyword(octets: first.octets) == .reopenLogFile
    else { throw unknownStatement(first) }
    try endStatement()
    warn(.withoutEffect, at: first, "reopen-logfile does nothing but on the local socket")
  }

  /// Parses a request of the local socket.
  mutating func parseRequest() throws(ConfigurationError) -> RuntimeCommand {
    guard let first = try reader.next() else {
      reader.skipLine()
      return .empty
    }
    let command = try parseRequest(first)
    try endStatement()
    reader.skipLine()
    return command
  }

  private mutating func parseRequest(
    _ first: ConfigurationToken
  ) throws(ConfigurationError) -> RuntimeCommand {
    if !first.isQuoted, let request = RequestKeyword(octets: first.octets) {
      switch request {
      case .dump: return .dump
      case .monitor: return .monitor
      case .unmonitor: return .unmonitor
      case .quit: return .quit
      case .reopenLogFile: return .reopenLogFile
      case .show:
        let expected = "counters"
        let token = try word(expected)
        guard token.octets == Array(expected.utf8) else {
          throw reader.error(at: token, expected: expected)
        }
        return .counters
      }
    }
    if !first.isQuoted, let keyword = StatementKeyword(octets: first.octets) {
      switch keyword {
      case .interface:
        switch try interfaceSubject() {
        case .name(let name): return .interface(name, try parseInterfaceSettings())
        case .pattern(let pattern): return .pattern(pattern, try parseInterfaceSettings())
        }
      case .default: return .defaults(try parseInterfaceSettings())
      case .key: return .key(try parseKey(at: first))
      case .flush:
        let name = try parseFlush()
        if let pattern = InterfacePattern(octets: name) { return .flushPattern(pattern) }
        return .flushInterface(InterfaceName(octets: name))
      case .redistribute where configuration.socketDialect == .aredn:
        return .redistribute(try parseRule(.redistribute, at: first))
      case .in, .out, .redistribute, .install, .gateway: return try parseLive(first)
      case .set, .include: throw notAtRunTime(first)
      }
    }
    if !first.isQuoted, ProcessKeyword(octets: first.octets) != nil { throw notAtRunTime(first) }
    guard !first.isQuoted, let option = OptionKeyword(octets: first.octets) else {
      throw unknownStatement(first)
    }
    switch option {
    case .linkDetect: return .linkDetect(try boolean())
    case .smoothingHalfLife: return .smoothingHalfLife(try smoothingHalfLife())
    case .logFile: return .logFile(try path())
    case .protocolGroup, .protocolPort, .kernelPriority, .reflectKernelMetric, .allowDuplicates,
      .randomID, .routerID, .ipv6Subtrees, .debug, .localPort, .localPortReadWrite, .localPath,
      .localPathReadWrite, .exportTable, .importTable, .kernelCheckInterval, .kernelNexthops,
      .shutdownDelay,
      .switchMargin, .switchDwell, .neighbourLoss, .daemonise, .skipKernelSetup, .stateFile,
      .pidFile, .logLevel, .limit,
      .reloadOnHangup, .sourceTables, .sourceRulePriority, .fee, .metricFactor, .maxUpdateRetry,
      .protocolBufferSize:
      return try parseLive(first)
    }
  }

  /// A statement as in a file, for a copy of the running configuration.
  private mutating func parseLive(
    _ first: ConfigurationToken
  ) throws(ConfigurationError) -> RuntimeCommand {
    enterSource(named: Configuration.clientSource)
    try parseStatement(first)
    return .configuration(configuration)
  }

  /// `flush interface NAME`, after the first word.
  private mutating func parseFlush() throws(ConfigurationError) -> [UInt8] {
    let object = try word("\"interface\"")
    guard object.octets.elementsEqual("interface".utf8) else {
      throw reader.error(at: object, expected: "\"interface\"")
    }
    let name = try word("the name of an interface")
    try endStatement()
    return name.octets
  }

  /// Makes sure that nothing but a comment is left of the statement.
  mutating func endStatement() throws(ConfigurationError) {
    guard let token = try reader.next() else { return }
    throw reader.error(at: token, expected: "the end of the line")
  }

  /// Makes sure that no second line follows.
  func expectEnd() throws(ConfigurationError) {
    guard !reader.isAtEnd else { return }
    throw ConfigurationError(
      source: reader.source, line: reader.line, column: 1, expected: "a single line")
  }
}
