import BabelCore
import BabelWire
import Testing

/// After a loss the necessary messages travel fast. These tests say who is told what, and how soon.
@Suite struct `Swiftness` {
  private static func wired() -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.splitHorizon = true
    return parameters
  }

  /// A node between two neighbours on links with split horizon: the bench, the second interface,
  /// one peer on each.
  private static func middle(
    _ parameters: InterfaceParameters = wired()
  ) throws -> (bench: Bench, second: InterfaceID, near: Peer, far: Peer) {
    let bench = try Bench(parameters)
    let second = try bench.addInterface("p1", parameters)
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2, on: second)
    return (bench, second, near, far)
  }

  @Test func `a route that moves is told to those from whom split horizon hid it`() throws {
    let (bench, second, near, far) = try Self.middle()
    near.announce(Example.x, metric: 100)
    far.announce(Example.x, metric: 100)
    bench.run(5)
    #expect(bench.selected(Example.x)?.interface == near.name)
    bench.forget()
    let start = bench.seconds
    near.retract(Example.x)
    bench.run(0.01)
    // The metric is the same as before.
    let told = bench.updates(Example.x).filter { $0.packet.interface == bench.interface }
    #expect(told.first?.update.metric == Metric(196))
    #expect((told.first?.seconds ?? .infinity) - start <= 0.005)
    #expect(!bench.updates(Example.x).contains { $0.packet.interface == second })
  }

  @Test func `where split horizon hides a new originator the former one is retracted`() throws {
    for isOther in [false, true] {
      let (bench, second, near, far) = try Self.middle()
      near.announce(Example.x, metric: 100)
      bench.run(1)
      #expect(bench.updates(Example.x).contains { $0.packet.interface == second })
      far.announce(
        Example.x, metric: 150, from: isOther ? Example.otherOrigin : Example.origin)
      bench.run(1)
      #expect(bench.selected(Example.x)?.interface == near.name)
      bench.forget()
      near.retract(Example.x)
      bench.run(0.01)
      #expect(bench.selected(Example.x)?.interface == far.name)
      let told = bench.updates(Example.x).filter { $0.packet.interface == second }
      // Feasibility distances keep everybody from using an old route of the same originator.
      #expect(told.contains { $0.update.metric.isInfinite } == isOther)
      #expect(told.allSatisfy { $0.update.metric.isInfinite })
      // It is sent again for those who did not hear it the first time.
      bench.forget()
      bench.run(20)
      let repeated = bench.updates(Example.x).filter { $0.packet.interface == second }
      #expect(repeated.contains { $0.update.metric.isInfinite } == isOther)
    }
  }

  @Test(arguments: [LinkSensing.twoOutOfThree, .etx])
  func `changes, requests and answers wait only where senders collide`(sensing: LinkSensing) throws
  {
    var parameters = InterfaceParameters()
    parameters.linkSensing = sensing
    var delays: [Double] = []
    for _ in 0..<3 {
      let (bench, second, near, far) = try Self.middle(parameters)
      bench.run(40)
      near.announce(Example.x, metric: 100)
      far.announce(Example.y, metric: 100)
      bench.run(5)
      // The route is not feasible, so the node asks for a newer seqno.
      near.announce(Example.y, metric: 1000)
      bench.run(5)
      func measure(after cause: () -> Void, until packets: () -> [SentPacket]) throws {
        bench.forget()
        let start = bench.seconds
        cause()
        bench.run(1.5)
        delays.append(Double(try #require(packets().first).time) / 1_000_000 - start)
      }
      try measure(
        after: { near.retract(Example.x) },
        until: {
          bench.updates(Example.x).filter { $0.packet.interface == second }.map { $0.packet }
        })
      try measure(
        after: { far.retract(Example.y) }, until: { bench.seqnoRequests.map { $0.packet } })
      try measure(
        after: { near.request(Example.own) },
        until: { bench.updates(Example.own).map { $0.packet } })
    }
    if sensing == .etx {
      #expect(delays.allSatisfy { $0 >= 0.005 && $0 <= 1.01 }, "\(delays)")
      #expect(delays.contains { $0 > 0.02 }, "\(delays)")
    } else {
      #expect(delays.allSatisfy { $0 >= 0.001 && $0 <= 0.005 }, "\(delays)")
    }
  }

  @Test func `a first metric that did not last does not hold up a better one`() throws {
    let (bench, _, near, far) = try Self.middle()
    near.announce(Example.x, metric: 200)
    bench.run(30)
    far.announce(Example.x, metric: 500)
    bench.run(0.1)
    far.announce(Example.x, metric: 100)
    bench.run(0.01)
    #expect(bench.selected(Example.x)?.interface == far.name)
  }

  @Test func `a change of a long metric is told where costs are not measured`() throws {
    let (bench, second, near, _) = try Self.middle()
    near.announce(Example.x, metric: 5000)
    bench.run(5)
    bench.forget()
    near.announce(Example.x, metric: 4904)
    bench.run(0.01)
    let told = bench.updates(Example.x).filter { $0.packet.interface == second }
    #expect(told.first?.update.metric == Metric(5000))
  }

  @Test func `who announces a route again is asked at once while it is looked for`() throws {
    let (bench, second, near, far) = try Self.middle()
    let third = bench.peer(0xB3)
    near.announce(Example.x, metric: 0)
    bench.run(1)
    // Neither is feasible.
    third.announce(Example.x, metric: 500)
    far.announce(Example.x, metric: 400)
    far.retract(Example.x)
    bench.run(1)
    near.retract(Example.x)
    bench.run(0.1)
    #expect(bench.seqnoRequests.count == 1)
    bench.forget()
    far.announce(Example.x, metric: 400)
    bench.run(0.01)
    #expect(bench.seqnoRequests.contains { $0.packet.interface == second })
  }
}
