import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.8.2: requests that the node sends.
@Suite struct `RFC 8966 §3.8.2 Sending requests` {
  /// A node that just lost its feasible route and holds an unfeasible one.
  static func starving(
    after preparation: (Bench, Peer, Peer) -> Void = { _, _, _ in }
  ) throws -> (Bench, lost: Peer, other: Peer, since: Double) {
    let bench = try Bench()
    let lost = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    lost.announce(Example.x, seqno: 41, metric: 0, interval: 65534)
    bench.run(2)
    other.announce(Example.x, seqno: 40, metric: 500, interval: 65534)
    bench.run(30)
    bench.forget()
    preparation(bench, lost, other)
    lost.retract(Example.x)
    return (bench, lost, other, bench.seconds)
  }

  @Test func `§3.8.2.1 §4.6.11 starvation asks for the next seqno`() throws {
    let (bench, _, other, since) = try Self.starving()
    bench.run(0.5)
    let (time, packet, request) = try #require(bench.seqnoRequests.first)
    #expect(time - since <= 0.2)
    #expect(request.destination == Example.x && request.routerID == Example.origin)
    #expect(request.seqno == Seqno(42))
    #expect(request.hopCount >= 32)
    #expect(
      packet.isMulticast
        || bench.seqnoRequests.contains { $0.packet.destination == .unicast(other.address) })
    #expect(bench.notices.contains { if case .starving = $0 { true } else { false } })
  }

  @Test func `§3.8.2.1 §3.2.7 a request is repeated after 2, 6 and 14 s, then no more`() throws {
    let (bench, _, other, since) = try Self.starving()
    bench.run(60)
    let times = bench.seqnoRequests.filter {
      $0.packet.isMulticast || $0.packet.destination == .unicast(other.address)
    }.map { $0.seconds - since }
    #expect(times.count == 4)
    for (time, expected) in zip(times, [0.0, 2, 6, 14]) {
      #expect(time >= expected && time <= expected + 0.6, "\(time) s")
    }
  }

  @Test func `§3.8.2.1 §3.2.7 a satisfying update ends the requests`() throws {
    for (seqno, origin) in [(UInt16(42), Example.origin), (1, Example.otherOrigin)] {
      let (bench, _, other, _) = try Self.starving()
      bench.run(3)
      other.announce(Example.x, seqno: seqno, metric: 500, from: origin, interval: 65534)
      #expect(bench.selected(Example.x)?.neighbour == other.address)
      bench.run(0.2)
      bench.forget()
      bench.run(60)
      #expect(bench.seqnoRequests.isEmpty)
    }
  }

  /// A node that was told of a route of metric 196 which is not feasible, and the neighbour that
  /// told it, after the link to the selected neighbour came to cost more than that.
  private func unfeasible(
    _ parameters: InterfaceParameters, whereSelectedCosts cost: UInt16
  ) throws -> (Bench, Peer) {
    let bench = try Bench(parameters)
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2)
    near.announce(Example.x, seqno: 41, metric: 0, interval: 65534)
    bench.run(30)
    far.announce(Example.x, seqno: 41, metric: 100, interval: 65534)
    near.rxcost = cost
    near.say()
    bench.run(5)
    bench.forget()
    far.announce(Example.x, seqno: 41, metric: 100, interval: 65534)
    bench.run(20)
    return (bench, far)
  }

  @Test func `§3.8.2.2 a better but unfeasible route is asked for`() throws {
    let (bench, far) = try unfeasible(InterfaceParameters(), whereSelectedCosts: 2000)
    let request = try #require(bench.seqnoRequests.first)
    #expect(request.packet.destination == .unicast(far.address))
    #expect(request.request.seqno == Seqno(42) && request.request.routerID == Example.origin)
  }

  @Test(arguments: [false, true])
  func `§3.8.2.2 where both ends must choose alike a small difference is asked for`(
    keepsPeers: Bool
  ) throws {
    var parameters = InterfaceParameters()
    parameters.keepsWireGuardPeers = keepsPeers
    let (bench, _) = try unfeasible(parameters, whereSelectedCosts: 200)
    #expect(bench.seqnoRequests.isEmpty != keepsPeers)
  }

  @Test func `§3.8.2.3 a route is asked for before it expires`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 1600)
    bench.forget()
    bench.run(55)
    let requests = bench.sent.filter { $0.routeRequests.contains { $0.destination == Example.x } }
    #expect(!requests.isEmpty)
    #expect(requests.allSatisfy { $0.destination == .unicast(peer.address) })
    // The request must not come before a periodic update is overdue.
    #expect(requests.allSatisfy { Double($0.time) / 1_000_000 > bench.seconds - 55 + 16 })
  }
}

/// RFC 8966 §3.8.1: requests that the node receives.
@Suite struct `RFC 8966 §3.8.1 Receiving requests` {
  private func served() throws -> (Bench, Peer, Peer) {
    let bench = try Bench()
    bench.offer(Example.own)
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, seqno: 41, metric: 0, interval: 65534)
    bench.run(20)
    bench.forget()
    return (bench, first, second)
  }

  @Test func `§3.8.1.1 §3.8.1 a route request is answered`() throws {
    let (bench, _, second) = try served()
    second.request(Example.x)
    bench.run(2)
    let answer = try #require(bench.updates(Example.x).first)
    #expect(answer.update.metric == Metric(96))
    #expect(answer.packet.isMulticast || answer.packet.destination == .unicast(second.address))
    #expect(answer.packet.interface == bench.interface)
  }

  @Test func `§3.8.1.1 an unknown prefix is answered with a retraction`() throws {
    let (bench, first, second) = try served()
    first.announce(.ipv6Default, metric: 0, interval: 65534)
    bench.run(3)
    bench.forget()
    second.request(Example.y)
    bench.run(2)
    #expect(try #require(bench.updates(Example.y).first).update.metric.isInfinite)
    #expect(bench.sent.flatMap(\.routeRequests).isEmpty)
  }

  @Test func `§3.8.1.1 two wildcard requests in a row yield one dump`() throws {
    let (bench, _, second) = try served()
    second.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    bench.run(0.1)
    second.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    bench.run(2)
    let count = bench.updates(Example.own).count
    #expect(count >= 1 && count <= 2)
    for _ in 0..<100 {
      second.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
      bench.run(0.01)
    }
    #expect(bench.updates(Example.own).count <= count + 3)
  }

  /// The router-id and the seqno that are requested. The node has what answers both.
  static let answered: [(UInt16, RouterID)] = [
    (41, Example.origin), (40, Example.origin), (42, Example.otherOrigin),
    (9, Example.otherOrigin),
  ]

  @Test(arguments: answered.indices)
  func `§3.8.1.2 a seqno request that is satisfied already is answered`(row: Int) throws {
    let (bench, _, second) = try served()
    second.requestSeqno(Example.x, Self.answered[row].0, of: Self.answered[row].1)
    bench.run(2)
    #expect(bench.updates(Example.x).first?.update.seqno == Seqno(41))
    #expect(bench.seqnoRequests.isEmpty)
  }

  @Test func `§3.8.1.2 a request for our own prefix raises our seqno by one`() throws {
    for ahead in [UInt16(1), 500] {
      let (bench, _, second) = try served()
      second.requestSeqno(Example.own, 100 + ahead, of: Example.ownRouterID)
      bench.run(1)
      #expect(bench.seqno == 101)
      #expect(bench.updates(Example.own).first?.update.seqno == Seqno(101))
    }
  }

  @Test func `§3.8.1.2 an older or equal seqno raises nothing`() throws {
    for seqno in [UInt16(100), 99, 33000] {
      let (bench, _, second) = try served()
      second.requestSeqno(Example.own, seqno, of: Example.ownRouterID)
      bench.run(1)
      #expect(bench.seqno == 100)
      #expect(!bench.updates(Example.own).isEmpty)
    }
  }

  @Test func `§3.8.1.2 the same request thrice raises our seqno once`() throws {
    let (bench, first, second) = try served()
    for peer in [first, second, first] {
      peer.requestSeqno(Example.own, 101, of: Example.ownRouterID)
      bench.run(0.15)
    }
    bench.run(2)
    #expect(bench.seqno == 101)
  }

  @Test func `§3.8.1.2 everybody is told of each prefix that a raised seqno was asked for`() throws
  {
    let (bench, first, _) = try served()
    bench.offer(Example.y)
    bench.run(30)
    bench.forget()
    for prefix in [Example.own, Example.y] {
      first.requestSeqno(prefix, 101, of: Example.ownRouterID)
    }
    bench.run(1)
    #expect(bench.seqno == 101)
    for prefix in [Example.own, Example.y] {
      let told = bench.updates(prefix).filter { $0.packet.isMulticast }
      #expect(told.contains { $0.update.seqno == Seqno(101) })
    }
  }

  @Test func `§3.8.1.2 a flood of requests does not spin our seqno`() throws {
    let (bench, first, _) = try served()
    for _ in 0..<1000 {
      first.requestSeqno(Example.own, bench.seqno &+ 1, of: Example.ownRouterID)
      bench.run(0.001)
    }
    #expect(bench.seqno <= 100 + 12)
  }

  @Test func `§3.8.1.2 other requests go to the next hop`() throws {
    let (bench, first, second) = try served()
    let asked = bench.seconds
    second.requestSeqno(Example.x, 42, hops: 9)
    bench.run(2)
    #expect(bench.seqnoRequests.count == 1)
    let (time, packet, request) = try #require(bench.seqnoRequests.first)
    #expect(time - asked <= 0.2)
    #expect(packet.destination == .unicast(first.address))
    #expect(
      request
        == SeqnoRequest(
          destination: Example.x, source: .any(.ipv6), seqno: Seqno(42), hopCount: 8,
          routerID: Example.origin))
  }

  @Test(arguments: [true, false])
  func `§3.8.1.2 among equal routes a request goes to the selected one's next hop`(
    isFirst: Bool
  ) throws {
    let bench = try Bench()
    let peers = [bench.peer(0xB1), bench.peer(0xB2)]
    let asker = bench.peer(0xB3)
    for peer in isFirst ? peers : peers.reversed() {
      peer.announce(Example.x, seqno: 41, metric: 10, interval: 65534)
      bench.run(5)
    }
    let selected = try #require(bench.selected(Example.x)).neighbour
    bench.forget()
    asker.requestSeqno(Example.x, 42)
    bench.run(0.3)
    #expect(bench.seqnoRequests.map(\.packet.destination) == [.unicast(selected)])
  }

  @Test func `§3.8.1.2 a request never goes back to who asked`() throws {
    let (bench, first, second) = try served()
    // The only route leads through the requester itself.
    first.requestSeqno(Example.x, 42)
    bench.run(2)
    #expect(bench.seqnoRequests.allSatisfy { $0.packet.destination != .unicast(first.address) })
    bench.forget()
    // If there is an unfeasible route by another neighbour, the request goes there.
    second.announce(Example.x, seqno: 41, metric: 1000, interval: 65534)
    bench.run(12)
    bench.forget()
    first.requestSeqno(Example.x, 43)
    bench.run(0.3)
    #expect(bench.seqnoRequests.count == 1)
    #expect(bench.seqnoRequests.first?.packet.destination == .unicast(second.address))
  }

  @Test func `§4.6.11 a request with hop count 1 is not forwarded but answered`() throws {
    let (bench, _, second) = try served()
    second.requestSeqno(Example.x, 42, hops: 1)
    bench.run(2)
    #expect(bench.seqnoRequests.isEmpty)
    second.requestSeqno(Example.x, 41, hops: 1)
    bench.run(2)
    #expect(!bench.updates(Example.x).isEmpty)
  }

  @Test func `§3.8.1.2 the same request from two neighbours is forwarded once`() throws {
    let (bench, first, second) = try served()
    let third = bench.peer(0xB3)
    bench.forget()
    second.requestSeqno(Example.x, 42)
    third.requestSeqno(Example.x, 42)
    bench.run(0.1)
    second.requestSeqno(Example.x, 41 &+ 1)
    bench.run(1)
    let toFirst = bench.seqnoRequests.filter { $0.packet.destination == .unicast(first.address) }
    #expect(toFirst.count == 1)
  }

  @Test func `§3.8.1.2 a repetition is forwarded again, for the first may have been lost`() throws {
    let (bench, first, second) = try served()
    for _ in 0..<3 {
      second.requestSeqno(Example.x, 42)
      bench.run(2)
    }
    #expect(bench.seqnoRequests.count == 3)
    #expect(bench.seqnoRequests.allSatisfy { $0.packet.destination == .unicast(first.address) })
  }

  @Test func `§3.8.2.1 having forwarded a request does not silence our own`() throws {
    let (bench, lost, other, since) = try `RFC 8966 §3.8.2 Sending requests`.starving {
      $2.requestSeqno(Example.x, 42)
      $0.run(0.5)
      $0.forget()
    }
    bench.run(30)
    _ = lost
    let times = bench.seqnoRequests.filter { $0.packet.destination == .unicast(other.address) }
      .map { $0.seconds - since }
    #expect(times.count == 4, "\(times)")
  }

  @Test func `§3.8.1.2 the answer is passed on urgently to who asked`() throws {
    let (bench, first, second) = try served()
    second.requestSeqno(Example.x, 42)
    bench.run(0.5)
    bench.forget()
    let answered = bench.seconds
    first.announce(Example.x, seqno: 42, metric: 0, interval: 65534)
    bench.run(1)
    let update = try #require(bench.updates(Example.x).first)
    #expect(update.seconds - answered <= 0.2)
    #expect(update.update.seqno == Seqno(42))
    #expect(update.packet.isMulticast || update.packet.destination == .unicast(second.address))
  }

  @Test func `§3.8.1.2 a request for an unknown prefix is dropped`() throws {
    let (bench, _, second) = try served()
    second.requestSeqno(Example.y, 42)
    bench.run(2)
    #expect(bench.seqnoRequests.isEmpty)
    #expect(bench.updates(Example.y).allSatisfy { $0.update.metric.isInfinite })
  }

  @Test func `§3.8.1.2 our prefix under another router-id is answered without an increase`() throws
  {
    let (bench, _, second) = try served()
    second.requestSeqno(Example.own, 101, of: Example.otherOrigin)
    bench.run(1)
    #expect(bench.seqno == 100)
    #expect(bench.updates(Example.own).first?.update.routerID == Example.ownRouterID)
  }
}
