import BabelCore
import BabelWire

/// What a change of the configuration leads to at once: for the kernel's routes and for neighbours.
struct ReloadEffects {
  /// Most destinations that an answer names of each kind; of more it says how many there are.
  private static let namedLimit = 1000

  /// What the kernel had for a destination before, and what it has now.
  private struct Change {
    let before: ForwardingTarget
    var after: ForwardingTarget
  }

  private var changes: [ForwardingKey: Change] = [:]
  /// Entries that the kernel refused, or would refuse.
  private var refused: Set<ForwardingKey> = []
  private var lostNeighbours: [String] = []
  private var announced: [String] = []

  /// Takes in what the node asks for.
  mutating func take(_ action: Action) {
    switch action {
    case .transmit: break
    case .forward(let change):
      if changes[change.key] == nil {
        changes[change.key] = Change(before: change.old, after: change.new)
      } else {
        changes[change.key]?.after = change.new
      }
    case .notify(.neighbour(.flush, let status)):
      lostNeighbours.append("\(status.address) on \(status.interface)")
    case .notify, .tellPath: break
    }
  }

  /// Takes in that the kernel refuses an entry.
  mutating func takeRefusal(of key: ForwardingKey) { refused.insert(key) }

  /// Takes in what has come of it in the end: what was refused is not there. And what stays as it
  /// is: a destination that loses an entry in one table may have others.
  mutating func takeRest(of node: borrowing BabelNode) {
    for key in Array(changes.keys) {
      changes[key]?.after = node.desiredForwarding(key)
      if node.desiredForwarding(key) != .absent { refused.remove(key) }
      for table in node.desiredTables(key.destination, source: key.source) {
        let other = ForwardingKey(destination: key.destination, source: key.source, table: table)
        guard changes[other] == nil else { continue }
        let target = node.desiredForwarding(other)
        changes[other] = Change(before: target, after: target)
      }
    }
  }

  /// Takes in what neighbours will be told.
  mutating func take(
    _ announcements: [(destination: Prefix, source: Prefix, metric: Metric)]
  ) {
    announced += announcements.map {
      let name = Self.name($0.destination, $0.source)
      return $0.metric.isInfinite ? "\(name) retracted" : "\(name) metric \($0.metric.rawValue)"
    }
  }

  /// The lines of an answer.
  func append(to text: inout String) {
    var (lost, gained, changed) = ([String](), [String](), [String]())
    for (key, change) in byDestination() where change.before != change.after {
      let name = Self.name(key.destination, key.source)
      if change.after.isEmpty {
        lost.append(name)
      } else if change.before.isEmpty {
        gained.append(name)
      } else {
        changed.append(name)
      }
    }
    Self.append("lost", lost.ordered(by: Self.precedes), to: &text)
    Self.append("gained", gained.ordered(by: Self.precedes), to: &text)
    Self.append("changed", changed.ordered(by: Self.precedes), to: &text)
    // An entry of several tables is named once.
    let refused = Set(
      refused.map { ForwardingKey(destination: $0.destination, source: $0.source, table: 0) }
    ).map { Self.name($0.destination, $0.source) }
    Self.append("refused", refused.ordered(by: Self.precedes), to: &text)
    Self.append("announced", announced.ordered(by: Self.precedes), to: &text)
    Self.append("neighbour lost", lostNeighbours.ordered(by: Self.precedes), to: &text)
    text += "effects: \(lost.count) routes lost, \(gained.count) gained, \(changed.count) changed,"
    text += " \(announced.count) announced anew, \(lostNeighbours.count) neighbours lost,"
    text += " \(refused.count) refused by the kernel\n"
  }

  /// The entries that carry packets, before and now, of each destination that something changed
  /// for, by a key with table 0. An unreachable entry carries none; one that moves to another table
  /// has changed.
  private func byDestination() -> [ForwardingKey: (before: [Entry], after: [Entry])] {
    var result: [ForwardingKey: (before: [Entry], after: [Entry])] = [:]
    for (key, change) in changes {
      let name = ForwardingKey(destination: key.destination, source: key.source, table: 0)
      if case .via(let path) = change.before {
        result[name, default: ([], [])].before.append(Entry(table: key.table, path: path))
      }
      if case .via(let path) = change.after {
        result[name, default: ([], [])].after.append(Entry(table: key.table, path: path))
      }
    }
    return result
  }

  private struct Entry: Equatable {
    let table: UInt32
    let path: ForwardingPath
  }

  private static func append(_ kind: String, _ names: [String], to text: inout String) {
    for name in names.prefix(namedLimit) { text += "effect \(kind) \(name)\n" }
    if names.count > namedLimit { text += "effect \(kind) and \(names.count - namedLimit) more\n" }
  }

  private static func name(_ destination: Prefix, _ source: Prefix) -> String {
    source.isDefault ? "\(destination)" : "\(destination) from \(source)"
  }

  private static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }
}
