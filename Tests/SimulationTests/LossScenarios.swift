import BabelCore
import BabelWire
import Testing

/// Tunnels on which losses count (`link-quality tunnel`). docs/loss.md says what is promised.
@Suite struct `Losses on tunnels` {
  static let hello: UInt32 = 4000

  static func tunnel(probe: UInt32 = 200_000) -> InterfaceParameters {
    var parameters = InterfaceParameters.tunnel(hello: hello)
    parameters.measuresLoss = true
    parameters.probeInterval = probe
    return parameters
  }

  static func quality(permille: Int) -> Quality {
    var quality = `RFC 9616 Delay-based routing`.quality(10_000, percent: 30)
    quality.lossPermille = permille
    return quality
  }

  /// 0–1 directly, or by 2 for twice the cost. Only the direct tunnel will lose packets.
  static func triangle(seed: UInt64, probe: UInt32 = 200_000) throws -> Network {
    let network = `RFC 9616 Delay-based routing`.network(seed: seed)
    try network.addHosts(3)
    for ends in [[0, 1], [0, 2], [2, 1]] {
      network.connect(ends, tunnel(probe: probe), quality: quality(permille: 0))
    }
    network.startAll()
    try network.run(seconds: 60)
    #expect(goesDirectly(network))
    return network
  }

  static func goesDirectly(_ network: Network) -> Bool {
    network.forwards(0, prefix(of: 1), to: 1) && network.forwards(1, prefix(of: 0), to: 0)
  }

  static func avoidsLosses(_ network: Network) -> Bool {
    network.forwards(0, prefix(of: 1), to: 2) && network.forwards(1, prefix(of: 0), to: 2)
  }

  /// Losses in thousandths each way, and within how many Hellos traffic leaves.
  static let table: [(permille: Int, hellos: Double)] = [(50, 30), (100, 20), (200, 10), (400, 5)]

  @Test(arguments: table.indices)
  func `traffic leaves a link that loses packets, once, and comes back`(row: Int) throws {
    let (permille, hellos) = Self.table[row]
    var (times, returns): ([Double], [Double]) = ([], [])
    for seed in UInt64(1)...20 {
      let network = try Self.triangle(seed: seed)
      var switches = [0, 0]
      network.onForward = { host, change in
        guard host < 2, change.key.destination == prefix(of: 1 - host), change.old != .absent
        else { return }
        switches[host] += 1
      }
      network.setQuality(segment: 0, Self.quality(permille: permille))
      let time = try network.run(
        atMost: hellos * Double(Self.hello) / 1000, until: Self.avoidsLosses)
      #expect(time != nil, "seed \(seed)")
      times.append(time ?? .infinity)
      try network.run(seconds: 600 - (time ?? 0))
      #expect(switches.allSatisfy { $0 <= 1 }, "seed \(seed): \(switches)")
      #expect(Self.avoidsLosses(network), "seed \(seed)")
      network.setQuality(segment: 0, Self.quality(permille: 0))
      try network.run(seconds: 60)
      #expect(Self.avoidsLosses(network), "seed \(seed): what is clean for a minute is not trusted")
      let back = try network.run(atMost: 540, step: 1, until: Self.goesDirectly)
      #expect(back != nil, "seed \(seed)")
      returns.append(back.map { $0 + 60 } ?? .infinity)
      #expect(switches.allSatisfy { $0 <= 2 }, "seed \(seed): \(switches)")
    }
    times.sort()
    returns.sort()
    print(
      "loss \(permille) of 1000: left after \(times[10]) s (median), \(times[19]) s at most; "
        + "back after \(returns[10]) s, \(returns[19]) s at most")
  }

  @Test func `one packet of a hundred lost moves nothing`() throws {
    for seed in UInt64(1)...20 {
      let network = try Self.triangle(seed: seed)
      var changes = 0
      network.onForward = { _, _ in changes += 1 }
      var updates = 0
      // A periodic one holds all three prefixes. Who has missed it may ask for one by unicast.
      network.onTransmit = { _, _, destination, bytes in
        let count = countUpdates(bytes)
        if count < 3, destination == babelGroup { updates += count }
      }
      network.setQuality(segment: 0, Self.quality(permille: 10))
      try network.run(seconds: 1800)
      #expect(changes == 0 && updates == 0, "seed \(seed): \(changes), \(updates)")
    }
  }

  @Test(arguments: [100, 200, 400])
  func `two that agree to measure by default see losses nearly as soon`(permille: Int) throws {
    var times: [Double] = []
    for seed in UInt64(1)...10 {
      let network = `RFC 9616 Delay-based routing`.network(seed: seed)
      try network.addHosts(3)
      let tunnel = InterfaceParameters(
        InterfaceSettings(), type: .tunnel, wirelessHello: Self.hello, wiredHello: Self.hello)
      for ends in [[0, 1], [0, 2], [2, 1]] {
        network.connect(ends, tunnel, quality: Self.quality(permille: 0))
      }
      network.startAll()
      try network.run(seconds: 60)
      network.setQuality(segment: 0, Self.quality(permille: permille))
      let time = try network.run(atMost: 200, until: Self.avoidsLosses)
      #expect(time != nil, "seed \(seed)")
      times.append(time ?? .infinity)
    }
    times.sort()
    print("loss \(permille) of 1000, by default: left after \(times[5]) s, \(times[9]) s at most")
  }

  @Test func `without quick Hellos heavy losses move traffic, only later`() throws {
    for seed in UInt64(1)...10 {
      let network = try Self.triangle(seed: seed, probe: 0)
      network.setQuality(segment: 0, Self.quality(permille: 200))
      let time = try network.run(atMost: 600, step: 1, until: Self.avoidsLosses)
      #expect(time != nil, "seed \(seed)")
    }
  }

  /// What fifty nodes with lossy, jittering tunnels do for ten minutes when nothing else changes.
  struct Unrest {
    /// Updates that no periodic update holds: to the group, and to one neighbour.
    var (triggered, answers) = (0, 0)
    /// Penalties that changed, and links that ceased to be usable.
    var (penalties, failures) = (0, 0)
  }

  static func unrest(seed: UInt64, after start: Double) throws -> Unrest {
    let network = `RFC 9616 Delay-based routing`.network(seed: seed)
    try network.addHosts(50)
    var links: Set<Int> = []
    for i in 0..<50 {
      for _ in 0..<3 {
        let j = network.chance.below(50)
        guard i != j, links.insert(min(i, j) * 50 + max(i, j)).inserted else { continue }
        var parameters = Self.tunnel()
        parameters.maxRTTPenalty = Metric(150)
        var quality = `RFC 9616 Delay-based routing`.quality(
          network.chance.between(5_000, 50_000), percent: 30)
        quality.lossPermille = network.chance.below(100)
        network.connect([i, j], parameters, quality: quality)
      }
    }
    network.startAll(within: 4)
    try network.run(seconds: start)
    var unrest = Unrest()
    network.onTransmit = { host, port, destination, bytes in
      let updates = countUpdates(bytes)
      if destination != babelGroup {
        unrest.answers += updates
      } else if updates < 50, port == 0 {
        unrest.triggered += updates
      }
    }
    var known: [Int: [UInt64: NeighbourStatus]] = [:]
    network.onNotice = { host, notice in
      guard case .neighbour(_, let status) = notice else { return }
      if let former = known[host, default: [:]].updateValue(status, forKey: status.id) {
        unrest.penalties += former.lossCost == status.lossCost ? 0 : 1
        unrest.failures += status.cost.isInfinite && !former.cost.isInfinite ? 1 : 0
      }
    }
    try network.run(seconds: 600)
    return unrest
  }

  /// From a quarter of an hour on few links are known for less than what they are.
  @Test func `fifty nodes with lossy links send next to no Updates for that`() throws {
    let seeds = UInt64(33)...35
    var triggered = 0
    for seed in seeds {
      let measured = try Self.unrest(seed: seed, after: 900)
      print("50 nodes, 10 min, seed \(seed): \(measured)")
      #expect(measured.failures == 0)
      triggered += measured.triggered
    }
    // Less than one per node and minute.
    #expect(triggered < 50 * 10 * seeds.count)
  }
}
