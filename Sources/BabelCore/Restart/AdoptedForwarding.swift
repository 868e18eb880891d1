import BabelWire

/// The number of a way that entries of an earlier life take, see ``AdoptedForwarding``.
struct AdoptedWay: Hashable {
  let number: UInt16
}

/// What entries of an earlier life do, and in which tables they are, in ascending order.
struct AdoptedTarget: Hashable {
  let target: ForwardingTarget
  let tables: InstallTables
}

/// Forwarding entries that an earlier life left in the kernel.
///
/// A destination with such an entry is flagged ``DestinationFlags/adopted`` and names its way
/// here. Many entries share few ways.
struct AdoptedForwarding {
  private struct Row {
    let way: AdoptedTarget
    /// Its neighbour has told us that it started anew, or the link is gone: no packet may go
    /// there.
    var isRevoked = false
    /// The kernel has dropped the entries by itself.
    var isLost = false
  }

  private var rows: [Row] = []
  private var numbers: [AdoptedTarget: AdoptedWay] = [:]
  /// Destinations that have an adopted entry.
  private(set) var count = 0
  /// Entries in the order of their prefixes, as of when they were first needed; nil before.
  var order: [(prefix: Prefix, row: DestinationRow)]?

  /// When the first entry was adopted.
  private var beganAt: Instant?
  /// When entries that were not confirmed are taken back.
  private(set) var sweepDue: Instant?
  /// Until when an entry is preferred to routes elsewhere, in a resumed life.
  private(set) var preferenceDue: Instant?
  /// The time that entries have at most, in microseconds.
  private var longestPatience = ProtocolParameters.longestAdoption
  /// Until when neighbours have time to confirm entries, on the interfaces that came up.
  private var lastPatience: Instant?
  /// Interfaces that came up since ``beganAt``.
  private var joined: [InterfaceID] = []
  /// A walk over all destinations for which something is to be done, where it stands.
  private(set) var position: UInt32?
  /// The walk takes back all entries that were not confirmed.
  private(set) var isSweeping = false

  /// Destinations that are not announced yet because of entries inside them.
  private var withheld: [DestinationRow] = []
  private var isWithheld: Set<DestinationRow> = []
  /// When they are looked at again.
  private(set) var withheldDue: Instant?

  /// Whether the sweep is still to come, or under way.
  var isUnderWay: Bool { sweepDue != nil || isSweeping }

  /// When something is to be done.
  var firstDeadline: Instant? {
    var first = Instant.distantFuture
    for due in [sweepDue, withheldDue, preferenceDue] { first = min(first, due ?? first) }
    return first == .distantFuture ? nil : first
  }

  /// An interface came up: neighbours on it get some time to confirm entries. The full time
  /// passes while one that entries lead through is still to come.
  mutating func join(_ id: InterfaceID, _ interface: Interface, at now: Instant) {
    guard let beganAt, sweepDue != nil else { return }
    if !joined.contains(id) { joined.append(id) }
    let patience = interface.helloMicroseconds * ProtocolParameters.adoptionHellos
    longestPatience = max(longestPatience, patience)
    let latest = beganAt + longestPatience
    let time = now + max(patience, ProtocolParameters.shortestAdoption)
    lastPatience = max(lastPatience ?? time, time)
    let isComplete = rows.allSatisfy { row in
      guard case .via(let path) = row.way.target else { return true }
      return joined.contains(path.interface)
    }
    sweepDue = isComplete ? min(latest, lastPatience ?? latest) : latest
    guard let preferenceDue else { return }
    let trust =
      interface.helloMicroseconds * ProtocolParameters.lossHalves / 2
      + ProtocolParameters.introductionTime
    self.preferenceDue = max(preferenceDue, now + trust)
  }

  /// In a life that goes on where an earlier one ended entries are preferred for a while: for as
  /// long as it takes to notice that a neighbour is gone, so that one which is heard first does not
  /// draw traffic away from one that is heard a little later.
  mutating func prefer(at now: Instant) {
    preferenceDue = now + ProtocolParameters.introductionTime
  }

  /// That time is over: destinations that waited are looked at.
  mutating func endPreference() {
    preferenceDue = nil
    position = 0
  }

  /// The time of the entries is over.
  mutating func beginSweep() {
    sweepDue = nil
    isSweeping = true
    position = 0
  }

  /// The next destination of the walk through a table of so many rows; nil at its end.
  mutating func nextOfWalk(below capacity: UInt32) -> DestinationRow? {
    guard let position else { return nil }
    guard position < capacity, count > 0 else {
      self.position = nil
      isSweeping = false
      return nil
    }
    self.position = position + 1
    return DestinationRow(position)
  }

  /// A destination has to wait before it is announced.
  mutating func withhold(_ row: DestinationRow, at now: Instant) {
    if isWithheld.insert(row).inserted { withheld.append(row) }
    withheldDue = withheldDue ?? now + ProtocolParameters.withheldTime
  }

  /// Hands over what was withheld, in the order of asking.
  mutating func takeWithheld() -> [DestinationRow] {
    withheldDue = nil
    isWithheld = []
    defer { withheld = [] }
    return withheld
  }

  /// Counts an entry; returns the number of its way, nil if there are too many different ones.
  mutating func insert(_ way: AdoptedTarget, at now: Instant) -> AdoptedWay? {
    if sweepDue == nil {
      beganAt = now
      longestPatience = ProtocolParameters.longestAdoption
      sweepDue = now + longestPatience
      joined = []
      lastPatience = nil
    }
    order = nil
    // An entry that is found now is there, even if the kernel dropped others like it before.
    if let number = numbers[way], !rows[Int(number.number)].isLost {
      count += 1
      // No packet may go along a revoked way: the walk comes by here once more.
      if rows[Int(number.number)].isRevoked { position = 0 }
      return number
    }
    guard rows.count < ProtocolParameters.adoptedTargetLimit else { return nil }
    count += 1
    rows.append(Row(way: way))
    let number = AdoptedWay(number: UInt16(rows.count - 1))
    numbers[way] = number
    return number
  }

  /// Forgets one entry.
  mutating func remove() {
    count -= 1
    if count == 0 {
      rows = []
      numbers = [:]
      order = nil
    }
  }

  subscript(_ way: AdoptedWay) -> AdoptedTarget { rows[Int(way.number)].way }

  /// What the kernel has at present.
  func actual(_ way: AdoptedWay) -> ForwardingTarget {
    let row = rows[Int(way.number)]
    return row.isLost ? .absent : row.way.target
  }

  /// What a destination of a way has if the same is found in one more table; nil if that may not
  /// be: it leads elsewhere, is in this table already, or there is no room for another table. No
  /// packet may follow a revoked way, so that does not grow.
  func widened(_ way: AdoptedWay, by target: ForwardingTarget, in table: UInt32) -> AdoptedTarget? {
    let row = rows[Int(way.number)]
    guard !row.isRevoked, !row.isLost, row.way.target == target else { return nil }
    return row.way.tables.inserting(table).map { AdoptedTarget(target: target, tables: $0) }
  }

  func isRevoked(_ way: AdoptedWay) -> Bool { rows[Int(way.number)].isRevoked }

  /// Whether entries of a way go where a next hop is.
  func leads(_ way: AdoptedWay, along nextHop: NextHop) -> Bool {
    let row = rows[Int(way.number)]
    guard !row.isRevoked, case .via(let path) = row.way.target else { return false }
    return path.interface == nextHop.interface && path.gateway == nextHop.gateway
  }

  /// Whether any way leads through an interface to a gateway that fulfils a condition.
  func leads(through interface: InterfaceID, where condition: (IPAddress) -> Bool) -> Bool {
    rows.contains { row in
      guard !row.isRevoked, case .via(let path) = row.way.target else { return false }
      return path.interface == interface && condition(path.gateway)
    }
  }

  /// Whether any entry names an interface.
  func uses(_ interface: InterfaceID) -> Bool {
    rows.contains { row in
      if case .via(let path) = row.way.target { path.interface == interface } else { false }
    }
  }

  /// Revokes the ways through an interface whose gateway fulfils a condition, and begins a walk
  /// if there are any.
  mutating func revoke(
    _ interface: InterfaceID, isLost: Bool, where condition: (IPAddress) -> Bool
  ) {
    for i in rows.indices {
      guard case .via(let path) = rows[i].way.target, path.interface == interface,
        condition(path.gateway)
      else { continue }
      if isLost { rows[i].isLost = true }
      if !rows[i].isRevoked {
        rows[i].isRevoked = true
        position = 0
      }
    }
  }
}
