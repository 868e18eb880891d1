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

  mutating func append(_ destination: DestinationRow) { entries.append(destination) }

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

extension RouteTable {
  /// Sorts the announcement order if that is worth it. Must not be called while a full update is
  /// under way.
  mutating func refreshAnnouncementOrder() {
    guard order.isStale else { return }
    var order = self.order
    self.order = AnnouncementOrder()
    let dropped = order.rebuild(
      isLive: { isLive($0) }, precedes: { announcementKey($0, precedes: $1) })
    self.order = order
    for row in dropped { destinations[row].setInAnnouncementOrder(false) }
  }

  private func announcementKey(_ a: DestinationRow, precedes b: DestinationRow) -> Bool {
    let routerA = announcedRouter(a)
    let routerB = announcedRouter(b)
    if routerA != routerB { return routerA < routerB }
    let prefixA = destinations[a].prefix
    let prefixB = destinations[b].prefix
    if prefixA.family != prefixB.family { return prefixA.family == .ipv6 }
    if prefixA != prefixB { return prefixA < prefixB }
    return sourcePrefix(a) < sourcePrefix(b)
  }

  private func announcedRouter(_ row: DestinationRow) -> UInt64 {
    let selected = destinations[row].selected
    guard selected != .none else { return 0 }
    return routerIDs[routes[selected].routerID].rawValue
  }
}
