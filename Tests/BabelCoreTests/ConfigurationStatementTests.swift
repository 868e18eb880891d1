import BabelCore
import BabelWire
import Testing

/// A change that a statement should make to a fresh configuration.
struct StatementCase: Sendable, CustomTestStringConvertible {
  let text: String
  let change: @Sendable (inout Configuration) -> Void
  var testDescription: String { text }

  init(_ text: String, _ change: @escaping @Sendable (inout Configuration) -> Void) {
    self.text = text
    self.change = change
  }
}

@Suite struct `Configuration: options` {
  static let options: [StatementCase] = [
    StatementCase("protocol-group ff02::2") {
      $0.protocolGroup = IPAddress("ff02::2") ?? .unspecified
    },
    StatementCase("protocol-port 1") { $0.protocolPort = 1 },
    StatementCase("protocol-port 65534") { $0.protocolPort = 65534 },
    StatementCase("kernel-priority 10000") { $0.kernelPriority = 10000 },
    StatementCase("kernel-priority 0") { $0.kernelPriority = 0 },
    StatementCase("reflect-kernel-metric true") { $0.reflectsKernelMetric = true },
    StatementCase("allow-duplicates 10") { $0.allowDuplicates = 10 },
    StatementCase("random-id yes") { $0.usesRandomID = true },
    StatementCase("ipv6-subtrees true") { $0.ipv6Subtrees = true },
    StatementCase("ipv6-subtrees no") { $0.ipv6Subtrees = false },
    StatementCase("debug 3") { $0.debugLevel = 3 },
    StatementCase("local-port 33123") {
      $0.localServer = LocalServer(endpoint: .port(33123), isReadWrite: false)
    },
    StatementCase("local-port-readwrite 33123") {
      $0.localServer = LocalServer(endpoint: .port(33123), isReadWrite: true)
    },
    StatementCase("local-path ro.sock") {
      $0.localServer = LocalServer(endpoint: .path(octets("ro.sock")), isReadWrite: false)
    },
    StatementCase("local-path-readwrite \"/run/a b\"") {
      $0.localServer = LocalServer(endpoint: .path(octets("/run/a b")), isReadWrite: true)
    },
    StatementCase("export-table 32766") { $0.exportTable = 32766 },
    StatementCase("export-table 4294967295") { $0.exportTable = .max },
    StatementCase("import-table 100") { $0.importTables = [100] },
    StatementCase("kernel-check-interval 60") { $0.kernelCheckInterval = 60 },
    StatementCase("kernel-check-interval 0") { $0.kernelCheckInterval = 0 },
    StatementCase("kernel-nexthops true") { $0.sharesNexthops = true },
    StatementCase("kernel-nexthops auto") { $0.sharesNexthops = nil },
    StatementCase("shutdown-delay-ms 500") { $0.shutdownDelay = 500 },
    StatementCase("link-detect true") { $0.detectsLinks = true },
    StatementCase("link-detect no") { $0.detectsLinks = false },
    StatementCase("smoothing-half-life 0") { $0.smoothingHalfLife = 0 },
    StatementCase("daemonise yes") { $0.daemonises = true },
    StatementCase("skip-kernel-setup true") { $0.skipsKernelSetup = true },
    StatementCase("state-file \"\"") { $0.stateFile = [] },
    StatementCase("pid-file /run/x.pid") { $0.pidFile = octets("/run/x.pid") },
    StatementCase("log-file /var/log/x") { $0.logFile = octets("/var/log/x") },
    StatementCase("limit neighbours 64") { $0.limits.neighbours = 64 },
    StatementCase("limit originated-prefixes 5") { $0.limits.originatedPrefixes = 5 },
    StatementCase("limit kernel-buffer 4096") { $0.limits.kernelBuffer = 4096 },
  ]

  @Test(arguments: options)
  func `each sets its own value and no other`(option: StatementCase) throws {
    var expected = try parse("")
    option.change(&expected)
    #expect(try parse(option.text) == expected)
  }

  @Test(arguments: options)
  func `each refuses more words and a missing value`(option: StatementCase) {
    #expect(refusal(of: option.text + " more")?.expected == "the end of the line")
    let name = option.text.split(separator: " ")[0]
    #expect(refusal(of: String(name))?.isIncomplete == true)
  }

  @Test(arguments: [
    "protocol-port 0", "protocol-port 65536", "kernel-priority 65536", "allow-duplicates 0",
    "allow-duplicates 65536", "local-port 0", "local-port 65536", "export-table 0",
    "import-table 0", "export-table 4294967296", "kernel-check-interval 65535",
    "shutdown-delay-ms 65535", "smoothing-half-life -1", "debug -1", "protocol-group 224.0.0.1",
    "protocol-group fe80::1", "protocol-group x", "limit routes 0", "limit route 5",
    "limit kernel-buffer 4095", "limit kernel-buffer 268435457",
    "limit neighbours", "state-file a\u{0}b", "daemonize true", "reopen-logfile", "dump", "monitor",
    "unmonitor", "quit",
  ])
  func `values out of range and foreign statements are refused`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test func `the last value counts, also of the four local sockets`() throws {
    let configuration = try parse("debug 1\nlocal-port 5\nlocal-path-readwrite /x\ndebug 2\n")
    #expect(configuration.debugLevel == 2)
    #expect(
      configuration.localServer == LocalServer(endpoint: .path(octets("/x")), isReadWrite: true))
  }

  @Test func `import tables accumulate up to ten, without repetition`() throws {
    let lines = (1...12).map { "import-table \($0)\nimport-table 3" }.joined(separator: "\n")
    let configuration = try parse(lines)
    #expect(configuration.importTables == [1, 3, 2, 4, 5, 6, 7, 8, 9, 10])
    #expect(try warnings(of: lines).filter { $0.kind == .withoutEffect }.count == 2)
    #expect(Configuration().effectiveImportTables == [254])
  }

  @Test func `what babeld refuses is told`() throws {
    for text in [
      "export-table 70000", "kernel-priority 0", "limit routes 9", "install kernel-metric 5",
      "protocol-port 65535", "kernel-priority 65535", "allow-duplicates 65535", "local-port 65535",
    ] {
      #expect(try warnings(of: text).map { $0.kind } == [.unknownToBabeld])
    }
    #expect(try warnings(of: "export-table 65534\nkernel-priority 1\n").isEmpty)
  }

  @Test func `statements of -C come before files, files override values, rules keep their order`()
    throws
  {
    var configuration = Configuration()
    try ConfigurationParser.parse(statement: octets("debug 1"), into: &configuration)
    try ConfigurationParser.parse(statement: octets("in ip ::/0 deny"), into: &configuration)
    configuration = try parse("debug 2\nin allow\n", into: configuration)
    #expect(configuration.debugLevel == 2)
    #expect(configuration.filters.input.rules.map { $0.metric } == [.infinity, .zero])
    let places = configuration.filters.input.rules.map {
      configuration.description(of: $0.position)
    }
    #expect(places == ["command line:1", "test.conf:2"])
  }

  @Test(arguments: [
    "", "debug 1\ndebug 2", "dump", "quit", "monitor", "flush interface v0", "\n\n", "foo",
  ])
  func `-C refuses requests, nothing, and more than a line`(text: String) {
    var configuration = Configuration()
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(statement: octets(text), into: &configuration)
    }
    #expect(configuration == Configuration())
  }

  @Test(arguments: [
    "debug 1", "debug 1\n", " # nothing", "\n", "redistribute local deny ",
    "reopen-logfile",
  ])
  func `-C takes one statement`(text: String) throws {
    var configuration = Configuration()
    try ConfigurationParser.parse(statement: octets(text), into: &configuration)
  }

  @Test func `nothing is applied unless everything is valid`() {
    var configuration = Configuration()
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(
        file: octets("debug 3\ninterface v0\nfoo\n"), name: "x", into: &configuration)
    }
    #expect(configuration == Configuration())
  }

  @Test func `configurations that say the same are equal`() throws {
    let text = "interface v0 rxcost 5\nin ip ::/0 deny\nkey id a type blake2s128 value 0102\n"
    #expect(try parse(text) == parse(text))
    #expect(try parse(text) != parse(text + "in deny\n"))
    #expect(try parse(text) != parse(text + "default rxcost 9\n"))
  }

  @Test func `the node's parameters follow`() throws {
    let configuration = try parse(
      """
      protocol-port 7000
      export-table 1000
      kernel-priority 7
      reflect-kernel-metric true
      allow-duplicates 3
      smoothing-half-life 16
      limit routes 10
      """)
    let parameters = configuration.nodeParameters(
      routerID: RouterID(1), seqno: Seqno(2), seed: 3)
    var expected = NodeParameters(routerID: RouterID(1), seqno: Seqno(2), seed: 3)
    expected.port = 7000
    expected.exportTable = 1000
    expected.kernelPriority = 7
    expected.reflectsKernelMetric = true
    expected.allowDuplicates = 3
    expected.smoothingHalfLife = 16000
    expected.routeLimit = 10
    #expect(parameters == expected)
  }
}
