import BabelCore
import BabelWire
import Testing

/// Forwarding entries that an earlier life left in the kernel.
@Suite struct `Adoption` {
  @Test func `a route along the adopted entry is selected at once, and nothing changes`() throws {
    let (bench, opaque) = try Recovery.crashed(adopting: [(Example.x, Recovery.via(1))])
    let peer = Recovery.peer(bench, 1, answering: nil)
    let other = Recovery.peer(bench, 2, answering: opaque)
    other.announce(Example.x, metric: 1)
    bench.run(0.1)
    #expect(bench.route(Example.x, other)?.reason == .awaitingSeqno)
    peer.announce(Example.x, metric: 200)
    bench.run(0.3)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
    #expect(bench.target(Example.x) == Recovery.via(1))
    #expect(bench.forwardingChanges == 0)
    #expect(!bench.updates(Example.x).isEmpty)
    #expect(bench.adoptedCount == 0)
    // The better route may be used when its seqno is new, or when all that the earlier life
    // announced has expired.
    Recovery.answer(peer, opaque)
    bench.run(5.3 - bench.seconds)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
    other.announce(Example.x, seqno: 11, metric: 1)
    bench.run(5)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
  }

  @Test func `an adopted entry stays until it is swept`() throws {
    let (bench, _) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(2))])
    let peer = Recovery.peer(bench, 1, answering: Recovery.opaque(bench))
    peer.announce(Example.x, metric: 10)
    bench.run(15.9 - bench.seconds)
    #expect(bench.target(Example.y) == Recovery.via(2))
    #expect(bench.adoptedCount == 1)
    bench.run(0.2)
    #expect(bench.target(Example.x) == Recovery.via(1))
    #expect(bench.adoptedCount == 0)
    // Somebody may still send packets for it to us.
    #expect(bench.target(Example.y) == .unreachable)
    bench.run(60)
    #expect(bench.target(Example.y) == .absent)
  }

  @Test func `an entry through an interface that comes up later has its time`() throws {
    let (bench, _) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(2, interface: 1))])
    bench.run(30 - bench.seconds)
    #expect(bench.adoptedCount == 2)
    _ = try bench.addInterface("p1")
    bench.run(45.9 - bench.seconds)
    #expect(bench.adoptedCount == 2)
    bench.run(0.2)
    #expect(bench.adoptedCount == 0)
  }

  @Test func `an entry found after its link lost others of the same way is there`() throws {
    let (bench, _) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(2, interface: 1))])
    bench.setLink(bench.interface, isUp: false)
    bench.loseAll(through: bench.interface)
    bench.setLink(bench.interface, isUp: true)
    let key = ForwardingKey(destination: Example.own, source: .any(.ipv6), table: 254)
    bench.input { node, now, _ in
      let isTaken = node.adoptForwarding(key, Recovery.via(1), at: now)
      #expect(isTaken)
    }
    #expect(bench.wanted(key) == Recovery.via(1))
    bench.run(1)
    #expect(bench.wanted(key) == Recovery.via(1))
  }

  @Test func `an entry is taken back after a minute, whatever comes up`() throws {
    let (bench, _) = try Recovery.crashed(
      adopting: [(Example.y, Recovery.via(2, interface: 1))])
    bench.run(50 - bench.seconds)
    _ = try bench.addInterface("p1")
    bench.run(9.9)
    #expect(bench.adoptedCount == 1)
    bench.run(0.2)
    #expect(bench.adoptedCount == 0)
  }

  @Test func `a usable neighbour is asked for what it has not confirmed`() throws {
    let (bench, opaque) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(1))])
    let peer = Recovery.peer(bench, 1, answering: opaque)
    bench.run(5.1 - bench.seconds)
    let asked = bench.sent.filter { !$0.isMulticast }.flatMap { $0.routeRequests }
    #expect(Set(asked.map { $0.destination }) == [Example.x, Example.y])
    #expect(asked.count == 2)
    // The neighbour does not answer, so its entries are removed.
    #expect(bench.adoptedCount == 0)
    #expect(bench.target(Example.x) == .unreachable)
    _ = peer
  }

  @Test func `a neighbour is asked for entries by IPv4 gateways that are nobody's`() throws {
    let ipv4 = Example.prefix("192.0.2.0", 24)
    let way = ForwardingTarget.via(
      ForwardingPath(
        gateway: IPAddress(ipv4: 0x0A00_0001), interface: InterfaceID(0), kernelMetric: 0))
    let (bench, opaque) = try Recovery.crashed(adopting: [(ipv4, way)])
    _ = Recovery.peer(bench, 1, answering: opaque)
    bench.run(5.1 - bench.seconds)
    let asked = bench.sent.filter { !$0.isMulticast }.flatMap { $0.routeRequests }
    #expect(asked.map { $0.destination } == [ipv4])
    // We do not know which neighbour these entries belong to, so they are not removed when one does
    // not answer.
    #expect(bench.adoptedCount == 1)
  }

  @Test func `quick Hellos leave neighbours time for a full update`() throws {
    var quick = InterfaceParameters()
    quick.helloInterval = 200
    let (bench, _) = try Recovery.crashed(adopting: [(Example.x, Recovery.via(1))], quick)
    bench.run(9.9 - bench.seconds)
    #expect(bench.adoptedCount == 1)
    bench.run(0.2)
    #expect(bench.adoptedCount == 0)
  }

  @Test func `a neighbour that denies an adopted entry is believed at once`() throws {
    let (bench, opaque) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(1))])
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.retract(Example.x)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.target(Example.y) == Recovery.via(1))
    let other = Recovery.peer(bench, 2, answering: opaque)
    other.retract(Example.y)
    #expect(bench.target(Example.y) == Recovery.via(1))
  }

  @Test func `a prefix is not announced while an entry inside it is not confirmed`() throws {
    // The neighbour may have lost the inner one long ago, and send its packets back to us.
    let wide = Example.prefix("2001:db8::", 32)
    let (bench, opaque) = try Recovery.crashed(
      adopting: [
        (Example.x, Recovery.via(1)), (wide, Recovery.via(2)), (Example.own, .unreachable),
      ])
    let peer = Recovery.peer(bench, 1, answering: opaque)
    let other = Recovery.peer(bench, 2, answering: opaque)
    other.announce(wide, metric: 10)
    other.announce(Example.y, metric: 10)
    bench.run(0.3)
    #expect(bench.selected(wide) != nil)
    #expect(bench.updates(wide).isEmpty)
    peer.announce(Example.x, metric: 10)
    bench.run(0.6)
    #expect(bench.updates(wide).contains { !$0.update.isRetraction })
  }

  @Test func `no packet follows an adopted entry to a neighbour that started anew`() throws {
    let (bench, opaque) = try Recovery.crashed(
      adopting: [(Example.x, Recovery.via(1)), (Example.y, Recovery.via(2))])
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.send {
      _ = $0.appendWildcardRetraction(interval: .infinite, seqno: Seqno(7))
      _ = $0.append(AcknowledgmentRequest(opaque: 77, interval: Interval(centiseconds: 100)))
    }
    bench.run(0.3)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.target(Example.y) == Recovery.via(2))
    #expect(bench.sent.contains { $0.acknowledgments.contains(Acknowledgment(opaque: 77)) })
    // Its new routes lead nowhere special.
    peer.announce(Example.x, metric: 10)
    #expect(bench.route(Example.x, peer)?.reason == .awaitingSeqno)
  }

  @Test func `a prefix we redistribute loses its adopted entry at once`() throws {
    let (bench, _) = try Recovery.crashed(adopting: [(Example.own, Recovery.via(1))])
    #expect(bench.target(Example.own) == .absent)
    #expect(bench.adoptedCount == 0)
  }

  @Test func `entries through a link that goes down are held`() throws {
    let (bench, _) = try Recovery.crashed(adopting: [(Example.x, Recovery.via(1))])
    _ = try bench.addInterface("p1")
    bench.lose(Example.x)
    bench.setLink(bench.interface, isUp: false)
    bench.run(0.1)
    #expect(bench.target(Example.x) == .unreachable)
  }

  @Test func `an entry is replaced in place when another metric is wanted`() throws {
    let bench = try Bench(
      adopting: [(Example.x, Recovery.via(1, metric: 7)), (Example.y, .unreachable)],
      adjusting: { $0.kernelPriority = 20 })
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, metric: 10)
    bench.run(0.1)
    #expect(bench.target(Example.x) == Recovery.via(1, metric: 20))
    #expect(bench.target(Example.y) == Recovery.via(1, metric: 20))
    #expect(bench.adoptedCount == 0)
  }

  @Test func `what the node wants includes what it adopted`() throws {
    let (bench, _) = try Recovery.crashed(adopting: [(Example.x, Recovery.via(1))])
    let key = ForwardingKey(destination: Example.x, source: .any(.ipv6), table: 254)
    #expect(bench.wanted(key) == Recovery.via(1))
    var all: [ForwardingTarget] = []
    bench.node.forEachDesiredForwarding { _, target in all.append(target) }
    #expect(all == [Recovery.via(1)])
  }

  @Test func `a stop takes adopted entries back`() throws {
    let (bench, _) = try Recovery.crashed(adopting: [(Example.x, Recovery.via(1))])
    bench.input { $0.shutDown(keepingForwarding: false, at: $1, into: &$2) }
    #expect(bench.target(Example.x) == .absent)
  }
}

/// The source table of one life is restored in the next one.
@Suite struct `§3.2.5 Saved sources` {
  static func records(_ bench: Bench, limit: Int = 1000) -> [SourceRecord] {
    var result: [SourceRecord] = []
    var position: UInt32? = 0
    while let next = position {
      position = bench.node.forEachSource(from: next, limit: limit, at: bench.clock) {
        result.append($0)
      }
    }
    return result
  }

  static func record(
    metric: UInt16 = 106, left: UInt32 = 180, isAnnounced: Bool = true
  ) -> SourceRecord {
    SourceRecord(
      destination: Example.x, source: .any(.ipv6), routerID: Example.origin, seqno: Seqno(10),
      metric: Metric(metric), secondsLeft: left, isAnnounced: isAnnounced)
  }

  @Test(arguments: [1, 2, 1000])
  func `all sources are told with their time left, however small the slices`(limit: Int) throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 10)
    bench.run(1)
    peer.announce(Example.x, metric: 10, from: Example.otherOrigin)
    bench.run(5)
    let records = Self.records(bench, limit: limit)
    #expect(records.count == 3)
    let x = records.filter { $0.destination == Example.x }
    #expect(Set(x.map { $0.routerID }) == [Example.origin, Example.otherOrigin])
    #expect(x.allSatisfy { $0.metric == Metric(106) && $0.seqno == Seqno(10) })
    #expect(x.allSatisfy { (174...180).contains($0.secondsLeft) })
  }

  @Test func `a restored distance rules as if we had never been away`() throws {
    let bench = try Bench(sources: [Self.record(metric: 106)])
    #expect(Self.records(bench) == [Self.record(metric: 106, isAnnounced: false)])
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 106)
    #expect(bench.route(Example.x, peer)?.reason == .unfeasible)
    peer.announce(Example.x, metric: 105)
    #expect(bench.selected(Example.x) != nil)
  }

  @Test func `it is forgotten three minutes after it was last announced`() throws {
    let bench = try Bench(
      sources: [Self.record(left: 10), Self.record(left: 0), Self.record(metric: 65535)])
    #expect(Self.records(bench).map { $0.secondsLeft } == [10])
    bench.run(9)
    #expect(!Self.records(bench).isEmpty)
    bench.run(2)
    #expect(Self.records(bench).isEmpty)
  }

  @Test func `a life that is continued retracts nothing and keeps its Hello seqno`() throws {
    let bench = try Bench(
      beginning: .resumed, sources: [Self.record()], adopting: [(Example.x, Recovery.via(1))])
    let name = try #require(InterfaceName("p9"))
    bench.input { node, now, buffer in
      let id = node.addInterface(
        name, InterfaceParameters(), helloSeqno: Seqno(4711), at: now, into: &buffer)
      let seqno = id.flatMap { node.nextHelloSeqno(of: $0) }
      #expect(seqno == Seqno(4711))
    }
    let peer = Recovery.peer(bench, 1, answering: nil)
    #expect(
      bench.sent.allSatisfy { packet in
        !packet.tlvs.contains { if case .tlv(.wildcardRetraction) = $0 { true } else { false } }
      })
    peer.announce(Example.x, metric: 20)
    #expect(bench.selected(Example.x) != nil)
    #expect(bench.forwardingChanges == 0)
  }

  @Test func `what the kernel lost while nobody was here is retracted and held`() throws {
    let bench = try Bench(beginning: .resumed, sources: [Self.record()])
    bench.run(0.5)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.updates(Example.x).contains { $0.update.isRetraction })
    bench.run(60)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `what the earlier life only knew from one before is not held`() throws {
    let first = try Bench(sources: [Self.record()])
    first.run(1)
    let next = try Bench(beginning: .resumed, sources: Self.records(first))
    next.run(0.5)
    #expect(next.target(Example.x) == .absent)
    #expect(next.updates(Example.x).isEmpty)
    // Its distance still counts.
    let peer = next.peer(1)
    peer.announce(Example.x, metric: 106)
    #expect(next.route(Example.x, peer)?.reason == .unfeasible)
  }

  @Test func `what nobody can believe in any more is not held`() throws {
    let bench = try Bench(beginning: .resumed, sources: [Self.record(left: 120)])
    bench.run(0.5)
    #expect(bench.target(Example.x) == .absent)
    #expect(bench.updates(Example.x).isEmpty)
  }

  @Test func `a route that is lost before we announced it again is held`() throws {
    let bench = try Bench(
      beginning: .resumed, sources: [Self.record()], adopting: [(Example.x, Recovery.via(1))])
    let peer = Recovery.peer(bench, 1, answering: nil)
    peer.announce(Example.x, metric: 20)
    #expect(bench.selected(Example.x) != nil)
    peer.retract(Example.x)
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(0.3)
    #expect(bench.updates(Example.x).contains { $0.update.isRetraction })
  }

  @Test func `what a crash makes us presume is saved with the sources`() throws {
    let (bench, opaque) = try Recovery.crashed()
    let peer = Recovery.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    let saved = Self.records(bench).filter { $0.destination == Example.x }
    #expect(saved.map { $0.seqno } == [Seqno(10)])
    #expect(saved.map { $0.metric } == [.zero])
    let next = try Bench(beginning: .resumed, sources: saved)
    let same = Recovery.peer(next, 1, answering: nil)
    same.announce(Example.x, metric: 10)
    #expect(next.route(Example.x, same)?.reason == .unfeasible)
  }

  @Test func `what does not come back is retracted and held when it is swept`() throws {
    let bench = try Bench(
      beginning: .resumed, sources: [Self.record()], adopting: [(Example.x, Recovery.via(1))])
    bench.run(15.9)
    #expect(bench.updates(Example.x).isEmpty)
    bench.run(1)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.updates(Example.x).contains { $0.update.isRetraction })
    bench.run(60)
    #expect(bench.target(Example.x) == .absent)
  }
}
