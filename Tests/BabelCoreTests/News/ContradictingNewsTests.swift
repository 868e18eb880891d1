import BabelCore
import BabelWire
import Testing

/// A neighbour announces something that we do not accept. It says all the same that the neighbour's
/// former route is gone.
@Suite struct `News that contradict a route` {
  /// An `in` chain.
  private static func input(_ rules: [FilterRule]) -> FilterSet {
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    filters.input.rules = rules
    return filters
  }

  private static func rule(of router: RouterID, isAllowed: Bool) -> FilterRule {
    var rule = FilterRule()
    rule.routerID = router
    if !isAllowed { rule.metric = .infinity }
    return rule
  }

  private static let denyAll: FilterRule = {
    var rule = FilterRule()
    rule.metric = .infinity
    return rule
  }()

  /// The second rule does not name the router-id that `retract` sends.
  static let chains: [[FilterRule]] = [
    [rule(of: Example.origin, isAllowed: true), denyAll],
    [rule(of: Example.otherOrigin, isAllowed: false)],
  ]

  @Test(arguments: Self.chains)
  func `a retraction counts whatever filters say of its router-id`(chain: [FilterRule]) throws {
    let bench = try Bench(filters: Self.input(chain))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(1)
    #expect(bench.selected(Example.x) != nil)
    peer.announce(Example.x, metric: 65535, from: Example.otherOrigin)
    bench.run(0)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `a neighbour that now routes to us is not used any more`() throws {
    let bench = try Bench()
    bench.offer(Example.x)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(1)
    peer.announce(Example.x, seqno: 100, metric: 96, from: Example.ownRouterID)
    bench.run(0)
    bench.withdraw(Example.x)
    bench.run(0.01)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test(arguments: Self.chains)
  func `an Update that filters deny ends the route before it`(chain: [FilterRule]) throws {
    let bench = try Bench(filters: Self.input(chain))
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(1)
    peer.announce(Example.x, metric: 0, from: Example.otherOrigin)
    bench.run(0)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.route(Example.x, peer) == nil)
    #expect(bench.denied(Example.x).map { $0.reason } == [.deniedByFilter])
    peer.announce(Example.x, seqno: 11, metric: 0)
    bench.run(0)
    #expect(bench.selected(Example.x) != nil)
  }

  @Test func `a next hop that leads to us ends the route before it`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(1)
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: Example.x, source: .any(.ipv6), routerID: Example.origin,
          seqno: Seqno(10), metric: Metric(0), interval: Interval(centiseconds: 1600),
          nextHop: .named(Example.ownAddress)))
    }
    bench.run(0)
    #expect(bench.selected(Example.x) == nil)
  }

  @Test func `a next hop that the kernel cannot take ends the route before it`() throws {
    let bench = try Bench { $0.supportsV4ViaV6 = false }
    let peer = bench.peer(0xB1)
    let prefix = Example.prefix("10.7.0.0", 16)
    let gateway = try #require(IPAddress("10.0.0.9"))
    for nextHop: UpdateNextHop in [.ipv4(gateway), .ipv6] {
      peer.send {
        _ = $0.append(
          OutgoingUpdate(
            destination: prefix, source: .any(.ipv4), routerID: Example.origin,
            seqno: Seqno(10), metric: Metric(0), interval: Interval(centiseconds: 1600),
            nextHop: nextHop))
      }
      bench.run(0)
      #expect((bench.selected(prefix) != nil) == (nextHop == .ipv4(gateway)))
    }
  }

  @Test func `an address that becomes ours is not routed to a neighbour any more`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let address = Example.prefix("2001:db8:9::1", 128)
    peer.announce(address, metric: 0)
    bench.run(1)
    #expect(bench.selected(address) != nil)
    let offer = KernelOffer(
      destination: address, source: .any(.ipv6), kernelProtocol: nil, interface: nil, table: 254)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    bench.run(0)
    #expect(bench.selected(address) == nil)
    // What the neighbour announces meanwhile counts when the address goes again.
    peer.retract(address)
    bench.input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
    bench.run(0)
    #expect(bench.selected(address) == nil)
  }

  @Test func `an address that we do not redistribute is not routed to a neighbour either`() throws {
    var filters = FilterSet()
    filters.redistribute.rules = []
    let bench = try Bench(filters: filters)
    let peer = bench.peer(0xB1)
    let address = Example.prefix("2001:db8:9::1", 128)
    peer.announce(address, metric: 0)
    bench.run(1)
    let offer = KernelOffer(
      destination: address, source: .any(.ipv6), kernelProtocol: nil, interface: nil, table: 254)
    bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    bench.run(0)
    #expect(bench.selected(address) == nil)
    bench.input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
    bench.run(0)
    #expect(bench.selected(address) != nil)
  }
}

/// An `out` filter that names router-ids can begin to deny what it let through.
@Suite struct `Announcements that a filter begins to deny` {
  private static func bench(
    denying router: RouterID, _ parameters: InterfaceParameters = InterfaceParameters()
  ) throws -> Bench {
    var deny = FilterRule()
    deny.routerID = router
    deny.metric = .infinity
    var filters = FilterSet()
    filters.output.rules = [deny]
    return try Bench(parameters, filters: filters)
  }

  @Test func `neighbours that were told of the prefix are told that it is gone`() throws {
    let bench = try Self.bench(denying: Example.otherOrigin)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(5)
    bench.forget()
    let changed = bench.seconds
    peer.announce(Example.x, metric: 0, from: Example.otherOrigin)
    bench.run(5)
    let told = bench.updates(Example.x)
    #expect(told.allSatisfy { $0.update.metric.isInfinite })
    let delay = try #require(told.first).seconds - changed
    #expect(delay <= 0.2)
    // Changes of the metric are not told either, because they would help nobody.
    #expect(told.count <= 3)
    bench.forget()
    for metric in [400, 900, 1600] as [UInt16] {
      peer.announce(Example.x, metric: metric, from: Example.otherOrigin)
      bench.run(0.5)
    }
    #expect(bench.updates(Example.x).count <= 1)
  }

  @Test func `they are told again when the filter lets it through again`() throws {
    let bench = try Self.bench(denying: Example.otherOrigin)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(5)
    peer.announce(Example.x, metric: 0, from: Example.otherOrigin)
    bench.run(5)
    bench.forget()
    peer.announce(Example.x, seqno: 12, metric: 0)
    bench.run(0.2)
    #expect(bench.updates(Example.x).contains { !$0.update.metric.isInfinite })
  }

  @Test func `a request for what is denied is answered`() throws {
    let bench = try Self.bench(denying: Example.origin)
    let peer = bench.peer(0xB1)
    let reader = bench.peer(0xB2)
    peer.announce(Example.x, metric: 0)
    bench.run(5)
    #expect(bench.updates(Example.x).isEmpty)
    reader.request(Example.x)
    bench.run(2)
    #expect(bench.updates(Example.x).map { $0.update.metric } == [.infinity])
  }

  @Test func `who was told nothing is told nothing`() throws {
    let bench = try Self.bench(denying: Example.origin)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(40)
    peer.retract(Example.x)
    bench.run(40)
    #expect(bench.updates(Example.x).isEmpty)
  }

  @Test func `what is ours no longer is retracted though split horizon hides the rest`() throws {
    var parameters = InterfaceParameters()
    parameters.splitHorizon = true
    let bench = try Bench(parameters)
    bench.offer(Example.x)
    let peer = bench.peer(0xB1)
    bench.run(30)
    let delay = bench.retraction(of: Example.x, within: 20) {
      bench.withdraw(Example.x)
      peer.announce(Example.x, metric: 0)
    }
    #expect(try #require(delay) <= 0.2)
    // When that one is lost, too, neighbours know it already.
    bench.forget()
    peer.retract(Example.x)
    bench.run(0.3)
    #expect(bench.updates(Example.x).isEmpty)
    #expect(bench.target(Example.x) == .unreachable)
  }
}
