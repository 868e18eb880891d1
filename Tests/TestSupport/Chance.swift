/// The only source of chance of all tests: SplitMix64.
///
/// The same seed gives the same numbers in every run and on every machine, so a test that fails can
/// be repeated from its seed.
package struct Chance: RandomNumberGenerator {
  private var state: UInt64

  /// Begins the sequence that belongs to `seed`.
  package init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number from 0 to `bound` - 1; zero if the bound is zero.
  package mutating func below(_ bound: Int) -> Int {
    bound <= 0 ? 0 : Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number from `low` to `high`, both included.
  package mutating func between(_ low: Int64, _ high: Int64) -> Int64 {
    low + Int64(below(Int(high - low + 1)))
  }

  /// True in `permille` of a thousand cases.
  package mutating func happens(permille: Int) -> Bool { permille > 0 && below(1000) < permille }

  /// True in one of `count` cases.
  package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  /// One of `elements`, which may not be empty.
  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[below(elements.count)]
  }

  /// Puts `elements` into another order.
  package mutating func shuffle<Element>(_ elements: inout [Element]) {
    for i in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(i, below(i + 1)) }
  }
}
