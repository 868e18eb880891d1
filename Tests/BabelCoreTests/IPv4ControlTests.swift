import BabelCore
import BabelWire
import Testing

/// Packets over IPv4 (RFC 8966 §4).
@Suite struct `§4 Control traffic over IPv4` {
  private static let own = IPAddress(ipv4: 0x0A4D_0001)
  private static let peer = IPAddress(ipv4: 0x0A4D_0002)
  private static let subnet = IPv4Subnet(
    address: own, prefix: Example.prefix("10.77.0.0", 24))
  private static let prefix4 = Example.prefix("10.92.0.0", 16)
  private static let linkLocal = IPAddress(high: 0xFE80_0000_0000_0000, low: 0x77)

  private func bench(linkLocal: IPAddress? = nil, mtu: UInt32 = 1500) throws -> Bench {
    var parameters = InterfaceParameters()
    parameters.control = .ipv4
    let bench = try Bench(parameters)
    bench.setLink(
      bench.interface, isUp: true, mtu: mtu, ipv4: Self.own, linkLocal: linkLocal,
      subnets: [Self.subnet])
    return bench
  }

  private func send(
    _ bench: Bench, from source: IPAddress = peer, _ fill: (inout PacketEncoder) -> Void
  ) {
    var encoder = PacketEncoder(limit: 1472)
    fill(&encoder)
    bench.deliver(encoder.bytes, from: source)
  }

  private func meet(_ bench: Bench) {
    for i in 0..<3 {
      send(bench) {
        _ = $0.append(
          Hello(
            isUnicast: false, seqno: Seqno(UInt16(i)), interval: Interval(centiseconds: 400),
            transmitTimestamp: nil))
        _ = $0.append(
          IHU(
            address: Self.own, rxcost: Metric(96), interval: Interval(centiseconds: 1200),
            timestamps: nil))
      }
      bench.run(4)
    }
  }

  private func announce(_ bench: Bench, _ prefix: Prefix, _ nextHop: UpdateNextHop) {
    send(bench) {
      _ = $0.append(
        OutgoingUpdate(
          destination: prefix, source: .any(prefix.family), routerID: Example.origin,
          seqno: Seqno(10), metric: Metric(5), interval: Interval(centiseconds: 1600),
          nextHop: nextHop))
    }
  }

  @Test func `§4 only addresses of the subnet are neighbours`() throws {
    let bench = try bench(linkLocal: Self.linkLocal)
    for text in ["10.78.0.2", "192.0.2.1", "fe80::b1", "224.0.0.111"] {
      let source = try #require(IPAddress(text))
      bench.deliver([42, 2, 0, 8] + helloTLV(1), from: source)
      #expect(
        bench.notices.contains(
          .packetDropped(.foreignSource, from: source, interface: InterfaceName("p0")!)))
    }
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: Self.own)
    #expect(bench.neighbourCount == 0)
    bench.deliver([42, 2, 0, 8] + helloTLV(1), from: Self.peer)
    #expect(bench.neighbourCount == 1)
  }

  @Test func `the interface is up with an IPv4 address, and down without`() throws {
    let bench = try bench()
    #expect(bench.node.interfaces().first?.isUp == true)
    bench.setLink(bench.interface, isUp: true, linkLocal: Self.linkLocal)
    #expect(bench.node.interfaces().first?.isUp == false)
  }

  @Test func `§4 packets leave room for the headers of IPv4`() throws {
    let bench = try bench(mtu: 1280)
    for i in 0..<300 { bench.offer(Example.prefix("10.\(i >> 8).\(i & 255).0", 24)) }
    bench.run(20)
    let largest = bench.sent.map(\.bytes.count).max() ?? 0
    #expect(largest <= 1252 && largest > 1232)
  }

  @Test func `IPv4 routes go through the neighbour, IPv6 routes need a next hop`() throws {
    let bench = try bench(linkLocal: Self.linkLocal)
    meet(bench)
    announce(bench, Self.prefix4, .packetSource)
    #expect(bench.selected(Self.prefix4)?.nextHop == Self.peer)
    announce(bench, Example.x, .packetSource)
    #expect(bench.routes(Example.x).isEmpty)
    let gateway = IPAddress(high: 0xFE80_0000_0000_0000, low: 0x78)
    announce(bench, Example.y, .named(gateway))
    #expect(bench.selected(Example.y)?.nextHop == gateway)
  }

  @Test func `IPv6 prefixes are announced with our address, or not at all`() throws {
    let bench = try bench(linkLocal: Self.linkLocal)
    bench.offer(Example.own)
    bench.offer(Self.prefix4)
    meet(bench)
    let updates = bench.updates(Example.own)
    #expect(!updates.isEmpty && updates.allSatisfy { $0.update.nextHop == Self.linkLocal })
    #expect(bench.updates(Self.prefix4).allSatisfy { $0.update.nextHop == Self.own })
    let alone = try self.bench()
    alone.offer(Example.own)
    alone.offer(Self.prefix4)
    meet(alone)
    #expect(alone.updates(Example.own).isEmpty)
    #expect(!alone.updates(Self.prefix4).isEmpty)
  }

  @Test func `a listed neighbour may be outside the subnet`() throws {
    var parameters = InterfaceParameters()
    parameters.control = .ipv4
    let far = try #require(IPAddress("192.0.2.1"))
    parameters.unicastNeighbours = [far]
    let bench = try Bench(parameters)
    bench.setLink(
      bench.interface, isUp: true, ipv4: Self.own, linkLocal: nil, subnets: [Self.subnet])
    bench.deliver([42, 2, 0, 8] + helloTLV(1, flags: 0x8000), from: far)
    #expect(bench.neighbourCount == 1)
    bench.run(5)
    #expect(bench.sent.contains { $0.destination == .unicast(far) && !$0.hellos.isEmpty })
  }
}
