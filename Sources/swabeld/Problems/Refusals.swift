import BabelCore
import BabelKernel
import BabelWire

/// Why the kernel does not have what it was asked for, the latest few refusals.
struct Refusals {
  /// Most that are remembered.
  static let limit = 64

  /// One refusal.
  struct Refusal {
    /// What was asked for.
    let key: ForwardingKey
    /// The kernel's error in words.
    let reason: String
    /// Somebody else's route at the place of ours, if that is why.
    let occupant: KernelRoute?
  }

  /// Those that are remembered, the oldest first.
  private(set) var all: [Refusal] = []

  /// The refusal of an entry for a destination; nil if there was none lately.
  func refusal(of destination: Prefix, source: Prefix) -> Refusal? {
    all.last { $0.key.destination == destination && $0.key.source == source }
  }

  /// Notes a refusal.
  mutating func note(_ refusal: Refusal) {
    all.removeAll { $0.key == refusal.key }
    if all.count >= Self.limit { all.removeFirst() }
    all.append(refusal)
  }

  /// Forgets those that do not count any more.
  mutating func forget(where isOver: (Refusal) -> Bool) {
    if !all.isEmpty { all.removeAll(where: isOver) }
  }
}
