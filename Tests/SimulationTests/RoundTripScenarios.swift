import BabelCore
import BabelWire
import Testing

/// Tunnels whose round-trip time counts (RFC 9616).
@Suite struct `RFC 9616 Delay-based routing` {
  /// 0–1 slow, 0–2 and 2–1 fast.
  static func triangle(slow: Int64, fast: Int64) throws -> Network {
    let network = Network(seed: 31)
    try network.addHosts(3)
    for (ends, delay) in [([0, 1], slow), ([0, 2], fast), ([2, 1], fast)] {
      var quality = Quality()
      quality.delay = delay
      quality.jitter = 200
      network.connect(ends, .tunnel(penalty: 150, hello: 1000), quality: quality)
    }
    return network
  }

  @Test func `two fast tunnels are preferred to a slow one within ten seconds`() throws {
    let network = try Self.triangle(slow: 50_000, fast: 5_000)
    network.startAll()
    try network.run(seconds: 10)
    #expect(network.forwards(0, prefix(of: 1), to: 2))
    #expect(network.forwards(1, prefix(of: 0), to: 2))
  }

  @Test func `traffic follows a change of delays within thirty seconds`() throws {
    let network = try Self.triangle(slow: 50_000, fast: 5_000)
    network.startAll()
    try network.run(seconds: 60)
    for (segment, delay) in [(0, Int64(5_000)), (1, 50_000), (2, 50_000)] {
      var quality = Quality()
      quality.delay = delay
      network.setQuality(segment: segment, quality)
    }
    try network.run(seconds: 30)
    #expect(network.forwards(0, prefix(of: 1), to: 1))
    #expect(network.forwards(1, prefix(of: 0), to: 0))
  }

  @Test func `a quiet mesh with jittering tunnels sends next to no triggered updates`() throws {
    let network = Network(seed: 32)
    try network.addHosts(20)
    var links: Set<Int> = []
    for i in 0..<20 {
      for _ in 0..<3 {
        let j = network.chance.below(20)
        guard i != j, links.insert(min(i, j) * 20 + max(i, j)).inserted else { continue }
        var quality = Quality()
        quality.delay = network.chance.between(5_000, 50_000)
        quality.jitter = quality.delay * 6 / 10
        network.connect([i, j], .tunnel(penalty: 150), quality: quality)
      }
    }
    network.startAll(within: 4)
    try network.run(seconds: 120)
    let before = network.statistics.forwardingChanges
    try network.run(seconds: 300)
    // 20 nodes, 5 minutes: less than one change of a route per node and minute.
    #expect(network.statistics.forwardingChanges - before < 100)
  }
}
