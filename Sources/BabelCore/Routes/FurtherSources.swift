import BabelWire

// Before editing, read RFC 8966 §3.2.5 and §3.7.3.

/// Source entries beyond the one that each destination row holds itself: those of router-ids
/// that announced the same prefix before, or that announce it as well.
struct FurtherSources {
  private struct Row {
    let destination: DestinationRow
    let router: RouterRow
    var distance: FeasibilityDistance
    var expiry: Tick
    var next: RowIndex<Row>
  }

  private var rows = ChunkedTable<Row>()
  private var heads: [DestinationRow: RowIndex<Row>] = [:]
  private var wheel = RowWheel<Row>()

  var count: Int { rows.count }

  /// The entry of (destination, router), nil if there is none or its time has passed.
  func distance(_ destination: DestinationRow, _ router: RouterRow, at now: Instant)
    -> FeasibilityDistance?
  {
    guard let found = find(destination, router), !rows[found].expiry.isDue(at: now) else {
      return nil
    }
    return rows[found].distance
  }

  /// Takes an entry out; returns it with its expiry. The caller releases the router-id.
  mutating func remove(
    _ destination: DestinationRow, _ router: RouterRow
  ) -> (distance: FeasibilityDistance, expiry: Tick)? {
    guard let found = find(destination, router) else { return nil }
    let row = rows[found]
    unlink(found)
    return (row.distance, row.expiry)
  }

  /// Stores an entry that is not there yet; the router-id must be retained by the caller.
  mutating func insert(
    _ destination: DestinationRow, _ router: RouterRow, _ distance: FeasibilityDistance,
    expiry: Tick,
    at now: Instant
  ) {
    let head = heads[destination] ?? .none
    let row = rows.insert(
      Row(
        destination: destination, router: router, distance: distance, expiry: expiry, next: head))
    heads[destination] = row
    wheel.add(row, expiry.instant(near: now), now: now)
  }

  /// Keeps an entry, if there is one whose time has not passed, at least until `expiry`. The wheel
  /// finds out when its slot comes up.
  mutating func keep(
    _ destination: DestinationRow, _ router: RouterRow, until expiry: Instant, at now: Instant
  ) {
    guard let found = find(destination, router), !rows[found].expiry.isDue(at: now),
      expiry > rows[found].expiry.instant(near: now)
    else { return }
    rows[found].expiry = Tick(expiry)
  }

  /// Keeps all entries for so many microseconds longer.
  mutating func keepAll(for time: Int64, until latest: Instant, at now: Instant) {
    for row in rows.indexes where wheel.contains(row) {
      let expiry = rows[row].expiry.instant(near: now)
      rows[row].expiry = Tick(max(expiry, min(expiry + time, latest)))
    }
  }

  /// Passes on the entries of a destination.
  func forEach(
    of destination: DestinationRow, _ body: (RouterRow, FeasibilityDistance, Tick) -> Void
  ) {
    var row = heads[destination] ?? .none
    while row != .none {
      body(rows[row].router, rows[row].distance, rows[row].expiry)
      row = rows[row].next
    }
  }

  func hasEntries(_ destination: DestinationRow) -> Bool { heads[destination] != nil }

  var firstDeadline: Instant? { wheel.firstDeadline }

  /// Removes one entry whose time has passed; returns what it was.
  mutating func popExpired(at now: Instant) -> (destination: DestinationRow, router: RouterRow)? {
    while let row = wheel.popDue(at: now) {
      let entry = rows[row]
      if entry.expiry.isDue(at: now) {
        unlink(row)
        return (entry.destination, entry.router)
      }
      wheel.add(row, entry.expiry.instant(near: now), now: now)
    }
    return nil
  }

  private func find(_ destination: DestinationRow, _ router: RouterRow) -> RowIndex<Row>? {
    var row = heads[destination] ?? .none
    while row != .none {
      if rows[row].router == router { return row }
      row = rows[row].next
    }
    return nil
  }

  private mutating func unlink(_ row: RowIndex<Row>) {
    let entry = rows[row]
    wheel.remove(row)
    if heads[entry.destination] == row {
      heads[entry.destination] = entry.next == .none ? nil : entry.next
    } else {
      var other = heads[entry.destination] ?? .none
      while other != .none, rows[other].next != row { other = rows[other].next }
      if other != .none { rows[other].next = entry.next }
    }
    rows.remove(row)
  }
}
