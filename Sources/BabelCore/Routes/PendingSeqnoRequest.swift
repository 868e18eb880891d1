import BabelWire

// Before editing, read RFC 8966 §3.2.7 and §3.8.2.1.

/// One row of the table of pending seqno requests.
struct PendingSeqnoRequest {
  let destination: UInt32
  /// Interned router-id; the row holds a reference.
  let router: UInt32
  var seqno: Seqno
  /// The neighbour we forwarded it for last, if any.
  var requester: NeighbourID?
  /// Whether we want the answer ourselves; such a request is repeated.
  var isOwn: Bool
  var repeatsLeft: UInt8
  /// When it last left.
  var sentAt: Instant
  /// Time until the next repetition; doubled each time.
  var timeout: Int64
  /// When it is repeated or forgotten.
  var deadline: Instant
  var next: UInt32
}

/// The table, keyed by (destination, router-id).
struct PendingSeqnoRequests {
  private(set) var rows = ChunkedTable<PendingSeqnoRequest>()
  private var heads: [UInt32: UInt32] = [:]
  private var timers = DeadlineHeap()

  var count: Int { rows.count }
  var firstDeadline: Instant? { timers.first }

  func find(_ destination: UInt32, _ router: UInt32) -> UInt32? {
    var row = heads[destination] ?? noRow
    while row != noRow {
      if rows[row].router == router { return row }
      row = rows[row].next
    }
    return nil
  }

  /// The first request for a destination; follow `next` for the others.
  func first(_ destination: UInt32) -> UInt32 { heads[destination] ?? noRow }

  subscript(_ row: UInt32) -> PendingSeqnoRequest { rows[row] }

  mutating func insert(_ request: PendingSeqnoRequest) {
    var request = request
    request.next = heads[request.destination] ?? noRow
    let row = rows.insert(request)
    heads[request.destination] = row
    timers.set(row, request.deadline)
  }

  /// Changes a row in place and moves its timer.
  mutating func update(_ row: UInt32, _ change: (inout PendingSeqnoRequest) -> Void) {
    change(&rows[row])
    timers.set(row, rows[row].deadline)
  }

  /// Removes a row; the caller releases the router-id. Returns whether the destination has no
  /// request left.
  mutating func remove(_ row: UInt32) -> Bool {
    let request = rows[row]
    if heads[request.destination] == row {
      heads[request.destination] = request.next == noRow ? nil : request.next
    } else {
      var other = heads[request.destination] ?? noRow
      while other != noRow, rows[other].next != row { other = rows[other].next }
      if other != noRow { rows[other].next = request.next }
    }
    timers.set(row, nil)
    rows.remove(row)
    return heads[request.destination] == nil
  }

  /// A row whose deadline has come.
  func due(at now: Instant) -> UInt32? {
    guard let first = timers.first, first <= now else { return nil }
    return timers.firstID
  }
}
