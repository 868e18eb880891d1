/// The node's only source of chance: a seeded generator (SplitMix64).
///
/// Jitter keeps nodes from sending in step (RFC 8966 §3.1). Nonces and indices do not come from
/// here.
struct Jitter {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A value in `range`, all about equally likely.
  mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int64(next() % width)
  }

  /// `microseconds` times a random factor in `hundredths`.
  mutating func fraction(of microseconds: Int64, within hundredths: ClosedRange<Int64>) -> Int64 {
    let hundredth = microseconds / 100
    return within(hundredth * hundredths.lowerBound...hundredth * hundredths.upperBound)
  }
}
