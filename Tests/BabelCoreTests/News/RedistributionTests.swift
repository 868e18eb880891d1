import BabelCore
import BabelWire
import Testing

/// When what we redistribute changes, only the difference is announced.
@Suite struct `§3.7 Changed redistribution` {
  private static func chain(_ rules: (UInt8, UInt16)...) -> FilterChain {
    var chain = FilterChain()
    for (number, metric) in rules {
      var rule = FilterRule()
      rule.origin = .kernelProtocol(number)
      rule.metric = Metric(metric)
      chain.rules.append(rule)
    }
    return chain
  }

  private static func bench(_ chain: FilterChain) throws -> Bench {
    var filters = FilterSet()
    filters.redistribute = chain
    return try Bench(filters: filters)
  }

  private static func offer(_ bench: Bench, _ number: UInt8, _ prefix: Prefix = Example.own) {
    let offer = KernelOffer(
      destination: prefix, source: .any(prefix.family), kernelProtocol: number, interface: nil,
      table: 254)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
  }

  private static func set(_ bench: Bench, _ chain: FilterChain) {
    bench.input { $0.setRedistribution(chain, at: $1, into: &$2) }
  }

  private static func events(_ bench: Bench) -> [TableEvent] {
    bench.notices.compactMap { if case .originated(let event, _) = $0 { event } else { nil } }
  }

  @Test func `another metric is told as one, without a loss`() throws {
    let bench = try Self.bench(Self.chain((4, 0)))
    Self.offer(bench, 4)
    bench.run(30)
    bench.forget()
    Self.set(bench, Self.chain((4, 100)))
    bench.run(2)
    #expect(bench.updates(Example.own).map { $0.update.metric } == [Metric(100)])
    #expect(Self.events(bench) == [.change])
  }

  @Test func `a prefix that another route offers for the same metric does not change`() throws {
    let bench = try Self.bench(Self.chain((4, 0), (5, 100)))
    Self.offer(bench, 4)
    Self.offer(bench, 5)
    bench.run(30)
    bench.forget()
    Self.set(bench, Self.chain((4, 100), (5, 0)))
    bench.run(2)
    #expect(bench.updates(Example.own).isEmpty)
    #expect(Self.events(bench).isEmpty)
    // The routes are the same as before, but their metrics have another order.
    Self.set(bench, Self.chain((5, 0)))
    bench.run(2)
    #expect(Self.events(bench).isEmpty)
    Self.set(bench, Self.chain())
    bench.run(0.2)
    #expect(bench.updates(Example.own).map { $0.update.metric } == [.infinity])
    #expect(Self.events(bench) == [.flush])
  }

  @Test func `what a list has yet to name is not confirmed by another rule`() throws {
    let bench = try Self.bench(Self.chain((4, 0)))
    Self.offer(bench, 4)
    bench.input { node, _, _ in node.kernelSnapshotBegins() }
    Self.set(bench, Self.chain((4, 100)))
    #expect(bench.node.unconfirmedOffers().count == 1)
  }

  @Test func `a prefix moves to another source prefix`() throws {
    let subnet = Example.prefix("2001:db8:5::", 48)
    let bench = try Self.bench(Self.chain((4, 0)))
    Self.offer(bench, 4)
    bench.run(30)
    bench.forget()
    var chain = Self.chain((4, 0))
    chain.rules[0].sourcePrefix = subnet
    Self.set(bench, chain)
    bench.run(0.2)
    #expect(bench.node.originatedPrefixes().map { $0.source } == [subnet])
    let told = bench.updates(Example.own).map { $0.update }
    #expect(told.contains { $0.source.isDefault && $0.metric.isInfinite })
    #expect(told.contains { $0.source == subnet && !$0.metric.isInfinite })
    #expect(told.count == 2)
  }

  @Test func `addresses stay our own while rules change`() throws {
    let address = Example.prefix("2001:db8:9::1", 128)
    var all = FilterChain()
    all.rules = [FilterRule()]
    let bench = try Self.bench(all)
    let offer = KernelOffer(
      destination: address, source: .any(.ipv6), kernelProtocol: nil, interface: nil, table: 254)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    let peer = bench.peer(0xB1)
    Self.set(bench, Self.chain())
    #expect(bench.node.originatedPrefixes().isEmpty)
    peer.announce(address, metric: 0)
    #expect(bench.routes(address).isEmpty)
    Self.set(bench, all)
    #expect(bench.node.originatedPrefixes().map { $0.destination } == [address])
  }

  @Test func `an own address rules its source-specific routes too`() throws {
    let address = Example.prefix("2001:db8:9::1", 128)
    let subnet = Example.prefix("2001:db8:5::", 48)
    let bench = try Self.bench(Self.chain())
    let peer = bench.peer(0xB1)
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: address, source: subnet, routerID: Example.origin, seqno: Seqno(10),
          metric: Metric(0), interval: Interval(centiseconds: 6000), nextHop: .packetSource))
    }
    bench.run(1)
    #expect(bench.selected(address) != nil)
    let offer = KernelOffer(
      destination: address, source: .any(.ipv6), kernelProtocol: nil, interface: nil, table: 254)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    #expect(bench.selected(address) == nil)
    bench.input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
    #expect(bench.selected(address) != nil)
  }
}
