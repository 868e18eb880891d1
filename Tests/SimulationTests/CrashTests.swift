import BabelCore
import Foundation
import Testing

/// Daemons die and leave their routes in the kernel. They come back with or without what they knew.
/// A failure names its seed and the command that replays it.
@Suite struct `Crashes` {
  static func run(_ seed: UInt64, watched by: Watch? = nil) -> Storm.Outcome? {
    do throws(Violation) {
      return try CrashStorm(seed: seed).run(watched: by)
    } catch {
      Issue.record(
        """
        crash seed \(seed): \(error)
        replay: SWABELD_CRASH_SEED=\(seed) swift test -c release --filter 'crash replay'
        """)
      return nil
    }
  }

  /// Seed 577 found a fault in the long form, so the short one has it, too.
  @Test(arguments: Array(Storms.seeds(400, long: 1000)) + (Storms.isLong ? [] : [577]))
  func `nothing that comes back builds a loop`(seed: UInt64) {
    guard let outcome = Self.run(seed), Storms.environment["SWABELD_SIM_VERBOSE"] == "1" else {
      return
    }
    let s = outcome.statistics
    print(
      "crash seed \(seed): \(s.restarts) restarts, converged \(outcome.converged) s after, "
        + "tolerated loops \(s.toleratedLoops)")
  }

  /// The seed of the one crash storm that shall be replayed.
  static let replayedSeed = Storms.environment["SWABELD_CRASH_SEED"].flatMap { UInt64($0) }

  @Test(.enabled(if: Self.replayedSeed != nil, "it replays the storm of SWABELD_CRASH_SEED"))
  func `crash replay of the seed in the environment`() throws {
    let seed = try #require(Self.replayedSeed)
    print(Self.run(seed, watched: Watch.wanted).map { "\($0.statistics)" } ?? "failed")
  }

  @Test func `not waiting for acknowledgments is found out`() throws {
    // At least one of these seeds must show the bug.
    let seeds: [UInt64] = Storms.isOptimised ? Array(1...30) : [1, 2]
    var found: [UInt64] = []
    for seed in seeds {
      do throws(Violation) {
        _ = try CrashStorm(seed: seed, restartsCarefully: false).run()
      } catch {
        found.append(seed)
      }
    }
    print("the planted bug shows with the seeds", found)
    if Storms.isOptimised { #expect(!found.isEmpty) }
  }
}
