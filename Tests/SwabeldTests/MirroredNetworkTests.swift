import Testing

@testable import swabeld

@Suite struct `Networks with a real kernel between` {
  /// A debug build takes about 0.6 s for each.
  private static let seeds: Range<UInt64> = 0..<16

  @Test func `each kernel comes to have what its node wants, along shortest paths`() {
    for seed in Self.seeds {
      var network = MirroredNetwork(seed: seed, forgetsLosses: false)
      let wrongs = network.run()
      #expect(wrongs.isEmpty, "network \(seed): \(wrongs)")
    }
  }

  /// The same networks, with one bug more: that notifications were lost is not told, so nobody
  /// reads the kernel's tables after that.
  @Test func `a loss of notifications that nobody heeds is found`() {
    let found = Self.seeds.contains { seed in
      var network = MirroredNetwork(seed: seed, forgetsLosses: true)
      return !network.run().isEmpty
    }
    #expect(found)
  }
}
