import BabelCore
import BabelWire
import Testing

/// Starting after a crash without a source table (§2.4, §3.3, §3.7).
@Suite struct `Recovery` {
  /// The requests in a packet that come behind a retraction of everything.
  static func coveredRequests(_ packet: SentPacket) -> [AcknowledgmentRequest] {
    guard
      let retraction = packet.tlvs.firstIndex(where: {
        if case .tlv(.wildcardRetraction) = $0 { true } else { false }
      })
    else { return [] }
    return packet.tlvs[retraction...].compactMap {
      if case .tlv(.acknowledgmentRequest(let request)) = $0 { request } else { nil }
    }
  }

  /// The opaque value that an acknowledgment must repeat; nil if none was asked for.
  static func opaque(_ bench: Bench) -> UInt16? {
    bench.sent.lazy.compactMap { coveredRequests($0).first?.opaque }.first
  }

  static func crashed(
    adopting: [(Prefix, ForwardingTarget)] = [], tables: [UInt32] = [254],
    _ parameters: InterfaceParameters = InterfaceParameters(), filters: FilterSet? = nil
  ) throws -> (Bench, UInt16) {
    let bench = try Bench(
      parameters, filters: filters, beginning: .afterCrash, adopting: adopting, tables: tables)
    bench.offer(Example.own)
    bench.run(0.4)
    return (bench, try #require(opaque(bench)))
  }

  /// A usable neighbour that announces its route within a second.
  static func peer(_ bench: Bench, _ number: UInt64, answering opaque: UInt16?) -> Peer {
    let peer = bench.peer(number, hello: 20, warm: false)
    if let opaque { answer(peer, opaque) }
    peer.isTalking = true
    bench.run(0.5)
    return peer
  }

  static func answer(_ peer: Peer, _ opaque: UInt16) {
    peer.send(toMulticast: false) { _ = $0.append(Acknowledgment(opaque: opaque)) }
  }

  static func via(_ number: UInt64, interface: UInt16 = 0, metric: UInt32 = 0) -> ForwardingTarget {
    .via(
      ForwardingPath(
        gateway: IPAddress(high: 0xFE80_0000_0000_0000, low: number),
        interface: InterfaceID(interface), kernelMetric: metric))
  }

  // MARK: Asking

  @Test func `the first Hellos carry a retraction and behind it a request, §4.6.3 §3.7`() throws {
    let (bench, _) = try Self.crashed()
    let asking = bench.sent.filter { !Self.coveredRequests($0).isEmpty }
    #expect(asking.count == 3)
    #expect(asking.allSatisfy { $0.isMulticast && $0.hellos.count == 1 })
    let requests = asking.flatMap { Self.coveredRequests($0) }
    #expect(Set(requests.map { $0.opaque }).count == 1)
    #expect(requests.allSatisfy { $0.interval.centiseconds > 0 })
    // What the node announces follows behind the last of them.
    let last = try #require(asking.last)
    #expect(bench.updates(Example.own).contains { $0.packet.time >= last.time })
  }

  @Test func `a clean start asks for no acknowledgment, §3.3`() throws {
    let bench = try Bench()
    bench.run(30)
    #expect(bench.sent.allSatisfy { $0.acknowledgmentRequests.isEmpty })
  }

  @Test func `a neighbour that does not answer is asked again at growing distances`() throws {
    let (bench, _) = try Self.crashed()
    let peer = Self.peer(bench, 1, answering: nil)
    bench.run(20)
    let times = bench.sent.filter {
      !$0.isMulticast && !Self.coveredRequests($0).isEmpty
    }.map { Double($0.time) / 1_000_000 }
    try #require(times.count >= 5)
    #expect(times[0] < 1)
    let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
    #expect(gaps.prefix(4).elementsEqual([0.5, 1, 2, 4]) { abs($0 - $1) < 0.05 }, "\(gaps)")
    #expect(gaps.dropFirst(4).allSatisfy { abs($0 - 4) < 0.05 })
    // Behind each retraction follows what the node announces.
    for packet in bench.sent where !packet.isMulticast && !Self.coveredRequests(packet).isEmpty {
      #expect(packet.updates.contains { $0.destination == Example.own && !$0.isRetraction })
    }
    Self.answer(peer, try #require(Self.opaque(bench)))
    bench.forget()
    bench.run(20)
    #expect(bench.sent.allSatisfy { Self.coveredRequests($0).isEmpty })
  }

  @Test func `who does not say that it hears us is asked only when it does`() throws {
    let (bench, _) = try Self.crashed()
    bench.forget()
    let strangers = (0..<50).map { IPAddress(high: 0xFE80_0000_0000_0000, low: 0x1000 + $0) }
    for stranger in strangers {
      bench.deliver([42, 2, 0, 8] + helloTLV(1, interval: 65535), from: stranger)
    }
    bench.run(6)
    #expect(bench.sent.allSatisfy { $0.isMulticast }, "none of them may exist")
    #expect(!bench.isWaiting, "they were given the time to say so")
    let ihu: [UInt8] = [5, 6, 0, 0, 0, 96, 3, 232]
    bench.deliver([42, 2, 0, 8] + ihu, from: strangers[7])
    bench.run(0.3)
    let asked = bench.sent.filter { !$0.isMulticast && !Self.coveredRequests($0).isEmpty }
    #expect(asked.count == 1)
    #expect(asked.first?.destination == .unicast(strangers[7]))
  }

  // MARK: Waiting

  @Test func `no route of a seqno we may have announced is selected, whoever has answered`() throws
  {
    // The kernel of a dead daemon may go on forwarding to us, and somebody else may forward to it.
    let (bench, opaque) = try Self.crashed()
    let peer = Self.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    bench.run(20)
    #expect(!bench.isWaiting)
    #expect(bench.route(Example.x, peer)?.reason == .awaitingSeqno)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.updates(Example.x).allSatisfy { $0.update.isRetraction })
    #expect(
      bench.notices.contains {
        if case .recovered(_, answers: 1, unanswered: 0) = $0 { true } else { false }
      })
  }

  @Test func `after five quarters of a Hello interval a newer seqno is asked for and used`() throws
  {
    let (bench, opaque) = try Self.crashed()
    let peer = Self.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    bench.run(5 - bench.seconds - 0.05)
    #expect(bench.sent.allSatisfy { $0.seqnoRequests.isEmpty })
    bench.run(0.3)
    let request = try #require(bench.sent.flatMap { $0.seqnoRequests }.first)
    #expect(request.destination == Example.x)
    #expect(request.seqno == Seqno(11))
    #expect(request.routerID == Example.origin)
    peer.announce(Example.x, seqno: 11, metric: 500)
    #expect(bench.selected(Example.x)?.seqno == Seqno(11))
    #expect(bench.target(Example.x) == Self.via(1))
    bench.run(0.3)
    #expect(bench.updates(Example.x).contains { $0.update.seqno == Seqno(11) })
  }

  @Test func `the newest seqno that any neighbour knows may have been announced`() throws {
    let (bench, opaque) = try Self.crashed()
    let first = Self.peer(bench, 1, answering: opaque)
    let second = Self.peer(bench, 2, answering: opaque)
    first.announce(Example.x, seqno: 10, metric: 10)
    second.announce(Example.x, seqno: 12, metric: 10)
    bench.run(5.3 - bench.seconds)
    let asking = bench.sent.filter { !$0.seqnoRequests.isEmpty }
    for peer in [first, second] {
      #expect(asking.contains { $0.destination == .unicast(peer.address) })
    }
    #expect(asking.flatMap { $0.seqnoRequests }.allSatisfy { $0.seqno == Seqno(13) })
    first.announce(Example.x, seqno: 12, metric: 10)
    #expect(bench.selected(Example.x) == nil)
    first.announce(Example.x, seqno: 13, metric: 10)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
  }

  @Test func `a neighbour that is heard late is asked at once`() throws {
    // The link to this neighbour was down when we crashed. Its route may lead through a dead daemon
    // back to us.
    let (bench, opaque) = try Self.crashed()
    bench.run(10)
    #expect(!bench.isWaiting)
    let peer = Self.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    #expect(bench.route(Example.x, peer)?.reason == .awaitingSeqno)
    bench.run(0.3)
    #expect(bench.sent.flatMap { $0.seqnoRequests }.map { $0.seqno } == [Seqno(11)])
    peer.announce(Example.x, seqno: 11, metric: 10)
    #expect(bench.selected(Example.x) != nil)
  }

  @Test func `packets follow no shorter prefix while a route may not be used`() throws {
    let (bench, opaque) = try Self.crashed(adopting: [(.ipv6Default, Self.via(1))])
    let peer = Self.peer(bench, 1, answering: opaque)
    peer.announce(Example.x, metric: 10)
    #expect(bench.target(Example.x) == .unreachable)
    peer.retract(Example.x)
    bench.run(40)
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(40)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `it ends when all routes through us have expired`() throws {
    let (bench, _) = try Self.crashed()
    let peer = Self.peer(bench, 1, answering: nil)
    for _ in 0..<5 {
      peer.announce(Example.x, metric: 10)
      bench.run(10.95)
    }
    #expect(bench.selected(Example.x) == nil)
    bench.run(56.1 - bench.seconds)
    #expect(bench.selected(Example.x) != nil)
    #expect(!bench.isWaiting)
  }

  @Test func `the wait for answers ends with the last one, or with who does not hear us`() throws {
    let (bench, opaque) = try Self.crashed()
    let first = Self.peer(bench, 1, answering: opaque)
    let second = Self.peer(bench, 2, answering: nil)
    let deaf = bench.peer(3, hello: 20, rxcost: 65535, warm: false)
    deaf.isTalking = true
    bench.run(20)
    #expect(bench.isWaiting)
    Self.answer(second, opaque &+ 1)
    bench.run(0.1)
    #expect(bench.isWaiting)
    Self.answer(second, opaque)
    bench.run(0.1)
    #expect(!bench.isWaiting)
    _ = first
  }

  @Test func `an interface that comes up long after the crash only retracts`() throws {
    let (bench, _) = try Self.crashed()
    bench.run(60)
    bench.forget()
    let other = try bench.addInterface("p1")
    bench.run(1)
    let packets = bench.sent.filter { $0.interface == other }
    #expect(packets.allSatisfy { $0.acknowledgmentRequests.isEmpty })
    #expect(
      packets.contains {
        $0.tlvs.contains { if case .tlv(.wildcardRetraction) = $0 { true } else { false } }
      })
    #expect(packets.contains { $0.updates.contains { $0.destination == Example.own } })
  }

  // MARK: Answering

  @Test func `an acknowledgment leaves when the retracted routes are out of use, §3.3`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    let prefixes = (0..<50).map { Example.prefix("2001:db8:\(String($0, radix: 16))::", 64) }
    for prefix in prefixes { peer.announce(prefix, metric: 10) }
    bench.run(1)
    #expect(prefixes.allSatisfy { bench.target($0) != .absent })
    bench.forget()
    peer.send {
      _ = $0.appendWildcardRetraction(interval: .infinite, seqno: Seqno(7))
      _ = $0.append(
        AcknowledgmentRequest(opaque: 77, interval: Interval(centiseconds: 1)))
    }
    // The node removes one row at a time, so this takes much longer than the answer may.
    var answeredAt: Int?
    for step in 0..<80 where answeredAt == nil {
      bench.run(0.004, budget: 1)
      let left = prefixes.filter { bench.target($0) == Self.via(1) }.count
      if bench.sent.contains(where: { !$0.acknowledgments.isEmpty }) {
        #expect(left == 0)
        answeredAt = step
      }
    }
    #expect(answeredAt != nil)
  }

  // MARK: Own seqno

  @Test func `a life that lost its seqno goes on from the one neighbours remember, §3.8.1.2`()
    throws
  {
    for (hasLost, expected) in [(true, UInt16(20_000)), (false, 101)] {
      let bench = try Bench { $0.hasLostSeqno = hasLost }
      bench.offer(Example.own)
      let peer = bench.peer(1)
      bench.run(1)
      peer.requestSeqno(Example.own, 20_000, of: Example.ownRouterID)
      bench.run(0.3)
      #expect(bench.seqno == expected)
      #expect(bench.updates(Example.own).last?.update.seqno == Seqno(expected))
      // The node does not go back to an older seqno.
      peer.requestSeqno(Example.own, 99, of: Example.ownRouterID)
      bench.run(0.3)
      #expect(bench.seqno == expected)
    }
  }

  @Test func `a lost seqno is found after any time, but nobody can spin it, §3.8.1.2`() throws {
    let bench = try Bench { $0.hasLostSeqno = true }
    bench.offer(Example.own)
    let peer = bench.peer(1)
    // Neighbours with long intervals may remember the earlier life for hours.
    bench.run(20_000)
    let first = bench.seqno
    // Nobody is further ahead of a lost seqno than half of all numbers. Who goes on gets one each.
    let steps: [(asked: UInt16, reached: UInt16)] = [
      (20_000, 20_000), (40_000, 20_001), (32_000, 32_000), (34_000, 32_001),
    ]
    for step in steps {
      peer.requestSeqno(Example.own, first + step.asked, of: Example.ownRouterID)
      bench.run(1)
      #expect(bench.seqno == first + step.reached)
    }
  }
}
