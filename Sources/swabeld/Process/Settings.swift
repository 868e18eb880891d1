import BabelCore
import BabelKernel
import BabelWire

/// Everything that the operator has set: the configuration, and the few options that have no
/// statement.
struct Settings {
  /// What files, `-C` and options say.
  var configuration = Configuration()
  /// `-h`: Hello interval of wireless interfaces, milliseconds.
  var wirelessHello = InterfaceParameters.defaultHelloInterval
  /// `-H`: Hello interval of all others, milliseconds.
  var wiredHello = InterfaceParameters.defaultHelloInterval
  /// `-w`: interfaces of unknown type are taken as wireless.
  var assumesWireless = false
  /// What operators have added to costs over the socket.
  var live = LiveCosts()
  /// Whom interfaces of WireGuard have as peers.
  var linkPeers = LinkPeers()
  /// Interfaces named on the command line.
  var interfaces: [InterfaceName] = []
  /// What the kernel can do.
  var kernel = KernelVersion.running()
  /// Remarks about what is accepted, in the order of reading.
  var remarks: [Remark] = []
  /// Where the statements are that babeld would not understand, `NAME:LINE` each.
  private(set) var foreignStatements: [[UInt8]] = []

  /// Whether ``defaultFile`` was read, because the command line names no file.
  private(set) var hasDefaultFile = false

  /// The files that all this was read from: those that are named, those that they include, and
  /// those of keys.
  private(set) var files: [[UInt8]] = []

  /// The command line that all this was read from.
  private(set) var line = CommandLineOptions([])

  /// A line for the operator.
  struct Remark {
    /// The line as `--check` prints it.
    let line: String
    /// The line as the log has it, which writes the level itself.
    let logLine: String
    /// It is about a statement that babeld would not take, which concerns only who checks that.
    let isForeign: Bool

    init(_ warning: ConfigurationWarning) {
      line = warning.description
      logLine = warning.logLine
      isForeign = warning.kind == .unknownToBabeld
    }

    /// A remark in babeld's words.
    init(_ text: String) {
      line = text
      logLine = text
      isForeign = false
    }
  }

  /// Whether the kernel holds source-specific IPv6 routes.
  var hasIPv6Subtrees: Bool { configuration.ipv6Subtrees ?? kernel.hasIPv6Subtrees }

  /// Tables for the source-specific routes that it does not hold, if they were asked for.
  var sourceTables: SourcePrefixTables? {
    configuration.sourceTables.map {
      SourcePrefixTables(
        range: $0, rulePriority: configuration.sourceRulePriority,
        exportTable: configuration.exportTable, includesIPv6: !hasIPv6Subtrees)
    }
  }

  /// Tables routes are redistributed from.
  var importTables: [UInt32] { configuration.effectiveImportTables }

  /// Tables routes are installed into: the export table and those of install filters.
  var exportTables: [UInt32] {
    var tables = [configuration.exportTable]
    for rule in configuration.filters.install.rules {
      for table in rule.tables where !tables.contains(table) { tables.append(table) }
    }
    return tables
  }

  /// Whether routes of ours are to have an address as their source.
  func prefers(_ address: IPAddress) -> Bool {
    configuration.filters.install.rules.contains { $0.preferredSource == address }
  }

  /// All tables that are read.
  var allTables: [UInt32] {
    var tables = exportTables
    for table in importTables where !tables.contains(table) { tables.append(table) }
    return tables
  }

  /// A table for source-specific routes that is used for something else, too; nil if there is none.
  var tableOfBothKinds: UInt32? {
    configuration.sourceTables.flatMap { range in allTables.first { range.contains($0) } }
  }

  /// Where our routes may be put.
  var places: ForeignRoutes.Places {
    let priority = configuration.kernelPriority
    var bases = [priority]
    for rule in configuration.filters.install.rules {
      if let metric = rule.kernelMetric { bases.append(metric) }
    }
    var metrics = bases.map {
      configuration.reflectsKernelMetric ? ReflectedMetric.range($0) : $0...$0
    }
    // The metric that the kernel makes of 0 for IPv6.
    if metrics.contains(where: { $0.contains(0) }) {
      metrics.append(KernelRoute.ipv6DefaultMetric...KernelRoute.ipv6DefaultMetric)
    }
    return ForeignRoutes.Places(tables: exportTables, metrics: metrics)
  }

  /// The parameters of an interface of some type.
  func parameters(for name: InterfaceName, _ type: ResolvedLinkType) -> InterfaceParameters {
    var parameters = configuration.interfaceParameters(
      for: name, type: type, wirelessHello: wirelessHello, wiredHello: wiredHello)
    if configuration.settings(for: name).v4ViaV6 == nil {
      parameters.v4ViaV6 = kernel.speaksV4ViaV6
    }
    parameters.surcharge = live.surcharge(on: name)
    if parameters.keepsWireGuardPeers { linkPeers.complete(&parameters, of: name) }
    return parameters
  }

  /// The file read when there is no `-c`, if it exists.
  static let defaultFile = "/etc/babeld.conf"

  /// Applies options from left to right, then files in their order (babeld's order: a file
  /// overrides an option). At the start a file may be a pipe, while the daemon runs it may
  /// not.
  static func read(
    _ line: CommandLineOptions, whileRunning isRunning: Bool = false
  ) throws(ConfigurationError) -> Settings {
    var settings = Settings()
    settings.line = line
    var files: [[UInt8]] = []
    for option in line.options {
      if case .configurationFile(let name) = option {
        files.append(name)
      } else {
        try settings.apply(option)
      }
    }
    guard line.isComplete else { return settings }
    // A name on the command line cannot be quoted, so one with a star is a pattern.
    for name in line.interfaces {
      if let pattern = InterfacePattern(octets: name.octets) {
        settings.configuration.merge(InterfaceSettings(), into: pattern)
      } else {
        settings.interfaces.append(name)
      }
    }
    if files.isEmpty {
      guard FileSystem.exists(defaultFile) else { return settings }
      settings.hasDefaultFile = true
      files = [Array(defaultFile.utf8)]
    }
    for name in files { try settings.readFile(name, mayWait: !isRunning) }
    return settings
  }

  private mutating func readFile(
    _ name: [UInt8], mayWait: Bool
  ) throws(ConfigurationError) {
    let path = String(decoding: name, as: UTF8.self)
    let octets: [UInt8]
    do throws(KernelError) {
      octets = try FileSystem.read(
        path, limit: ConfigurationParser.fileLimit, mayWait: mayWait)
    } catch {
      throw ConfigurationError.unreadable(name: name, reason: error.description)
    }
    files.append(name)
    let included = FileNames()
    let warnings = try ConfigurationParser.parse(
      file: octets, name: path, into: &configuration, including: Self.files(noting: included))
    files += included.names
    note(warnings)
    try readKeyFiles(.file(name))
  }

  /// Keeps the remarks on a text that was read. Those on one statement follow one another.
  private mutating func note(_ warnings: [ConfigurationWarning]) {
    remarks += warnings.map { Remark($0) }
    var last: [UInt8] = []
    for warning in warnings where warning.kind == .unknownToBabeld {
      let place = Array(warning.statementPlace.utf8)
      if place != last { foreignStatements.append(place) }
      last = place
    }
  }

  /// Most names in a directory that files are included from.
  private static let nameLimit = 100_000

  /// Notes that a file was read, too.
  mutating func noteFile(_ name: [UInt8]) { if !files.contains(name) { files.append(name) } }

  /// Names of files that were read.
  private final class FileNames {
    var names: [[UInt8]] = []
  }

  /// The files of this machine, for statements that include some; those that are read are noted.
  private static func files(noting list: FileNames) -> IncludedFiles {
    IncludedFiles(
      names: { FileSystem.names(in: String(decoding: $0, as: UTF8.self), limit: nameLimit) },
      read: { name in
        do throws(KernelError) {
          let octets = try FileSystem.read(
            String(decoding: name, as: UTF8.self), limit: ConfigurationParser.fileLimit,
            mayWait: false)
          list.names.append(name)
          return .octets(octets)
        } catch {
          return .unreadable(error.description)
        }
      })
  }

  private mutating func apply(_ option: Option) throws(ConfigurationError) {
    switch option {
    case .multicastGroup(let group):
      configuration.protocolGroup = group
      if group.octet(1) != 2 {
        remarks.append(Remark("Warning: \(group) is not a link-local multicast address"))
      }
    case .port(let port): configuration.protocolPort = port
    case .wirelessHelloInterval(let milliseconds): wirelessHello = milliseconds
    case .wiredHelloInterval(let milliseconds): wiredHello = milliseconds
    case .kernelPriority(let priority): configuration.kernelPriority = priority
    case .allowDuplicates(let metric): configuration.allowDuplicates = metric == 0 ? nil : metric
    case .randomRouterID: configuration.usesRandomID = true
    case .stateFile(let name): configuration.stateFile = name
    case .debugLevel(let level): configuration.debugLevel = level
    case .controlPort(let port, let mayWrite):
      configuration.localServer = LocalServer(endpoint: .port(port), isReadWrite: mayWrite)
    case .controlPath(let path, let mayWrite):
      configuration.localServer = LocalServer(endpoint: .path(path), isReadWrite: mayWrite)
    case .linkDetect: configuration.detectsLinks = true
    case .assumeWireless: assumesWireless = true
    case .smoothingHalfLife(let seconds): configuration.smoothingHalfLife = seconds
    case .exportTable(let table): configuration.exportTable = table == 0 ? 254 : table
    case .importTable(let number):
      let table = number == 0 ? 254 : number
      if !configuration.importTables.contains(table) { configuration.importTables.append(table) }
    case .configurationFile: break
    case .statement(let text):
      note(try ConfigurationParser.parse(statement: text, into: &configuration))
      try readKeyFiles(.commandLine)
    case .daemonise: configuration.daemonises = true
    case .logFile(let name): configuration.logFile = name
    case .pidFile(let name): configuration.pidFile = name
    }
  }
}
