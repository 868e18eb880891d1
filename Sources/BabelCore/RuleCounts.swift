import BabelWire

/// What a rule of `in` or `out` denied first.
public struct RuleDenial: Equatable, Sendable {
  /// The chain.
  public let chain: FilterChainName
  /// The rule, by its number in the chain.
  public let number: Int
  /// The destination.
  public let destination: Prefix
  /// Who announced it; nil for `out`.
  public let neighbour: IPAddress?
  /// Where it was announced, or would have been.
  public let interface: InterfaceName
}

/// How often each rule of the four chains has decided something.
///
/// A rule of `in` counts Updates received, of `out` Updates sent or kept back, of `redistribute`
/// routes and addresses that appeared, of `install` requests to the kernel.
struct RuleCounts {
  private var input: [UInt64] = []
  private var output: [UInt64] = []
  private var redistribute: [UInt64] = []
  private var install: [UInt64] = []
  /// Denials that operators are to be told of.
  private var denials: [RuleDenial] = []
  /// Most that wait.
  private static let denialLimit = 16

  /// The counts of one chain by the number of the rule; those behind the last that has counted are
  /// left out.
  subscript(_ chain: FilterChainName) -> [UInt64] {
    switch chain {
    case .input: input
    case .output: output
    case .redistribute: redistribute
    case .install: install
    }
  }

  /// The rule of a number has decided something. Returns whether it is the first time.
  @discardableResult
  mutating func count(_ number: Int, of chain: FilterChainName) -> Bool {
    switch chain {
    case .input: Self.count(number, in: &input)
    case .output: Self.count(number, in: &output)
    case .redistribute: Self.count(number, in: &redistribute)
    case .install: Self.count(number, in: &install)
    }
  }

  private static func count(_ number: Int, in counts: inout [UInt64]) -> Bool {
    while counts.count <= number { counts.append(0) }
    counts[number] &+= 1
    return counts[number] == 1
  }

  /// Notes what a rule denied first.
  mutating func note(_ denial: RuleDenial) {
    if denials.count < Self.denialLimit { denials.append(denial) }
  }

  /// What was noted since the last time.
  mutating func takeDenials() -> [RuleDenial] {
    guard !denials.isEmpty else { return [] }
    defer { denials = [] }
    return denials
  }

  /// Other rules count from now on. One that says the same as a former one goes on counting.
  func continued(_ former: FilterSet, _ filters: FilterSet) -> RuleCounts {
    func move(_ chain: FilterChainName) -> [UInt64] {
      let counts = self[chain]
      guard former[chain] != filters[chain] else { return counts }
      var moved = [UInt64](repeating: 0, count: filters[chain].rules.count)
      for (number, place) in former[chain].places(in: filters[chain]).enumerated() {
        if let place, number < counts.count { moved[place] = counts[number] }
      }
      return moved
    }
    var result = RuleCounts()
    result.input = move(.input)
    result.output = move(.output)
    result.redistribute = move(.redistribute)
    result.install = move(.install)
    return result
  }
}
