import BabelCore
import BabelWire
import Testing

/// Octets from hexadecimal digits; blanks are skipped.
func hex(_ text: String) -> [UInt8] {
  let digits = text.utf8.filter { $0 != 0x20 }
  var octets: [UInt8] = []
  for i in stride(from: 0, to: digits.count - 1, by: 2) {
    let pair = [digits[digits.startIndex + i], digits[digits.startIndex + i + 1]]
    octets.append(UInt8(String(decoding: pair, as: UTF8.self), radix: 16) ?? 0)
  }
  return octets
}

/// A Hello TLV: scheduled, 4 s.
func helloTLV(_ seqno: UInt16, interval: UInt16 = 400, flags: UInt16 = 0) -> [UInt8] {
  let words = [flags, seqno, interval]
  return [4, 6] + words.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
}

/// RFC 8966 §3.1, §4: packets as the core sees them.
@Suite struct `RFC 8966 §4 Transport and packets` {
  @Test func `§4 packets from a global source are ignored`() throws {
    let bench = try Bench()
    let global = try #require(IPAddress("2001:db8::1"))
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: global)
    #expect(bench.neighbourCount == 0)
  }

  @Test func `§4 packets from another port are ignored`() throws {
    let bench = try Bench()
    let source = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: source, port: 6697)
    #expect(bench.neighbourCount == 0)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: source)
    #expect(bench.neighbourCount == 1)
  }

  private func dump(mtu: UInt32) throws -> [SentPacket] {
    let bench = try Bench(mtu: mtu)
    for i in 0..<500 { bench.offer(Example.prefix("2001:db8:\(String(i, radix: 16))::", 48)) }
    let peer = bench.peer(0xB1)
    bench.run(5)
    bench.forget()
    peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    bench.run(3)
    return bench.sent
  }

  @Test func `§4 no packet is larger than the MTU allows, or 512 octets`() throws {
    for (mtu, limit) in [(UInt32(1280), 1232), (400, 512), (1500, 1452)] {
      let packets = try dump(mtu: mtu)
      #expect(packets.reduce(0) { $0 + $1.updates.count } >= 500)
      #expect(packets.allSatisfy { $0.bytes.count <= limit }, "MTU \(mtu)")
    }
  }

  @Test func `§4 a dump fills its packets`() throws {
    let packets = try dump(mtu: 1500).filter { $0.updates.count > 1 }
    let octets = packets.reduce(0) { $0 + $1.bytes.count }
    #expect(packets.count <= octets / 1452 + 2)
  }

  @Test func `§4.2 another magic or version is ignored`() throws {
    for header: [UInt8] in [[43, 2], [42, 3], [42, 1]] {
      let bench = try Bench()
      bench.deliver(
        header + [0, 8] + helloTLV(1), from: IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1))
      #expect(bench.neighbourCount == 0)
    }
  }

  @Test func `§4.2 a Hello in the trailer does not count`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: helloTLV(1), trailer: helloTLV(2))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
    peer.send(body: [], trailer: helloTLV(2))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
  }

  @Test func `§4.3 unknown TLVs are skipped`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: hex("c8 03 010203 ff 00 0b 02 0000") + helloTLV(1))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
  }

  @Test func `§4.4 an unknown sub-TLV below 128 is skipped`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(body: hex("04 0a 0000 0001 0190 70 02 abcd"))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
  }

  @Test func `§4.4 an unknown mandatory sub-TLV kills its TLV of every type`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.offer(Example.own)
    bench.run(2)
    bench.forget()
    let history = bench.neighbour(peer)?.multicastHistory
    let seqno = peer.helloSeqno
    peer.send(
      body: [4, 8, 0, 0, UInt8(seqno >> 8), UInt8(seqno & 255), 1, 0x90, 0xC8, 0]
        // IHU for the receiver with rxcost 500, Ack Request, Update, Route and Seqno Request.
        + hex("05 08 00 00 01f4 0190 c8 00") + hex("02 08 0000 1234 0064 c8 00")
        + hex("06 0a 0000 0200000000000001") + hex("08 14 02 00 40 00 0640 000a 0000")
        + hex("20010db800010000 c8 00") + hex("09 0c 02 40 20010db800aa0000 c8 00")
        + hex("0a 18 02 40 0100 40 00 02000000000000aa 20010db800aa0000 c8 00"),
      toMulticast: false)
    bench.run(1)
    #expect(bench.neighbour(peer)?.multicastHistory == history)
    #expect(bench.neighbour(peer)?.txcost == Metric(96))
    #expect(bench.sent.flatMap(\.acknowledgments).isEmpty)
    #expect(bench.routes(Example.x).isEmpty)
    #expect(bench.updates(Example.own).isEmpty)
    #expect(bench.seqno == 100)
  }

  @Test func `§4.5 parser state survives an ignored TLV`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    // An Update with P flag and an unknown mandatory sub-TLV, and then an Update that uses its
    // default prefix.
    peer.send(
      body: hex("06 0c 0000 0200000000000001 c8 00")
        + hex("08 14 02 80 40 00 0640 000a 0000 20010db800010000 c8 00")
        + hex("08 0c 02 00 40 06 0640 000a 0000 0002"))
    #expect(bench.routes(Example.prefix("2001:db8:1:2::", 64)).count == 1)
    #expect(bench.routes(Example.x).isEmpty)
  }

  @Test func `§4.5 each packet starts with empty state`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    peer.send(
      body: hex("06 0a 0000 0200000000000001") + hex("08 0c 02 00 40 06 0640 000a 0000 0002"))
    peer.send(body: hex("08 12 02 00 40 00 0640 000a 0000 20010db800020000"))
    #expect(bench.routes(Example.x).count == 1)
    #expect(bench.routes(Example.y).isEmpty)
    #expect(bench.routes(Example.prefix("2001:db8:1:2::", 64)).isEmpty)
  }

  @Test func `§4.6 reserved fields are ignored and sent as zero`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    peer.send(
      body: helloTLV(1, flags: 0x7FFF) + hex("05 0e 03 ff 0060 04b0 00000000000000aa"))
    #expect(bench.neighbour(peer)?.multicastHistory == 0x8000)
    #expect(bench.neighbour(peer)?.txcost == Metric(96))
    bench.run(20)
    for packet in bench.sent {
      for (type, payload) in tlvs(packet.bytes) {
        switch type {
        case 4: #expect(payload[0] & 0x7F == 0 && payload[1] == 0)
        case 5, 7: #expect(payload[1] == 0)
        case 2, 6: #expect(payload[0] == 0 && payload[1] == 0)
        case 8: #expect(payload[1] & 0x3F == 0)
        case 10: #expect(payload[5] == 0)
        default: break
        }
      }
    }
  }

  /// Type and payload of every TLV of a body.
  private func tlvs(_ packet: [UInt8]) -> [(UInt8, [UInt8])] {
    var result: [(UInt8, [UInt8])] = []
    var i = 4
    while i < packet.count {
      if packet[i] == 0 {
        i += 1
        continue
      }
      let end = i + 2 + Int(packet[i + 1])
      result.append((packet[i], Array(packet[(i + 2)..<end])))
      i = end
    }
    return result
  }

  @Test func `§4.1.3 updates under a forbidden router-id are ignored`() throws {
    for routerID in ["0000000000000000", "ffffffffffffffff"] {
      let bench = try Bench()
      let peer = bench.peer(0xB1)
      peer.send(
        body: hex("06 0a 0000" + routerID)
          + hex("08 12 02 00 40 00 0640 000a 0000 20010db800010000"))
      #expect(bench.routes(Example.x).isEmpty)
    }
    #expect(!RouterID(0).isValid && !RouterID(.max).isValid)
  }

  @Test func `§3.1 answers wait a random time below half a Hello interval`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1)
    bench.run(20)
    var delays: Set<Int64> = []
    for _ in 0..<50 {
      bench.run(2.1)
      bench.forget()
      let asked = bench.now
      peer.request(Example.own)
      bench.run(2)
      let answer = try #require(bench.updates(Example.own).first)
      #expect(answer.seconds * 1_000_000 - Double(asked) <= 2_000_000)
      delays.insert(answer.packet.time - asked)
    }
    #expect(delays.count > 5)
  }

  @Test func `§3.1 an urgent update leaves within 0.2 s`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for i in 0..<20 {
      peer.announce(Example.x, seqno: UInt16(10 + i), metric: 0)
      bench.run(10.37)
      bench.forget()
      let lost = bench.seconds
      peer.retract(Example.x)
      bench.run(1)
      let update = try #require(bench.updates(Example.x).first { $0.update.metric.isInfinite })
      #expect(update.seconds - lost <= 0.2)
    }
  }

  @Test func `§3.1 promised intervals are kept`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    _ = bench.peer(0xB1)
    bench.run(30)
    bench.forget()
    bench.run(20 * 16)
    var last: (hello: Double?, ihu: Double?, update: Double?) = (nil, nil, nil)
    for packet in bench.sent {
      let time = Double(packet.time) / 1_000_000
      for hello in packet.hellos where hello.isScheduled && !hello.isUnicast {
        #expect(time - (last.hello ?? time) <= Double(hello.interval.milliseconds) / 1000 + 0.001)
        last.hello = time
      }
      for ihu in packet.ihus {
        #expect(time - (last.ihu ?? time) <= Double(ihu.interval.milliseconds) / 1000)
        last.ihu = time
      }
      for update in packet.updates where update.destination == Example.own {
        #expect(time - (last.update ?? time) <= Double(update.interval.milliseconds) / 1000)
        last.update = time
      }
    }
    #expect(last.hello != nil && last.ihu != nil && last.update != nil)
  }

  @Test func `§3.1 the packets of a dump do not leave all at once`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for i in 0..<12_000 { bench.offer(Example.prefix("2001:db8:\(String(i, radix: 16))::", 48)) }
    bench.run(60)
    bench.forget()
    peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    bench.run(3)
    let times = bench.sent.filter { $0.updates.count > 10 }.map(\.time)
    // A socket whose buffer nobody enlarged holds 92 full packets, if nobody reads it meanwhile.
    let held = 92
    #expect(times.count > held)
    #expect(Set(times).count > 3)
    for i in 0..<times.count where i + held < times.count {
      #expect(times[i + held] - times[i] >= 60_000)
    }
  }

  @Test(arguments: [true, false])
  func `§3.1 multicast and unicast mean the same`(toMulticast: Bool) throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1, warm: false)
    for _ in 0..<3 {
      peer.send(toMulticast: toMulticast) {
        _ = $0.append(peer.nextHello())
        _ = $0.append(peer.ihu())
      }
    }
    #expect(bench.neighbour(peer)?.cost == Metric(96))
    peer.announce(Example.x, metric: 10, toMulticast: toMulticast)
    #expect(bench.selected(Example.x)?.metric == Metric(106))
    bench.run(4)
    bench.forget()
    peer.request(Example.own, toMulticast: toMulticast)
    peer.requestSeqno(
      Example.own, bench.seqno &+ 1, of: Example.ownRouterID, toMulticast: toMulticast)
    bench.run(2)
    #expect(!bench.updates(Example.own).isEmpty)
    #expect(bench.seqno == 101)
  }
}
