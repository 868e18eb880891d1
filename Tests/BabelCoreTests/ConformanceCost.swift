import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.4.2, §3.4.3, Appendix A.2: IHUs and the cost of a link.
@Suite struct `RFC 8966 §3.4 IHU and cost` {
  @Test func `§3.4.2 §4.6.6 §B IHUs go to every neighbour, less often than Hellos`() throws {
    let bench = try Bench()
    let peers = [bench.peer(0xB1), bench.peer(0xB2)]
    bench.run(30)
    bench.forget()
    bench.run(120)
    let hellos = bench.sent.flatMap(\.hellos).count
    for peer in peers {
      let ihus = bench.sent.flatMap { packet in
        packet.ihus.filter {
          $0.address == peer.address
            || $0.address == nil && packet.destination == .unicast(peer.address)
        }
      }
      #expect(ihus.count >= 9 && ihus.count * 2 <= hellos)
      #expect(ihus.allSatisfy { $0.rxcost == Metric(96) && $0.interval.centiseconds > 0 })
    }
  }

  @Test func `§4.6.6 an IHU without address is sent only by unicast`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    bench.run(30)
    for packet in bench.sent where packet.isMulticast {
      #expect(packet.ihus.allSatisfy { $0.address != nil })
    }
    peer.send(body: helloTLV(1) + helloTLV(2) + hex("05 06 00 00 0060 04b0"))
    #expect(bench.neighbour(peer)?.txcost == Metric(96))
  }

  @Test func `§3.4.2 §4.6.6 an IHU for someone else, or in an unknown encoding, is ignored`() throws
  {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(1) + hex("05 0e 03 00 0060 04b0 000000000000dead"))
    #expect(bench.neighbour(peer)?.txcost == .infinity)
    peer.send(body: helloTLV(2) + hex("05 0e 09 00 0060 04b0 00000000000000aa"))
    #expect(bench.neighbour(peer)?.txcost == .infinity)
    #expect(bench.neighbour(peer)?.multicastHistory == 0xC000)
  }

  @Test func `§3.4.2 §4.6.6 an IHU for another of our addresses on the link is ignored`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    // The address that packets left from before, by which the peer knows a neighbour it has lost.
    let former = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xDEAD)
    let state = LinkState(
      isUp: true, mtu: 1500, linkLocals: [Example.ownAddress, former], ipv4: nil)
    bench.input {
      $0.interfaceChanged(bench.interface, state, kernelRoutesLost: false, at: $1, into: &$2)
    }
    peer.send(body: hex("05 0e 03 00 ffff 04b0 000000000000dead"))
    #expect(bench.neighbour(peer)?.txcost == Metric(96))
    #expect(bench.selected(Example.x) != nil)
    peer.send(body: hex("05 0e 03 00 ffff 04b0 00000000000000aa"))
    #expect(bench.neighbour(peer)?.txcost == .infinity)
  }

  @Test func `§3.4.2 an IHU of 12 s holds for 42 s`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 65534)
    // From now on the peer sends Hellos only.
    peer.isTalking = false
    peer.say()
    let start = bench.seconds
    for i in 1...10 {
      bench.run(start + Double(i) * 4 - bench.seconds)
      peer.send { _ = $0.append(peer.nextHello()) }
    }
    bench.run(start + 41.9 - bench.seconds)
    #expect(bench.neighbour(peer)?.txcost == Metric(96))
    #expect(bench.selected(Example.x) != nil)
    bench.run(0.2)
    #expect(bench.neighbour(peer)?.txcost == .infinity)
    #expect(bench.neighbour(peer)?.cost == .infinity)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `§3.4.2 a new txcost changes the metric`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    peer.rxcost = 300
    peer.say()
    #expect(bench.neighbour(peer)?.cost == Metric(300))
    #expect(bench.selected(Example.x)?.metric == Metric(310))
  }

  @Test func `§3.4.3 a cost is never zero, and infinite without Hello or IHU`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send { _ = $0.append(peer.ihu()) }
    #expect(bench.neighbour(peer)?.cost ?? .infinity == .infinity)
    for _ in 0..<3 { peer.send { _ = $0.append(peer.nextHello()) } }
    #expect(bench.neighbour(peer)?.cost != .infinity)
    peer.rxcost = 0
    peer.say()
    #expect(try #require(bench.neighbour(peer)).cost > .zero)
    peer.announce(Example.x, metric: 7)
    #expect(try #require(bench.routes(Example.x).first).metric > Metric(7))
    let silent = bench.peer(0xB2, rxcost: 65535)
    #expect(bench.neighbour(silent)?.rxcost == Metric(96))
    #expect(bench.neighbour(silent)?.cost == .infinity)
  }

  @Test func `§3.4.3 multicast Hellos alone give a finite rxcost`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    #expect(bench.neighbour(peer)?.unicastHistory == 0)
    #expect(bench.neighbour(peer)?.rxcost == Metric(96))
  }

  /// Hellos heard (1) or missed (0), the oldest first; all start with one long ago.
  static let patterns: [(heard: [Int], isUsable: Bool)] = [
    ([1, 1, 1], true), ([0, 1, 1], true), ([1, 0, 1], true), ([1, 1, 0], true),
    ([0, 0, 1], false), ([0, 1, 0], false), ([1, 0, 0], false), ([0, 0, 0], false),
  ]

  @Test(arguments: patterns.indices)
  func `§A.2.1 two of the last three Hellos make a usable link`(row: Int) throws {
    let (heard, isUsable) = Self.patterns[row]
    let bench = try Bench()
    let peer = bench.peer(0xB1, hello: 100, warm: false)
    peer.send {
      _ = $0.append(peer.nextHello())
      _ = $0.append(peer.ihu(interval: 6000))
    }
    for bit in heard {
      bench.run(1)
      if bit == 1 {
        peer.send { _ = $0.append(peer.nextHello()) }
      } else {
        _ = peer.nextHello()
      }
    }
    bench.run(0.6)
    let cost = try #require(bench.neighbour(peer)).cost
    #expect(cost == (isUsable ? Metric(96) : .infinity))
  }

  @Test func `§A.2.1 unicast Hellos count as well in 2-out-of-3`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    for i in UInt16(0)..<3 { peer.send(body: helloTLV(i, flags: 0x8000), toMulticast: false) }
    #expect(bench.neighbour(peer)?.rxcost == Metric(96))
  }

  /// One in so many Hellos is lost; then the neighbour's rxcost, and the cost that is expected.
  static let etx: [(lostEvery: Int?, txcost: UInt16, rxcost: UInt16, cost: UInt16)] = [
    (nil, 256, 256, 256), (2, 256, 512, 512), (2, 512, 512, 1024), (nil, 96, 256, 256),
  ]

  @Test(arguments: etx.indices)
  func `§A.2.2 ETX follows the fraction of multicast Hellos heard`(row: Int) throws {
    let (lostEvery, txcost, rxcost, cost) = Self.etx[row]
    var parameters = InterfaceParameters()
    parameters.linkSensing = .etx
    parameters.rxcost = Metric(256)
    let bench = try Bench(parameters)
    let peer = bench.peer(0xB1, hello: 100, rxcost: txcost, warm: false)
    for i in 1...40 {
      // Unicast Hellos, of which none is lost, must not make the cost lower.
      peer.send(body: helloTLV(UInt16(i), interval: 100, flags: 0x8000), toMulticast: false)
      if let lostEvery, i % lostEvery == 1 { _ = peer.nextHello() } else { peer.say() }
      bench.run(1)
    }
    let neighbour = try #require(bench.neighbour(peer))
    #expect(neighbour.rxcost == Metric(rxcost))
    #expect(neighbour.cost == Metric(cost))
  }

  @Test func `§A.2.2 ETX without any multicast Hello is infinite`() throws {
    var parameters = InterfaceParameters()
    parameters.linkSensing = .etx
    let bench = try Bench(parameters)
    let peer = bench.peer(0xB1, warm: false)
    for i in UInt16(0)..<6 { peer.send(body: helloTLV(i, flags: 0x8000), toMulticast: false) }
    peer.send { _ = $0.append(peer.ihu()) }
    #expect(bench.neighbour(peer)?.cost == .infinity)
  }
}
