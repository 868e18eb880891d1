import BabelCore
import BabelKernel
import BabelWire
import TestSupport
import Testing

@testable import swabeld

/// A model of the kernel's rules and tables.
private struct ModelKernel {
  /// Entries by table: destination, metric, and what it leads to (nil: the lookup goes on).
  var entries: [UInt32: [(prefix: Prefix, metric: UInt32, pair: String?)]] = [:]

  mutating func apply(_ step: RouteStep, _ pair: String?) {
    let route = step.route
    let isThere = entries[route.table, default: []].contains {
      $0.prefix == route.destination && $0.metric == route.metric
    }
    switch step.change {
    case .add:
      #expect(!isThere, "\(route) twice")
      entries[route.table, default: []].append((route.destination, route.metric, pair))
    default:
      #expect(isThere, "\(route) is not there")
      entries[route.table]?.removeAll {
        $0.prefix == route.destination && $0.metric == route.metric
      }
    }
  }

  /// The entry that a packet follows: the kernel looks into the tables of all rules in order, then
  /// into main.
  func lookUp(from source: IPAddress, to destination: IPAddress, _ rules: [KernelRule]) -> String? {
    let matching = rules.filter { $0.source.contains(source) }.sorted { $0.priority < $1.priority }
    for table in matching.map(\.table) + [254] {
      let best = (entries[table] ?? []).filter { $0.prefix.contains(destination) }
        .max { ($0.prefix.length, $1.metric) < ($1.prefix.length, $0.metric) }
      if let best, let pair = best.pair { return pair }
    }
    return nil
  }
}

@Suite struct `RFC 9079 §4 Tables for source prefixes` {
  private func key(_ destination: Prefix, _ source: Prefix) -> ForwardingKey {
    ForwardingKey(destination: destination, source: source, table: 254)
  }

  private func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }

  private let any = Prefix.ipv4Default

  private func make() -> SourcePrefixTables {
    SourcePrefixTables(
      range: 1000...1099, rulePriority: 1000, exportTable: 254, includesIPv6: false)
  }

  /// A prefix inside 10.0.0.0/30 or so: small enough that everything overlaps.
  private func small(_ dice: inout Chance, least: Int) -> Prefix {
    let length =
      [least, 8, 29, 30, 31, 32].filter { $0 >= least }.randomElement(using: &dice) ?? 32
    let address = IPAddress(ipv4: 0x0A00_0000 | UInt32(dice.next() & 7))
    return Prefix(address, length: length) ?? .ipv4Default
  }

  @Test(arguments: 0..<20) func `RFC 9079 §4 the destination decides before the source`(seed: Int)
    throws
  {
    var dice = Chance(seed: UInt64(seed))
    var tables = make()
    var kernel = ModelKernel()
    var pairs: Set<ForwardingKey> = []
    var others: Set<Prefix> = []
    for _ in 0..<150 {
      if dice.next() % 8 == 0 {
        // A route of another program comes, such as that of a connected subnet.
        let route = KernelRoute(
          destination: small(&dice, least: 8), table: 254, metric: 99, kernelProtocol: 2)
        guard others.insert(route.destination).inserted else { continue }
        kernel.apply(RouteStep(change: .add, route: route), "other \(route.destination)")
        for step in tables.noteForeign(route) { kernel.apply(step, nil) }
      } else {
        let pair = key(small(&dice, least: 0), small(&dice, least: 0))
        let exists = !pairs.contains(pair)
        if !pair.source.isDefault, !tables.hasTable(pair.source) {
          if tables.open(pair.source) == nil { Issue.record("no table is left") }
        }
        let (before, after) = tables.note(pair, exists: exists)
        let route = try #require(
          tables.physical(KernelRoute(destination: pair.destination, source: pair.source)))
        for step in before { kernel.apply(step, nil) }
        kernel.apply(
          RouteStep(change: exists ? .add : .delete, route: route),
          "\(pair.destination) \(pair.source)")
        for step in after { kernel.apply(step, nil) }
        if exists { pairs.insert(pair) } else { pairs.remove(pair) }
      }
      check(kernel, tables, pairs, others)
    }
    // A new start that finds these rules and routes has nothing to do.
    let exceptions = Dictionary(
      uniqueKeysWithValues: tables.numbers.map { number in
        (number, Set((kernel.entries[number] ?? []).filter { $0.pair == nil }.map(\.prefix)))
      })
    let steps = tables.replaceAll(
      foreign: others, wanted: Array(pairs), exceptions: exceptions)
    #expect(steps.isEmpty)
    for step in tables.dissolve() { kernel.apply(step, nil) }
    #expect(kernel.entries.values.allSatisfy { $0.allSatisfy { $0.pair != nil } })
  }

  private func check(
    _ kernel: ModelKernel, _ tables: SourcePrefixTables, _ pairs: Set<ForwardingKey>,
    _ others: Set<Prefix>
  ) {
    for source in UInt32(0)..<8 {
      for destination in UInt32(0)..<8 {
        let from = IPAddress(ipv4: 0x0A00_0000 | source)
        let to = IPAddress(ipv4: 0x0A00_0000 | destination)
        let candidates =
          pairs.filter { $0.source.contains(from) && $0.destination.contains(to) }
          .map { ($0.destination.length, $0.source.length, 1, "\($0.destination) \($0.source)") }
          + others.filter { $0.contains(to) }.map { ($0.length, 0, 0, "other \($0)") }
        let best = candidates.max { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }
        let found = kernel.lookUp(from: from, to: to, tables.rules)
        #expect(found == best?.3, "from \(from) to \(to)")
      }
    }
  }

  @Test func `routes look as if they were in the export table`() throws {
    var tables = make()
    let source = try prefix("10.1.0.0/16")
    let rule = tables.open(source)
    #expect(rule == KernelRule(source: source, table: 1000, priority: 1016))
    var route = KernelRoute(
      destination: try prefix("10.2.0.0/16"), source: source, metric: 7, gateway: nil, ifindex: 3)
    let physical = try #require(tables.physical(route))
    #expect(physical.source == any && physical.table == 1000 && physical.metric == 7)
    #expect(tables.logical(physical) == route)
    route = KernelRoute(
      destination: route.destination, source: source, metric: .max, type: .unreachable)
    #expect(tables.physical(route).map { tables.logical($0) } == route)
    // Other tables, other families and ordinary routes are left alone.
    let plain = KernelRoute(destination: try prefix("10.2.0.0/16"), table: 100)
    #expect(tables.physical(plain) == plain && tables.logical(plain) == plain)
    let six = KernelRoute(destination: try prefix("fd00::/8"), source: try prefix("fd01::/16"))
    #expect(tables.physical(six) == six)
    let unknown = KernelRoute(
      destination: try prefix("10.2.0.0/16"), source: try prefix("10.9.0.0/16"))
    #expect(tables.physical(unknown) == nil)
  }

  @Test func `tables are given out, taken back, and run out`() throws {
    var tables = SourcePrefixTables(
      range: 7...8, rulePriority: 1, exportTable: 254, includesIPv6: true)
    let all = try ["10.1.0.0/16", "fd00::/16", "10.3.0.0/16"].map { try prefix($0) }
    let given = all.map { tables.open($0)?.table }
    #expect(given == [7, 8, nil])
    tables.close(all[0])
    let again = tables.open(all[2])?.table
    #expect(again == 7)
    #expect(tables.idleSources.isEmpty)  // nobody has looked yet
    _ = tables.replaceAll(
      foreign: [], wanted: [key(all[1], all[1])], exceptions: [:])
    #expect(tables.idleSources == [all[2]])
  }

  @Test func `what happens while the tables are read counts more than what is read`() throws {
    let wide = key(try prefix("10.0.0.0/8"), try prefix("10.9.0.0/16"))
    let (old, new) = (try prefix("10.1.0.0/16"), try prefix("10.2.0.0/16"))
    var tables = make()
    _ = tables.open(wide.source)
    _ = tables.noteForeign(KernelRoute(destination: old, kernelProtocol: 4))
    tables.beginComparison()
    // An exception for a route that is gone, and a route that came after its place was read.
    let made = tables.note(wide, exists: true).before
    let heard = tables.noteForeign(KernelRoute(destination: new, kernelProtocol: 4))
    #expect(made.map(\.route.destination) == [old] && heard.map(\.route.destination) == [new])
    let steps = tables.replaceAll(foreign: [], wanted: [wide], exceptions: [:])
    #expect(steps.map(\.change) == [.delete] && steps.map(\.route.destination) == [old])
    #expect(tables.knowsForeign(new) && !tables.knowsForeign(old))
  }

  @Test func `rules of an earlier life are taken over if they are as ours would be`() throws {
    var tables = make()
    let source = try prefix("10.1.0.0/16")
    let good = KernelRule(source: source, table: 1005, priority: 1016)
    let adoptions = [tables.adopt(good), tables.adopt(good)]
    #expect(tables.bearsOurMarks(good) && adoptions == [true, true])
    #expect(tables.numbers == [1005])
    for (other, table, priority) in [
      ("10.1.0.0/16", UInt32(1006), UInt32(1016)), ("10.2.0.0/16", 1005, 1016),
      ("10.2.0.0/16", 1007, 1015), ("10.2.0.0/16", 999, 1016),
    ] {
      let rule = KernelRule(source: try prefix(other), table: table, priority: priority)
      let isAdopted = tables.adopt(rule)
      #expect(!isAdopted)
    }
    #expect(
      !tables.bearsOurMarks(KernelRule(source: source, table: 1005, priority: 9, kernelProtocol: 4))
    )
  }
}
