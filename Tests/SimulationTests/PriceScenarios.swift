import BabelCore
import BabelWire
import Testing

extension Network {
  /// Changes what a running host asks for.
  func setFee(_ fee: UInt32, of host: Int) throws(Violation) {
    try input(hosts[host]) { node, now, _ in
      node.setPricing(Pricing(fee: fee, metricFactor: node.pricing.metricFactor), at: now)
    }
  }

  /// The selected route of a host.
  func selected(_ host: Int, _ destination: Prefix) -> RouteStatus? {
    let host = hosts[host]
    guard let daemon = host.daemon else { return nil }
    for handle in daemon.node.destinationOrder() {
      let routes = daemon.node.routes(ofDestination: handle, at: host.clock(now))
      if routes.first?.destination == destination { return routes.first { $0.isInstalled } }
    }
    return nil
  }

  /// Whether packets from a host arrive at the origin of a prefix.
  func reaches(_ host: Int, _ origin: Int) -> Bool {
    guard let number = destinations.number(prefix(of: origin)) else { return false }
    var current = host
    for _ in 0...hosts.count {
      if current == origin { return true }
      guard let next = step(from: current, number) else { return false }
      current = next
    }
    return false
  }
}

/// Networks whose routers ask a price.
@Suite struct `Prices in networks` {
  private static func carrying(cost: UInt16) -> InterfaceParameters {
    var parameters = InterfaceParameters.tunnel(hello: 1000)
    parameters.rxcost = Metric(cost)
    parameters.pathAttributes = true
    return parameters
  }

  /// From 0 to 3 there are two paths: that by 1 has the smaller metric, that by 2 may have the
  /// lower price.
  private static func diamond(factor: UInt32, fees: [UInt32]) throws -> Network {
    let network = Network(seed: 71)
    try network.addHosts(4)
    network.parameters = { host, parameters in
      parameters.pricing = Pricing(fee: fees[host], metricFactor: factor)
    }
    for (ends, cost) in [([0, 1], 100), ([1, 3], 100), ([0, 2], 200), ([2, 3], 200)] {
      var quality = Quality()
      quality.delay = 5_000
      quality.jitter = 100
      network.connect(ends, carrying(cost: UInt16(cost)), quality: quality)
    }
    network.startAll()
    try network.run(seconds: 40)
    return network
  }

  @Test func `the cheaper path is taken as the metric factor says`() throws {
    // Twice the metric: with factor 1 it takes half the price to make up for it.
    for (factor, cheap, next) in [
      (UInt32(1000), UInt32(400), 2), (1000, 600, 1), (1900, 400, 1), (1900, 200, 2),
      (0, 999, 2), (10_000, 2, 1),
    ] {
      let network = try Self.diamond(factor: factor, fees: [0, 1000, cheap, 0])
      #expect(network.forwards(0, prefix(of: 3), to: next), "0: \(factor) \(cheap)")
      #expect(network.forwards(3, prefix(of: 0), to: next), "3: \(factor) \(cheap)")
    }
  }

  @Test func `prices add up on the way, and so do round-trip times`() throws {
    let network = Network(seed: 72)
    try network.addHosts(5)
    network.parameters = { host, parameters in
      parameters.pricing = Pricing(fee: UInt32(host + 1) * 10)
    }
    for i in 1..<5 {
      var quality = Quality()
      quality.delay = Int64(i) * 3_000
      quality.jitter = 100
      network.connect([i - 1, i], Self.carrying(cost: 96), quality: quality)
    }
    network.startAll()
    try network.run(seconds: 60)
    let route = try #require(network.selected(0, prefix(of: 4)))
    // The fees of hosts 1, 2 and 3. The origin asks nothing.
    #expect(route.price == UInt32(90))
    // There and back over 3, 6, 9 and 12 ms.
    let milliseconds = Double(try #require(route.pathRoundTripTime)) / 1000
    #expect(abs(milliseconds - 60) < 6, "\(milliseconds)")
    try network.setFee(1000, of: 2)
    try network.run(seconds: 2)
    #expect(network.selected(0, prefix(of: 4))?.price == UInt32(1060))
  }

  @Test(arguments: 0..<3)
  func `prices that change all the time make no loops`(seed: UInt64) throws {
    let network = Network(seed: 7300 + seed)
    let count = 24
    try network.addHosts(count)
    network.parameters = { host, parameters in
      parameters.pricing = Pricing(fee: UInt32(host * 37 % 1000), metricFactor: 1000)
    }
    for i in 1..<count {
      // A tree with as many links again.
      network.connect(
        [i, network.chance.below(i)],
        Self.carrying(cost: UInt16(network.chance.between(50, 500))))
      let other = network.chance.below(count)
      if other != i {
        network.connect([i, other], Self.carrying(cost: UInt16(network.chance.between(50, 500))))
      }
    }
    network.startAll(within: 2)
    try network.run(seconds: 30)
    // Every loop, however short, is a violation.
    for round in 0..<40 {
      try network.setFee(UInt32(network.chance.below(100_000)), of: network.chance.below(count))
      if round % 5 == 0 {
        let segment = network.chance.below(network.segments.count)
        try network.setCarrier(segment: segment, false)
        try network.run(seconds: 1)
        try network.setCarrier(segment: segment, true)
      }
      try network.run(seconds: 2)
    }
    try network.run(seconds: 90)
    for host in 0..<count {
      for origin in 0..<count where !network.reaches(host, origin) {
        Issue.record("\(host) does not reach \(origin)")
      }
    }
  }
}
