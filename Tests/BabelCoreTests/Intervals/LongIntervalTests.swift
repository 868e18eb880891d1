import BabelCore
import BabelWire
import Testing

/// Intervals far above the defaults. The node must remember what neighbours may still believe, and
/// for these intervals that takes longer than the minutes that suffice for an Update every 16 s.
@Suite struct `Long intervals` {
  /// Update intervals in milliseconds: those of a guide for roaming servers (Hello 60 s), one more
  /// than three minutes, and the longest.
  static let intervals: [UInt32] = [16_000, 190_000, 240_000, 300_000, 655_350]

  private static func parameters(_ updateInterval: UInt32) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.updateInterval = updateInterval
    return parameters
  }

  @Test(arguments: Self.intervals)
  func `a loss is retracted however long ago the route was announced`(interval: UInt32) throws {
    let bench = try Bench(Self.parameters(interval))
    let second = try bench.addInterface("p1", Self.parameters(interval))
    let peer = bench.peer(0xB1)
    _ = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0, interval: 65534)
    // This is shortly before the next full update.
    bench.run(Double(interval) / 1000 * 0.74)
    let delay = bench.retraction(of: Example.x, within: 2) { peer.retract(Example.x) }
    #expect(try #require(delay) <= 0.2)
    #expect(bench.target(Example.x) == .unreachable)
  }

  @Test(arguments: Self.intervals)
  func `the way back over a neighbour that learned the route from us is never taken`(
    interval: UInt32
  ) throws {
    let bench = try Bench(Self.parameters(interval))
    let second = try bench.addInterface("p1", Self.parameters(interval))
    let peer = bench.peer(0xB1)
    let downstream = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0, interval: 65534)
    bench.run(2)
    downstream.announce(Example.x, metric: 192, interval: 65534)
    bench.run(Double(interval) / 1000 * 0.74)
    peer.retract(Example.x)
    // Neighbours may believe what we announced for 3.5 Update intervals.
    for _ in 0..<20 {
      bench.run(Double(interval) / 1000 * 3.5 / 20)
      #expect(bench.selected(Example.x) == nil)
    }
  }

  @Test func `a neighbour whose own interval is long may still have the route from us`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    let downstream = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0)
    bench.run(2)
    downstream.announce(Example.x, metric: 192, interval: 65534)
    bench.run(2)
    peer.retract(Example.x)
    // It says nothing new for eleven minutes, and its retraction may have been lost.
    for minute in 0..<38 {
      // This makes the node judge the route anew.
      downstream.rxcost = minute % 2 == 0 ? 128 : 96
      bench.run(60)
      #expect(bench.selected(Example.x) == nil)
    }
  }

  @Test func `an interval that becomes long keeps what was announced before`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    let downstream = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0, interval: 65534)
    bench.run(2)
    downstream.announce(Example.x, metric: 192, interval: 65534)
    for interface in [bench.interface, second] {
      bench.input { $0.setParameters(Self.parameters(655_350), of: interface, at: $1, into: &$2) }
    }
    bench.run(400)
    peer.retract(Example.x)
    bench.run(100)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.target(Example.x) == .unreachable)
  }

  /// What a node with the longest intervals saves 400 s after it announced a route.
  private static func promises() throws -> [SourceRecord] {
    let bench = try Bench(parameters(655_350))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 65534)
    bench.run(400)
    var records: [SourceRecord] = []
    _ = bench.node.forEachSource(from: 0, limit: 1000, at: bench.clock) { records.append($0) }
    return records
  }

  @Test func `what a planned restart brings along lives as long as before it`() throws {
    let records = try Self.promises()
    let later = try Bench(
      Self.parameters(655_350), beginning: .resumed, sources: records)
    let downstream = later.peer(0xB2)
    later.run(300)
    downstream.announce(Example.x, metric: 192, interval: 65534)
    later.run(2)
    #expect(later.selected(Example.x) == nil)
  }

  @Test func `a restart with short intervals forgets nothing that long ones promised`() throws {
    let records = try Self.promises()
    let later = try Bench(sources: records)
    let downstream = later.peer(0xB2)
    // The neighbour may have the route from us as long as it may believe what we announced.
    for _ in 0..<15 {
      downstream.announce(Example.x, metric: 192)
      later.run(1)
      #expect(later.selected(Example.x) == nil)
      later.run(99)
    }
  }

  @Test func `a restart with long intervals remembers nothing for longer than promised`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(2)
    peer.isTalking = false
    bench.run(100)
    var records: [SourceRecord] = []
    _ = bench.node.forEachSource(from: 0, limit: 1000, at: bench.clock) { records.append($0) }
    #expect(!records.isEmpty)
    let later = try Bench(Self.parameters(655_350))
    for record in records { later.input { node, now, _ in node.restoreSource(record, at: now) } }
    let downstream = later.peer(0xB2)
    later.run(150)
    downstream.announce(Example.x, metric: 192)
    #expect(later.selected(Example.x) != nil)
  }

  @Test func `a hold does not wait for a longer one that began before`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1", Self.parameters(600_000))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    peer.announce(Example.y, metric: 0)
    bench.run(2)
    peer.retract(Example.x)
    bench.run(1)
    bench.input { $0.removeInterface(second, at: $1, into: &$2) }
    bench.run(1)
    peer.retract(Example.y)
    bench.run(55)
    #expect(bench.target(Example.y) == .unreachable)
    bench.run(2)
    #expect(bench.target(Example.y) == .absent)
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(2050)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `a prefix lost again after a long hold is held for the time that counts now`() throws {
    let bench = try Bench(Self.parameters(600_000))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(2)
    peer.retract(Example.x)
    bench.run(2)
    bench.input {
      $0.setParameters(Self.parameters(16_000), of: bench.interface, at: $1, into: &$2)
    }
    peer.announce(Example.x, seqno: 11, metric: 0)
    bench.run(2)
    #expect(bench.selected(Example.x) != nil)
    peer.retract(Example.x)
    bench.run(58)
    #expect(bench.target(Example.x) == .absent)
  }
}
