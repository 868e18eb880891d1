import BabelWire

/// `out` chains that were replaced a short time ago.
///
/// A neighbour believes for a while in what a former chain let pass. What the present one denies
/// is therefore retracted, as long as a former one let it pass and is not yet forgotten.
struct RetiredFilters {
  private var chains: [(chain: FilterChain, until: Instant)] = []

  /// Most chains; if there are more, everything counts as passed.
  private static let limit = 8

  /// A chain is replaced; neighbours may believe in what it let pass until `end`.
  mutating func retire(_ chain: FilterChain, until end: Instant, at now: Instant) {
    chains.removeAll { $0.until <= now }
    if chains.count == Self.limit {
      chains = [(FilterChain(), chains.reduce(end) { max($0, $1.until) })]
    }
    chains.append((chain, end))
  }

  /// Whether one of them let a destination pass.
  func passed(_ subject: FilterSubject, at now: Instant) -> Bool {
    chains.contains { $0.until > now && $0.chain.adds(to: subject).map { !$0.isInfinite } ?? true }
  }
}

extension FilterChain {
  /// What the first rule that matches says of the metric; nil if none matches.
  func adds(to subject: FilterSubject) -> Metric? { firstMatch(subject).map { rules[$0].metric } }
}
