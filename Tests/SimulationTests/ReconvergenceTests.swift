import BabelCore
import BabelWire
import Testing

/// Whatever happens to a network, it recovers within a time and a number of packets that follow
/// from its size and its links. Every change is checked for loops.
@Suite struct `Reconvergence of rings and grids` {
  /// Forms with the links that are lost.
  static let small: [(Shape.Form, [Int])] = [
    (.ring(10), [0, 5]), (.ring(20), [0, 10]), (.grid(4, 4), [0, 5, 9, 12, 20]),
  ]
  static let large: [(Shape.Form, [Int])] = [(.ring(50), [0]), (.grid(8, 8), [50])]
  static let largest: [(Shape.Form, [Int])] = [(.ring(200), [0]), (.grid(14, 14), [180])]

  /// - Parameter settling: Seconds more in which all hosts may come to their shortest paths after
  ///   a cold start. In a large network metrics change several times within a second, and a host
  ///   that can reach all waits until the averages agree (A.3) before it takes a way that is a hop
  ///   shorter.
  private func hold(
    _ shape: Shape, _ happening: Happening, links: [Int], seeds: UInt64, settling: Double = 0
  ) throws {
    for seed in 1...seeds {
      for link in happening == .coldStart ? [0] : links {
        let place = "\(shape), \(happening) of link \(link), seed \(seed)"
        let result = try shape.undergo(happening, link: link, seed: seed, atMost: 30)
        let bound = shape.bound(happening, hops: result.hops)
        #expect(result.reaching <= bound, "\(place)")
        // After a loss a host prefers for a while what had the better average before (A.3).
        if happening == .coldStart { #expect(result.shortest <= bound + settling, "\(place)") }
        let packets = result.ports * Shape.packetBound(happening, hops: result.hops)
        #expect(result.packets <= packets, "\(place)")
        if Storms.environment["SWABELD_SIM_VERBOSE"] == "1" {
          print(
            "\(place): \(result.reaching) s, shortest \(result.shortest) s of \(bound) s, "
              + "\(result.packets) packets of \(packets)")
        }
      }
    }
  }

  private static var seeds: UInt64 { Storms.isLong ? 10 : 1 }

  @Test(arguments: Happening.allCases, [Int64(0), 1_000, 20_000])
  func `up to twenty hosts, cables`(happening: Happening, delay: Int64) throws {
    for (form, links) in Self.small {
      for splitHorizon in [false, true] {
        try hold(
          Shape(form, splitHorizon: splitHorizon, linkDelay: delay), happening, links: links,
          seeds: Self.seeds)
      }
    }
  }

  @Test(arguments: Happening.allCases, [Int64(1_000), 20_000])
  func `up to twenty hosts, tunnels`(happening: Happening, delay: Int64) throws {
    for (form, links) in Self.small {
      try hold(
        Shape(form, splitHorizon: false, linkDelay: delay, isTunnel: true), happening,
        links: links, seeds: Self.seeds)
    }
  }

  @Test(arguments: Happening.allCases, [false, true])
  func `fifty hosts`(happening: Happening, splitHorizon: Bool) throws {
    for (form, links) in Self.large {
      for delay in Storms.isOptimised ? [Int64(0), 20_000] : [1_000] {
        try hold(
          Shape(form, splitHorizon: splitHorizon, linkDelay: delay), happening, links: links,
          seeds: Self.seeds)
      }
    }
  }

  /// In a long run with and without split horizon, with both delays, and silent losses, too.
  @Test(.enabled(if: Storms.isOptimised), arguments: [Happening.coldStart, .bothEndsTold])
  func `two hundred hosts`(happening: Happening) throws {
    for (form, links) in Self.largest {
      for (splitHorizon, delay) in [
        (true, Int64(1_000)), (false, 0), (true, 20_000), (false, 20_000),
      ] {
        try hold(
          Shape(form, splitHorizon: splitHorizon, linkDelay: delay), happening, links: links,
          seeds: 1, settling: 9)
        if !Storms.isLong { break }
      }
    }
  }

  @Test(arguments: [false, true])
  func `a prefix with two origins that are withdrawn makes no lasting loop`(on: Bool) throws {
    // 0–1–2–3; both ends have the prefix, and withdraw it one after the other.
    for pause in [0.5, 2, 5, 10, 20, 30] {
      var parameters = InterfaceParameters.wired()
      parameters.splitHorizon = on
      let shared = prefix(of: 100)
      let network = try Network.line(4, withEndsAt: shared, seed: 5, parameters)
      network.limits.tolerated = 600_000_000
      try network.removeOffer(0, shared)
      try network.run(seconds: pause)
      try network.removeOffer(3, shared)
      if let number = network.destinations.number(shared) {
        network.ledger.unclean[number] = network.now
      }
      var looped = 0.0
      for _ in 0..<600 {
        try network.run(seconds: 0.05)
        if network.forwards(1, shared, to: 2), network.forwards(2, shared, to: 1) {
          looped += 0.05
        }
      }
      #expect(looped <= 0.1, "withdrawn \(pause) s after the other: a loop for \(looped) s")
    }
  }
}
