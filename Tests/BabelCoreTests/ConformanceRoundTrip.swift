import BabelWire
import Testing

@testable import BabelCore

/// RFC 9616: timestamps, samples, averages and the cost that follows from them.
@Suite struct `RFC 9616 §3 Round-trip times` {
  static func tunnel(penalty: UInt16 = 150, hello: UInt32 = 1000) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.helloInterval = hello
    parameters.timestamps = true
    parameters.maxRTTPenalty = Metric(penalty)
    return parameters
  }

  // MARK: Sending

  @Test func `RFC 9616 §3.2 every Hello carries a timestamp, and only where the extension is on`()
    throws
  {
    for isOn in [true, false] {
      var parameters = Self.tunnel()
      parameters.timestamps = isOn
      let bench = try Bench(parameters)
      _ = bench.peer(0xB1, hello: 100)
      bench.run(30)
      let hellos = bench.sent.flatMap(\.hellos)
      #expect(hellos.count >= 25)
      #expect(hellos.allSatisfy { ($0.transmitTimestamp != nil) == isOn })
      #expect(bench.sent.filter { $0.timestampOffset != nil }.isEmpty != isOn)
      #expect(bench.sent.flatMap(\.ihus).allSatisfy { $0.timestamps == nil })
    }
  }

  @Test func `RFC 9616 §3.2 the stamps of a Hello come back in every IHU, beside a Hello`() throws {
    let bench = try Bench(Self.tunnel())
    let peer = bench.peer(0xB1, hello: 100, warm: false)
    for second in 0..<20 {
      bench.forget()
      let transmit = UInt32(1000 + second)
      peer.deliver(Self.packet(peer, transmit: transmit))
      let arrival = UInt32(truncatingIfNeeded: bench.clock.microseconds)
      bench.run(1.05)
      let ihus = bench.sent.filter { !$0.ihus.isEmpty }
      if second > 2 { #expect(!ihus.isEmpty, "an IHU in every Hello interval") }
      for packet in ihus {
        #expect(packet.hellos.count == 1 && packet.timestampOffset != nil)
        #expect(
          packet.ihus.first?.timestamps
            == IHUTimestamps(origin: transmit, receive: arrival))
      }
    }
  }

  @Test func `RFC 9616 §3.2 an IHU that cannot wait brings the next Hello along`() throws {
    let bench = try Bench(Self.tunnel(hello: 20_000))
    let peer = bench.peer(0xB1, hello: 2000, warm: false)
    bench.run(5)
    peer.deliver(Self.packet(peer, transmit: 7))
    bench.run(5)
    bench.forget()
    // The neighbour becomes usable now, and must be told.
    peer.deliver(Self.packet(peer, transmit: 8))
    bench.run(0.2)
    let packet = try #require(bench.sent.first { !$0.ihus.isEmpty })
    #expect(packet.hellos.first?.interval.centiseconds == 2000)
    #expect(packet.ihus.first?.timestamps?.origin == 8)
  }

  @Test func `RFC 9616 §3.2 where there are many neighbours each has its turn beside the Hello`()
    throws
  {
    let bench = try Bench(Self.tunnel(hello: 4000))
    let peers = (1...200).map { bench.peer(UInt64(0x1000 + $0), hello: 400, warm: false) }
    for _ in 0..<3 {
      for (number, peer) in peers.enumerated() {
        peer.deliver(Self.packet(peer, transmit: UInt32(number)))
      }
      bench.run(4)
    }
    bench.forget()
    bench.run(28)
    var stamped: Set<IPAddress> = []
    for packet in bench.sent {
      for ihu in packet.ihus where ihu.timestamps != nil {
        #expect(packet.hellos.count == 1)
        if let address = ihu.address { stamped.insert(address) }
      }
    }
    #expect(stamped.count == 200)
  }

  @Test func `RFC 9616 §3.2 a copy or an overtaken Hello leaves the stamps as they are`() {
    var times = RoundTripTime()
    func hear(_ seqno: UInt16, _ transmit: UInt32, at now: Int64, unicast: Bool = false) -> Bool {
      let hello = Hello(
        isUnicast: unicast, seqno: Seqno(seqno), interval: Interval(centiseconds: 100),
        transmitTimestamp: transmit)
      return times.heardHello(hello, transmit: transmit, at: Instant(microseconds: now))
    }
    func check(_ heard: Bool, _ expected: Bool, origin: UInt32) {
      #expect(heard == expected)
      #expect(times.lastHello?.origin == origin)
    }
    check(hear(5, 1000, at: 10), true, origin: 1000)
    check(hear(5, 1000, at: 900_000), false, origin: 1000)
    check(hear(4, 500, at: 900_001), false, origin: 1000)
    // Unicast Hellos have a count of their own.
    check(hear(1, 1100, at: 900_002, unicast: true), true, origin: 1100)
    check(hear(6, 1200, at: 900_003), true, origin: 1200)
    // After a restart the count steps back and the clock does not, or the other way round.
    check(hear(2, 9000, at: 900_004), true, origin: 9000)
    check(hear(3, 10, at: 900_005), true, origin: 10)
    // Count and clock may both wrap.
    check(hear(65535, UInt32.max, at: 900_006), false, origin: 10)
    check(hear(4, UInt32.max, at: 900_007), true, origin: .max)
    check(hear(5, 0, at: 900_008), true, origin: 0)
  }

  static func packet(_ peer: Peer, transmit: UInt32) -> [UInt8] {
    let hello = peer.nextHello()
    func hex(_ value: UInt32) -> [UInt8] {
      [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    let seqno = hello.seqno.rawValue
    let interval = hello.interval.centiseconds
    let body: [UInt8] =
      [4, 12, 0, 0, UInt8(seqno >> 8), UInt8(seqno & 255), UInt8(interval >> 8)]
      + [UInt8(interval & 255), 3, 4] + hex(transmit)
    return [42, 2, 0, UInt8(body.count)] + body
  }

  // MARK: Samples

  /// The stamps t1, t1', t2', t2, and the sample; nil if there is none.
  static let samples: [(UInt32, UInt32, UInt32, UInt32, UInt32?)] = [
    (3_214_871_391, 3_214_876_528, 3_215_042_622, 3_215_042_677, 5192),
    (3_217_792_643, 3_217_792_718, 3_218_146_380, 3_218_146_448, 143),
    (3_223_517_884, 3_223_517_973, 3_224_115_424, 3_224_115_508, 173),
    (1000, 500_000, 510_000, 31_000, 20_000),
    (4_294_962_296, 100, 20_100, 35_000, 20_000),
    (4_294_967_000, 4_294_950_000, 32_704, 60_000, 10_296),
    (0, 0, 0, 0, 0),
    (50_000, 1, 2, 40_000, nil),
    (0, 1, 2, 180_000_001, nil),
    (0, 900, 800, 5000, nil),
    (0, 0, 180_000_001, 200_000, nil),
    (0, 0, 1100, 1000, 0),
    // These rows try the limits themselves, and stamps that wrap.
    (0, 0, 0, 180_000_000, 180_000_000),
    (0, 0, 180_000_000, 180_000_000, 0),
    (1, 0, 0, 0, nil),
    (0, 1, 0, 0, nil),
    (0, 0, 0, 0x8000_0000, nil),
  ]

  @Test(arguments: samples.indices)
  func `RFC 9616 §3.3 §3.2 a sample is what the stamps say, unless they are old or senseless`(
    row: Int
  ) {
    let (t1, theirs1, theirs2, t2, expected) = Self.samples[row]
    let stamps = IHUTimestamps(origin: t1, receive: theirs1)
    for high in [Int64(0), 5 << 32] {
      let now = Instant(microseconds: high | Int64(t2))
      #expect(RoundTripTime.sample(transmit: theirs2, stamps: stamps, at: now) == expected)
    }
  }

  /// A neighbour whose packets hold the stamps that a test gives.
  struct Talk {
    let bench: Bench
    let peer: Peer

    init(_ parameters: InterfaceParameters = tunnel()) throws {
      bench = try Bench(parameters)
      peer = bench.peer(0xB1, hello: 100, warm: false)
    }

    var clock: UInt32 { UInt32(truncatingIfNeeded: bench.clock.microseconds) }

    func ihu(origin: UInt32, receive: UInt32) -> [UInt8] {
      func octets(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
      }
      return [5, 24, 3, 0, 0, 96, 1, 44, 0, 0, 0, 0, 0, 0, 0, 0xAA, 3, 8] + octets(origin)
        + octets(receive)
    }

    /// A Hello and an IHU whose stamps make a round trip of so many microseconds.
    func say(rtt: UInt32, after seconds: Double = 1) {
      bench.run(seconds)
      let hello = packet(peer, transmit: 70_000)
      let ihu = ihu(origin: clock &- rtt &- 1000, receive: 69_000)
      peer.send(body: Array(hello[4...]) + ihu)
    }

    var rtt: UInt32? { bench.neighbour(peer)?.roundTripTime }
  }

  @Test func `RFC 9616 §3.2 a sample needs a Hello and an IHU in one packet, in any order`() throws
  {
    let talk = try Talk()
    let peer = talk.peer
    func hello() -> [UInt8] { Array(Self.packet(peer, transmit: 5000)[4...]) }
    func ihu() -> [UInt8] { talk.ihu(origin: talk.clock &- 3000, receive: 4000) }
    peer.send(body: hello())
    peer.send(body: ihu())
    #expect(talk.rtt == nil)
    talk.bench.run(1)
    // An IHU for another router does not count.
    var other = ihu()
    other[15] = 0xAB
    peer.send(body: hello() + other)
    #expect(talk.rtt == nil)
    peer.send(body: ihu() + hello())
    #expect(talk.rtt == 2000)
  }

  @Test func `RFC 9616 §3.2 without the extension stamps say nothing`() throws {
    var parameters = Self.tunnel()
    parameters.timestamps = false
    let talk = try Talk(parameters)
    for _ in 0..<5 { talk.say(rtt: 90_000) }
    #expect(talk.rtt == nil)
    #expect(talk.bench.neighbour(talk.peer)?.rttCost == .zero)
  }

  @Test func `RFC 9616 §3.3 stamps that make no sample are recorded all the same`() throws {
    let talk = try Talk()
    talk.bench.run(1)
    let hello = Array(Self.packet(talk.peer, transmit: 800)[4...])
    // The neighbour's clock stepped back.
    talk.peer.send(body: hello + talk.ihu(origin: talk.clock &- 5000, receive: 900))
    #expect(talk.rtt == nil)
    talk.bench.run(2)
    #expect(talk.bench.sent.last { !$0.ihus.isEmpty }?.ihus.first?.timestamps?.origin == 800)
  }

  @Test func `RFC 9616 §6 a longer timestamp is cut, a shorter one ignored`() throws {
    let talk = try Talk()
    talk.bench.run(5)
    var hello = Array(Self.packet(talk.peer, transmit: 5000)[4...])
    var ihu = talk.ihu(origin: talk.clock &- 3000, receive: 4000)
    // The stamp of the Hello has three octets and that of the IHU seven. Both stamps are ignored,
    // and both TLVs count.
    talk.peer.send(body: [4, 11] + hello[2..<9] + [3] + hello[10..<13] + ihu)
    #expect(talk.rtt == nil)
    #expect(talk.bench.neighbour(talk.peer)?.multicastHistory == 0x8000)
    #expect(talk.bench.neighbour(talk.peer)?.txcost == Metric(96))
    hello = Array(Self.packet(talk.peer, transmit: 5000)[4...])
    talk.peer.send(body: hello + [5, 23] + ihu[2..<17] + [7] + ihu[18..<25])
    #expect(talk.rtt == nil)
    // Each stamp has one octet more than it needs.
    hello = Array(Self.packet(talk.peer, transmit: 5000)[4...]) + [0xEE]
    ihu += [0xEE]
    (hello[1], hello[9], ihu[1], ihu[17]) = (13, 5, 25, 9)
    talk.peer.send(body: hello + ihu)
    #expect(talk.rtt == 2000)
  }

  @Test func `RFC 9616 §3.2 the time of arrival counts, not when the packet is read`() throws {
    let talk = try Talk()
    let hello = Self.packet(talk.peer, transmit: 5000)[4...]
    talk.bench.run(5)
    let sent = talk.clock &- 20_000
    let body = Array(hello) + talk.ihu(origin: sent, receive: 4000)
    talk.bench.run(0.3)
    let arrival = talk.bench.clock + -300_000
    talk.bench.input { node, now, buffer in
      node.receive(
        ([42, 2, 0, UInt8(body.count)] + body).span, on: talk.bench.interface,
        from: talk.peer.address, port: 6696, to: Example.ownAddress, at: now,
        arrivedAt: arrival, into: &buffer)
    }
    #expect(talk.rtt == 19_000)
    talk.bench.run(1)
    let echo = talk.bench.sent.last { !$0.ihus.isEmpty }?.ihus.first?.timestamps
    #expect(echo?.receive == UInt32(truncatingIfNeeded: arrival.microseconds))
  }

  // MARK: Averages and costs

  @Test func `RFC 9616 §4 samples are smoothed`() {
    var times = RoundTripTime()
    var values: [UInt32?] = []
    for (second, sample) in [UInt32(20_000), 20_000, 120_000, 20_000, 20_000].enumerated() {
      let now = Instant(microseconds: Int64(second) * 1_000_000)
      times.take(sample, decay: 42, at: now)
      values.append(times.current(at: now))
    }
    // 0.836 · 36,400 + … in exact numbers: 33,710.4 and 31,461.9.
    #expect(values == [20_000, 20_000, 36_406, 33_714, 31_464])
  }

  @Test
  func `RFC 9616 §4 one late packet does not spoil the average, a lasting change is followed`() {
    var times = RoundTripTime()
    func take(_ sample: UInt32, _ second: Int64) -> UInt32? {
      let now = Instant(microseconds: second * 1_000_000)
      times.take(sample, decay: 42, at: now)
      return times.current(at: now)
    }
    #expect(take(20_000, 0) == 20_000)
    #expect(take(8_000_000, 1) == 20_000)
    #expect(take(20_000, 2) == 20_000)
    #expect(take(9_000_000, 3) == 20_000)
    #expect(take(600_000, 4).map { $0 > 110_000 && $0 < 120_000 } == true)
    #expect(take(600_000, 5).map { $0 > 190_000 } == true)
  }

  @Test func `RFC 9616 §4 a new round-trip time is followed within ten samples, jitter is not`() {
    for (former, new) in [(UInt32(10_000), UInt32(100_000)), (100_000, 10_000)] {
      var times = RoundTripTime()
      var second: Int64 = 0
      func take(_ sample: UInt32) -> UInt32 {
        second += 1
        let now = Instant(microseconds: second * 1_000_000)
        times.take(sample, decay: 42, at: now)
        return times.current(at: now) ?? 0
      }
      for _ in 0..<20 { _ = take(former) }
      var value: UInt32 = 0
      for _ in 0..<10 { value = take(new) }
      #expect(value > new * 9 / 10 && value < new * 13 / 10, "\(value)")
    }
    var times = RoundTripTime()
    for second in 0..<1000 {
      // ± 30 %, four at a time.
      let now = Instant(microseconds: Int64(second) * 1_000_000)
      times.take(second % 8 < 4 ? 70_000 : 130_000, decay: 42, at: now)
      let value = times.current(at: now) ?? 0
      #expect(second < 8 || value > 81_000 && value < 119_000, "\(value)")
    }
  }

  @Test func `RFC 9616 §4 the average is forgotten after three minutes without a sample`() throws {
    let talk = try Talk()
    for _ in 0..<10 { talk.say(rtt: 200_000) }
    #expect(talk.rtt == 200_000)
    #expect(talk.bench.neighbour(talk.peer)?.rttCost == Metric(150))
    talk.peer.isTalking = true
    talk.bench.run(178)
    #expect(talk.bench.neighbour(talk.peer)?.cost == Metric(246))
    talk.bench.run(4)
    #expect(talk.rtt == nil)
    #expect(talk.bench.neighbour(talk.peer)?.cost == Metric(96))
    talk.say(rtt: 20_000, after: 1)
    #expect(talk.rtt == 20_000)
  }

  /// Smoothed microseconds, cost with a penalty of 150 and of 96; C is 96.
  static let costs: [(UInt32, UInt16, UInt16)] = [
    (0, 96, 96), (9999, 96, 96), (10_000, 96, 96), (20_000, 109, 104), (36_400, 132, 119),
    (65_000, 171, 144), (119_999, 245, 191), (120_000, 246, 192), (1_000_000, 246, 192),
  ]

  @Test(arguments: costs.indices)
  func `RFC 9616 §4 the penalty is linear between two bounds`(row: Int) throws {
    let (rtt, first, second) = Self.costs[row]
    for (penalty, cost) in [(UInt16(150), first), (96, second)] {
      let talk = try Talk(Self.tunnel(penalty: penalty))
      for _ in 0..<3 { talk.say(rtt: rtt) }
      let neighbour = try #require(talk.bench.neighbour(talk.peer))
      #expect(neighbour.roundTripTime == rtt)
      #expect(neighbour.cost == Metric(cost))
      #expect(neighbour.rttCost == Metric(cost - 96))
      // The neighbour is never told of the penalty.
      #expect(neighbour.rxcost == Metric(96))
    }
  }

  @Test func `RFC 9616 §4 a penalty does not make an unusable link usable`() throws {
    let talk = try Talk()
    for _ in 0..<3 { talk.say(rtt: 50_000) }
    #expect(talk.bench.neighbour(talk.peer)?.cost != .infinity)
    talk.bench.run(5)
    #expect(talk.bench.neighbour(talk.peer)?.cost == .infinity)
  }
}
