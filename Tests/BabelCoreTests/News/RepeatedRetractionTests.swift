import BabelCore
import BabelWire
import Testing

/// The node remembers a retraction that it has sent to everyone. It does not send it again and
/// again, and it tells what follows.
@Suite struct `Retractions of what cannot be announced` {
  private static let hiding: InterfaceParameters = {
    var parameters = InterfaceParameters()
    parameters.splitHorizon = true
    return parameters
  }()

  /// An `out` filter that adds a metric.
  private static func adding(_ metric: UInt16) -> FilterSet {
    var rule = FilterRule()
    rule.metric = Metric(metric)
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    filters.output.rules = [rule]
    return filters
  }

  @Test func `a leaf tells once that it does not have its own route any more`() throws {
    let bench = try Bench(Self.hiding)
    bench.offer(Example.x)
    let peer = bench.peer(0xB1)
    bench.run(30)
    bench.forget()
    let lost = bench.seconds
    bench.withdraw(Example.x)
    peer.announce(Example.x, metric: 0)
    bench.run(3)
    let told = bench.updates(Example.x)
    #expect(told.allSatisfy { $0.update.metric.isInfinite })
    let delay = try #require(told.first).seconds - lost
    #expect(delay <= 0.2)
    // The retraction is sent once more as a copy, and once in each full update while somebody may
    // have missed it.
    #expect(told.count == 2)
    bench.forget()
    for metric in [100, 300, 500, 700, 900, 1100] as [UInt16] {
      peer.announce(Example.x, metric: metric)
      bench.run(1)
    }
    #expect(bench.updates(Example.x).count <= 1)
    bench.run(200)
    bench.forget()
    for _ in 0..<4 {
      peer.announce(Example.x, metric: 1100)
      bench.run(15)
    }
    #expect(bench.updates(Example.x).isEmpty)
  }

  @Test func `what a crash makes us presume of the same originator is not retracted`() throws {
    let (bench, opaque) = try Recovery.crashed(Self.hiding)
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    bench.run(6)
    peer.announce(Example.x, seqno: 11, metric: 10)
    bench.run(1)
    #expect(bench.selected(Example.x) != nil)
    bench.forget()
    bench.run(40)
    #expect(bench.updates(Example.x).isEmpty)
  }

  @Test func `a metric that a filter makes infinite is retracted once`() throws {
    let bench = try Bench(filters: Self.adding(65_000))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(3)
    #expect(bench.updates(Example.x).last?.update.metric == Metric(65_096))
    bench.forget()
    let changed = bench.seconds
    peer.announce(Example.x, metric: 1000)
    bench.run(3)
    let told = bench.updates(Example.x)
    #expect(told.map { $0.update.metric } == [.infinity, .infinity])
    let delay = try #require(told.first).seconds - changed
    #expect(delay <= 0.2)
    bench.forget()
    for metric in [1100, 1300, 1500, 1700, 1900] as [UInt16] {
      peer.announce(Example.x, metric: metric)
      bench.run(1)
    }
    #expect(bench.updates(Example.x).count <= 1)
  }

  @Test func `a metric that comes back below infinity is told at once`() throws {
    let bench = try Bench(filters: Self.adding(65_000))
    let peer = bench.peer(0xB1)
    for metric in [0, 1000] as [UInt16] {
      peer.announce(Example.x, metric: metric)
      bench.run(3)
    }
    bench.forget()
    peer.announce(Example.x, metric: 0)
    bench.run(0.2)
    #expect(bench.updates(Example.x).map { $0.update.metric } == [Metric(65_096)])
  }

  @Test func `where one interface alone has a metric left the others are retracted once`() throws {
    var rule = FilterRule()
    rule.metric = Metric(65_000)
    rule.interface = InterfaceName("p1")
    var filters = FilterSet()
    filters.output.rules = [rule]
    let bench = try Bench(filters: filters)
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    for metric in [0, 1000] as [UInt16] {
      peer.announce(Example.x, metric: metric)
      bench.run(3)
    }
    bench.forget()
    // Nothing changes that neighbours need to know.
    for metric in [1001, 1000, 1002, 1000, 1001] as [UInt16] {
      peer.announce(Example.x, metric: metric)
      bench.run(0.5)
    }
    #expect(bench.updates(Example.x).count { $0.packet.interface == second } <= 1)
    #expect(bench.updates(Example.x).count <= 2)
  }
}
