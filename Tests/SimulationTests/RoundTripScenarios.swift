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

  @Test func `fifty nodes with jittering tunnels send next to no triggered updates`() throws {
    let network = Network(seed: 32)
    try network.addHosts(50)
    var links: Set<Int> = []
    for i in 0..<50 {
      for _ in 0..<3 {
        let j = network.chance.below(50)
        guard i != j, links.insert(min(i, j) * 50 + max(i, j)).inserted else { continue }
        // ±30 %.
        var quality = Quality()
        let middle = network.chance.between(5_000, 50_000)
        quality.delay = middle * 7 / 10
        quality.jitter = middle * 6 / 10
        network.connect([i, j], .tunnel(penalty: 150), quality: quality)
      }
    }
    network.startAll(within: 4)
    try network.run(seconds: 180)
    // A periodic update holds all fifty prefixes in one packet.
    var triggered = 0
    network.onTransmit = { host, port, _, bytes in
      let updates = countUpdates(bytes)
      if updates < 50, port == 0 { triggered += updates }
    }
    try network.run(seconds: 300)
    // Less than one per node and minute.
    #expect(triggered < 50 * 5, "\(triggered)")
  }
}

/// Update TLVs (type 8) in a packet's body.
func countUpdates(_ packet: [UInt8]) -> Int {
  var count = 0
  var i = 4
  while i + 1 < packet.count {
    if packet[i] == 8 { count += 1 }
    i += packet[i] == 0 ? 1 : 2 + Int(packet[i + 1])
  }
  return count
}
