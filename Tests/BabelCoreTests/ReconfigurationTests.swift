import BabelCore
import BabelWire
import TestSupport
import Testing

/// Filters and parameters that change while the node runs.
@Suite struct `Reconfiguration of a running node` {
  private static func filters(_ change: (inout FilterSet) -> Void) -> FilterSet {
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    change(&filters)
    return filters
  }

  private static func rule(_ destination: Prefix? = nil, _ metric: UInt16) -> FilterRule {
    var rule = FilterRule()
    rule.destination = destination
    rule.metric = Metric(metric)
    return rule
  }

  private static let infinity: UInt16 = 65535

  private static func reconfigure(
    _ bench: Bench, _ filters: FilterSet, adjusting: (inout NodeParameters) -> Void = { _ in }
  ) {
    var parameters = NodeParameters(
      routerID: Example.ownRouterID, seqno: Seqno(100), seed: 1)
    adjusting(&parameters)
    bench.input { $0.reconfigure(parameters, filters, at: $1, into: &$2) }
  }

  @Test func `a route that becomes allowed is used at once, without asking`() throws {
    let strict = Self.filters { $0.input.rules = [Self.rule(Example.x, Self.infinity)] }
    let bench = try Bench(filters: strict)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    bench.run(1)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.routes(Example.x).isEmpty)
    bench.forget()
    Self.reconfigure(bench, Self.filters { _ in })
    #expect(bench.selected(Example.x)?.metric == Metric(106))
    bench.run(1)
    #expect(bench.sent.allSatisfy { $0.routeRequests.isEmpty && $0.seqnoRequests.isEmpty })
    #expect(Set(bench.sent.flatMap { $0.updates }.map { $0.destination }) == [Example.x])
  }

  @Test func `what the kernel refused is asked for again if rules say otherwise how`() throws {
    var bad = Self.rule(Example.x, 0)
    bad.preferredSource = IPAddress("2001:db8::99")
    let bench = try Bench(filters: Self.filters { $0.install.rules = [bad] })
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    let key = ForwardingKey(destination: Example.x, source: .ipv6Default, table: 254)
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    #expect(bench.selected(Example.x) == nil)
    let other = Self.rule(Example.y, 0)
    Self.reconfigure(bench, Self.filters { $0.install.rules = [other, bad] })
    #expect(bench.selected(Example.x) == nil, "it is wanted as before")
    Self.reconfigure(bench, Self.filters { $0.install.rules = [other] })
    #expect(bench.selected(Example.x) != nil)
    #expect(bench.target(Example.x) != .absent)
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    Self.reconfigure(bench, Self.filters { $0.install.rules = [other] }) {
      $0.kernelPriority = 7
    }
    #expect(bench.selected(Example.x) != nil, "another metric may be taken")
  }

  @Test func `what becomes denied is retracted, and nothing else is told`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, metric: 10)
    bench.run(3)
    bench.forget()
    let before = bench.forwardingChanges
    Self.reconfigure(bench, Self.filters { $0.input.rules = [Self.rule(Example.x, Self.infinity)] })
    bench.run(0.5)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.selected(Example.y) != nil)
    #expect(bench.forwardingChanges == before + 1)
    let updates = bench.sent.flatMap { $0.updates }
    #expect(!updates.isEmpty)
    #expect(updates.allSatisfy { $0.destination == Example.x && $0.isRetraction })
  }

  @Test func `a neighbour is told when the out filter begins and ceases to deny`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    bench.offer(Example.y)
    _ = bench.peer(0xB1)
    bench.run(1)
    bench.forget()
    Self.reconfigure(
      bench, Self.filters { $0.output.rules = [Self.rule(Example.own, Self.infinity)] })
    bench.run(0.5)
    var updates = bench.sent.flatMap { $0.updates }
    #expect(!updates.isEmpty)
    #expect(updates.allSatisfy { $0.destination == Example.own && $0.isRetraction })
    bench.run(30)
    bench.forget()
    Self.reconfigure(bench, Self.filters { $0.output.rules = [Self.rule(Example.own, 50)] })
    bench.run(0.5)
    updates = bench.sent.flatMap { $0.updates }
    #expect(!updates.isEmpty)
    #expect(updates.allSatisfy { $0.destination == Example.own && $0.metric == Metric(50) })
  }

  @Test func `the retraction of what a former filter let pass is forgotten in the end`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    bench.offer(Example.y)
    _ = bench.peer(0xB1)
    bench.run(1)
    Self.reconfigure(
      bench, Self.filters { $0.output.rules = [Self.rule(Example.own, Self.infinity)] })
    bench.run(400)
    bench.forget()
    bench.run(60)
    let told = Set(bench.sent.flatMap { $0.updates }.map { $0.destination })
    #expect(told == [Example.y])
  }

  @Test func `another table: the new entry comes before the old one goes`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, metric: 10)
    bench.run(1)
    var rule = Self.rule(Example.x, 0)
    rule.table = 77
    Self.reconfigure(bench, Self.filters { $0.install.rules = [rule] })
    var tables = bench.entries.map { "\($0.key.destination) \($0.key.table)" }.sorted()
    #expect(tables == ["\(Example.x) 77", "\(Example.y) 254"])
    Self.reconfigure(bench, Self.filters { $0.install.rules = [rule] }) { $0.exportTable = 78 }
    tables = bench.entries.map { "\($0.key.destination) \($0.key.table)" }.sorted()
    #expect(tables == ["\(Example.x) 77", "\(Example.y) 78"])
  }

  @Test func `a held destination survives that its install rule goes`() throws {
    var rule = Self.rule(Example.x, 0)
    rule.table = 77
    let other = Self.rule(Example.y, 0)
    let bench = try Bench(filters: Self.filters { $0.install.rules = [other, rule] })
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    bench.run(1)
    peer.retract(Example.x)
    bench.run(1)
    let key = ForwardingKey(destination: Example.x, source: .any(.ipv6), table: 77)
    #expect(bench.entries == [key: .unreachable])
    Self.reconfigure(bench, Self.filters { $0.install.rules = [rule] })
    #expect(bench.entries == [key: .unreachable])
    Self.reconfigure(bench, Self.filters { _ in })
    let moved = ForwardingKey(destination: Example.x, source: .any(.ipv6), table: 254)
    #expect(bench.entries == [moved: .unreachable])
    bench.run(200)
    #expect(bench.entries.isEmpty)
  }

  @Test func `a route that was denied without room is asked for`() throws {
    let strict = Self.filters { $0.input.rules = [Self.rule(nil, Self.infinity)] }
    let bench = try Bench(filters: strict) { $0.deniedRouteLimit = 1 }
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, metric: 10)
    bench.run(1)
    bench.forget()
    Self.reconfigure(bench, Self.filters { _ in })
    bench.run(0.5)
    #expect(bench.selected(Example.x) != nil)
    #expect(bench.selected(Example.y) == nil)
    #expect(bench.sent.contains { $0.tlvs.contains(.tlv(.wildcardRequest)) })
  }

  @Test func `monitors see a route come and go with the filter`() throws {
    let bench = try Bench { $0.reportsRoutes = true }
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    bench.run(1)
    bench.forget()
    let strict = Self.filters { $0.input.rules = [Self.rule(Example.x, Self.infinity)] }
    Self.reconfigure(bench, strict) { $0.reportsRoutes = true }
    #expect(Self.events(bench) == [.change, .flush])
    bench.forget()
    Self.reconfigure(bench, Self.filters { _ in }) { $0.reportsRoutes = true }
    #expect(Self.events(bench) == [.add, .change])
  }

  private static func events(_ bench: Bench) -> [TableEvent] {
    bench.notices.compactMap { if case .route(let event, _) = $0 { event } else { nil } }
  }

  // MARK: Pairs

  @Test(arguments: 1...UInt64(200))
  func `after a change the node is as if it had begun so`(seed: UInt64) throws {
    let changed = try ReconfiguredNode(seed: seed, isChanged: true)
    let fresh = try ReconfiguredNode(seed: seed, isChanged: false)
    #expect(changed.neighboursLost == 0)
    #expect(changed.forecast == changed.effects)
    #expect(changed.state() == fresh.state())
  }
}

/// What an operator adds to the cost of links for a while.
@Suite struct `Surcharges` {
  private func surcharge(_ change: (inout Surcharge) -> Void) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    change(&parameters.surcharge)
    return parameters
  }

  @Test func `a drained link loses its traffic at once, tells the other side, and gets it back`()
    throws
  {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2, on: second)
    near.announce(Example.x, metric: 0)
    far.announce(Example.x, metric: 48)
    bench.run(5)
    #expect(bench.selected(Example.x)?.neighbour == near.address)
    let first = bench.interface
    bench.forget()
    let drained = surcharge { $0.ofInterface = Surcharge.drained }
    bench.input { $0.setParameters(drained, of: first, at: $1, into: &$2) }
    bench.run(0.1)
    #expect(bench.selected(Example.x)?.neighbour == far.address)
    #expect(bench.neighbour(near)?.cost == Metric(96 + 16_384))
    let told = bench.sent.filter { $0.interface == first }.flatMap { $0.ihus }.map { $0.rxcost }
    #expect(told.last == Metric(96 + 16_384))
    near.announce(Example.x, metric: 0)
    bench.run(20)
    near.announce(Example.x, metric: 0)
    far.announce(Example.x, metric: 48)
    bench.input { $0.setParameters(InterfaceParameters(), of: first, at: $1, into: &$2) }
    bench.run(0.1)
    #expect(bench.selected(Example.x)?.neighbour == near.address)
  }

  @Test func `a surcharge never says that a neighbour is not heard`() throws {
    let bench = try Bench(surcharge { $0.ofNeighbours = [(Example.ownAddress, Metric(1))] })
    let peer = bench.peer(0xB1)
    let first = bench.interface
    let dear = surcharge { $0.ofNeighbours = [(peer.address, Metric(65_534))] }
    bench.input { $0.setParameters(dear, of: first, at: $1, into: &$2) }
    bench.run(0.1)
    #expect(bench.neighbour(peer)?.rxcost == Metric(65_534))
    #expect(bench.neighbour(peer)?.cost == .infinity)
    bench.input { $0.setParameters(InterfaceParameters(), of: first, at: $1, into: &$2) }
    #expect(bench.neighbour(peer)?.cost == Metric(96))
  }
}
