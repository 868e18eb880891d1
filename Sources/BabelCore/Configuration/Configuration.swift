import BabelWire

/// Where a statement or a word stands in the configuration.
public struct ConfigurationPosition: Equatable, Sendable {
  /// Index into ``Configuration/sources``.
  public let source: Int
  /// Line, from 1.
  public let line: Int
  /// Column in octets, from 1; a tab counts as one.
  public let column: Int

  /// Makes a position.
  public init(source: Int, line: Int, column: Int) {
    self.source = source
    self.line = line
    self.column = column
  }
}

/// Where clients of the local configuration socket find us.
public struct LocalServer: Equatable, Sendable {
  /// The kind of socket.
  public enum Endpoint: Equatable, Sendable {
    /// TCP on [::1].
    case port(UInt16)
    /// A Unix stream socket with this path.
    case path([UInt8])
  }

  /// The socket.
  public var endpoint: Endpoint
  /// Whether clients may change anything.
  public var isReadWrite: Bool

  /// Makes a server.
  public init(endpoint: Endpoint, isReadWrite: Bool) {
    self.endpoint = endpoint
    self.isReadWrite = isReadWrite
  }
}

/// Everything babeld's configuration language can say, validated (command line options that
/// have an equivalent statement are meant to be stored here, too).
///
/// Paths and names are octets, as the kernel sees them. A value that was never mentioned has
/// babeld's default. Two configurations are equal when they say the same from the same places.
public struct Configuration: Equatable, Sendable {
  /// Names of the files and such that were parsed into this value, in order.
  public internal(set) var sources: [[UInt8]] = []

  // MARK: Protocol

  /// `protocol-group`: the multicast group.
  public var protocolGroup = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)
  /// `protocol-port`: UDP port, 1 … 65535.
  public var protocolPort: UInt16 = 6696
  /// `random-id`: choose a router-id by chance at every start.
  public var usesRandomID = false
  /// `router-id`: nil means one made from a MAC address.
  public var routerID: RouterID?
  /// `smoothing-half-life` in seconds; 0 switches smoothing off.
  public var smoothingHalfLife: UInt32 = 4
  /// `switch-margin`: see ``NodeParameters/switchMargin``.
  public var switchMargin: UInt16?
  /// `switch-dwell` in milliseconds: see ``NodeParameters/switchDwell``.
  public var switchDwell: UInt32?
  /// `neighbour-loss`: see ``NodeParameters/neighbourLoss``.
  public var neighbourLoss = NeighbourLoss.unreachable
  /// `max-update-retry`: see ``NodeParameters/copyLimit``.
  public var maxUpdateRetry: UInt32?
  /// `link-detect`: an interface is up only while it has a carrier; nil means where it had one
  /// before.
  public var detectsLinks: Bool?

  /// `fee` and `metric-factor`.
  public var pricing = Pricing()

  // MARK: Kernel

  /// `kernel-priority`: metric of installed routes, 0 … 65535.
  public var kernelPriority: UInt32 = 0
  /// `reflect-kernel-metric`: add the Babel metric to ``kernelPriority``.
  public var reflectsKernelMetric = false
  /// `allow-duplicates`: see ``NodeParameters/allowDuplicates``.
  public var allowDuplicates: UInt16?
  /// `ipv6-subtrees`; nil means whatever the kernel can do.
  public var ipv6Subtrees: Bool?
  /// `source-tables`: tables for source-specific routes of IPv4, and of IPv6 where the kernel has
  /// no subtrees; nil means that such routes are ignored.
  public var sourceTables: ClosedRange<UInt32>?
  /// `source-rule-priority`: priority of the first of up to 129 routing rules.
  public var sourceRulePriority: UInt32 = 1000
  /// `export-table`: the table routes are installed into.
  public var exportTable: UInt32 = 254
  /// `import-table`, as given; see ``effectiveImportTables``.
  public var importTables: [UInt32] = []
  /// `kernel-check-interval` in seconds; 0 means never.
  public var kernelCheckInterval: UInt32 = 300
  /// `kernel-nexthops`: routes share next-hop objects of the kernel; nil means `auto`, which is no.
  public var sharesNexthops: Bool?
  /// `reload-on-sighup`: SIGHUP reads the configuration again instead of ending the daemon.
  public var reloadsOnHangup = false
  /// `skip-kernel-setup`: leave sysctls alone.
  public var skipsKernelSetup = false

  // MARK: Process

  /// `debug`: 0 nothing, 1 tables, 2 packets, 3 the kernel.
  public var debugLevel = 0
  /// `local-port`, `local-path` and their `-readwrite` forms: the last one counts.
  public var localServer: LocalServer?
  /// `shutdown-delay-ms`: how long to wait between the last packets and the end; 0 means not.
  public var shutdownDelay: UInt32 = 0
  /// `daemonise`.
  public var daemonises = false
  /// `state-file`; empty means none.
  public var stateFile: [UInt8] = Array("/var/lib/babel-state".utf8)
  /// `log-file`; nil when never mentioned.
  public var logFile: [UInt8]?
  /// `log-level`: how much the log has of each topic.
  public var logLevels = LogLevels()
  /// `pid-file`; empty means none.
  public var pidFile: [UInt8] = Array("/var/run/babeld.pid".utf8)
  /// `user`: who to become once everything is open; nil means to stay who we are.
  public var user: [UInt8]?
  /// `socket-mode`, `socket-owner`, `socket-group`.
  public var socketAccess = SocketAccess()
  /// `socket-dialect`.
  public var socketDialect = SocketDialect.babel
  /// `trust-local-port`: on a read-write port everything is answered that is on a Unix socket.
  public var trustsLocalPort = false

  /// `metrics-port`, `metrics-path`: where metrics are served over HTTP; the last one counts.
  public var metricsServer: LocalServer.Endpoint?

  /// `gateway …`, in order of first mention. At most one entry per name.
  public internal(set) var gateways: [Gateway] = []

  /// `hook …`: programs that are run on events, in order.
  public internal(set) var hooks: [Hook] = []

  // MARK: Tables

  /// `limit …`: bounds of the node's tables, where given.
  public var limits = TableLimits()
  /// `key …`, in order of first definition.
  public internal(set) var keys: [AuthenticationKey] = []
  /// `set …`, in order of definition.
  public internal(set) var sets: [PrefixSet] = []
  /// `default …`: what interfaces do not say themselves.
  public internal(set) var defaults = InterfaceSettings()
  /// `interface …`, in order of first mention. At most one entry per name.
  public internal(set) var interfaces: [ConfiguredInterface] = []
  /// `interface …` with a pattern, in order of first mention.
  public internal(set) var patterns: [ConfiguredPattern] = []
  /// `in`, `out`, `redistribute`, `install`, with the implicit last rule.
  public internal(set) var filters = FilterSet()

  /// babeld's defaults.
  public init() {}

  /// Most tables ``importTables`` can hold, as in babeld.
  public static let importTableLimit = 10

  /// The tables routes are redistributed from: 254 (main) when none was mentioned.
  public var effectiveImportTables: [UInt32] { importTables.isEmpty ? [254] : importTables }

  /// What the node is told, given what only the daemon knows.
  public func nodeParameters(routerID: RouterID, seqno: Seqno, seed: UInt64) -> NodeParameters {
    var parameters = NodeParameters(routerID: routerID, seqno: seqno, seed: seed)
    parameters.port = protocolPort
    parameters.exportTable = exportTable
    parameters.supportsSourceSpecificIPv4 = sourceTables != nil
    parameters.kernelPriority = kernelPriority
    parameters.reflectsKernelMetric = reflectsKernelMetric
    parameters.allowDuplicates = allowDuplicates
    parameters.pricing = pricing
    // Beyond 2^32 ms (49 days) smoothing is as good as never ending.
    parameters.switchMargin = switchMargin
    parameters.switchDwell = switchDwell
    parameters.neighbourLoss = neighbourLoss
    if let maxUpdateRetry { parameters.copyLimit = Int(clamping: maxUpdateRetry) }
    parameters.smoothingHalfLife = UInt32(clamping: UInt64(smoothingHalfLife) * 1000)
    parameters.interfaceLimit = limits.interfaces ?? parameters.interfaceLimit
    parameters.neighbourLimit = limits.neighbours ?? parameters.neighbourLimit
    parameters.routeLimit = limits.routes ?? parameters.routeLimit
    parameters.neighbourRouteLimit = limits.neighbourRoutes ?? parameters.neighbourRouteLimit
    parameters.deniedRouteLimit = limits.deniedRoutes ?? parameters.deniedRouteLimit
    parameters.sourceLimit = limits.sources ?? parameters.sourceLimit
    parameters.originatedLimit = limits.originatedPrefixes ?? parameters.originatedLimit
    parameters.requestLimit = limits.requests ?? parameters.requestLimit
    return parameters
  }

  /// `FILE:LINE` of a position, for an operator; "implicit rule" for nil.
  public func description(of position: ConfigurationPosition?) -> String {
    guard let position else { return "implicit rule" }
    guard sources.indices.contains(position.source) else { return "line \(position.line)" }
    return "\(printable(sources[position.source], limit: 255)):\(position.line)"
  }
}

/// Bounds set with `limit …`; nil means the node's own.
public struct TableLimits: Equatable, Sendable {
  /// Most interfaces.
  public var interfaces: Int?
  /// Most neighbours of one interface.
  public var neighbours: Int?
  /// Most routes.
  public var routes: Int?
  /// Most routes of one neighbour.
  public var neighbourRoutes: Int?
  /// Most routes kept that the `in` filter denies.
  public var deniedRoutes: Int?
  /// Most sources.
  public var sources: Int?
  /// Most redistributed prefixes.
  public var originatedPrefixes: Int?
  /// Most seqno requests.
  public var requests: Int?
  /// Octets of notifications of the kernel that may wait until the daemon reads them. An
  /// interface, address or route takes about a thousand.
  public var kernelBuffer: Int?

  /// No bounds but the node's own.
  public init() {}
}
