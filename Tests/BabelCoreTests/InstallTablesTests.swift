import BabelCore
import BabelWire
import TestSupport
import Testing

/// One route in several tables of the kernel (`install … table 10 table 20`).
@Suite struct `Routes in several tables` {
  /// Filters with these `install` rules for the first prefix, one list of tables for each.
  static func filters(_ rules: [[UInt32]], of prefix: Prefix? = Example.x) -> FilterSet {
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    filters.install.rules = rules.map { rule($0, prefix) }
    return filters
  }

  static func rule(_ tables: [UInt32], _ prefix: Prefix? = Example.x) -> FilterRule {
    var rule = FilterRule()
    rule.destination = prefix
    for table in tables { rule.tables.append(table) }
    return rule
  }

  static func key(_ table: UInt32, _ prefix: Prefix = Example.x) -> ForwardingKey {
    ForwardingKey(destination: prefix, source: .any(prefix.family), table: table)
  }

  /// What an input makes the node ask for, in words.
  static func changes(
    _ bench: Bench, _ body: (inout BabelNode, Instant, inout ActionBuffer) -> Void
  ) -> [String] {
    var changes: [String] = []
    bench.input { node, now, buffer in
      body(&node, now, &buffer)
      changes = buffer.actions.compactMap {
        guard case .forward(let change) = $0 else { return nil }
        return "\(change.key.table) \(word(change.old)) \(word(change.new))"
      }
    }
    return changes
  }

  private static func word(_ target: ForwardingTarget) -> String {
    switch target {
    case .absent: "-"
    case .unreachable: "unreachable"
    case .via(let path): "\(path.gateway)"
    }
  }

  static func reconfigure(
    _ bench: Bench, _ filters: FilterSet, adjusting: (inout NodeParameters) -> Void = { _ in }
  ) -> [String] {
    var parameters = NodeParameters(routerID: Example.ownRouterID, seqno: Seqno(100), seed: 1)
    adjusting(&parameters)
    return changes(bench) { $0.reconfigure(parameters, filters, at: $1, into: &$2) }
  }

  /// A bench with a neighbour that leads to the first prefix.
  private static func bench(
    _ rules: [[UInt32]], adjusting: (inout NodeParameters) -> Void = { _ in }
  ) throws -> (bench: Bench, peer: Peer) {
    let bench = try Bench(filters: filters(rules), adjusting: adjusting)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 100, interval: 65534)
    bench.run(1)
    return (bench, peer)
  }

  private static func tables(_ bench: Bench, _ target: ForwardingTarget? = nil) -> [UInt32] {
    bench.entries.filter { $0.key.destination == Example.x && $0.value == target ?? $0.value }
      .map { $0.key.table }.sorted()
  }

  // MARK: Installing

  @Test func `a route is put into each table, changed in each, and taken out of each`() throws {
    let (bench, peer) = try Self.bench([[20, 10]])
    #expect(Self.tables(bench, bench.target(Example.x)) == [10, 20])
    #expect(bench.selected(Example.x)?.table == 20)
    let better = bench.peer(0xB2)
    better.announce(Example.x, metric: 1, from: Example.otherOrigin, interval: 65534)
    bench.run(20)
    #expect(bench.selected(Example.x)?.neighbour == better.address)
    guard case .via(let path) = bench.target(Example.x) else {
      Issue.record("\(bench.target(Example.x))")
      return
    }
    #expect(path.gateway == better.address)
    #expect(Self.tables(bench, .via(path)) == [10, 20])
    better.retract(Example.x)
    peer.retract(Example.x)
    bench.run(1)
    #expect(Self.tables(bench, .unreachable) == [10, 20])
    bench.run(200)
    #expect(bench.entries.isEmpty)
  }

  @Test func `what is wanted is told of each table`() throws {
    let (bench, peer) = try Self.bench([[10, 20, 30]])
    peer.announce(Example.y, metric: 100)
    bench.run(1)
    var all: [ForwardingKey: ForwardingTarget] = [:]
    bench.node.forEachDesiredForwarding { all[$0] = $1 }
    #expect(all == bench.entries)
    #expect(Set(all.keys) == [Self.key(10), Self.key(20), Self.key(30), Self.key(254, Example.y)])
    for (key, target) in all { #expect(bench.wanted(key) == target) }
    #expect(bench.wanted(Self.key(254)) == .absent)
    let own = bench.node.desiredTables(Example.x, source: .any(.ipv6))
    #expect(Array(own) == [10, 20, 30])
    #expect(bench.node.desiredTables(Example.own, source: .any(.ipv6)).isEmpty)
  }

  @Test func `a link that goes takes the entries of all tables with it`() throws {
    let (bench, peer) = try Self.bench([[10, 20]])
    bench.loseAll(through: bench.interface)
    bench.setLink(bench.interface, isUp: false)
    bench.run(0.1)
    #expect(Self.tables(bench, .unreachable) == [10, 20])
    bench.setLink(bench.interface, isUp: true)
    bench.run(20)
    peer.announce(Example.x, seqno: 30, metric: 100)
    bench.run(1)
    #expect(Self.tables(bench, bench.target(Example.x)) == [10, 20])
    guard case .via = bench.target(Example.x) else {
      Issue.record("\(bench.target(Example.x))")
      return
    }
  }

  @Test func `a stop takes the route out of each table`() throws {
    let (bench, _) = try Self.bench([[10, 20]])
    bench.input { $0.shutDown(keepingForwarding: false, at: $1, into: &$2) }
    #expect(bench.entries.isEmpty)
  }

  @Test func `an entry that is kept when its neighbour falls silent is kept in each table`() throws
  {
    let (bench, peer) = try Self.bench([[10, 20]]) {
      $0.neighbourLoss = .keep(milliseconds: 12_000)
    }
    let path = bench.target(Example.x)
    let before = bench.forwardingChanges
    peer.isTalking = false
    bench.run(16)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.forwardingChanges == before)
    #expect(Self.tables(bench, path) == [10, 20])
    bench.run(8)
    #expect(Self.tables(bench, .unreachable) == [10, 20])
  }

  // MARK: Other rules

  @Test func `a reload adds tables first, leaves those of both, and removes others last`() throws {
    let (bench, peer) = try Self.bench([[10, 20, 30]])
    let via = "\(peer.address)"
    var changes = Self.reconfigure(bench, Self.filters([[40, 20, 50]]))
    #expect(changes == ["40 - \(via)", "50 - \(via)", "10 \(via) -", "30 \(via) -"])
    changes = Self.reconfigure(bench, Self.filters([[50, 40, 20]]))
    #expect(changes.isEmpty)
    #expect(bench.selected(Example.x)?.table == 50)
    changes = Self.reconfigure(bench, Self.filters([[40]]))
    #expect(changes == ["50 \(via) -", "20 \(via) -"])
    changes = Self.reconfigure(bench, Self.filters([[254, 40]]))
    #expect(changes == ["254 - \(via)"])
    changes = Self.reconfigure(bench, Self.filters([]))
    #expect(changes == ["40 \(via) -"])
    #expect(Self.tables(bench) == [254])
  }

  @Test func `another metric changes the entry in the tables that stay`() throws {
    let (bench, peer) = try Self.bench([[10, 20]])
    let via = "\(peer.address)"
    var filters = Self.filters([[30, 20]])
    filters.install.rules[0].kernelMetric = 5
    #expect(
      Self.reconfigure(bench, filters) == [
        "30 - \(via)", "20 \(via) \(via)", "10 \(via) -",
      ])
    guard case .via(let path) = bench.wanted(Self.key(20)) else {
      Issue.record("\(bench.entries)")
      return
    }
    #expect(path.kernelMetric == 5)
  }

  @Test func `the export table changes only where no rule names a table`() throws {
    let (bench, peer) = try Self.bench([[10, 20], []])
    peer.announce(Example.y, metric: 10)
    bench.run(1)
    let via = "\(peer.address)"
    let rules = Self.filters([[10, 20], []])
    let changes = Self.reconfigure(bench, rules) { $0.exportTable = 20 }
    #expect(changes == ["20 - \(via)", "254 \(via) -"])
    #expect(bench.wanted(Self.key(20, Example.y)) != .absent)
  }

  @Test func `another route by another rule takes the tables of that`() throws {
    var filters = Self.filters([[10, 20], [20, 30]])
    filters.install.rules[0].routerID = Example.origin
    let bench = try Bench(filters: filters)
    let peer = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    peer.announce(Example.x, metric: 10, interval: 65534)
    bench.run(1)
    other.announce(Example.x, metric: 100, from: Example.otherOrigin, interval: 65534)
    bench.run(1)
    #expect(Self.tables(bench) == [10, 20])
    // The other's number is lower, so the change may come with the packet or a little later.
    peer.retract(Example.x)
    bench.run(1)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
    #expect(Self.tables(bench, bench.wanted(Self.key(20))) == [20, 30])
  }

  @Test func `a held destination moves to the tables of another rule`() throws {
    let (bench, peer) = try Self.bench([[10, 20]])
    peer.retract(Example.x)
    bench.run(1)
    #expect(Self.tables(bench, .unreachable) == [10, 20])
    var changes = Self.reconfigure(bench, Self.filters([[20, 30]]))
    #expect(changes == ["30 - unreachable", "10 unreachable -"])
    // No rule is for the same any more, and no route says which other one is right.
    changes = Self.reconfigure(bench, Self.filters([]))
    #expect(changes == ["254 - unreachable", "20 unreachable -", "30 unreachable -"])
    bench.run(200)
    #expect(bench.entries.isEmpty)
  }

  // MARK: Refusals

  @Test func `a refusal in one table takes the route out of all, and another one is tried`() throws
  {
    let (bench, peer) = try Self.bench([[10, 20, 30]])
    let worse = bench.peer(0xB2)
    worse.announce(Example.x, metric: 500, from: Example.otherOrigin, interval: 65534)
    bench.run(1)
    let (via, other) = ("\(peer.address)", "\(worse.address)")
    bench.lose(Example.x, in: 20)
    var changes = Self.changes(bench) { $0.forwardingFailed(Self.key(20), at: $1, into: &$2) }
    #expect(changes == ["10 \(via) \(other)", "20 - \(other)", "30 \(via) \(other)"])
    #expect(bench.route(Example.x, peer)?.reason == .notInstallable)
    bench.lose(Example.x, in: 30)
    changes = Self.changes(bench) { $0.forwardingFailed(Self.key(30), at: $1, into: &$2) }
    #expect(changes.allSatisfy { !$0.hasPrefix("30 \(other)") })
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.entries.values.allSatisfy { $0 == .unreachable })
    changes = Self.changes(bench) { $0.forwardingMayWork(nil, at: $1, into: &$2) }
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
    #expect(Self.tables(bench, bench.wanted(Self.key(10))) == [10, 20, 30])
  }

  @Test func `a refusal in a table that is not asked for any more means nothing`() throws {
    let (bench, peer) = try Self.bench([[10, 20]])
    _ = Self.reconfigure(bench, Self.filters([[20, 30]]))
    let changes = Self.changes(bench) { $0.forwardingFailed(Self.key(10), at: $1, into: &$2) }
    #expect(changes.isEmpty)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
  }

  @Test func `an unreachable entry that is refused in one table goes from the others`() throws {
    let (bench, peer) = try Self.bench([[10, 20]])
    peer.retract(Example.x)
    bench.run(1)
    bench.lose(Example.x, in: 10)
    let changes = Self.changes(bench) { $0.forwardingFailed(Self.key(10), at: $1, into: &$2) }
    #expect(changes == ["20 unreachable -"])
  }
}

/// What an earlier life left of routes in several tables.
@Suite struct `Adoption of routes in several tables` {
  private typealias Tables = `Routes in several tables`

  private static func crashed(
    _ rules: [[UInt32]], _ tables: [UInt32]
  ) throws -> (Bench, UInt16) {
    try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1))], tables: tables, filters: Tables.filters(rules))
  }

  @Test func `all entries that lead the same way stay until a route confirms them`() throws {
    let (bench, opaque) = try Self.crashed([[10, 20]], [20, 10])
    #expect(bench.adoptedCount == 1)
    #expect(bench.entries.count == 2)
    for table in [10, 20] as [UInt32] {
      #expect(bench.wanted(Tables.key(table)) == Recovery.via(1))
    }
    #expect(bench.wanted(Tables.key(254)) == .absent)
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    bench.run(30)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
    #expect(bench.adoptedCount == 0)
    #expect(bench.forwardingChanges == 0)
  }

  @Test func `what is confirmed gets the tables of its rule and keeps those of both`()
    throws
  {
    let (bench, opaque) = try Self.crashed([[30, 20]], [10, 20])
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    bench.run(1)
    #expect(bench.forwardingChanges == 2)
    #expect(Set(bench.entries.keys) == [Tables.key(20), Tables.key(30)])
  }

  @Test func `an entry that leads elsewhere, or is in a table already, is not adopted`() throws {
    let (bench, _) = try Self.crashed([[10, 20]], [10])
    #expect(!bench.adopt(Example.x, Recovery.via(2), in: 20))
    #expect(!bench.adopt(Example.x, Recovery.via(1), in: 10))
    #expect(!bench.adopt(Example.x, .unreachable, in: 20))
    for table in 11...17 as ClosedRange<UInt32> {
      #expect(bench.adopt(Example.x, Recovery.via(1), in: table))
    }
    #expect(!bench.adopt(Example.x, Recovery.via(1), in: 18))
    #expect(bench.adoptedCount == 1)
    bench.input { $0.shutDown(keepingForwarding: false, at: $1, into: &$2) }
    #expect(bench.entries.isEmpty)
    #expect(bench.adoptedCount == 0)
  }

  @Test func `what is taken back is held as unreachable in the tables where it was`() throws {
    var filters = Tables.filters([[40], [20, 10], [10, 30]])
    filters.install.rules[0].interface = InterfaceName("p9")
    filters.install.rules[1].routerID = Example.origin
    let (bench, _) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1))], tables: [10, 20], filters: filters)
    bench.run(20)
    #expect(bench.adoptedCount == 0)
    #expect(bench.entries == [Tables.key(10): .unreachable, Tables.key(20): .unreachable])
    bench.run(120)
    #expect(bench.entries.isEmpty)
  }

  @Test func `a link that goes takes adopted entries of all tables with it`() throws {
    let (bench, _) = try Self.crashed([[10, 20]], [10, 20])
    bench.loseAll(through: bench.interface)
    bench.setLink(bench.interface, isUp: false)
    bench.run(1)
    #expect(bench.adoptedCount == 0)
    #expect(bench.entries.values.allSatisfy { $0 == .unreachable })
    bench.run(200)
    #expect(bench.entries.isEmpty)
  }
}

/// Several tables in the words of the configuration.
@Suite struct `Several tables in a rule` {
  private func parse(_ text: String) throws -> (Configuration, [ConfigurationWarning]) {
    var configuration = Configuration()
    let warnings = try ConfigurationParser.parse(
      file: Array(text.utf8), name: "test.conf", into: &configuration)
    return (configuration, warnings)
  }

  @Test func `they are kept in their order, and written so`() throws {
    let (configuration, warnings) = try parse("install ip 10.0.0.0/8 table 20 table 10 table 300\n")
    let rule = try #require(configuration.filters.install.rules.first)
    #expect(Array(rule.tables) == [20, 10, 300])
    #expect(rule.table == 20)
    #expect(warnings.map { $0.kind } == [.unknownToBabeld])
    let text = configuration.statements().map { String(decoding: $0, as: UTF8.self) }
    #expect(text.contains { $0.hasSuffix("allow table 20 table 10 table 300") })
  }

  @Test func `one named twice is remarked on, a ninth one is refused`() throws {
    let (configuration, warnings) = try parse("install table 10 table 10\n")
    #expect(configuration.filters.install.rules.first.map { Array($0.tables) } == [10])
    #expect(warnings.map { $0.kind } == [.withoutEffect])
    let eight = (1...8).map { "table \($0)" }.joined(separator: " ")
    #expect(try parse("install \(eight)\n").0.filters.install.rules.first?.tables.count == 8)
    #expect(throws: ConfigurationError.self) { try parse("install \(eight) table 9\n") }
  }

  @Test func `rules with other tables, or another first one, do not say the same`() {
    let rules = [[10, 20], [20, 10], [10], [10, 20, 30]].map {
      `Routes in several tables`.rule($0)
    }
    for one in rules.indices {
      for other in rules.indices {
        let chains = (FilterChain([rules[one]]), FilterChain([rules[other]]))
        #expect((chains.0 == chains.1) == (one == other))
      }
    }
  }
}
