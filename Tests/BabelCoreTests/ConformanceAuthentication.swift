import BabelCore
import BabelWire
import Testing

/// RFC 8967 §4.3 and RFC 9467: how signed packets are received.
@Suite struct `RFC 8967 §4.3 Receiving` {
  @Test func `RFC 8967 §4.3 §4.3.1.1 RFC 9467 §3.1 first contact, counters, another index`() throws
  {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    // Nothing is known of the sender. It gets a challenge, and is no neighbour yet.
    let first = peer.multicast(10)
    #expect(first.isChallenged && bench.neighbourCount == 0)
    #expect(first.sent.map(\.destination) == [.unicast(peer.address)])
    // It does not answer, and gets no second challenge so soon.
    bench.run(0.1)
    #expect(peer.multicast(11).isDropped)
    // It answers the challenge.
    #expect(peer.unicast(12, reply: first.challenge).isAccepted && bench.neighbourCount == 1)
    // A counter that was received before is dropped. Those to the group and to us count apart. An
    // answer counts once.
    #expect(peer.multicast(12).isDropped)
    #expect(peer.multicast(14).isAccepted)
    #expect(peer.unicast(13).isAccepted)
    #expect(peer.unicast(13).isDropped)
    bench.run(1)
    #expect(peer.unicast(12, reply: first.challenge).isDropped)
    // A packet with another index is answered with a challenge. Packets with the known index still
    // count.
    peer.index = [0xB]
    let second = peer.multicast(0)
    #expect(second.isChallenged && second.challenge != first.challenge)
    peer.index = [0xA]
    #expect(peer.multicast(20).isAccepted)
    // The answer to an old challenge does not help. After a second there may be another challenge.
    peer.index = [0xB]
    bench.run(1.1)
    let third = peer.unicast(1, reply: first.challenge)
    #expect(third.isChallenged)
    #expect(peer.unicast(2, reply: second.challenge).isDropped)
    #expect(peer.unicast(3, reply: third.challenge).isAccepted)
    #expect(peer.multicast(3).isDropped && peer.unicast(3).isDropped)
    // Counters are compared as plain numbers: they do not wrap.
    #expect(peer.multicast(.max).isAccepted)
    #expect(peer.multicast(0).isDropped)
    // If a packet has two packet counters, the first one counts.
    let two = peer.packet(50, toMulticast: false) { encoder in _ = encoder }
    var body = Array(two[4..<12]) + [17, 5, 0, 0, 0, 50, 0xB] + [17, 5, 0, 0, 0, 60, 0xB]
    body = [42, 2, 0, UInt8(body.count)] + body
    #expect(peer.deliver(peer.sign(body, toMulticast: false), toMulticast: false).isAccepted)
    #expect(peer.unicast(50).isDropped && peer.unicast(60).isAccepted)
    let counters = try #require(bench.authentication?.counters)
    #expect(counters.accepted == 8 && counters.replayed == 7)
    #expect(counters.otherIndex == 3 && counters.unknownIndex == 2 && counters.challenges == 3)
  }

  @Test func `RFC 8967 §4.3.1.3 an answer counts for 30 seconds and once`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    // An answer after more than 30 seconds comes too late.
    let old = peer.multicast(1)
    bench.run(31)
    let new = peer.unicast(2, reply: old.challenge)
    #expect(new.isChallenged)
    bench.run(29)
    #expect(peer.unicast(3, reply: [1, 2, 3]).isAccepted == false)
    #expect(peer.unicast(4, reply: new.challenge).isAccepted == false, "a newer one was sent")
    bench.run(2)
    let last = try #require(peer.unicast(5).challenge)
    #expect(peer.unicast(6, reply: [UInt8](last.dropLast())).isDropped)
    #expect(peer.unicast(7, reply: last).isAccepted, "a mismatch keeps the nonce")
    peer.index = [9]
    #expect(!peer.unicast(8, reply: last).isAccepted, "and success erases it")
  }

  @Test func `RFC 8967 §4 a resumed life is not challenged, challenges nobody, takes no replay`()
    throws
  {
    let former = try Bench(Signer.parameters())
    let met = Signer(former)
    let challenge = met.multicast(10).challenge
    #expect(met.unicast(11, reply: challenge).isAccepted && met.multicast(12).isAccepted)
    former.run(20)
    let saved = former.node.authenticationRecord(of: former.interface)
    let record = try #require(saved)
    #expect(record.senders.map(\.multicast) == [12] && record.senders.map(\.unicast) == [11])
    let last = try #require(former.sent.last.flatMap { Signer.counter(of: $0) })
    #expect(record.index == last.index && record.sent == last.counter)

    let bench = try Bench(Signer.parameters(), beginning: .resumed, authentication: record)
    let peer = Signer(bench)
    #expect(peer.multicast(12).isDropped && peer.unicast(11).isDropped, "both were received before")
    #expect(peer.multicast(3).isDropped && peer.unicast(10).isDropped, "and perhaps these")
    let next = peer.multicast(13)
    #expect(next.isAccepted && next.challenge == nil)
    #expect(peer.unicast(12).isAccepted)
    bench.run(1)
    let first = try #require(bench.sent.first.flatMap { Signer.counter(of: $0) })
    #expect(first.index == record.index && first.counter == record.sent + 1)
  }

  @Test func `RFC 8967 §4.4 an index is forgotten five minutes after the last accepted packet`()
    throws
  {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    peer.join()
    peer.multicast(1)
    for _ in 0..<29 {
      bench.run(10)
      #expect(peer.multicast(1).isDropped, "what is dropped prolongs nothing")
    }
    #expect(peer.multicast(90).isAccepted)
    // After five minutes without an accepted packet the index is forgotten.
    bench.run(301)
    #expect(peer.multicast(99).isChallenged)
    bench.run(400)
    #expect(bench.authentication?.peers == 0)
  }

  @Test func `RFC 8967 §4.3 nothing is stored or sent for packets with a wrong MAC`() throws {
    let bench = try Bench(Signer.parameters())
    bench.run(10)
    bench.forget()
    // The packets of 10,000 senders are signed with a wrong key, or not signed.
    for i in 0..<10_000 {
      let peer = Signer(bench, UInt64(0x1000 + i), keys: [MACKey(hmacSHA256: [1])])
      #expect(peer.multicast(1, reply: [1], challenge: [2]).isDropped)
      #expect(peer.unicast(1, reply: [1], challenge: [2]).isDropped)
      bench.deliver([42, 2, 0, 8] + helloTLV(1), from: peer.address)
    }
    #expect(bench.neighbourCount == 0 && bench.sent.isEmpty)
    let status = try #require(bench.authentication)
    #expect(status.peers == 0)
    #expect(status.counters.wrongMAC == 20_000 && status.counters.unsigned == 10_000)
    #expect(bench.notices.count == 30_000)
  }

  @Test func `RFC 8967 §4.3 what was changed, misdirected or reflected is dropped`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    peer.join()
    // The same packet is sent to another address, from another address, and with another octet.
    var packet = peer.packet(9, toMulticast: false)
    #expect(peer.deliver(packet, toMulticast: true).isDropped)
    let other = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xC1)
    #expect(peer.deliver(packet, toMulticast: false, from: other).isDropped)
    packet[6] ^= 1
    #expect(peer.deliver(packet, toMulticast: false).isDropped)
    #expect(bench.neighbourCount == 1 && bench.authentication?.counters.wrongMAC == 3)
    // Now the node's own packet comes back to it.
    bench.forget()
    bench.run(8)
    let own = bench.sent.filter { !$0.hellos.isEmpty }
    #expect(!own.isEmpty)
    for packet in own { #expect(peer.deliver(packet.bytes, toMulticast: true).isDropped) }
    let mirrored = peer.deliver(own[0].bytes, toMulticast: true, from: Example.ownAddress)
    #expect(mirrored.isDropped)
    #expect(
      mirrored.notices == [
        .packetDropped(.ownPacket, from: Example.ownAddress, interface: Peer.firstName)
      ])
  }

  @Test func `RFC 8967 §4.3 §6.1 a packet without PC is dropped, and MACs in the body are none`()
    throws
  {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    let nonce = try #require(peer.multicast(1).challenge)
    // The answer is right, but the packet has no packet counter.
    let body = helloTLV(1) + [19, UInt8(nonce.count)] + nonce
    let packet = [42, 2, 0, UInt8(body.count)] + body
    #expect(peer.deliver(peer.sign(packet, toMulticast: false), toMulticast: false).isDropped)
    #expect(peer.deliver(peer.sign([42, 2, 0, 0], toMulticast: true), toMulticast: true).isDropped)
    #expect(bench.authentication?.counters.noCounter == 2 && bench.neighbourCount == 0)
    #expect(peer.unicast(2, reply: nonce).isAccepted)
    var inside = peer.packet(3, toMulticast: true)
    inside[3] = UInt8(inside.count - 4)
    #expect(peer.deliver(inside, toMulticast: true).isDropped)
    #expect(bench.authentication?.counters.unsigned == 1)
  }

  @Test func `RFC 9467 §3.2 §3.3 two windows of 128 counters`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    let nonce = peer.multicast(1).challenge
    #expect(peer.unicast(1000, reply: nonce).isAccepted)
    let steps: [(UInt32, Bool)] = [
      (1000, false), (999, true), (999, false), (873, true), (872, false), (1001, true),
      (1000, false), (873, false), (1300, true), (1172, false), (1173, true), (1300, false),
      (1236, true), (1237, true), (1236, false), (1363, true), (1236, false), (1237, false),
      (1299, true), (1500, true), (1363, false), (1372, false), (1373, true),
    ]
    for (counter, isAccepted) in steps {
      #expect(peer.multicast(counter).isAccepted == isAccepted, "\(counter)")
    }
    for (counter, isAccepted) in steps {
      #expect(peer.unicast(counter).isAccepted == isAccepted, "\(counter)")
    }
    peer.index = [0xB]
    bench.run(1)
    let another = peer.multicast(1).challenge
    #expect(peer.multicast(1300, reply: another).isAccepted)
    #expect(peer.multicast(1200).isAccepted && peer.unicast(1200).isAccepted)
    #expect(peer.unicast(1300).isDropped && peer.unicast(1172).isDropped)
  }

  @Test func `RFC 9467 §3.2 what was received before the answer is not accepted after it`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    let retraction = peer.packet(5, toMulticast: true) {
      _ = $0.appendWildcardRetraction(seqno: Seqno(1))
    }
    let nonce = peer.deliver(retraction, toMulticast: true).challenge
    #expect(peer.multicast(7).isDropped && peer.unicast(8).isDropped)
    #expect(peer.unicast(9, reply: nonce).isAccepted)
    #expect(peer.deliver(retraction, toMulticast: true).isDropped)
    #expect(peer.multicast(7).isDropped && peer.unicast(8).isDropped)
    #expect(peer.multicast(6).isAccepted, "this one was overtaken")
  }

  @Test func `RFC 8967 §4.3.1.2 §6.2 §4.3 challenges are answered with a limit and nothing else`()
    throws
  {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    peer.join()
    var counter: UInt32 = 10
    for length in [0, 1, 8, 16, 100, 192] {
      bench.run(0.31)
      counter += 1
      let nonce = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
      let result = peer.unicast(counter, challenge: nonce)
      #expect(result.isAccepted && result.replies == [nonce])
      #expect(result.sent.map(\.destination) == [.unicast(peer.address)])
      #expect(result.notices.allSatisfy { if case .tlvIgnored = $0 { false } else { true } })
    }
    // A challenge in a packet to the group is not answered.
    bench.run(1)
    let toGroup = peer.multicast(100, challenge: [1])
    #expect(toGroup.isAccepted && toGroup.sent.isEmpty)
    // Of many challenges only some are answered.
    var replies = 0
    for i in 0..<20 {
      replies += peer.unicast(UInt32(200 + i), challenge: [UInt8(i)]).replies.count
      bench.run(0.05)
    }
    #expect((3...4).contains(replies))
    // A challenge in a replayed packet is not answered. One of an unknown sender is answered.
    bench.run(1)
    #expect(peer.unicast(200, challenge: [1]).isDropped)
    let newcomer = Signer(bench, 0xC1).unicast(1, challenge: [5])
    #expect(newcomer.isChallenged && newcomer.replies == [[5]] && newcomer.sent.count == 1)
    // An index may have no octets, or 32 at most.
    for (number, index) in [(UInt64(0xD1), []), (0xD2, [UInt8](repeating: 3, count: 32))] {
      let other = Signer(bench, number, index: index)
      other.join()
      #expect(other.multicast(3).isAccepted)
    }
    let tooLong = Signer(bench, 0xD3)
    let octets = [UInt8](repeating: 3, count: 33)
    let packet = [42, 2, 0, 39, 17, 37, 0, 0, 0, 1] + octets
    #expect(tooLong.deliver(tooLong.sign(packet, toMulticast: true), toMulticast: true).isDropped)
  }

  @Test
  func `RFC 8967 §4.3.1.1 replays of many senders are remembered and challenged with a limit`()
    throws
  {
    let bench = try Bench(Signer.parameters())
    let peer = Signer(bench)
    peer.join()
    bench.run(5)
    bench.forget()
    for i in 0..<5000 { Signer(bench, UInt64(0x1000 + i)).multicast(1, challenge: [1]) }
    let status = try #require(bench.authentication)
    #expect(status.peers == 65 && bench.neighbourCount == 1)
    #expect(bench.sent.count <= 100 && status.counters.suppressed >= 4900)
    #expect(peer.multicast(10).isAccepted)
    // A sender gets one challenge a second.
    bench.run(10)
    bench.forget()
    var challenges = 0
    let stranger = Signer(bench, 0xC1)
    for i in 0..<100 {
      if stranger.multicast(UInt32(i)).challenge != nil { challenges += 1 }
      bench.run(0.03)
    }
    #expect((3...4).contains(challenges))
  }
}

/// RFC 8967 §4.2: how packets are signed and sent.
@Suite struct `RFC 8967 §4.2 Sending` {
  private func counter(of packet: SentPacket) -> (UInt32, [UInt8])? {
    let found = packet.tlvs.compactMap {
      if case .tlv(.packetCounter(let counter)) = $0 { counter } else { nil }
    }
    guard found.count == 1 else { return nil }
    return (found[0].counter, found[0].index.octets(in: packet.bytes.span))
  }

  @Test func `RFC 8967 §4.2 every packet has one PC, which grows; then the index changes`() throws {
    let bench = try Bench(Signer.parameters()) { $0.firstPacketCounter = .max - 500 }
    let peer = Signer(bench)
    peer.join()
    for i in 0..<1100 {
      _ = peer.unicast(UInt32(10 + i), challenge: [1])
      bench.run(0.4)
    }
    var indices: [[UInt8]] = []
    var last: UInt32 = .max - 500
    for packet in bench.sent {
      let (number, index) = try #require(counter(of: packet))
      if indices.last != index {
        #expect(indices.isEmpty || (last == .max && number == 1))
        #expect(index.count == 8 && !indices.contains(index))
        indices.append(index)
      } else {
        #expect(number == last + 1)
      }
      last = number
    }
    #expect(bench.sent.count > 1000 && indices.count == 2)
  }

  @Test func `RFC 8967 §3.1 §4.2 one MAC per key, and no packet beyond the MTU`() throws {
    let second = Signer.key("b", [9, 9], .blake2s128)
    for probes in [false, true] {
      var parameters = Signer.parameters {
        $0.keys.append(InterfaceKey(key: second))
        $0.keys.append(InterfaceKey(key: Signer.key("c", [8]), signs: false))
      }
      parameters.probesMTU = probes
      let bench = try Bench(parameters, mtu: 1280)
      for i in 0..<300 { bench.offer(Example.prefix("2001:db8:\(String(i, radix: 16))::", 48)) }
      bench.run(30)
      #expect(bench.sent.allSatisfy { $0.bytes.count <= 1232 })
      #expect(bench.sent.contains { $0.bytes.count > 1180 })
      for packet in bench.sent {
        let macs = packet.tlvs.compactMap {
          if case .tlv(.mac(let mac)) = $0 { mac.count } else { nil }
        }
        #expect(macs == [32, 16])
        #expect(!probes || packet.hellos.isEmpty || packet.bytes.count == 1232)
        let keys = [MACKey(hmacSHA256: Signer.secret), MACKey(blake2s128: [9, 9])]
        for key in keys { #expect(try verdict(packet, key) == .valid) }
      }
    }
  }

  private func verdict(_ packet: SentPacket, _ key: MACKey) throws -> PacketSeal.Verdict {
    let decoder = try PacketDecoder(
      packet.bytes.span, from: Example.ownAddress, toMulticast: packet.isMulticast)
    let destination: IPAddress =
      if case .unicast(let address) = packet.destination { address } else { Example.group }
    let addresses = PacketAddresses(
      source: Example.ownAddress, sourcePort: 6696, destination: destination,
      destinationPort: 6696)
    return PacketSeal.verify(
      packet.bytes.span, body: decoder.body, trailer: decoder.trailer, keys: [key],
      between: addresses
    ).verdict
  }

  @Test func `a stamp is written before the MAC is made, which covers it`() throws {
    var parameters = Signer.parameters()
    parameters.timestamps = true
    let bench = try Bench(parameters)
    bench.run(5)
    let stamped = bench.sent.filter { $0.timestampOffset != nil }
    #expect(!stamped.isEmpty)
    for packet in stamped {
      let offset = try #require(packet.timestampOffset)
      #expect(packet.bytes[(offset - 2)..<offset] == [3, 4], "the stamp is where it was")
    }
  }
}
