import BabelCore
import BabelWire
import Testing

/// A neighbour that multicast does not reach.
private let far = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1)

private func listing(_ addresses: [IPAddress] = [far]) -> InterfaceParameters {
  var parameters = InterfaceParameters()
  parameters.unicastNeighbours = addresses
  return parameters
}

/// Lets `far` greet the node by unicast alone for so many Hellos of 4 s, with an IHU each.
private func greet(
  _ bench: Bench, _ peer: Peer, from first: UInt16, count: Int, interval: UInt16 = 400
) {
  for i in 0..<count {
    peer.send(
      body: helloTLV(first &+ UInt16(i), interval: interval, flags: 0x8000), toMulticast: false)
    peer.send(toMulticast: false) { _ = $0.append(peer.ihu()) }
    bench.run(4)
  }
}

@Suite struct `§3.4.1 Unicast Hellos` {
  @Test func `§4.6.5 §3.4.1 a listed neighbour gets Hellos of its own, each in its turn`() throws {
    let bench = try Bench(listing())
    bench.run(30)
    let unicast = bench.sent.filter { $0.destination == .unicast(far) }
    let hellos = unicast.flatMap(\.hellos)
    #expect(hellos.count > 7)
    #expect(hellos.allSatisfy { $0.isUnicast && $0.isScheduled })
    for (a, b) in zip(hellos, hellos.dropFirst()) { #expect(b.seqno == a.seqno.next) }
    for (a, b) in zip(unicast, unicast.dropFirst()) { #expect(b.time - a.time <= 4_000_000) }
    let multicast = bench.sent.filter(\.isMulticast).flatMap(\.hellos)
    #expect(multicast.count == hellos.count && multicast.allSatisfy { !$0.isUnicast })
  }

  @Test func `a neighbour that multicast does not reach becomes a full one`() throws {
    let bench = try Bench(listing())
    bench.offer(Example.own)
    let peer = bench.peer(0xB1, warm: false)
    greet(bench, peer, from: 7, count: 4)
    #expect(bench.neighbour(peer)?.cost == Metric(96))
    #expect(bench.neighbour(peer)?.multicastHistory == 0)
    peer.announce(Example.x, metric: 5, toMulticast: false)
    #expect(bench.selected(Example.x)?.neighbour == far)
    bench.forget()
    bench.offer(Example.y)
    bench.run(1)
    let ways = Set(bench.updates(Example.y).map { $0.packet.isMulticast })
    #expect(ways == [true, false], "to the group, and to it alone")
    greet(bench, peer, from: 11, count: 4)
    let packets = bench.sent.filter { $0.destination == .unicast(far) }
    #expect(packets.contains { !$0.ihus.isEmpty && !$0.hellos.isEmpty })
    #expect(bench.sent.filter(\.isMulticast).flatMap(\.ihus).isEmpty)
    bench.run(15)
    #expect(bench.neighbour(peer)?.cost.isInfinite == true, "its Hellos are missed")
  }

  @Test func `who greets us by unicast is answered alike, until it is gone`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(7, flags: 0x8000), toMulticast: false)
    bench.run(10)
    let answers = bench.sent.filter { $0.destination == .unicast(far) }.flatMap(\.hellos)
    #expect(answers.count >= 2 && answers.allSatisfy { $0.isUnicast && $0.isScheduled })
    bench.run(80)
    #expect(bench.neighbourCount == 0)
    bench.forget()
    bench.run(20)
    #expect(bench.sent.allSatisfy { $0.isMulticast })
  }

  @Test func `forged addresses do not multiply what is sent`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let honest = bench.peer(0xB1, warm: false)
    greet(bench, honest, from: 7, count: 3)
    for i in 0..<1000 {
      bench.deliver(
        [42, 2, 0, 8] + helloTLV(1, flags: 0x8000),
        from: IPAddress(high: 0xFE80_0000_0000_0000, low: 0x1000 + UInt64(i)), toMulticast: false)
    }
    bench.run(0.5)
    bench.forget()
    bench.offer(Example.y)
    bench.run(3.9)
    #expect(bench.updates(Example.y).count <= 2 * 3, "to the group and to the honest one")
    #expect(bench.sent.flatMap(\.hellos).filter(\.isUnicast).count <= 3 * 64)
    #expect(bench.node.counters[.unicastNeighbours] == 1000 - 63)
  }

  @Test func `unscheduled unicast Hellos are not answered alike`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.forget()
    peer.send(body: helloTLV(7, interval: 0, flags: 0x8000), toMulticast: false)
    bench.run(20)
    #expect(bench.sent.flatMap(\.hellos).allSatisfy { !$0.isUnicast })
  }

  @Test func `a neighbour that is no longer listed is left, even if it goes on`() throws {
    let bench = try Bench(listing())
    let peer = bench.peer(0xB1, warm: false)
    greet(bench, peer, from: 7, count: 3)
    bench.forget()
    let id = bench.interface
    bench.input { $0.setParameters(listing([]), of: id, at: $1, into: &$2) }
    let last = bench.sent.filter { $0.destination == .unicast(far) }.flatMap(\.hellos)
    #expect(last.map(\.interval.centiseconds) == [10])
    bench.forget()
    greet(bench, peer, from: 10, count: 5)
    #expect(bench.sent.flatMap(\.hellos).allSatisfy { !$0.isUnicast })
    bench.input { $0.setParameters(listing(), of: id, at: $1, into: &$2) }
    bench.forget()
    bench.run(1)
    #expect(bench.sent.flatMap(\.hellos).contains { $0.isUnicast }, "listed again, greeted at once")
  }

  @Test func `unscheduled Hellos do not keep a dead link alive`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for i in 0..<3 {
      peer.send(body: helloTLV(UInt16(70 + i), interval: 0, flags: 0x8000), toMulticast: false)
    }
    #expect(bench.neighbour(peer)?.cost == Metric(96))
    peer.isTalking = false
    bench.run(11)
    #expect(bench.neighbour(peer)?.cost.isInfinite == true)
  }

  @Test func `at the end a listed neighbour is told`() throws {
    let bench = try Bench(listing())
    let peer = bench.peer(0xB1, warm: false)
    greet(bench, peer, from: 7, count: 3)
    bench.forget()
    bench.input(advancing: false) {
      $0.shutDown(keepingForwarding: false, at: $1, into: &$2)
    }
    let told = bench.sent.filter { $0.destination == .unicast(far) }
    #expect(told.flatMap(\.hellos).map(\.interval.centiseconds) == [10])
    #expect(
      told.contains {
        $0.tlvs.contains { if case .tlv(.wildcardRetraction) = $0 { true } else { false } }
      })
  }
}

@Suite struct `Interfaces with unicast` {
  private func parameters() -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.unicast = true
    return parameters
  }

  @Test func `only scheduled Hellos go to the group`() throws {
    let bench = try Bench(parameters())
    bench.offer(Example.own)
    let near = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    near.announce(Example.x, metric: 5)
    bench.run(40)
    for packet in bench.sent where packet.isMulticast {
      #expect(packet.tlvs.count == 1 && packet.hellos.count == 1)
    }
    for peer in [near, other] {
      let mine = bench.sent.filter { $0.destination == .unicast(peer.address) }
      #expect(mine.contains { !$0.ihus.isEmpty })
      #expect(mine.flatMap(\.updates).contains { $0.destination == Example.x })
      #expect(mine.flatMap(\.hellos).isEmpty)
    }
  }

  @Test func `timestamps travel with unscheduled unicast Hellos`() throws {
    var parameters = parameters()
    parameters.timestamps = true
    let bench = try Bench(parameters)
    let peer = bench.peer(0xB1)
    peer.send {
      _ = $0.append(
        Hello(
          isUnicast: false, seqno: peer.nextHello().seqno, interval: Interval(centiseconds: 400),
          transmitTimestamp: 77))
    }
    bench.forget()
    bench.run(20)
    let unicast = bench.sent.filter { $0.destination == .unicast(peer.address) }
    let stamped = unicast.filter { $0.ihus.contains { $0.timestamps != nil } }
    #expect(stamped.count >= 4)
    #expect(stamped.allSatisfy { $0.hellos.count == 1 && $0.timestampOffset != nil })
    #expect(stamped.flatMap(\.hellos).allSatisfy { $0.isUnicast && !$0.isScheduled })
  }

  @Test func `§F RFC 9079 §6 old peers get nothing that they do not know`() throws {
    var parameters = parameters()
    parameters.timestamps = true
    parameters.rfc6126Compatible = true
    parameters.unicastNeighbours = [far]
    let bench = try Bench(parameters)
    let other = try bench.addInterface("p1")
    let peer = bench.peer(0xB2, on: other)
    _ = bench.peer(0xB3)
    let source = Example.prefix("2001:db8:50::", 48)
    let send = { (metric: UInt16) in
      peer.send {
        _ = $0.append(
          OutgoingUpdate(
            destination: Example.x, source: source, routerID: Example.origin, seqno: Seqno(10),
            metric: Metric(metric), interval: Interval(centiseconds: 400), nextHop: .packetSource))
      }
    }
    send(10)
    peer.announce(Example.y, metric: 10)
    bench.run(30)
    send(65535)
    bench.run(30)
    let old = bench.sent.filter { $0.interface == bench.interface }
    #expect(old.flatMap(\.updates).contains { $0.destination == Example.y })
    #expect(old.flatMap(\.updates).allSatisfy { $0.source.isDefault })
    #expect(old.flatMap(\.seqnoRequests).allSatisfy { $0.source.isDefault })
    #expect(old.flatMap(\.routeRequests).allSatisfy { $0.source.isDefault })
    #expect(old.flatMap(\.hellos).allSatisfy { !$0.isUnicast && $0.isScheduled })
    let new = bench.sent.filter { $0.interface == other }
    #expect(new.flatMap(\.updates).contains { $0.source == source })
  }
}
