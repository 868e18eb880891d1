/// For how long the things that hooks are about were in a state, and how often they were lost
/// lately. Programs are told this, because news that is overtaken by later news never reaches them.
struct HookPast {
  /// Things that are remembered. Beyond that the one is forgotten that has not changed for longest.
  static let limit = 256
  /// Microseconds for which a loss counts.
  static let window: Int64 = 3_600_000_000
  /// Losses that are counted of one thing.
  static let lossLimit = 60

  /// What is told of a change.
  struct Account: Equatable {
    /// Seconds that the state before lasted; nil if this change is the first.
    let lasted: Int64?
    /// How often the thing was lost within the last hour, up to ``HookPast/lossLimit``.
    let losses: Int
  }

  private struct Thing {
    let subject: [UInt8]
    /// When it changed last.
    var changed: Int64
    /// When it was lost, within the last hour.
    var losses: [Int64] = []
  }

  private var things: [Thing] = []

  /// Things that are remembered.
  var count: Int { things.count }

  /// Takes note of a change, a loss or its end, at a time in microseconds, and returns what there
  /// is to tell of it.
  mutating func note(_ subject: [UInt8], isLoss: Bool, at now: Int64) -> Account {
    var lasted: Int64?
    var thing = Thing(subject: subject, changed: now)
    if let index = things.firstIndex(where: { $0.subject == subject }) {
      // What changed last is at the end.
      thing = things.remove(at: index)
      lasted = (now - thing.changed) / 1_000_000
      thing.changed = now
    } else if things.count >= Self.limit {
      things.removeFirst()
    }
    thing.losses.removeAll { $0 <= now - Self.window }
    if isLoss {
      if thing.losses.count >= Self.lossLimit { thing.losses.removeFirst() }
      thing.losses.append(now)
    }
    things.append(thing)
    return Account(lasted: lasted, losses: thing.losses.count)
  }
}
