import BabelCore
import BabelWire
import Testing

/// Tunnels that jitter, and nothing else that changes. docs/loss.md says what is promised.
@Suite struct `Jitter on tunnels` {
  /// A round-trip time in microseconds that varies by so many percent to either side.
  static func quality(_ time: Int64, percent: Int64) -> Quality {
    `RFC 9616 Delay-based routing`.quality(time / 2, percent: percent)
  }

  static func tunnel(hello: UInt32, jitter: UInt16) -> InterfaceParameters {
    var parameters = InterfaceParameters.tunnel(penalty: 96, hello: hello)
    parameters.maxJitterPenalty = Metric(jitter)
    return parameters
  }

  /// 0–1 and 1–3 against 0–2 and 2–3.
  static func diamond(
    seed: UInt64, hello: UInt32, jitter: UInt16, upper: Quality, lower: Quality
  ) throws -> Network {
    let network = `RFC 9616 Delay-based routing`.network(seed: seed)
    try network.addHosts(4)
    for (ends, quality) in [([0, 1], upper), ([1, 3], upper), ([0, 2], lower), ([2, 3], lower)] {
      network.connect(ends, tunnel(hello: hello, jitter: jitter), quality: quality)
    }
    network.startAll()
    return network
  }

  /// Changes of the way between both ends of a diamond in ten minutes, for each seed the greater
  /// number of both directions.
  static func switches(
    hello: UInt32, jitter: UInt16, upper: Quality, lower: Quality, seeds: ClosedRange<UInt64>
  ) throws -> [Int] {
    try seeds.map { seed in
      let network = try diamond(
        seed: seed, hello: hello, jitter: jitter, upper: upper, lower: lower)
      try network.run(seconds: 120)
      let there = `RFC 9616 Delay-based routing`.Switches(network, from: 0, to: 3)
      var back = 0
      let former = network.onForward
      network.onForward = { host, change in
        former?(host, change)
        if host == 3, change.key.destination == prefix(of: 0), change.old != .absent { back += 1 }
      }
      try network.run(seconds: 600)
      return max(there.count, back)
    }
  }

  /// Round-trip times of both ways in microseconds, and by how many percent they vary. How often
  /// the way may change in ten minutes, without a penalty for jitter and with one. Where ways are
  /// alike, what is measured of them decides.
  static let table: [(upper: Int64, lower: Int64, percent: Int64, plain: Int, dear: Int)] = [
    (60_000, 70_000, 30, 1, 1), (100_000, 80_000, 30, 1, 1), (60_000, 60_000, 30, 1, 4),
    (60_000, 70_000, 60, 1, 2), (100_000, 80_000, 60, 1, 2), (60_000, 60_000, 60, 4, 8),
  ]

  @Test(arguments: [(UInt32(1000), UInt16(0)), (4000, 0), (1000, 150), (4000, 150)])
  func `jitter alone hardly changes the way`(hello: UInt32, jitter: UInt16) throws {
    for row in Self.table {
      let found = try Self.switches(
        hello: hello, jitter: jitter, upper: Self.quality(row.upper, percent: row.percent),
        lower: Self.quality(row.lower, percent: row.percent), seeds: 1...10)
      print("hello \(hello), penalty \(jitter), \(row): \(found)")
      let most = jitter == 0 ? row.plain : row.dear
      #expect(found.allSatisfy { $0 <= most }, "\(row): \(found)")
    }
  }

  @Test(arguments: [UInt32(1000), 4000])
  func `a way that jitters now and then is left, and used again later`(hello: UInt32) throws {
    var total = 0
    var (times, returns): ([Double], [Double]) = ([], [])
    for seed in UInt64(1)...10 {
      let calm = Self.quality(40_000, percent: 2)
      let dearer = Self.quality(60_000, percent: 2)
      let network = try Self.diamond(
        seed: seed, hello: hello, jitter: 150, upper: calm, lower: dearer)
      try network.run(seconds: 120)
      #expect(network.forwards(0, prefix(of: 3), to: 1), "seed \(seed)")
      let switches = `RFC 9616 Delay-based routing`.Switches(network, from: 0, to: 3)
      var time: Double?
      // It jitters for 20 s of each 60.
      for _ in 0..<10 {
        for segment in 0..<2 {
          network.setQuality(segment: segment, Self.quality(60_000, percent: 95))
        }
        let left = try network.run(atMost: 20) { $0.forwards(0, prefix(of: 3), to: 2) }
        if time == nil { time = left }
        try network.run(seconds: 20 - (left ?? 20))
        for segment in 0..<2 { network.setQuality(segment: segment, calm) }
        try network.run(seconds: 40)
      }
      times.append(time ?? .infinity)
      let count = switches.count
      let back = try network.run(atMost: 600, step: 1) { $0.forwards(0, prefix(of: 3), to: 1) }
      returns.append(back ?? .infinity)
      #expect(time != nil && back != nil, "seed \(seed)")
      total += count
    }
    // It could be left and used again ten times in each network.
    #expect(total <= 20, "\(total)")
    times.sort()
    returns.sort()
    print("hello \(hello): left after \(times[9]) s, back after \(returns[5]) to \(returns[9]) s")
  }
}
