import BabelWire

/// What became of the way to one destination.
public struct RouteShift: Equatable, Sendable {
  /// What happened.
  public enum Kind: UInt8, Equatable, Sendable, CaseIterable {
    /// No way is left.
    case lost
    /// There is a way again, after a loss that was not long ago.
    case regained
    /// There is a way to a destination that was not known.
    case found
    /// The way leads through another neighbour.
    case moved
  }

  /// A neighbour that the way leads through.
  public struct Way: Equatable, Sendable {
    /// Its address.
    public let neighbour: IPAddress
    /// The interface it is heard on.
    public let interface: InterfaceName
  }

  /// What happened.
  public let kind: Kind
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The way before.
  public let former: Way?
  /// The way now.
  public let selected: Way?
  /// Why the former way is not used any more; ``RouteReason/selected`` if there was none.
  public let reason: RouteReason
  /// When it happened.
  public let time: Instant

  /// A change.
  public init(
    kind: Kind, destination: Prefix, source: Prefix, former: Way?, selected: Way?,
    reason: RouteReason, time: Instant
  ) {
    self.kind = kind
    self.destination = destination
    self.source = source
    self.former = former
    self.selected = selected
    self.reason = reason
    self.time = time
  }
}

/// Changes of selected routes, counted together.
public struct RouteNews: Equatable, Sendable {
  /// How many destinations were lost for one reason.
  public struct Loss: Equatable, Sendable {
    /// Why the former ways are not used any more.
    public let reason: RouteReason
    /// How many.
    public internal(set) var count: Int
  }

  /// Most single changes that are kept.
  public static let exampleLimit = 4

  /// Destinations that were lost, by reason.
  public private(set) var losses: [Loss] = []
  /// Destinations that can be reached again.
  public private(set) var regained = 0
  /// Destinations that were not known.
  public private(set) var found = 0
  /// Destinations whose way leads through another neighbour.
  public private(set) var moved = 0
  /// The first few of all these changes.
  public private(set) var examples: [RouteShift] = []
  /// When the first change happened.
  public private(set) var first = Instant(microseconds: 0)
  /// When the last change happened.
  public private(set) var last = Instant(microseconds: 0)
  /// Microseconds from the first change to the last.
  public var duration: Int64 { last - first }

  /// Nothing.
  public init() {}

  /// Destinations that were lost.
  public var lost: Int { losses.reduce(0) { $0 + $1.count } }
  /// All changes.
  public var count: Int { lost + regained + found + moved }
  /// Whether nothing was counted.
  public var isEmpty: Bool { losses.isEmpty && regained == 0 && found == 0 && moved == 0 }

  /// Whether there is room for another example.
  var wantsExample: Bool { examples.count < Self.exampleLimit }

  /// Keeps one change as an example.
  public mutating func keep(_ example: RouteShift) { examples.append(example) }

  /// Takes other changes, which are told together with these. The earliest examples stay.
  public mutating func add(_ other: RouteNews) {
    guard !other.isEmpty else { return }
    (first, last) =
      isEmpty
      ? (other.first, other.last) : (min(first, other.first), max(last, other.last))
    for loss in other.losses { count(lost: loss.count, loss.reason) }
    regained += other.regained
    found += other.found
    moved += other.moved
    examples += other.examples.prefix(max(0, Self.exampleLimit - examples.count))
  }

  /// A way that was counted is none.
  mutating func takeBack(_ kind: RouteShift.Kind, _ destination: Prefix) {
    if kind == .regained { regained -= 1 } else { found -= 1 }
    examples.removeAll { $0.kind == kind && $0.destination == destination }
  }

  private mutating func count(lost: Int, _ reason: RouteReason) {
    if let index = losses.firstIndex(where: { $0.reason == reason }) {
      losses[index].count += lost
    } else {
      losses.append(Loss(reason: reason, count: lost))
    }
  }

  /// Counts a change.
  public mutating func count(_ kind: RouteShift.Kind, _ reason: RouteReason, at now: Instant) {
    if isEmpty { first = now }
    last = now
    switch kind {
    case .lost: count(lost: 1, reason)
    case .regained: regained += 1
    case .found: found += 1
    case .moved: moved += 1
    }
  }
}
