import BabelCore
import BabelWire
import Testing

@Suite struct `Counted rows` {
  private func prefix(_ i: Int) -> Prefix { Example.prefix("2001:db8:\(i)::", 48) }

  @Test func `routes are counted by their reasons, as the tables show them`() throws {
    let bench = try Bench()
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2)
    for i in 0..<5 { near.announce(prefix(i), metric: 5) }
    for i in 3..<9 { far.announce(prefix(i), metric: 500) }
    bench.offer(Example.own)
    bench.run(2)
    near.announce(prefix(0), metric: 0xFFFF)
    bench.run(0.1)
    let census = bench.node.routeCensus()
    var shown: [RouteReason: Int] = [:]
    var installed = 0
    for handle in bench.node.destinationOrder() {
      for route in bench.node.routes(
        ofDestination: handle, includingDenied: true, at: bench.clock)
      {
        shown[route.reason, default: 0] += 1
        if route.isInstalled { installed += 1 }
      }
    }
    for reason in RouteReason.allCases { #expect(census[reason] == shown[reason] ?? 0) }
    #expect(census[.selected] == 8 && census[.unfeasible] == 2 && census[.retracted] == 1)
    #expect(census.selected == installed && installed == 8)
    #expect(census.forwarded == 8)
    #expect(census.unreachable == 1, "the lost one is held")
    #expect(census.originated == 1)
  }

  @Test func `each neighbour is counted with its routes`() throws {
    let bench = try Bench()
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2)
    for i in 0..<5 { near.announce(prefix(i), metric: 5) }
    for i in 3..<9 { far.announce(prefix(i), metric: 500) }
    bench.run(2)
    let rows = bench.node.neighbourRoutes(at: bench.clock)
    #expect(rows.map { $0.neighbour.address } == [near.address, far.address])
    #expect(rows.map { $0.routeCount } == [5, 6])
    #expect(bench.node.occupancy(of: .routes) == 11)
    #expect(bench.node.occupancy(of: .neighbourRoutes) == 6)
    #expect(bench.node.occupancy(of: .neighbours) == 2)
    #expect(bench.node.occupancy(of: .interfaces) == 1)
    #expect(bench.node.limit(of: .routes) == 1_000_000)
  }
}
