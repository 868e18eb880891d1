import BabelCore
import BabelWire
import Testing

/// Full tables refuse newcomers and keep what they have, and a notice says so.
@Suite struct `Limits` {
  private func reached(_ bench: Bench) -> [Limit] {
    bench.notices.compactMap { if case .limitReached(let table, _) = $0 { table } else { nil } }
  }

  private func prefix(_ i: Int) -> Prefix { Example.prefix("2001:db8:\(i)::", 48) }

  @Test func `neighbours: a stranger finds no room, the one that is there stays`() throws {
    let bench = try Bench { $0.neighbourLimit = 3 }
    let honest = bench.peer(0xB1)
    honest.announce(Example.x, metric: 5)
    bench.forget()
    for i in 0..<500 {
      let forged = IPAddress(high: 0xFE80_0000_0000_0000, low: 0x1000 + UInt64(i))
      bench.deliver([42, 2, 0, 8] + helloTLV(UInt16(i)), from: forged)
    }
    bench.run(1)
    #expect(bench.neighbourCount == 3)
    #expect(bench.node.counters[.neighbours] == 498)
    #expect(bench.node.counters[DropReason.neighbourLimit] == 497, "one took another's place")
    #expect(reached(bench) == [.neighbours], "told once")
    #expect(bench.selected(Example.x)?.neighbour == honest.address)
    bench.run(200)
    #expect(bench.neighbourCount == 1, "who never speaks again is forgotten")
  }

  @Test func `neighbours: a newcomer takes the place of who was silent longest`() throws {
    let bench = try Bench { $0.neighbourLimit = 8 }
    let honest = bench.peer(0xB1)
    let speechless = bench.peer(0xB2)
    speechless.isTalking = false
    honest.announce(Example.x, metric: 5)
    for i in 0..<100 {
      let forged = IPAddress(high: 0xFE80_0000_0000_0000, low: 0x1000 + UInt64(i))
      bench.deliver([42, 2, 0, 8] + helloTLV(UInt16(i), interval: 65535), from: forged)
      bench.run(0.1)
      let known = bench.node.neighbours(at: bench.clock).map { $0.address }
      #expect(known.count <= 8 && known.contains(forged))
      #expect(known.contains(honest.address), "it says that it hears us")
      // It said so before it fell silent, and stays until its Hellos have expired.
      #expect(known.contains(speechless.address))
    }
    let newcomer = bench.peer(0xB3)
    newcomer.announce(Example.own, metric: 7)
    bench.run(1)
    #expect(try !#require(bench.neighbour(newcomer)).cost.isInfinite)
    #expect(bench.selected(Example.x)?.neighbour == honest.address)
  }

  @Test func `neighbours: however many come at once, one of them gets a place`() throws {
    let bench = try Bench { $0.neighbourLimit = 8 }
    for i in 0..<8 {
      bench.deliver(
        [42, 2, 0, 8] + helloTLV(UInt16(i)),
        from: IPAddress(high: 0xFE80_0000_0000_0000, low: 0x1000 + UInt64(i)))
    }
    bench.run(0.05)
    bench.forget()
    for i in 0..<500 {
      bench.deliver(
        [42, 2, 0, 8] + helloTLV(UInt16(i)),
        from: IPAddress(high: 0xFE80_0000_0000_0000, low: 0x2000 + UInt64(i)))
    }
    #expect(bench.neighbourCount == 8)
    #expect(bench.node.counters[DropReason.neighbourLimit] == 499)
  }

  @Test func `routes: those selected stay`() throws {
    let bench = try Bench { $0.routeLimit = 5 }
    let peer = bench.peer(0xB1)
    for i in 0..<20 { peer.announce(prefix(i), metric: 5) }
    bench.run(1)
    for i in 0..<20 { #expect((bench.selected(prefix(i)) != nil) == (i < 5)) }
    #expect(bench.node.counters[.routes] == 15)
    #expect(reached(bench) == [.routes])
    peer.retract(prefix(0))
    peer.announce(prefix(1), seqno: 11, metric: 7)
    #expect(bench.selected(prefix(1))?.metric == Metric(103), "known ones are still heard of")
  }

  @Test func `routes of one neighbour: others still have room`() throws {
    let bench = try Bench { $0.neighbourRouteLimit = 5 }
    let greedy = bench.peer(0xB1)
    let modest = bench.peer(0xB2)
    for i in 0..<20 { greedy.announce(prefix(i), metric: 5) }
    modest.announce(prefix(30), metric: 5)
    bench.run(1)
    #expect(bench.node.counters[.neighbourRoutes] == 15)
    #expect(reached(bench) == [.neighbourRoutes])
    #expect(bench.selected(prefix(30))?.neighbour == modest.address)
  }

  @Test func `sources: a prefix whose distance cannot be kept is retracted`() throws {
    let bench = try Bench { $0.sourceLimit = 3 }
    let peer = bench.peer(0xB1)
    for i in 0..<10 {
      let origin = RouterID(0x0200_0000_0000_1000 + UInt64(i))
      peer.announce(Example.x, metric: 5, from: origin, interval: 65534)
      bench.run(2)
    }
    #expect(bench.node.counters[.sources] > 0)
    #expect(reached(bench).contains(.sources))
    let last = bench.updates(Example.x).last
    #expect(last?.update.isRetraction == true)
    #expect(bench.selected(Example.x) != nil, "the route itself is used")
    var count = 0
    _ = bench.node.forEachSource(from: 0, limit: 1000, at: bench.clock) { _ in count += 1 }
    #expect(count <= 3)
    #expect(bench.node.occupancy(of: .sources) == count)
    bench.run(400)
    let after = bench.updates(Example.x).last
    #expect(after?.update.isRetraction == false, "announced when old entries are gone")
  }

  @Test func `sources: a prefix that finds no room is not announced, and those known still are`()
    throws
  {
    let bench = try Bench { $0.sourceLimit = 5 }
    let peer = bench.peer(0xB1)
    for i in 0..<20 { peer.announce(prefix(i), metric: 5) }
    bench.run(2)
    let used = bench.node.limitAccounts().first { $0.limit == .sources }?.used
    #expect(used == 5 && bench.node.counters[.sources] > 0)
    #expect(reached(bench).contains(.sources))
    let told = Set(bench.sent.flatMap(\.updates).filter { !$0.isRetraction }.map(\.destination))
    #expect(told.count == 5)
    for i in 0..<20 { #expect(bench.selected(prefix(i)) != nil, "they are used all the same") }
    guard let known = told.first else { return }
    bench.forget()
    peer.announce(known, seqno: 11, metric: 7)
    // A change of the metric by so little waits for the next full update.
    bench.run(40)
    #expect(bench.updates(known).last?.update.isRetraction == false)
    bench.forget()
    for i in 0..<20 { peer.retract(prefix(i)) }
    bench.run(600)
    #expect(bench.node.occupancy(of: .sources) == 0)
  }

  @Test func `originated prefixes`() throws {
    let bench = try Bench { $0.originatedLimit = 3 }
    for i in 0..<10 { bench.offer(prefix(i)) }
    bench.run(1)
    #expect(bench.node.counters[.originatedPrefixes] == 7)
    #expect(reached(bench) == [.originatedPrefixes])
  }

  @Test func `interfaces`() throws {
    let bench = try Bench { $0.interfaceLimit = 1 }
    let name = try #require(InterfaceName("p1"))
    bench.input {
      #expect($0.addInterface(name, InterfaceParameters(), at: $1, into: &$2) == nil)
    }
    bench.run(1)
    #expect(bench.node.counters[.interfaces] == 1)
    #expect(reached(bench) == [.interfaces])
  }

  @Test func `seqno requests: the request goes, its repetition does not`() throws {
    let bench = try Bench { $0.requestLimit = 2 }
    let peer = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    for i in 0..<6 {
      peer.announce(prefix(i), seqno: 10, metric: 5)
      bench.run(0.3)
    }
    bench.run(2)
    for i in 0..<6 { other.announce(prefix(i), seqno: 9, metric: 50) }
    bench.forget()
    for i in 0..<6 { peer.retract(prefix(i)) }
    bench.run(1)
    let asked = Set(bench.seqnoRequests.map(\.request.destination))
    #expect(asked.count == 6)
    #expect(bench.node.counters[.requests] > 0)
    #expect(reached(bench).contains(.requests))
  }

  @Test func `counters are lines of four words`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.deliver([41, 2, 0, 0])
    peer.send(body: [8, 2, 0, 0])
    peer.announce(Example.prefix("ff05::", 16), metric: 1)
    let lines = bench.node.counters.lines
    #expect(lines.allSatisfy { $0.split(separator: " ").count == 4 })
    #expect(lines.contains("counter packets-dropped magic-is-not-42 1"))
    #expect(lines.contains("counter tlvs-ignored too-short 1"))
    #expect(Set(lines).count == lines.count)
  }
}

/// Harm that a neighbour must not be able to do.
@Suite struct `Distrust` {
  @Test(arguments: [UInt16(0), 1, 95])
  func `costs are positive whatever a neighbour says`(rxcost: UInt16) throws {
    for sensing in [LinkSensing.twoOutOfThree, .etx] {
      var parameters = InterfaceParameters()
      parameters.linkSensing = sensing
      let bench = try Bench(parameters)
      let peer = bench.peer(0xB1, rxcost: rxcost)
      bench.run(40)
      #expect(try #require(bench.neighbour(peer)).cost > .zero)
      peer.announce(Example.x, metric: 0)
      #expect(try #require(bench.selected(Example.x)).metric > .zero)
    }
  }

  static let martians = [
    ("ff02::", 16), ("fe80::", 10), ("fe80::1", 128), ("::1", 128), ("::", 128),
    ("224.0.0.0", 4), ("127.0.0.0", 8), ("127.1.2.3", 32), ("0.0.0.0", 8),
    ("255.255.255.255", 32),
  ]

  @Test func `martians are refused, default routes and class E are not`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for (text, length) in Self.martians {
      peer.announce(Example.prefix(text, length), metric: 1)
    }
    #expect(bench.node.destinationOrder().isEmpty)
    let refused = bench.node.counters[UpdateRefusal.martian] + bench.node.counters[TLVFault.martian]
    #expect(refused == UInt64(Self.martians.count))
    for (text, length) in [("::", 0), ("0.0.0.0", 0), ("240.0.0.0", 4)] {
      peer.announce(Example.prefix(text, length), metric: 1)
      #expect(bench.selected(Example.prefix(text, length)) != nil, "\(text)")
    }
  }

  @Test func `own addresses are never accepted, nor taken as next hops`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let address = try #require(IPAddress("2001:db8:aa::1"))
    let offer = KernelOffer(
      destination: Prefix(mapped: address, mappedLength: 128), source: .any(.ipv6),
      kernelProtocol: nil, interface: nil)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    peer.announce(Prefix(mapped: address, mappedLength: 128), metric: 1)
    #expect(bench.node.counters[UpdateRefusal.ownAddress] == 1)
    announce(peer, through: address)
    announce(peer, through: Example.ownAddress)
    #expect(bench.node.counters[UpdateRefusal.nextHop] == 2)
    #expect(bench.routes(Example.x).isEmpty)
  }

  private func announce(_ peer: Peer, _ prefix: Prefix = Example.x, through gateway: IPAddress) {
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: prefix, source: .any(prefix.family), routerID: Example.origin,
          seqno: Seqno(10), metric: Metric(5), interval: Interval(centiseconds: 1600),
          nextHop: prefix.family == .ipv4 ? .ipv4(gateway) : .named(gateway)))
    }
  }

  @Test func `impossible next hops are refused`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let prefix4 = Example.prefix("10.92.0.0", 16)
    let bad6 = ["::", "::1", "ff02::1"]
    let bad4 = ["0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "255.255.255.255"]
    for text in bad6 { announce(peer, through: try #require(IPAddress(text))) }
    for text in bad4 { announce(peer, prefix4, through: try #require(IPAddress(text))) }
    #expect(bench.routes(Example.x).isEmpty && bench.routes(prefix4).isEmpty)
    #expect(bench.node.counters[UpdateRefusal.nextHop] == UInt64(bad6.count + bad4.count))
    announce(peer, prefix4, through: try #require(IPAddress("10.77.0.9")))
    #expect(bench.selected(prefix4) != nil)
  }

  @Test func `no state comes from packets that are not Babel's, or not from the link`() throws {
    let bench = try Bench()
    let global = try #require(IPAddress("2001:db8::1"))
    let source = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: global)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: source, port: 1)
    bench.deliver([42, 2, 0, 9] + helloTLV(1), from: source)
    bench.deliver([42, 3, 0, 8] + helloTLV(1), from: source)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: Example.ownAddress)
    #expect(bench.neighbourCount == 0)
    let counters = bench.node.counters
    for reason in [DropReason.foreignSource, .sourcePort, .bodyLength, .version, .ownPacket] {
      #expect(counters[reason] == 1, "\(reason)")
    }
  }

  @Test func `mere receipt enters nothing into the source table`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let better = bench.peer(0xB2)
    better.announce(Example.x, metric: 1)
    bench.run(2)
    for i in 0..<300 {
      peer.announce(Example.x, metric: 100, from: RouterID(0x0200_0000_0000_1000 + UInt64(i)))
    }
    bench.run(2)
    var count = 0
    _ = bench.node.forEachSource(from: 0, limit: 1000, at: bench.clock) { _ in count += 1 }
    #expect(count == 1)
  }

  @Test func `floods of requests are answered a few times`() throws {
    let bench = try Bench()
    for i in 0..<200 { bench.offer(Example.prefix("2001:db8:\(i)::", 48)) }
    let peer = bench.peer(0xB1)
    bench.run(10)
    bench.forget()
    for i in 0..<1000 {
      peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
      peer.request(Example.prefix("2001:db9:\(i)::", 48))
      peer.send(toMulticast: false) {
        _ = $0.append(
          AcknowledgmentRequest(opaque: 7, interval: Interval(centiseconds: 1)))
      }
      if i % 10 == 0 { bench.run(0.01) }
    }
    bench.run(1)
    let octets = bench.sent.reduce(0) { $0 + $1.bytes.count }
    #expect(octets < 60_000, "\(octets) octets for 3000 requests")
    #expect(bench.sent.filter { $0.isMulticast }.flatMap(\.updates).count <= 200)
  }
}
