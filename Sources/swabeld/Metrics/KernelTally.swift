import BabelKernel

/// How many changes of routes the kernel was asked for, and how many it refused.
struct KernelTally {
  private static let changes: [RouteChange] = [.add, .append, .replace, .delete]
  private var asked = [UInt64](repeating: 0, count: KernelTally.changes.count)
  private var refused = [UInt64](repeating: 0, count: KernelTally.changes.count)

  /// A change is on its way.
  mutating func ask(_ change: RouteChange) { Self.count(change, in: &asked) }

  /// A change was refused.
  mutating func refuse(_ change: RouteChange) { Self.count(change, in: &refused) }

  private static func count(_ change: RouteChange, in counts: inout [UInt64]) {
    if let place = changes.firstIndex(of: change) { counts[place] &+= 1 }
  }

  /// Changes asked for, by their words.
  var requests: [(String, UInt64)] { words(asked) }
  /// Changes refused, likewise.
  var refusals: [(String, UInt64)] { words(refused) }

  private func words(_ counts: [UInt64]) -> [(String, UInt64)] {
    zip(Self.changes, counts).map { ($0.description, $1) }
  }
}
