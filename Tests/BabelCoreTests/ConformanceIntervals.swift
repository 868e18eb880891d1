import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.4.1, §3.4.2: intervals that change while the node runs.
@Suite struct `RFC 8966 §3.4 Changed intervals` {
  @Test func `§3.4.1 a longer Hello interval is announced by the Hello that was due`() throws {
    let bench = try Bench()
    bench.run(10)
    let last = try #require(bench.sent.last { !$0.hellos.isEmpty })
    bench.forget()
    lengthen(bench)
    bench.run(5)
    let next = try #require(bench.sent.first { !$0.hellos.isEmpty })
    #expect(next.time - last.time <= 4_000_000)
    #expect(next.hellos.first?.interval == Interval(centiseconds: 2000))
  }

  @Test func `§3.4.2 a longer IHU interval is announced with an IHU`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.run(10)
    bench.forget()
    lengthen(bench)
    bench.run(0.3)
    let ihu = try #require(bench.sent.flatMap { $0.ihus }.first { $0.address == peer.address })
    #expect(ihu.interval == Interval(centiseconds: 6000))
  }

  private func lengthen(_ bench: Bench) {
    var parameters = InterfaceParameters()
    parameters.helloInterval = 20_000
    let interface = bench.interface
    bench.input { $0.setParameters(parameters, of: interface, at: $1, into: &$2) }
  }
}
