import BabelCore
import Foundation
import Testing

/// Storms from many seeds. A failure names its seed and the command that replays it:
/// `SWABELD_SIM_SEED=… SWABELD_SIM_NODES=… swift test -c release --filter replay`.
@Suite struct `Storms` {
  static let environment = ProcessInfo.processInfo.environment
  /// The seed of the one storm that shall be replayed.
  static let replayedSeed = environment["SWABELD_SIM_SEED"].flatMap { UInt64($0) }
  static let isLong = environment["SWABELD_LONG"] == "1"
  /// Unoptimised runs are some ten times slower and get a tenth of the seeds.
  static var isOptimised: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  /// Seeds of a table of storms, fewer in a debug build, more in a long run: some twenty minutes of
  /// two processors.
  static func seeds(_ count: Int, long: Int) -> Range<UInt64> {
    1..<UInt64(1 + (isOptimised ? (isLong ? long : count) : max(1, count / 20)))
  }

  /// Runs one storm and fails with its seed.
  static func run(
    _ seed: UInt64, nodes: Int, isSigned: Bool = false, watched by: Watch? = nil
  ) -> Storm.Outcome? {
    do throws(Violation) {
      return try Storm(seed: seed, hosts: nodes, isSigned: isSigned).run(watched: by)
    } catch {
      Issue.record(
        """
        seed \(seed), \(nodes) nodes: \(error)
        replay: SWABELD_SIM_SEED=\(seed) SWABELD_SIM_NODES=\(nodes) swift test -c release \
        --filter replay
        """)
      return nil
    }
  }

  @Test(arguments: Self.seeds(60, long: 400))
  func `50 nodes never loop and find all shortest paths`(seed: UInt64) {
    report(Self.run(seed, nodes: 50), seed)
  }

  @Test(arguments: Self.seeds(8, long: 80))
  func `200 nodes never loop and find all shortest paths`(seed: UInt64) {
    report(Self.run(seed, nodes: 200), seed)
  }

  @Test(arguments: Self.seeds(200, long: 800))
  func `8 nodes never loop and find all shortest paths`(seed: UInt64) {
    report(Self.run(seed, nodes: 8), seed)
  }

  /// Some nodes come back with another index and no memory of those of their neighbours.
  @Test(arguments: Self.seeds(40, long: 160))
  func `8 nodes with keys never loop and find all shortest paths`(seed: UInt64) {
    report(Self.run(seed, nodes: 8, isSigned: true), seed)
  }

  private func report(_ outcome: Storm.Outcome?, _ seed: UInt64) {
    guard Self.environment["SWABELD_SIM_VERBOSE"] == "1", let outcome else { return }
    let s = outcome.statistics
    print(
      "seed \(seed): converged \(outcome.converged) s after the trouble, \(s.transmitted) packets, "
        + "\(s.octets) octets, \(s.forwardingChanges) changes, \(s.restarts) restarts, "
        + "\(s.busiestSecond) packets in the busiest second, excused loops: "
        + LoopExcuse.allCases.map { "\($0) \(s.toleratedLoops[$0] ?? 0)" }.joined(separator: ", "))
  }

  @Test func `the same seed leaves the same trace in the same process`() throws {
    let first = Self.run(7, nodes: 12)
    let second = Self.run(7, nodes: 12)
    #expect(first?.digest == second?.digest)
  }

  @Test(.enabled(if: Self.replayedSeed != nil, "it replays the storm of SWABELD_SIM_SEED"))
  func `replay of the seed in the environment`() throws {
    let seed = try #require(Self.replayedSeed)
    let nodes = Self.environment["SWABELD_SIM_NODES"].flatMap { Int($0) } ?? 50
    guard let outcome = Self.run(seed, nodes: nodes, watched: Watch.wanted) else { return }
    print("trace \(String(outcome.digest, radix: 16)), converged after \(outcome.converged) s")
    if let file = Self.environment["SWABELD_SIM_TRACE"] {
      try String(outcome.digest, radix: 16).write(
        toFile: file, atomically: true, encoding: .utf8)
    }
  }

  @Test func `the same seed leaves the same trace in another process`() throws {
    // Hash seeds differ between processes, so whatever depends on them shows here.
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("swabeld-trace-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["--testing-library", "swift-testing", "--filter", "replay of the seed"]
    child.environment = Self.environment.merging(
      ["SWABELD_SIM_SEED": "7", "SWABELD_SIM_NODES": "12", "SWABELD_SIM_TRACE": file.path]
    ) { $1 }
    child.standardOutput = FileHandle.nullDevice
    try child.run()
    child.waitUntilExit()
    let theirs = try String(contentsOf: file, encoding: .utf8)
    let ours = try #require(Self.run(7, nodes: 12)?.digest)
    #expect(theirs == String(ours, radix: 16))
  }
}
