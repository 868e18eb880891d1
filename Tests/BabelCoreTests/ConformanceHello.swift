import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.3: acknowledgments.
@Suite struct `RFC 8966 §3.3 Acknowledgments` {
  @Test(arguments: [UInt16(50), 5])
  func `§3.3 a request is answered by unicast in time`(interval: UInt16) throws {
    for toMulticast in [true, false] {
      let bench = try Bench()
      let peer = bench.peer(0xB1)
      bench.run(2)
      bench.forget()
      let asked = bench.now
      peer.send(toMulticast: toMulticast) {
        _ = $0.append(
          AcknowledgmentRequest(opaque: 0xBEEF, interval: Interval(centiseconds: interval)))
      }
      bench.run(1)
      let answers = bench.sent.filter { !$0.acknowledgments.isEmpty }
      let answer = try #require(answers.first)
      #expect(answers.count == 1)
      #expect(answer.acknowledgments == [Acknowledgment(opaque: 0xBEEF)])
      #expect(answer.destination == .unicast(peer.address))
      #expect(answer.time - asked < Int64(interval) * 10_000)
    }
  }

  @Test func `§4.6.3 §3.3 acknowledgments are asked for seldom and with an interval`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for i in 0..<20 {
      peer.announce(Example.x, seqno: UInt16(10 + i), metric: 0)
      bench.run(8)
      peer.retract(Example.x)
      bench.run(8)
    }
    let requests = bench.sent.flatMap(\.acknowledgmentRequests)
    #expect(requests.allSatisfy { $0.interval.centiseconds != 0 })
    #expect(requests.count * 2 < bench.sent.count)
  }
}

/// RFC 8966 §3.4.1 and Appendix A.1: Hellos and their histories.
@Suite struct `RFC 8966 §3.4 Hellos and neighbours` {
  @Test func `§3.4 a router on two links is two neighbours`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    let first = bench.peer(0xB1, warm: false)
    let other = bench.peer(0xB1, on: second, warm: false)
    first.say()
    #expect(bench.neighbourCount == 1)
    other.say()
    #expect(bench.neighbourCount == 2)
    #expect(bench.neighbour(first) != nil && bench.neighbour(other) != nil)
  }

  @Test func `§3.4 a neighbour that only ever sent an unscheduled Hello is forgotten`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(5, interval: 0))
    #expect(bench.neighbourCount == 1)
    bench.run(300)
    #expect(bench.neighbourCount == 0)
  }

  @Test func `§3.4 §A.1 a silent neighbour is forgotten after sixteen misses`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0, interval: 65534)
    peer.isTalking = false
    peer.say()
    bench.run(65)
    #expect(bench.neighbourCount == 1)
    #expect(!bench.routes(Example.x).isEmpty)
    bench.run(2)
    #expect(bench.neighbourCount == 0)
    #expect(bench.routes(Example.x).isEmpty)
  }

  @Test func `§3.4.1 Hellos promise the interval of the interface`() throws {
    var parameters = InterfaceParameters()
    parameters.helloInterval = 2000
    let bench = try Bench(parameters)
    bench.run(60)
    let hellos = bench.sent.flatMap(\.hellos).filter { $0.isScheduled }
    #expect(hellos.count >= 30)
    #expect(hellos.allSatisfy { $0.interval.centiseconds == 200 })
  }

  @Test func `§4.6.5 §3.4.1 each Hello has the next seqno, across the wrap`() throws {
    var parameters = InterfaceParameters()
    parameters.helloInterval = 10
    let bench = try Bench(parameters)
    _ = bench.peer(0xB1, hello: 60000, warm: false)
    bench.run(700)
    var last: Seqno?
    var wrapped = false
    for packet in bench.sent {
      let hellos = packet.hellos.filter { !$0.isUnicast }
      #expect(packet.hellos.count <= 1)
      guard let hello = hellos.first else { continue }
      #expect(packet.isMulticast)
      if let last { #expect(hello.seqno == last.next) }
      wrapped = wrapped || hello.seqno.rawValue == 0
      last = hello.seqno
    }
    #expect(wrapped)
  }

  @Test func `§4.6.5 two Hellos in one packet both count`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(1) + helloTLV(2))
    #expect(bench.neighbour(peer)?.multicastHistory == 0xC000)
  }

  @Test func `§3.4.1 an unscheduled Hello leaves the timer alone`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(1))
    bench.run(1)
    peer.send(body: helloTLV(2, interval: 0))
    #expect(bench.neighbour(peer)?.multicastHistory == 0xC000)
    bench.run(4.9)
    #expect(bench.neighbour(peer)?.multicastHistory == 0xC000)
    bench.run(0.2)
    #expect(bench.neighbour(peer)?.multicastHistory == 0x6000)
  }

  @Test func `§3.4.1 §F unicast and multicast Hellos have their own histories`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(17))
    peer.send(body: helloTLV(5000, flags: 0x8000), toMulticast: false)
    peer.send(body: helloTLV(18))
    peer.send(body: helloTLV(5001, flags: 0x8000), toMulticast: false)
    peer.send(body: helloTLV(19))
    #expect(bench.neighbour(peer)?.multicastHistory == 0xE000)
    #expect(bench.neighbour(peer)?.unicastHistory == 0xC000)
  }

  @Test func `§3.4.1 a missed Hello is followed by a new selection`() throws {
    let bench = try Bench()
    let near = bench.peer(0xB1)
    let far = bench.peer(0xB2)
    near.announce(Example.x, metric: 0, interval: 65534)
    far.announce(Example.x, metric: 50, interval: 65534)
    #expect(bench.selected(Example.x)?.neighbour == near.address)
    near.isTalking = false
    bench.run(11)
    #expect(bench.selected(Example.x)?.neighbour == far.address)
  }

  /// The seqno that is expected and the one that is received; then the history, and the seqno
  /// expected next.
  static let reactions: [(ne: UInt16, received: UInt16, history: UInt16, next: UInt16)] = [
    (10, 10, 0xF800, 11), (10, 12, 0x9E00, 13), (10, 8, 0xE000, 9), (10, 26, 0x8000, 27),
    (10, 27, 0x8000, 28), (10, 65530, 0x8000, 65531), (10, 65529, 0x8000, 65530),
    (65535, 1, 0x9E00, 2),
  ]

  @Test(arguments: reactions.indices)
  func `§A.1 seqnos out of line mend the history or flush the neighbour`(row: Int) throws {
    let (ne, received, history, next) = Self.reactions[row]
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    for i in UInt16(0)..<4 {
      peer.send(body: helloTLV(ne &- 4 &+ i, interval: 65000))
    }
    peer.send { _ = $0.append(peer.ihu(interval: 60000)) }
    peer.announce(Example.x, metric: 0, interval: 60000)
    #expect(bench.routes(Example.x).count == 1)
    peer.send(body: helloTLV(received, interval: 65000))
    #expect(bench.neighbour(peer)?.multicastHistory == history)
    let jump = abs(Int(Int16(bitPattern: received &- ne)))
    bench.run(0)
    #expect(bench.routes(Example.x).isEmpty == (jump > 16))
    // A Hello with the seqno that is expected adds a single bit.
    peer.send(body: helloTLV(next, interval: 65000))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000 | history >> 1)
  }

  @Test func `§A.1 misses come at 1.5 intervals, then at each interval`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(1))
    for (time, history) in [
      (5.9, 0x8000), (6.1, 0x4000), (9.9, 0x4000), (10.1, 0x2000),
      (13.9, 0x2000), (14.1, 0x1000),
    ] {
      bench.run(time - bench.seconds)
      #expect(bench.neighbour(peer)?.multicastHistory == UInt16(history), "\(time) s")
    }
  }

  @Test func `§F old peers are spared unicast and unscheduled Hellos`() throws {
    var parameters = InterfaceParameters()
    parameters.rfc6126Compatible = true
    parameters.timestamps = true
    let bench = try Bench(parameters)
    _ = bench.peer(0xB1)
    bench.run(60)
    let hellos = bench.sent.flatMap(\.hellos)
    #expect(hellos.allSatisfy { !$0.isUnicast && $0.isScheduled })
  }
}
