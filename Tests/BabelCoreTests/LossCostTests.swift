import BabelCore
import BabelWire
import Testing

/// Lets a peer send Hellos every 4 s, the multicast ones with an IHU, and 20 unicast ones between
/// two of them, of which each `nth` is lost.
func talk(
  _ bench: Bench, _ peer: Peer, rounds: Int, losing nth: Int, from first: UInt16 = 1
) -> UInt16 {
  var seqno = first
  for _ in 0..<rounds {
    peer.say()
    for _ in 0..<20 {
      bench.run(0.2)
      seqno &+= 1
      guard nth == 0 || seqno % UInt16(nth) != 0 else { continue }
      peer.send(body: helloTLV(seqno, interval: 20, flags: 0x8000), toMulticast: false)
    }
  }
  return seqno
}

/// A peer that sends Hellos each second with an IHU, and quick ones five times as often.
private struct Talker {
  let bench: Bench
  let peer: Peer
  private var seqno: UInt16 = 1

  init(_ bench: Bench) {
    self.bench = bench
    peer = bench.peer(0xB1, hello: 100, warm: false)
  }

  mutating func talk(seconds: Int) {
    for _ in 0..<seconds {
      peer.say()
      for _ in 0..<5 {
        bench.run(0.2)
        seqno &+= 1
        peer.send(body: helloTLV(seqno, interval: 20, flags: 0x8000), toMulticast: false)
      }
    }
  }

  /// The link is cut for so long.
  mutating func pass(seconds: Int) {
    for _ in 0..<seconds { _ = peer.nextHello() }
    seqno &+= UInt16(5 * seconds)
    bench.run(Double(seconds))
  }

  /// So many quick Hellos are lost.
  mutating func lose(_ count: UInt16) { seqno &+= count }
}

/// What measured losses cost, and the quick Hellos that let neighbours measure.
@Suite struct `Losses of neighbours` {
  private static func tunnel(probe: UInt32 = 0) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.measuresLoss = true
    parameters.probeInterval = probe
    return parameters
  }

  @Test func `§A.2 losses are added to both costs, and the other side is told soon`() throws {
    let bench = try Bench(Self.tunnel())
    let peer = bench.peer(0xB1, warm: false)
    peer.rxcost = 96 + 144
    let next = talk(bench, peer, rounds: 10, losing: 0)
    #expect(bench.neighbour(peer)?.cost == Metric(96 + 144), "what the peer loses counts")
    #expect(bench.neighbour(peer)?.rxcost == Metric(96))
    bench.forget()
    var told: Int64?
    var noticed: Int64?
    var last = next
    for _ in 0..<200 where told == nil {
      last = talk(bench, peer, rounds: 1, losing: 10, from: last)
      if noticed == nil, bench.neighbour(peer)?.rxcost != Metric(96) { noticed = bench.now }
      bench.run(0.01)
      told = bench.sent.first { $0.ihus.contains { $0.rxcost > Metric(96) } }?.time
    }
    let neighbour = try #require(bench.neighbour(peer))
    let penalty = neighbour.lossCost
    #expect(penalty == Metric(144) || penalty == Metric(384))
    #expect(neighbour.rxcost == Metric(96).adding(penalty))
    #expect(neighbour.cost == Metric(96 + 144).adding(penalty))
    #expect(try #require(told) <= (try #require(noticed)) + 10_000, "before the next Hello")
  }

  /// A tunnel that is cut comes back, and is what it was before.
  @Test(arguments: [1, 2, 3, 5, 8])
  func `two cuts within ten seconds are no lossy link`(seconds: Int) throws {
    let bench = try Bench(Self.tunnel())
    var talker = Talker(bench)
    talker.talk(seconds: 20)
    #expect(bench.neighbour(talker.peer)?.rxcost == Metric(96))
    for _ in 0..<2 {
      talker.pass(seconds: seconds)
      talker.talk(seconds: 3)
      let neighbour = try #require(bench.neighbour(talker.peer))
      #expect(neighbour.rxcost == Metric(96) && neighbour.lossCost == .zero)
    }
    // One that is lost now and then does not change that.
    for _ in 0..<3 {
      talker.lose(1)
      talker.talk(seconds: 3)
    }
    #expect(bench.neighbour(talker.peer)?.rxcost == Metric(96))
  }

  @Test(arguments: [(5, 5, 10), (10, 5, 25)])
  func `a tunnel that is cut again and again is dear in a while`(up: Int, down: Int, most: Int)
    throws
  {
    let bench = try Bench(Self.tunnel())
    var talker = Talker(bench)
    talker.talk(seconds: 20)
    var cuts = 0
    while cuts <= most, bench.neighbour(talker.peer)?.lossCost == .zero {
      talker.pass(seconds: down)
      talker.talk(seconds: up)
      cuts += 1
    }
    #expect((4...most).contains(cuts), "\(cuts)")
  }

  @Test func `nothing is measured where it is off`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    _ = talk(bench, peer, rounds: 40, losing: 5)
    let neighbour = try #require(bench.neighbour(peer))
    #expect(neighbour.loss == nil && neighbour.lossCost == .zero)
    #expect(neighbour.cost == Metric(96) && neighbour.rxcost == Metric(96))
  }

  @Test func `§3.4.1 quick Hellos are scheduled, unicast, in order, and keep what they promise`()
    throws
  {
    let bench = try Bench(Self.tunnel(probe: 200_000))
    let peer = bench.peer(0xB1)
    bench.run(8)
    bench.forget()
    bench.run(40)
    let probes = bench.sent.filter { !$0.hellos.filter(\.isUnicast).isEmpty }
    #expect((210...260).contains(probes.count), "\(probes.count)")
    #expect(probes.allSatisfy { $0.destination == .unicast(peer.address) })
    for (a, b) in zip(probes, probes.dropFirst()) {
      #expect(b.hellos[0].seqno == a.hellos[0].seqno.next)
      #expect(b.time - a.time <= 200_000 && b.time - a.time >= 140_000)
      #expect(b.hellos[0].interval.centiseconds == 20)
    }
    let multicast = bench.sent.filter(\.isMulticast).flatMap(\.hellos)
    #expect((10...12).contains(multicast.count), "no more of them than without: \(multicast.count)")
  }

  @Test func `those to many neighbours leave together`() throws {
    let bench = try Bench(Self.tunnel(probe: 200_000))
    let peers = (1...50).map { bench.peer(UInt64(0x100 + $0)) }
    bench.run(8)
    bench.forget()
    bench.run(10)
    let times = bench.sent.filter { !$0.hellos.filter(\.isUnicast).isEmpty }.map(\.time)
    #expect(times.count > peers.count * 45)
    #expect(Set(times).count <= 10 * 40 + 1, "\(Set(times).count)")
  }

  @Test func `they end with the neighbour, and there are none where they are off`() throws {
    for probe in [UInt32(0), 200_000] {
      let bench = try Bench(Self.tunnel(probe: probe))
      let peer = bench.peer(0xB1)
      bench.run(8)
      peer.isTalking = false
      bench.run(15)
      bench.forget()
      bench.run(40)
      #expect(bench.sent.flatMap(\.hellos).allSatisfy { !$0.isUnicast })
      #expect((10...15).contains(bench.sent.count), "\(probe): \(bench.sent.count)")
      peer.isTalking = true
      bench.forget()
      bench.run(20)
      #expect(bench.sent.flatMap(\.hellos).contains { $0.isUnicast } == (probe > 0))
    }
  }

  @Test func `whoever measures is not greeted by unicast for that`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1)
    bench.run(12)
    bench.forget()
    _ = talk(bench, peer, rounds: 5, losing: 0)
    #expect(bench.sent.flatMap(\.hellos).allSatisfy { !$0.isUnicast })
    #expect(bench.sent.filter { !$0.isMulticast }.isEmpty)
  }

  @Test func `after an interruption the quick Hellos that come again are no restart`() throws {
    let bench = try Bench(Self.tunnel())
    let peer = bench.peer(0xB1)
    bench.run(8)
    let id = bench.neighbour(peer)?.id
    let next = talk(bench, peer, rounds: 5, losing: 0)
    bench.run(12)
    // While 500 were lost, multicast Hellos went on.
    peer.send(body: helloTLV(next &+ 500, interval: 20, flags: 0x8000), toMulticast: false)
    #expect(bench.neighbour(peer)?.id == id)
    #expect(bench.neighbour(peer)?.unicastHistory == 0x8000)
    #expect(bench.neighbour(peer)?.lossCost == .zero)
  }

  @Test func `a listed neighbour gets one series of unicast Hellos, not two`() throws {
    var parameters = Self.tunnel(probe: 200_000)
    parameters.unicastNeighbours = [IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1)]
    let bench = try Bench(parameters)
    bench.run(12)
    let peer = bench.peer(0xB1)
    bench.run(30)
    peer.isTalking = false
    bench.run(60)
    let hellos = bench.sent.flatMap(\.hellos).filter(\.isUnicast)
    #expect(hellos.count > 150)
    for (a, b) in zip(hellos, hellos.dropFirst()) { #expect(b.seqno == a.seqno.next) }
  }

  @Test func `§A.2.1 where quick Hellos come, four of sixteen make a usable link`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.run(8)
    let next = talk(bench, peer, rounds: 5, losing: 0)
    peer.isTalking = false
    // Multicast Hellos are lost from now on, and three of four quick ones.
    var seqno = next
    for number in 0..<200 {
      bench.run(0.2)
      seqno &+= 1
      guard number % 4 == 0 else { continue }
      peer.send(body: helloTLV(seqno, interval: 20, flags: 0x8000), toMulticast: false)
      peer.send { _ = $0.append(peer.ihu()) }
      // When eight in a row are missing it is no chance: multicast does not pass, nor do Updates.
      if number < 160 { #expect(bench.neighbour(peer)?.rxcost == Metric(96), "\(number)") }
    }
    #expect(bench.neighbour(peer)?.rxcost == .infinity)
    peer.say()
    #expect(bench.neighbour(peer)?.rxcost == Metric(96))
  }

  // MARK: By agreement

  /// Where losses are measured if both ends do so.
  private static func mutual() -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.measuresLossMutually = true
    parameters.probesWhoMeasures = true
    parameters.probeInterval = 400_000
    return parameters
  }

  @Test(arguments: [true, false])
  func `by agreement both ends measure, and nothing is different without one`(agrees: Bool) throws {
    let bench = try Bench(Self.mutual())
    let peer = bench.peer(0xB1, warm: false)
    let sayings: [UInt8] = agrees ? [0x7A, 2, 0x73, 0x77] : []
    var (multicast, seqno): (UInt16, UInt16) = (1, 1)
    for _ in 0..<30 {
      var hello = helloTLV(multicast)
      hello[1] += UInt8(sayings.count)
      multicast &+= 1
      peer.send(body: hello + sayings)
      peer.send { _ = $0.append(peer.ihu()) }
      for _ in 0..<20 {
        bench.run(0.2)
        seqno &+= 1
        guard seqno % 5 != 0 else { continue }
        peer.send(body: helloTLV(seqno, interval: 20, flags: 0x8000), toMulticast: false)
      }
    }
    let neighbour = try #require(bench.neighbour(peer))
    #expect(neighbour.lossCost == Metric(agrees ? 384 : 0) && (neighbour.loss != nil) == agrees)
    let hellos = bench.sent.flatMap(\.hellos)
    #expect(hellos.allSatisfy { $0.measuresLoss == !$0.isUnicast }, "we say it each time")
    let quick = hellos.filter(\.isUnicast).count
    #expect(agrees ? (280...400).contains(quick) : quick == 0, "\(quick)")
    // It does not measure any more.
    for _ in 0..<3 {
      peer.send(body: helloTLV(multicast))
      multicast &+= 1
      peer.send { _ = $0.append(peer.ihu()) }
      bench.run(4)
    }
    bench.forget()
    bench.run(2)
    #expect(bench.neighbour(peer)?.lossCost == .zero)
    #expect(bench.sent.flatMap(\.hellos).allSatisfy { !$0.isUnicast })
  }

  // MARK: Configuration

  private func parameters(_ text: String) throws -> InterfaceParameters {
    let name = try #require(InterfaceName("wg0"))
    return try parse("interface wg0 " + text).interfaceParameters(for: name, type: .tunnel)
  }

  @Test func `the parameters, their bounds and what they default to`() throws {
    let plain = try parameters("rxcost 96")
    #expect(!plain.measuresLoss && plain.measuresLossMutually && plain.probesWhoMeasures)
    #expect(plain.probeInterval == 400_000 && plain.linkSensing == .twoOutOfThree)
    #expect(try parameters("hello-interval 1").probeInterval == 200_000)
    #expect(plain.lossWindow == 120_000 && plain.maxLossPenalty == Metric(384))
    let all = try parameters(
      "link-quality tunnel loss-window 60 max-loss-penalty 200 probe-interval 250")
    #expect(all.measuresLoss && !all.probesWhoMeasures && all.linkSensing == .twoOutOfThree)
    #expect(all.lossWindow == 60_000 && all.maxLossPenalty == Metric(200))
    #expect(all.probeInterval == 250_000)
    #expect(try parameters("probe-interval 0.001").probeInterval == 20_000)
    let quality = try parameters("link-quality true")
    #expect(!quality.measuresLoss && quality.linkSensing == .etx)
    #expect(!quality.measuresLossMutually && quality.probeInterval == 0)
    #expect(try !parameters("link-quality false").measuresLossMutually)
    #expect(try parameters("link-quality mutual probe-interval 0").probeInterval == 0)
    let name = try #require(InterfaceName("eth0"))
    for type in [ResolvedLinkType.wired, .wireless, .unknown] {
      let other = try parse("interface eth0").interfaceParameters(for: name, type: type)
      #expect(!other.measuresLossMutually && other.probeInterval == 0)
    }
  }
}
