import BabelCore
import BabelWire
import Testing

/// A storm in which every end of every link has intervals of its own, from a tenth of a second to
/// the longest that a Hello can name: nothing may rely on an Update every 16 s.
struct IntervalStorm {
  let seed: UInt64
  /// Hello intervals in milliseconds.
  static let hellos: [UInt32] = [100, 1000, 4000, 20_000, 60_000, 200_000, 655_350]

  /// Hosts of the network, from the seed: 5 … 9.
  var hosts: Int { 5 + Int(seed % 5) }

  /// Runs the storm to its end.
  func run(watched by: Watch? = nil) throws(Violation) -> Storm.Outcome {
    let network = Network(seed: seed &* 0xD1B5_4A32 &+ 7)
    network.budget = [1, 8, 64, 256][network.chance.below(4)]
    network.limits.packetsPerSecond = 400
    var weather = Weather(network: network, hosts: hosts)
    try weather.build()
    let longest = setIntervals(network)
    // How long a neighbour may believe an Update, in seconds.
    let hold = Double(longest) / 1000 * 3.5
    network.limits.tolerated = Int64(hold * 2_200_000)
    network.limits.withdrawal = Int64(hold * 1_100_000)
    network.limits.absence = 1_600_000_000
    network.limits.outlastsHolds = true
    by?.attach(to: network)
    network.startAll(within: 5)
    // Where nobody starts anew each link comes up within two Hellos.
    try network.run(seconds: 30)
    plan(&weather, network, seconds: 1500)
    let storm = Storm(seed: seed, hosts: hosts, quiet: (2 * hold + 190, 6 * hold + 500))
    try storm.audited(network, seconds: 3000)
    try weather.clear()
    return try storm.calm(network)
  }

  /// Gives every end of every link its intervals; returns the longest Update interval. A link of
  /// ten Hellos a second costs most of the time, so there is one at most.
  private func setIntervals(_ network: Network) -> UInt32 {
    var longest: UInt32 = 0
    let quick = seed % 4 == 0 ? network.chance.below(network.segments.count) : nil
    let slowest = 3 + network.chance.below(Self.hellos.count - 2)
    for (number, segment) in network.segments.enumerated() {
      for end in segment.ends {
        let hello = number == quick ? 100 : Self.hellos[1 + network.chance.below(slowest - 1)]
        let factor = UInt32(1 + network.chance.below(6))
        network.hosts[end.host].ports[end.port].parameters.helloInterval = hello
        network.hosts[end.host].ports[end.port].parameters.updateInterval = min(
          hello * factor, 655_350)
        longest = max(longest, min(hello * factor, 655_350))
      }
    }
    return longest
  }

  /// Faults that last long enough to be noticed where Hellos are rare, each with its repair.
  private func plan(_ weather: inout Weather, _ network: Network, seconds: Double) {
    let span = Int64(seconds * 1_000_000)
    for _ in 0..<(hosts * 3) {
      let start = network.now + network.chance.between(0, span)
      let end = start + network.chance.between(100_000, 1_400_000_000)
      switch network.chance.below(4) {
      case 0: weather.planCut(start, end)
      case 1, 2: weather.planCarrierLoss(start, end)
      default:
        let victim = network.chance.below(hosts)
        let memory = network.chance.pick([
          Memory.savedSeqno, .savedSeqno, .lostSeqno, .newIdentity, .everything,
        ])
        let forgets = memory != .everything && network.chance.happens(permille: 500)
        network.at(start) {
          if memory == .everything {
            $0.suspend(victim)
          } else {
            $0.crash(victim, forgettingKernelRoutes: forgets)
          }
        }
        let back = min(end, start + 40_000_000)
        network.at(back) { (network) throws(Violation) in try network.restart(victim, memory) }
      }
    }
  }
}

/// Storms with mixed intervals. A failure names its seed and the command that replays it.
@Suite struct `Intervals` {
  static func run(_ seed: UInt64, watched by: Watch? = nil) -> Storm.Outcome? {
    do throws(Violation) {
      return try IntervalStorm(seed: seed).run(watched: by)
    } catch {
      Issue.record(
        """
        interval seed \(seed): \(error)
        replay: SWABELD_INTERVAL_SEED=\(seed) swift test -c release --filter 'interval replay'
        """)
      return nil
    }
  }

  @Test(arguments: Storms.seeds(24, long: 96))
  func `intervals from 0.1 s to 655 s together never loop and find all shortest paths`(
    seed: UInt64
  ) {
    guard let outcome = Self.run(seed), Storms.environment["SWABELD_SIM_VERBOSE"] == "1" else {
      return
    }
    let s = outcome.statistics
    print(
      "interval seed \(seed): converged \(outcome.converged) s after, \(s.transmitted) packets, "
        + "\(s.restarts) restarts, tolerated loops \(s.toleratedLoops)")
  }

  /// The seed of the one storm with mixed intervals that shall be replayed.
  static let replayedSeed = Storms.environment["SWABELD_INTERVAL_SEED"].flatMap { UInt64($0) }

  @Test(.enabled(if: Self.replayedSeed != nil, "it replays the storm of SWABELD_INTERVAL_SEED"))
  func `interval replay of the seed in the environment`() throws {
    let seed = try #require(Self.replayedSeed)
    print(Self.run(seed, watched: Watch.wanted).map { "\($0.statistics)" } ?? "failed")
  }
}
