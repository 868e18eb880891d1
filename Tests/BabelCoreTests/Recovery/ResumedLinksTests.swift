import BabelCore
import BabelWire
import Testing

/// What was measured of a link counts in the next life, and when its neighbour comes back.
@Suite struct `Losses outlast a life` {
  private static func tunnel() -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.measuresLoss = true
    parameters.probeInterval = 200_000
    return parameters
  }

  private func probe(_ peer: Peer, _ seqno: UInt16) {
    peer.send(body: helloTLV(seqno, interval: 20, flags: 0x8000), toMulticast: false)
  }

  private func probes(_ bench: Bench) -> [UInt16] {
    bench.sent.flatMap(\.hellos).filter(\.isUnicast).map(\.seqno.rawValue)
  }

  /// A life that follows one whose neighbour lost every fifth Hello.
  private func resumed(after pause: Int64 = 300_000) throws -> (
    former: Bench, next: Bench, peer: Peer, seqno: UInt16
  ) {
    let former = try Bench(Self.tunnel())
    let peer = former.peer(1, warm: false)
    let seqno = talk(former, peer, rounds: 20, losing: 5)
    #expect(former.neighbour(peer)?.lossCost == Metric(384))
    let hellos = former.node.helloRecords(limit: 10, at: former.clock)
    let links = former.node.linkRecords(limit: 10, at: former.clock)
    #expect(links.count == 1 && links.first?.address == peer.address)
    let next = try Bench(Self.tunnel(), beginning: .resumed)
    next.input { node, now, _ in
      for record in hellos { node.restoreHellos(record, heardUntil: now + -pause) }
      for record in links { node.restoreLink(record, measuredUntil: now + -pause) }
    }
    let here = next.peer(1, warm: false)
    _ = here.nextHello(skipping: peer.helloSeqno &- here.helloSeqno &- 1)
    return (former, next, here, seqno)
  }

  @Test func `a restart changes no cost and no number`() throws {
    let (former, bench, peer, seqno) = try resumed()
    let last = try #require(probes(former).last)
    bench.forget()
    // Two quick Hellos came while nobody listened.
    probe(peer, seqno &+ 3)
    #expect(bench.neighbour(peer)?.lossCost == Metric(384))
    peer.say()
    bench.run(1)
    let costs = bench.sent.flatMap(\.ihus).filter { $0.address == peer.address }.map(\.rxcost)
    #expect(Set(costs) == [Metric(96 + 384)])
    let permille = try #require(bench.neighbour(peer)?.loss)
    #expect((150...250).contains(permille))
    #expect(probes(bench).first == last &+ 1)
    // It is not forgotten in a life that heard nothing.
    let (_, deaf, _, _) = try resumed()
    deaf.run(1)
    #expect(deaf.node.linkRecords(limit: 10, at: deaf.clock).count == 1)
    #expect(deaf.node.linkRecords(limit: 0, at: deaf.clock).isEmpty)
    deaf.run(3600)
    #expect(deaf.node.linkRecords(limit: 10, at: deaf.clock).isEmpty)
  }

  @Test(arguments: [(600.0, true), (3700.0, false)])
  func `a neighbour that comes back is not trusted at once, unless it was long ago`(
    away: Double, isKnown: Bool
  ) throws {
    let bench = try Bench(Self.tunnel())
    let peer = bench.peer(1, warm: false)
    let seqno = talk(bench, peer, rounds: 20, losing: 5)
    bench.run(away)
    #expect(bench.neighbour(peer) == nil)
    _ = talk(bench, peer, rounds: 2, losing: 0, from: seqno &+ 7)
    #expect(bench.neighbour(peer)?.lossCost == Metric(isKnown ? 384 : 0))
  }

  @Test func `of neighbours that only pretend little is kept`() throws {
    let bench = try Bench(Self.tunnel())
    for number in UInt64(1)...1100 {
      let peer = bench.peer(0x100 + number, warm: false)
      peer.send(body: helloTLV(1, interval: 1))
      peer.send(body: helloTLV(4, interval: 1))
      if number % 50 == 0 { bench.run(120) }
    }
    bench.run(120)
    let records = bench.node.linkRecords(limit: 5000, at: bench.clock)
    #expect(records.count <= 1024 && records.count > 500, "\(records.count)")
  }

  @Test(
    arguments: [
      [], [0, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 32], [0, 4, 0, 0, 0, 0, 0, 32],
      [0, 0, 601, 0, 0, 0, 0, 32], [0, 0, 0, 32768, 0, 0, 0, 32], [0, 0, 0, 0, 1, 2, 0, 32],
      [0, 0, 0, 0, 0, 0, 1_073_741_825, 32], [0, 0, 0, 0, 0, 0, 0, 31],
      [0, 0, 0, 0, 0, 0, 0, 65536],
    ] as [[UInt32]])
  func `numbers that nobody can have measured are refused`(numbers: [UInt32]) throws {
    let name = try #require(InterfaceName("p0"))
    let address = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)
    #expect(
      LinkRecord(
        interface: name, address: address, silence: 0, unicastSeqno: nil, isMutual: false,
        losses: numbers, roundTrip: []) == nil)
    #expect(
      LinkRecord(
        interface: name, address: address, silence: 0, unicastSeqno: nil, isMutual: false,
        losses: [2, 3, 600, 32767, 9, 9, 1 << 30, 65535], roundTrip: [1]) != nil)
  }
}
