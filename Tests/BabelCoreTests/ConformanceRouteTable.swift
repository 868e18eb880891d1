import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.5.3, §3.5.4: the route table.
@Suite struct `RFC 8966 §3.5 Route table` {
  @Test func `§3.5.3 each neighbour has its own route to a prefix`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, seqno: 7, metric: 10)
    second.announce(Example.x, seqno: 8, metric: 20, from: Example.otherOrigin)
    #expect(bench.routes(Example.x).count == 2)
    let route = try #require(bench.route(Example.x, second))
    #expect(route.routerID == Example.otherOrigin && route.seqno == Seqno(8))
    #expect(route.advertisedMetric == Metric(20) && route.metric == Metric(116))
    #expect(route.nextHop == second.address)
    second.announce(Example.x, seqno: 9, metric: 30)
    #expect(bench.routes(Example.x).count == 2)
  }

  @Test func `§3.5.3 a retraction of an unknown route leaves no entry`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.retract(Example.x)
    #expect(bench.routes(Example.x).isEmpty)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `§3.5.3 a retraction counts whatever router-id stands before it`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    #expect(bench.selected(Example.x) != nil)
    // The router-id before the retraction is our own. BIRD sends such a retraction after it has
    // announced one of our prefixes back to us.
    let ownRouterID: [UInt8] = [6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0xAA]
    let retraction: [UInt8] = [
      8, 18, 2, 0, 64, 0, 0x06, 0x40, 0, 10, 0xFF, 0xFF, 0x20, 0x01, 0x0D, 0xB8, 0, 1, 0, 0,
    ]
    peer.send(body: ownRouterID + retraction)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `§3.5.3 an unfeasible route is stored but not selected`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 0)
    bench.run(2)
    second.announce(Example.x, metric: 500)
    #expect(bench.route(Example.x, second)?.reason == .unfeasible)
    first.retract(Example.x)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `§3.5.3 a worse route is called unfeasible once a better one was announced`() throws {
    for prefix in [Example.x, Example.prefix("10.1.0.0", 16)] {
      let bench = try Bench(ipv4: IPAddress("10.0.0.1"))
      let first = bench.peer(0xB1)
      let second = bench.peer(0xB2)
      second.announce(prefix, metric: 500)
      first.announce(prefix, metric: 0)
      #expect(bench.route(prefix, second)?.reason == .worse)
      bench.run(2)
      #expect(bench.route(prefix, second)?.reason == .unfeasible)
      #expect(bench.route(prefix, first)?.reason == .selected)
    }
  }

  @Test func `§3.5.3 §3.8.2.2 an unfeasible update does not worsen the selected route`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(2)
    bench.forget()
    peer.announce(Example.x, metric: 200)
    // The route may stay with its old data or be dropped, but it must not be used with the new
    // data.
    #expect(bench.selected(Example.x)?.metric ?? Metric(96) == Metric(96))
    bench.run(2)
    let request = try #require(bench.seqnoRequests.first)
    #expect(request.request.seqno == Seqno(11))
    #expect(request.request.routerID == Example.origin)
    #expect(request.packet.destination == .unicast(peer.address))
  }

  @Test func `§3.5.4 a lost prefix is held, too, if the last link is lost with it`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 100)
    bench.run(1)
    #expect(bench.selected(Example.x) != nil)
    bench.setLink(bench.interface, isUp: false)
    bench.run(10)
    // The other end may not have noticed that the link was down. Then it uses its route through us
    // when the link is back.
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(300)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `§3.5.3 a change to an unfeasible router-id deselects at once`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, from: Example.otherOrigin)
    bench.run(5)
    peer.announce(Example.x, metric: 0, from: Example.origin)
    bench.run(10)
    bench.forget()
    let changed = bench.seconds
    peer.announce(Example.x, metric: 500, from: Example.otherOrigin)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(1)
    let update = try #require(bench.updates(Example.x).first)
    #expect(update.update.metric.isInfinite)
    #expect(update.seconds - changed <= 0.2)
  }

  @Test func `§3.5.3 a retraction moves to the next route at once`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 0)
    second.announce(Example.x, metric: 90)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
    first.retract(Example.x)
    #expect(bench.selected(Example.x)?.neighbour == second.address)
    guard case .via(let path) = bench.target(Example.x) else {
      Issue.record("not forwarded")
      return
    }
    #expect(path.gateway == second.address && path.interface == bench.interface)
  }

  @Test func `§3.5.3 a route of 16 s is infinite after 56 s and gone after 112 s`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 1600)
    bench.run(55.5)
    #expect(bench.selected(Example.x) != nil)
    bench.run(1)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.route(Example.x, peer)?.metric == .infinity)
    bench.run(55)
    #expect(bench.route(Example.x, peer) != nil)
    bench.run(1)
    #expect(bench.route(Example.x, peer) == nil)
  }

  @Test func `§3.5.3 a retraction does not restart the timer`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 1600)
    bench.run(30)
    peer.retract(Example.x)
    bench.run(113 - 30)
    #expect(bench.route(Example.x, peer) == nil)
  }

  @Test func `§4.6.9 §3.8.2.3 an update that will not be repeated is asked for again`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 65535)
    bench.run(2200)
    #expect(bench.selected(Example.x) != nil)
    let requests = bench.sent.filter { $0.routeRequests.contains { $0.destination == Example.x } }
    #expect(!requests.isEmpty)
    #expect(requests.allSatisfy { $0.destination == .unicast(peer.address) })
  }

  @Test func `§4.6.9 a wildcard retraction takes all routes of its sender, no others`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    for prefix in [Example.x, Example.y] { first.announce(prefix, metric: 0) }
    second.announce(Example.y, metric: 50)
    first.send { _ = $0.appendWildcardRetraction(interval: .infinite, seqno: Seqno(0)) }
    bench.run(0)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.route(Example.x, first)?.metric == .infinity)
    #expect(bench.selected(Example.y)?.neighbour == second.address)
  }

  @Test func `§3.5.4 a retracted prefix is unreachable until a route is back`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(.ipv6Default, metric: 0, interval: 65534)
    peer.announce(Example.x, metric: 0)
    bench.run(2)
    peer.retract(Example.x)
    #expect(bench.target(Example.x) == .unreachable)
    #expect(bench.selected(.ipv6Default) != nil)
    peer.announce(Example.x, seqno: 11, metric: 0)
    #expect(bench.selected(Example.x) != nil)
    bench.run(2)
    peer.retract(Example.x)
    bench.run(113)
    #expect(bench.target(Example.x) == .absent)
  }

  @Test func `§3.4 an interface that goes down takes its routes along`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let first = bench.peer(0xB1)
    let other = bench.peer(0xB2, on: second)
    first.announce(Example.x, metric: 0)
    other.announce(Example.x, metric: 50)
    bench.setLink(bench.interface, isUp: false)
    bench.run(0)
    #expect(bench.neighbour(first) == nil || bench.neighbour(first)?.cost == .infinity)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
  }

  @Test func `a neighbour may have the address that is ours on another link`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    bench.setLink(second, isUp: true, linkLocal: peer.address)
    peer.announce(Example.x, metric: 0)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
  }

  @Test func `§3.5.3 our own routes are not learned from others`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1)
    peer.announce(Example.own, seqno: 100, metric: 0, from: Example.ownRouterID)
    peer.announce(Example.x, seqno: 100, metric: 0, from: Example.ownRouterID)
    bench.run(2)
    #expect(bench.forwarding.isEmpty)
    #expect(bench.routes(Example.x).allSatisfy { !$0.isInstalled })
    #expect(bench.routes(Example.own).allSatisfy { !$0.isInstalled })
  }

  @Test func `a prefix redistributed here is not forwarded elsewhere`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.own, metric: 0)
    #expect(bench.selected(Example.own) != nil)
    bench.offer(Example.own)
    #expect(bench.target(Example.own) == .absent)
    bench.run(1)
    #expect(bench.updates(Example.own).last?.update.routerID == Example.ownRouterID)
    bench.withdraw(Example.own)
    #expect(bench.selected(Example.own)?.neighbour == peer.address)
  }
}

/// RFC 8966 §3.6 and Appendix A.3: selection.
@Suite struct `RFC 8966 §3.6 Route selection` {
  @Test func `§3.6 neither infinite nor unfeasible routes are selected`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 0)
    bench.run(2)
    first.retract(Example.x)
    second.announce(Example.x, metric: 96)
    for _ in 0..<20 {
      bench.run(5)
      #expect(bench.selected(Example.x) == nil)
    }
  }

  @Test func `§3.6 a newer seqno alone does not win`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, seqno: 9, metric: 100, interval: 65534)
    second.announce(Example.x, seqno: 10, metric: 100, interval: 65534)
    bench.run(120)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
    second.announce(Example.x, seqno: 10, metric: 101, interval: 65534)
    bench.run(120)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
  }

  @Test func `§3.6 a brief dip does not switch, a lasting one does, a loss does at once`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 100, interval: 65534)
    second.announce(Example.x, metric: 180, interval: 65534)
    bench.run(60)
    second.announce(Example.x, metric: 90, interval: 65534)
    bench.run(0.5)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
    second.announce(Example.x, metric: 180, interval: 65534)
    bench.run(60)
    #expect(bench.selected(Example.x)?.neighbour == first.address)
    second.announce(Example.x, metric: 20, interval: 65534)
    bench.run(60)
    #expect(bench.selected(Example.x)?.neighbour == second.address)
    second.retract(Example.x)
    #expect(
      bench.selected(Example.x)?.neighbour == first.address || bench.selected(Example.x) == nil)
  }

  @Test func `§3.6 a new selection is announced`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.run(10)
    bench.forget()
    peer.announce(Example.x, metric: 0)
    bench.run(1)
    #expect(bench.updates(Example.x).first?.update.metric == Metric(96))
  }
}
