import BabelWire

/// The order in which full updates walk the destinations: by originating router, then IPv6
/// before IPv4, then by prefix, so that router-ids are named once and prefixes compress.
///
/// New destinations wait at the end and are merged when no full update is under way; an order that
/// is slightly off costs octets, nothing else.
struct AnnouncementOrder {
  private(set) var entries: [DestinationRow] = []
  private var sortedCount = 0
  private var changes = 0

  mutating func append(_ destination: DestinationRow) {
    // What grows step by step from here leaves pieces behind that nobody needs.
    if entries.count == 64 { entries.reserveCapacity(1 << 15) }
    entries.append(destination)
  }

  /// Notes that the router of some destination changed.
  mutating func noteChange() { changes += 1 }

  /// Whether it is worth to sort again.
  var isStale: Bool {
    entries.count > sortedCount || changes > 64 + sortedCount / 16
  }

  /// Sorts with `precedes` after dropping what `isLive` refuses. Returns what was dropped.
  mutating func rebuild(
    isLive: (DestinationRow) -> Bool, precedes: (DestinationRow, DestinationRow) -> Bool
  ) -> [DestinationRow] {
    var dropped: [DestinationRow] = []
    if changes > 64 + sortedCount / 16 { sortedCount = 0 }
    var sorted: [DestinationRow] = []
    var tail: [DestinationRow] = []
    sorted.reserveCapacity(sortedCount)
    tail.reserveCapacity(entries.count - sortedCount)
    for (i, entry) in entries.enumerated() {
      if !isLive(entry) {
        dropped.append(entry)
      } else if i < sortedCount {
        sorted.append(entry)
      } else {
        tail.append(entry)
      }
    }
    tail.sort(by: precedes)
    entries = sorted.isEmpty ? tail : Self.merge(sorted, tail, precedes)
    sortedCount = entries.count
    changes = 0
    return dropped
  }

  private static func merge(
    _ a: [DestinationRow], _ b: [DestinationRow],
    _ precedes: (DestinationRow, DestinationRow) -> Bool
  ) -> [DestinationRow] {
    var result: [DestinationRow] = []
    result.reserveCapacity(a.count + b.count)
    var i = 0
    var j = 0
    while i < a.count, j < b.count {
      if precedes(b[j], a[i]) {
        result.append(b[j])
        j += 1
      } else {
        result.append(a[i])
        i += 1
      }
    }
    result += a[i...]
    result += b[j...]
    return result
  }
}

/// What the announcement order goes by. A class, because a comparison that reads the table itself
/// copies it, with a reference count for each of its columns.
private final class AnnouncementKeys {
  private let table: RouteTable

  init(_ table: RouteTable) { self.table = table }

  func isLive(_ row: DestinationRow) -> Bool { table.isLive(row) }

  func precedes(_ a: DestinationRow, _ b: DestinationRow) -> Bool {
    let routerA = router(a)
    let routerB = router(b)
    if routerA != routerB { return routerA < routerB }
    let prefixA = table.destinations[a].prefix
    let prefixB = table.destinations[b].prefix
    if prefixA.family != prefixB.family { return prefixA.family == .ipv6 }
    if prefixA != prefixB { return prefixA < prefixB }
    return table.sourcePrefix(a) < table.sourcePrefix(b)
  }

  private func router(_ row: DestinationRow) -> UInt64 {
    let selected = table.destinations[row].selected
    guard selected != .none else { return 0 }
    return table.routerIDs[table.routes[selected].routerID].rawValue
  }
}

extension RouteTable {
  /// Sorts the announcement order if that is worth it. Must not be called while a full update is
  /// under way.
  mutating func refreshAnnouncementOrder() {
    guard order.isStale else { return }
    for row in sortAnnouncementOrder() { destinations[row].setInAnnouncementOrder(false) }
  }

  /// Returns the rows that are not in the order any more.
  private mutating func sortAnnouncementOrder() -> [DestinationRow] {
    var order = self.order
    self.order = AnnouncementOrder()
    let keys = AnnouncementKeys(self)
    let dropped = order.rebuild(
      isLive: { keys.isLive($0) }, precedes: { keys.precedes($0, $1) })
    self.order = order
    return dropped
  }
}
