import BabelWire
import Testing

@testable import BabelCore

private func carrying() -> InterfaceParameters {
  var parameters = InterfaceParameters()
  parameters.pathAttributes = true
  return parameters
}

extension Peer {
  /// Announces a prefix with the attributes of its path.
  func announce(_ prefix: Prefix, metric: UInt16, seqno: UInt16 = 10, _ attributes: PathAttributes)
  {
    send {
      _ = $0.append(
        OutgoingUpdate(
          destination: prefix, source: .any(prefix.family), routerID: Example.origin,
          seqno: Seqno(seqno), metric: Metric(metric), interval: Interval(centiseconds: 1600),
          nextHop: .packetSource, attributes: attributes))
    }
  }
}

@Suite struct `Prices and round-trip times of paths` {
  /// A node with two neighbours that announce x. The route of the first has the smaller metric,
  /// that of the second the lower price.
  private func choosing(
    _ better: UInt32, _ cheaper: UInt32, factor: UInt32, fee: UInt32 = 0,
    _ parameters: InterfaceParameters = carrying()
  ) throws -> IPAddress? {
    let bench = try Bench(parameters) {
      $0.pricing = Pricing(fee: fee, metricFactor: factor)
    }
    let first = bench.peer(1)
    let second = bench.peer(2)
    first.announce(Example.x, metric: 100, PathAttributes(price: better))
    second.announce(Example.x, metric: 304, PathAttributes(price: cheaper))
    bench.run(30)
    for peer in [first, second] {
      peer.announce(
        Example.x, metric: peer === first ? 100 : 304,
        PathAttributes(price: peer === first ? better : cheaper))
    }
    bench.run(10)
    return bench.selected(Example.x)?.neighbour
  }

  private let first = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)
  private let second = IPAddress(high: 0xFE80_0000_0000_0000, low: 2)

  @Test func `the metric factor decides between quality and price`() throws {
    // Metrics 196 and 400: 1.03 doublings apart. Prices 100 and 20: 2.3 doublings.
    #expect(try choosing(100, 20, factor: 1000) == second)
    #expect(try choosing(100, 20, factor: 1900) == second)
    #expect(try choosing(100, 20, factor: 3000) == first)
    #expect(try choosing(100, 90, factor: 1900) == first)
    #expect(try choosing(100, 90, factor: 0) == second)
  }

  @Test func `our own fee is part of what we pay either way`() throws {
    // 1100 and 1020 are nearly the same.
    #expect(try choosing(100, 20, factor: 1000, fee: 1000) == first)
  }

  @Test func `prices decide nothing where no interface carries them`() throws {
    #expect(try choosing(100, 1, factor: 0, InterfaceParameters()) == first)
  }

  @Test func `a path for nothing is not better than any other whatever its quality`() throws {
    #expect(try choosing(0, 0, factor: 1900) == first)
    #expect(try choosing(1, 0, factor: 1900) == first)
  }

  @Test func `our fee is added and round-trip times are summed on the way`() throws {
    var parameters = carrying()
    parameters.timestamps = true
    let bench = try Bench(parameters) { $0.pricing = Pricing(fee: 7) }
    let peer = bench.peer(1)
    bench.offer(Example.own)
    peer.announce(Example.x, metric: 100, PathAttributes(price: 30, roundTripTime: 5000))
    bench.run(20)
    let mine = try #require(bench.updates(Example.own).last?.update)
    #expect(mine.attributes == PathAttributes(price: 0, roundTripTime: 0))
    let theirs = try #require(bench.updates(Example.x).last?.update)
    #expect(theirs.attributes.price == 37)
    // The peer of the bench sends no timestamps, so the sum is not known.
    #expect(theirs.attributes.roundTripTime == nil)
    let status = try #require(bench.selected(Example.x))
    #expect(status.price == 30)
    #expect(status.pathRoundTripTime == nil)
  }

  @Test func `a new price or fee is announced at once`() throws {
    let bench = try Bench(carrying())
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 100, PathAttributes(price: 30))
    bench.run(20)
    bench.forget()
    peer.announce(Example.x, metric: 100, PathAttributes(price: 31))
    bench.run(0.3)
    #expect(bench.updates(Example.x).last?.update.attributes.price == 31)
    bench.input { node, now, _ in node.setPricing(Pricing(fee: 5), at: now) }
    bench.run(0.3)
    #expect(bench.updates(Example.x).last?.update.attributes.price == 36)
  }

  @Test func `without the parameter nothing is told, and nothing is taken`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 100, PathAttributes(price: 30, roundTripTime: 5))
    bench.run(20)
    #expect(bench.selected(Example.x)?.price == nil)
    #expect(bench.updates(Example.x).allSatisfy { $0.update.attributes.isEmpty })
  }

  @Test func `an interface in Althea's format, another one in the standard's`() throws {
    var althea = InterfaceParameters()
    althea.wireFormat = .althea
    let bench = try Bench(carrying()) { $0.pricing = Pricing(fee: 1) }
    let other = try bench.addInterface("p1", althea)
    let peer = bench.peer(1)
    _ = bench.peer(2, on: other)
    peer.announce(Example.x, metric: 100, PathAttributes(price: 30))
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: Example.y, source: Example.x, routerID: Example.origin, seqno: Seqno(1),
          metric: Metric(1), interval: Interval(centiseconds: 1600), nextHop: .packetSource))
    }
    bench.run(20)
    let packets = bench.sent.filter { $0.interface == other }
    var found: [Update] = []
    for packet in packets {
      var decoder = try PacketDecoder(
        packet.bytes.span, from: Example.ownAddress, toMulticast: true, format: .althea)
      while let tlv = decoder.next(in: packet.bytes.span) {
        if case .tlv(.update(let update)) = tlv { found.append(update) }
      }
    }
    #expect(found.last { $0.destination == Example.x }?.attributes.price == 31)
    // The fork misreads source-specific Updates, so none is sent there.
    #expect(!found.contains { $0.destination == Example.y })
  }

  @Test func `the logarithm is right to 16 binary digits`() {
    #expect(PriceRank.log2(1) == 0)
    #expect(PriceRank.log2(2) == 1 << 16)
    #expect(PriceRank.log2(1 << 31) == 31 << 16)
    #expect(PriceRank.log2(3) == 103_872)  // 1.58496 · 65536
    #expect(PriceRank.log2(10) == 217_705)
    #expect(PriceRank.log2(.max) == 32 * 65536 - 1)
    var last: UInt64 = 0
    for number in 1...UInt32(70_000) {
      let value = PriceRank.log2(number)
      #expect(value >= last)
      last = value
    }
    #expect(PriceRank.rank(price: .max, metric: Metric(65534), factor: .max) > 0)
  }
}
