import BabelCore
import BabelWire
import Testing

/// The longest Hello interval, eleven minutes. Things that happen once in an interval elsewhere
/// must not take so long here, and things that are forgotten after minutes must not be forgotten
/// here.
@Suite struct `Rare Hellos` {
  private static func parameters(
    _ adjust: (inout InterfaceParameters) -> Void = { _ in }
  ) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.helloInterval = 655_350
    parameters.updateInterval = 655_350
    adjust(&parameters)
    return parameters
  }

  @Test(arguments: [1000, 4000, 100_000, 218_450, 300_000, 655_350] as [UInt32])
  func `§3.4.2 an IHU is never later than the one before promised`(hello: UInt32) throws {
    let bench = try Bench(Self.parameters { $0.helloInterval = hello })
    let peer = bench.peer(0xB1, hello: UInt16(min(hello / 10, 65534)))
    bench.run(Double(hello) / 1000 * 20)
    var last: (time: Int64, promise: Int64)?
    var count = 0
    for packet in bench.sent {
      for ihu in packet.ihus where ihu.address == peer.address || ihu.address == nil {
        if let last {
          #expect(packet.time - last.time <= last.promise)
          count += 1
        }
        last = (packet.time, ihu.interval.microseconds)
      }
    }
    #expect(count >= 6)
  }

  @Test func `new neighbours are greeted within a second, one after another`() throws {
    let bench = try Bench(Self.parameters())
    bench.run(10)
    for number in 0..<5 {
      bench.forget()
      let start = bench.seconds
      let peer = bench.peer(0xB1 + UInt64(number), hello: 65534, warm: false)
      peer.say()
      bench.run(2)
      let hellos = bench.sent.filter { !$0.hellos.isEmpty }.map { Double($0.time) / 1e6 - start }
      #expect(hellos.count == 2)
      #expect((hellos.last ?? .infinity) <= 1.2)
    }
  }

  @Test func `a neighbour that asks again for everything is answered`() throws {
    let bench = try Bench(Self.parameters())
    bench.offer(Example.own)
    let peer = bench.peer(0xB1, hello: 65534)
    for _ in 0..<3 {
      bench.run(5)
      bench.forget()
      peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
      bench.run(1)
      #expect(bench.updates(Example.own).count == 1)
    }
  }

  @Test func `a signed neighbour is known as long as its Hellos count`() throws {
    let bench = try Bench(
      Self.parameters { $0.authentication = Signer.parameters().authentication })
    let peer = Signer(bench)
    peer.join()
    let hello = Hello(
      isUnicast: false, seqno: Seqno(3), interval: Interval(centiseconds: 65534),
      transmitTimestamp: nil)
    let rare = peer.packet(3, toMulticast: true) { _ = $0.append(hello) }
    #expect(peer.deliver(rare, toMulticast: true).isAccepted)
    bench.run(655)
    #expect(peer.multicast(4).isAccepted)
    bench.run(2300)
    #expect(peer.multicast(5).isChallenged)
  }

  @Test func `the cost of a slow link stays between two samples`() throws {
    // A sample takes two Hellos, 150 s apart. When one of three Hellos is lost, 300 s pass without
    // a sample.
    let bench = try Bench(
      Self.parameters {
        $0.helloInterval = 150_000
        $0.timestamps = true
        $0.maxRTTPenalty = Metric(150)
      })
    let peer = bench.peer(0xB1, hello: 15_000, warm: false)
    func greet() {
      let ours = bench.sent.last { $0.timestampOffset != nil }
      guard let ours else { return }
      let now = UInt32(truncatingIfNeeded: bench.clock.microseconds)
      let origin = UInt32(truncatingIfNeeded: bench.clock.microseconds - (bench.now - ours.time))
      peer.send {
        let hello = peer.nextHello()
        _ = $0.append(
          Hello(
            isUnicast: false, seqno: hello.seqno, interval: hello.interval,
            transmitTimestamp: now))
        _ = $0.append(
          IHU(
            address: Example.ownAddress, rxcost: Metric(96),
            interval: Interval(centiseconds: 60_000),
            timestamps: IHUTimestamps(origin: origin, receive: now &- 1000)))
      }
    }
    for _ in 0..<3 {
      bench.run(149)
      greet()
    }
    let cost = try #require(bench.neighbour(peer)).rttCost
    #expect(cost > .zero)
    bench.run(290)
    bench.input { $0.setParameters(Self.parameters(), of: InterfaceID(0), at: $1, into: &$2) }
    bench.run(1)
    #expect(bench.neighbour(peer)?.roundTripTime != nil)
  }
}
