import BabelWire
import TestSupport
import Testing

private let aa = RouterID(0x0200_0000_0000_00AA)

private func route(
  _ destination: String, source: String? = nil, routerID: RouterID = aa, metric: UInt16 = 0,
  via nextHop: UpdateNextHop = .packetSource
) -> OutgoingUpdate {
  let prefix = Prefix.of(destination)
  return OutgoingUpdate(
    destination: prefix, source: source.map { .of($0) } ?? .any(prefix.family),
    routerID: routerID, seqno: Seqno(1), metric: Metric(metric), interval: .cs(1600),
    nextHop: nextHop)
}

private func encoded(_ updates: OutgoingUpdate...) -> [String] {
  var encoder = PacketEncoder(limit: 1452)
  return updates.map {
    let start = encoder.count
    return encoder.append($0) ? hex(encoder.bytes[start...]) : "does not fit"
  }
}

@Suite struct `Encoding updates` {
  private let routerIDHex = "060a000002000000000000aa"
  private let gateway = UpdateNextHop.ipv4(.of("192.0.2.1"))

  @Test func `the router-id is written once, prefixes are compressed`() {
    #expect(
      encoded(route("2001:db8:1:2::/64"), route("2001:db8:1:3::/64"), route("2001:db8:1::/48"))
        == [
          routerIDHex + "08120280400006400001000020010db800010002",
          "080b02804007064000010000" + "03", "080a02803006064000010000",
        ])
  }

  @Test func `a host route that holds the router-id sets it`() {
    let host = route("2001:db8::200:0:0:aa/128")
    #expect(encoded(host)[0].hasPrefix("081a02c0800006400001000020010db800000000"))
    #expect(encoded(route("::/0"), host)[1].hasPrefix("081a0280"))
  }

  @Test func `a host route never sets the router-id with IPv4`() {
    let host = route("10.9.8.7/32", routerID: RouterID(0x0A09_0807), via: .ipv6)
    #expect(encoded(host)[0].hasPrefix("060a0000000000000a090807080e0480"))
  }

  @Test func `an IPv4 next hop is written when it changes`() {
    let other = UpdateNextHop.ipv4(.of("192.0.2.2"))
    #expect(
      encoded(
        route("10.0.0.0/8", via: gateway), route("10.1.0.0/16", via: gateway),
        route("10.2.0.0/16", via: other))
        == [
          routerIDHex + "07060100c0000201" + "080b0180080006400001000" + "00a",
          "080b0180100106400001" + "000001", "07060100c0000202" + "080b018010010640000100" + "0002",
        ])
  }

  @Test func `over IPv4 the packet source is the next hop, unless one was named`() {
    #expect(
      encoded(route("10.0.0.0/8"), route("10.1.0.0/16", via: gateway), route("11.0.0.0/8"))
        .map { $0.prefix(4) } == ["060a", "0706", "does"])
  }

  @Test func `AE 4 has a default prefix of its own and no Next Hop TLV`() {
    #expect(
      encoded(
        route("10.0.0.0/8", via: gateway), route("10.1.0.0/16", via: .ipv6),
        route("10.2.0.0/16", via: .ipv6))[1...]
        == ["080c048010000640000100000a01", "080b04801001064000010000" + "02"])
  }

  @Test func `a retraction needs nothing before it and disturbs nothing`() {
    let texts = encoded(
      route("10.0.0.0/8", metric: 65535, via: gateway),
      route("2001:db8::200:0:0:aa/128", metric: 65535), route("::/0"))
    #expect(texts[0] == "080b01800800064000" + "01ffff0a")
    #expect(texts[1].hasPrefix("081a0280"))
    #expect(texts[2].hasPrefix(routerIDHex))
  }

  @Test func `the source prefix follows, never compressed`() {
    let text = encoded(route("::/0", source: "2001:db8:aa::/48"))[0]
    #expect(text == routerIDHex + "08130280000006400001000080073020010db800aa")
  }
}

@Suite struct `Packets and their limits` {
  @Test(arguments: [0, 512, 1232, 1452, 65535, 1_000_000])
  func `no packet exceeds the limit, §4`(_ limit: Int) {
    var dice = Chance(seed: UInt64(limit))
    let updates = (0..<9000).map { _ in dice.update() }
    let sizes = packets(of: updates, limit: limit).map { $0.count }
    let effective = min(max(limit, 512), 65535)
    #expect(sizes.allSatisfy { $0 <= effective })
    // §4: nothing but the last packet leaves room for the largest update.
    #expect(sizes.dropLast().allSatisfy { $0 > effective - 87 })
  }

  @Test func `what does not fit changes nothing`() {
    var encoder = PacketEncoder(limit: 512, trailerReserve: 34, bodyReserve: 14)
    var dice = Chance(seed: 7)
    var update = dice.update()
    while encoder.append(update) { update = dice.update() }
    #expect(encoder.count <= 464)
    let before = encoder.bytes
    expectTrue(!encoder.append(update) && encoder.bytes == before)
    while encoder.append(Acknowledgment(opaque: 1)) {}
    #expect((461...464).contains(encoder.count))
    expectTrue(!encoder.append(FaultRow.hello) && encoder.timestampOffset == nil)
    expectTrue(!encoder.appendWildcardRequest() || encoder.count <= 464)
    #expect((try? decodeAll(encoder.bytes))?.isEmpty == false)
  }

  @Test func `reserves leave room for any TLV`() {
    var encoder = PacketEncoder(limit: 512, trailerReserve: 5000, bodyReserve: -1)
    let update = OutgoingUpdate(
      destination: .of("10.1.2.3/32"), source: .of("10.1.2.4/32"), routerID: aa,
      seqno: Seqno(1), metric: .zero, interval: .cs(1), nextHop: .ipv4(.of("192.0.2.1")))
    expectTrue(encoder.append(update))
  }

  @Test func `an empty packet is a header, §4.2`() throws {
    var encoder = PacketEncoder(limit: 512)
    #expect(encoder.isEmpty && encoder.bytes == [42, 2, 0, 0] && encoder.count == 4)
    expectTrue(encoder.append(FaultRow.hello) && !encoder.isEmpty)
    encoder.reset()
    #expect(encoder.isEmpty && encoder.bytes == [42, 2, 0, 0])
    #expect(try decodeAll(encoder.bytes) == [])
  }

  @Test(arguments: [0, 12, 13, 14, 268, 269, 270, 271, 272, 511, 512, 1000])
  func `padding fills the packet exactly and counts as trailer`(_ size: Int) throws {
    var encoder = PacketEncoder(limit: 512)
    expectTrue(encoder.append(FaultRow.hello))
    encoder.padTrailer(to: size)
    #expect(encoder.count == max(12, min(size, 512)))
    #expect(Array(encoder.bytes[2..<4]) == [0, 8])
    expectTrue(!encoder.append(FaultRow.hello))
    let found = try decodeAll(encoder.bytes)
    #expect(found.first == .tlv(.hello(FaultRow.hello)))
    for item in found.dropFirst() {
      switch item {
      case .tlv(.pad1), .tlv(.padN): break
      default: Issue.record("\(item) in the padding")
      }
    }
    encoder.reset()
    expectTrue(encoder.append(FaultRow.hello))
  }
}

@Suite struct `Round trips` {
  @Test(arguments: UInt64(1)...200)
  func `random routes survive, each packet decoded alone`(_ seed: UInt64) throws {
    var dice = Chance(seed: seed)
    var updates = (0..<300).map { _ in dice.update() }
    if dice.oneIn(2) { updates.sort { $0.destination < $1.destination } }
    let packets = packets(of: updates, limit: dice.oneIn(2) ? 512 : 1452)
    var decoded: [Update] = []
    for packet in packets {
      for case .tlv(.update(let update)) in try decodeAll(packet) { decoded.append(update) }
      let ignored = try decodeAll(packet).filter { if case .ignored = $0 { true } else { false } }
      #expect(ignored.isEmpty)
    }
    #expect(decoded.count == updates.count)
    for (sent, found) in zip(updates, decoded) { expectSame(sent, found) }
  }

  private func expectSame(_ sent: OutgoingUpdate, _ found: Update) {
    #expect(found.destination == sent.destination && found.source == sent.source)
    #expect(found.seqno == sent.seqno && found.metric == sent.metric)
    #expect(found.interval == sent.interval)
    guard !sent.metric.isInfinite else { return }
    #expect(found.routerID == sent.routerID)
    switch sent.nextHop {
    case .ipv4(let address): #expect(found.encoding == .ipv4 && found.nextHop == address)
    case .ipv6: #expect(found.encoding == .ipv4ViaIPv6 && found.nextHop == .neighbour)
    case .packetSource: #expect(found.encoding == .ipv6 && found.nextHop == .neighbour)
    case .named(let address): #expect(found.encoding == .ipv6 && found.nextHop == address)
    }
  }

  @Test func `an IPv6 next hop is named once in a packet, and again in the next`() throws {
    let gateway = IPAddress(high: 0xFE80_0000_0000_0000, low: 9)
    let updates = (0..<40).map { i -> OutgoingUpdate in
      let address = IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(i) << 16, low: UInt64(i) << 40)
      return OutgoingUpdate(
        destination: Prefix(mapped: address, mappedLength: 128), source: .any(.ipv6),
        routerID: aa, seqno: Seqno(1), metric: Metric(96), interval: .cs(1600),
        nextHop: .named(gateway))
    }
    let packets = packets(of: updates, limit: 512)
    #expect(packets.count > 1)
    for packet in packets {
      let tlvs = try decodeAll(packet)
      let named = tlvs.filter { if case .tlv(.nextHop) = $0 { true } else { false } }
      #expect(named.count == 1)
      for case .tlv(.update(let update)) in tlvs { #expect(update.nextHop == gateway) }
    }
  }

  @Test func `a sorted dump takes little more than 13 octets per route`() {
    let updates = (0..<10_000).map { i -> OutgoingUpdate in
      let address = IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(i), low: 0)
      return OutgoingUpdate(
        destination: Prefix(mapped: address, mappedLength: 64), source: .any(.ipv6),
        routerID: aa, seqno: Seqno(1), metric: Metric(96), interval: .cs(1600),
        nextHop: .packetSource)
    }
    let octets = packets(of: updates, limit: 1452).reduce(0) { $0 + $1.count }
    #expect(octets < 133_000)
  }
}
