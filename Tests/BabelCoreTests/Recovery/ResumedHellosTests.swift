import BabelCore
import BabelWire
import Testing

/// What one life heard of Hellos counts in the next one, which goes on where it ended.
@Suite struct `Appendix A.1 Hellos of an earlier life` {
  /// A peer that was heard well, and what an earlier life kept of it, in a life that is continued
  /// so many seconds later.
  private func resumed(hello: UInt16 = 400, after pause: Double = 0) throws -> (Bench, Peer) {
    let former = try Bench()
    let peer = former.peer(1, hello: hello)
    former.run(30)
    let records = former.node.helloRecords(limit: 10, at: former.clock)
    #expect(records.count == 1 && records.first?.address == peer.address)
    let bench = try Bench(beginning: .resumed)
    let here = bench.peer(1, hello: peer.hello, warm: false)
    bench.input { node, now, _ in
      let end = now + -Int64(pause * 1_000_000)
      for record in records { node.restoreHellos(record, heardUntil: end) }
    }
    // Its Hellos have gone on.
    let missed = UInt16(pause * 100) / hello
    _ = here.nextHello(skipping: peer.helloSeqno &- here.helloSeqno &- 1 &+ missed)
    bench.run(0.3)
    return (bench, here)
  }

  private func answers(_ bench: Bench, _ peer: Peer) -> [Metric] {
    bench.sent.flatMap { $0.ihus }.filter { $0.address == peer.address }.map { $0.rxcost }
  }

  @Test func `one Hello is enough to say that the neighbour is heard`() throws {
    let (bench, peer) = try resumed()
    peer.say()
    bench.run(0.5)
    #expect(answers(bench, peer).contains(Metric(96)))
    #expect(bench.neighbour(peer)?.cost == Metric(96))
  }

  @Test func `Hellos that came while nobody listened are no misses, later ones are`() throws {
    let (bench, peer) = try resumed()
    _ = peer.nextHello(skipping: 3)
    peer.say()
    bench.run(0.5)
    #expect(answers(bench, peer).contains(Metric(96)))
    #expect(bench.neighbour(peer).map { $0.multicastHistory >> 12 } == 0b1111)
    _ = peer.nextHello(skipping: 3)
    peer.say()
    bench.run(0.1)
    #expect(bench.neighbour(peer).map { $0.multicastHistory >> 12 } == 0b1000)
  }

  @Test(arguments: [
    (1000, 0.0, true), (1000, 24, true), (1000, 26, false), (1000, 70, false),
    (1000, 159, false), (400, 70, false), (6000, 70, true), (20, 0.1, true), (20, 2, false),
  ])
  func `after a pause in which a neighbour would be lost one Hello is not enough`(
    hello: UInt16, pause: Double, isHeard: Bool
  ) throws {
    let (bench, peer) = try resumed(hello: hello, after: pause)
    peer.say()
    bench.run(0.1)
    let neighbour = try #require(bench.neighbour(peer))
    #expect(neighbour.cost.isInfinite == !isHeard)
    peer.say()
    bench.run(0.1)
    #expect(bench.neighbour(peer)?.cost == Metric(96))
  }

  /// A peer with Hellos of one second that was heard well, after lives of 0.7 s each in which
  /// nothing of it came, and a pause of 0.1 s before each.
  private func resumed(afterDeafLives count: Int) throws -> (Bench, Peer) {
    var (bench, peer) = try resumed(hello: 100)
    for _ in 0..<count {
      bench.run(0.4)
      let records = bench.node.helloRecords(limit: 10, at: bench.clock)
      let next = try Bench(beginning: .resumed)
      next.input { node, now, _ in
        for record in records { node.restoreHellos(record, heardUntil: now + -100_000) }
      }
      let here = next.peer(1, hello: 100, warm: false)
      _ = here.nextHello(skipping: peer.helloSeqno &- here.helloSeqno &- 1)
      next.run(0.3)
      (bench, peer) = (next, here)
    }
    return (bench, peer)
  }

  @Test(arguments: [(0, true), (1, true), (2, true), (4, false), (30, false)])
  func `what is known of a neighbour outlasts lives in which it was not heard`(
    count: Int, isHeard: Bool
  ) throws {
    let (bench, peer) = try resumed(afterDeafLives: count)
    peer.say()
    bench.run(0.1)
    #expect(bench.neighbour(peer)?.cost.isInfinite == !isHeard)
    peer.say()
    bench.run(0.1)
    #expect(bench.neighbour(peer)?.cost == Metric(96))
  }

  @Test func `what is kept for the next life has a limit and an end`() throws {
    let (bench, _) = try resumed(hello: 100)
    #expect(bench.node.helloRecords(limit: 0, at: bench.clock).isEmpty)
    // The last Hello came half a second before the end of the earlier life.
    let kept = bench.node.helloRecords(limit: 1, at: bench.clock)
    #expect(kept.map { $0.silence / 100 } == [8])
    bench.run(2)
    let later = bench.node.helloRecords(limit: 10, at: bench.clock)
    #expect(later.map { $0.bits } == [0xFFFF])
    bench.run(16)
    #expect(bench.node.helloRecords(limit: 10, at: bench.clock).isEmpty)
  }

  @Test func `without a Hello in this life the old ones are no reason to use a neighbour for long`()
    throws
  {
    let (bench, peer) = try resumed()
    for _ in 0..<5 {
      peer.send { _ = $0.append(peer.ihu()) }
      bench.run(4)
    }
    #expect(bench.neighbour(peer)?.cost.isInfinite ?? true)
  }

  @Test func `a neighbour that started anew is a new one`() throws {
    let (bench, peer) = try resumed()
    _ = peer.nextHello(skipping: 500)
    peer.say()
    bench.run(0.5)
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
  }

  @Test func `a life that has taken over no routes tells nobody to forget its own`() throws {
    let bench = try Bench(beginning: .resumed)
    bench.offer(Example.own)
    _ = Recovery.peer(bench, 1, answering: nil)
    bench.run(5)
    #expect(bench.updates(Example.own).contains { !$0.update.isRetraction })
    #expect(
      bench.sent.allSatisfy { packet in
        !packet.tlvs.contains { if case .tlv(.wildcardRetraction) = $0 { true } else { false } }
      })
  }
}
