// `neighbour-loss`: what happens to packets when a neighbour falls silent.

/// What `neighbour-loss` can say.
enum NeighbourLossKeyword: KeywordText, ConfigurationKeyword {
  case unreachable, keep, covering
}

extension StatementParser {
  /// The value of `neighbour-loss`. A path is kept for ten minutes at most.
  mutating func neighbourLoss(
    at first: ConfigurationToken
  ) throws(ConfigurationError) -> NeighbourLoss {
    warn(.unknownToBabeld, at: first, "babeld does not have this statement")
    let expected = oneOf(NeighbourLossKeyword.words)
    let token = try word(expected)
    switch NeighbourLossKeyword(octets: token.octets) {
    case .unreachable: return .unreachable
    case .covering: return .covering
    case .keep: return .keep(milliseconds: try thousandths(0...600_000, unit: "seconds"))
    case nil:
      let suggestion = nearestWord(to: token.octets, among: NeighbourLossKeyword.words)
      throw reader.error(at: token, expected: expected).adding(suggestion: suggestion)
    }
  }
}

extension Configuration {
  /// The value of `neighbour-loss`.
  var neighbourLossText: String {
    switch neighbourLoss {
    case .unreachable: NeighbourLossKeyword.unreachable.text
    case .covering: NeighbourLossKeyword.covering.text
    case .keep(let milliseconds):
      "\(NeighbourLossKeyword.keep.text) \(decimal(milliseconds))"
    }
  }
}
