import BabelCore
import BabelWire
import Testing

@Suite struct `§3.7 What the kernel offers` {
  private let prefix = Example.prefix("10.91.0.0", 24)

  private func offer(metric: UInt32 = 0, typeOfService: UInt8 = 0) -> KernelOffer {
    KernelOffer(
      destination: prefix, source: .any(.ipv4), kernelProtocol: 4, interface: nil, table: 254,
      kernelMetric: metric, typeOfService: typeOfService)
  }

  private func isOriginated(_ bench: Bench) -> Bool {
    bench.node.originatedPrefixes().contains { $0.destination == prefix }
  }

  /// Whether the node knew what to make of it.
  private func remove(_ offer: KernelOffer, _ bench: Bench) -> Bool {
    var isClear = false
    bench.input { isClear = $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
    return isClear
  }

  @Test func `a prefix stays while one of several kernel routes is left`() throws {
    let bench = try Bench()
    let offers = [offer(), offer(metric: 10), offer(typeOfService: 16)]
    for offer in offers { bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) } }
    for offer in offers {
      #expect(isOriginated(bench))
      #expect(remove(offer, bench))
    }
    #expect(!isOriginated(bench))
  }

  @Test func `an unknown route that goes is doubtful while others have its prefix`() throws {
    let bench = try Bench()
    let (one, other) = (offer(), offer(metric: 10))
    #expect(remove(one, bench))
    bench.input { $0.kernelOfferAdded(one, at: $1, into: &$2) }
    #expect(!remove(other, bench))
    #expect(isOriginated(bench))
  }

  @Test func `our own address told back to us is refused only if it is somebody else's`() throws {
    let bench = try Bench()
    let own = Prefix(mapped: prefix.address, mappedLength: 128)
    let local = KernelOffer(
      destination: own, source: .any(.ipv4), kernelProtocol: nil, interface: nil)
    bench.input { $0.kernelOfferAdded(local, at: $1, into: &$2) }
    let peer = bench.peer(0xB1)
    peer.announce(own, metric: 96, from: Example.ownRouterID)
    peer.retract(own)
    #expect(bench.node.counters[.ownAddress] == 0)
    peer.announce(own, metric: 96)
    #expect(bench.node.counters[.ownAddress] == 1)
    #expect(bench.routes(own).isEmpty)
  }

  @Test func `offers that a list does not name stay until they are said to be gone`() throws {
    let bench = try Bench()
    let (one, other) = (offer(), offer(metric: 10))
    for offer in [one, other] { bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) } }
    func unconfirmed() -> Set<KernelOffer> { Set(bench.node.unconfirmedOffers()) }
    func isUnconfirmed(_ offer: KernelOffer) -> Bool { bench.node.isUnconfirmed(offer) }
    #expect(unconfirmed() == [])
    bench.input { node, _, _ in node.kernelSnapshotBegins() }
    #expect(unconfirmed() == [one, other])
    bench.input { $0.kernelOfferAdded(one, at: $1, into: &$2) }
    #expect(unconfirmed() == [other])
    #expect(!isUnconfirmed(one) && isUnconfirmed(other))
    #expect(!isUnconfirmed(offer(metric: 20)))
    #expect(remove(other, bench))
    #expect(isOriginated(bench) && unconfirmed() == [])
  }

  @Test func `a refused route is considered again when its place may be free`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    let key = ForwardingKey(destination: Example.x, source: .ipv6Default, table: 254)
    #expect(bench.node.desiredForwarding(key) != .absent)
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    #expect(bench.selected(Example.x) == nil)
    bench.input { $0.forwardingMayWork(Example.own, at: $1, into: &$2) }
    #expect(bench.selected(Example.x) == nil)
    bench.input { $0.forwardingMayWork(Example.x, at: $1, into: &$2) }
    #expect(bench.selected(Example.x) != nil)
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    bench.input { $0.forwardingMayWork(nil, at: $1, into: &$2) }
    #expect(bench.selected(Example.x) != nil)
  }

  @Test func `what the kernel should have is told in slices, holds included`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for prefix in [Example.x, Example.y] { peer.announce(prefix, metric: 10) }
    bench.offer(Example.own)
    bench.run(5)
    peer.retract(Example.x)
    #expect(bench.target(Example.x) == .unreachable)
    var told: [Prefix: ForwardingTarget] = [:]
    var slices = 0
    var position: UInt32? = 0
    while let start = position, slices < 100 {
      slices += 1
      position = bench.node.forEachDesiredForwarding(from: start, limit: 1) {
        told[$0.destination] = $1
      }
    }
    #expect(slices > 1 && position == nil)
    #expect(told == bench.forwarding)
    #expect(bench.node.forEachDesiredForwarding(from: .max) { _, _ in } == nil)
  }
}
