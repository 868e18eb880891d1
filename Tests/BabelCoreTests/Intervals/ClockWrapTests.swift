import BabelCore
import BabelWire
import Testing

/// Table rows keep times in 32 bits. These wrap after 497 days of uptime, so two times can be
/// compared if they are less than 248 days apart.
@Suite struct `Times that wrap` {
  /// Microseconds after which the 10-ms ticks of table rows begin anew, and half of that.
  static let wrap: Int64 = 4_294_967_296 * 10_000
  static let origins: [Int64] = [wrap, wrap / 2, wrap + wrap / 2]

  @Test(arguments: Self.origins)
  func `routes, holds and distances pass the edge`(edge: Int64) throws {
    let bench = try Bench(origin: edge - 100_000_000)
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    let downstream = bench.peer(0xB2, on: second)
    for _ in 0..<12 {
      peer.announce(Example.x, metric: 0)
      downstream.announce(Example.x, metric: 192)
      bench.run(16)
      #expect(bench.selected(Example.x)?.neighbour == peer.address)
    }
    #expect(bench.clock.microseconds > edge)
    peer.retract(Example.x)
    bench.run(50)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.selected(Example.x) == nil)
    bench.run(8)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test(arguments: Self.origins)
  func `a route that is not refreshed expires across the edge`(edge: Int64) throws {
    let bench = try Bench(origin: edge - 45_000_000)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(55)
    #expect(bench.selected(Example.x) != nil)
    bench.run(2)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `a metric that stands still for a year counts`() throws {
    // The intervals are the longest, so that a year has few events.
    var parameters = InterfaceParameters()
    parameters.helloInterval = 655_350
    parameters.updateInterval = 655_350
    let bench = try Bench(parameters) { $0.smoothingHalfLife = 4000 }
    let peer = bench.peer(0xB1, hello: 65534)
    peer.announce(Example.x, metric: 100, interval: 65534)
    bench.run(1)
    peer.announce(Example.x, metric: 1000, interval: 65534)
    bench.run(300)
    let after = try #require(bench.selected(Example.x))
    #expect(after.smoothedMetric == after.metric)
    for _ in 0..<260 {
      for _ in 0..<60 {
        peer.announce(Example.x, metric: 1000, interval: 65534)
        bench.run(1440)
      }
      bench.forget()
      let route = try #require(bench.selected(Example.x))
      #expect(route.smoothedMetric == route.metric)
    }
    #expect(bench.seconds > 248 * 86_400)
  }
}
