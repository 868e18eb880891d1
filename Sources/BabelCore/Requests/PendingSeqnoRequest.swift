import BabelWire

// Before editing, read RFC 8966 §3.2.7 and §3.8.2.1.

/// One row of the table of pending seqno requests.
struct PendingSeqnoRequest {
  let destination: DestinationRow
  /// Interned router-id; the row holds a reference.
  let router: RouterRow
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
  var next: RequestRow
}

/// The table, keyed by (destination, router-id).
struct PendingSeqnoRequests {
  private(set) var rows = ChunkedTable<PendingSeqnoRequest>()
  private var heads: [DestinationRow: RequestRow] = [:]
  private var timers = DeadlineHeap()

  var count: Int { rows.count }
  var firstDeadline: Instant? { timers.first }

  func find(_ destination: DestinationRow, _ router: RouterRow) -> RequestRow? {
    var row = heads[destination] ?? .none
    while row != .none {
      if rows[row].router == router { return row }
      row = rows[row].next
    }
    return nil
  }

  /// The first request for a destination; follow `next` for the others.
  func first(_ destination: DestinationRow) -> RequestRow { heads[destination] ?? .none }

  subscript(_ row: RequestRow) -> PendingSeqnoRequest { rows[row] }

  mutating func insert(_ request: PendingSeqnoRequest) {
    var request = request
    request.next = heads[request.destination] ?? .none
    let row = rows.insert(request)
    heads[request.destination] = row
    timers.set(row.rawValue, request.deadline)
  }

  /// Changes a row in place and moves its timer.
  mutating func update(_ row: RequestRow, _ change: (inout PendingSeqnoRequest) -> Void) {
    change(&rows[row])
    timers.set(row.rawValue, rows[row].deadline)
  }

  /// Removes a row; the caller releases the router-id. Returns whether the destination has no
  /// request left.
  mutating func remove(_ row: RequestRow) -> Bool {
    let request = rows[row]
    if heads[request.destination] == row {
      heads[request.destination] = request.next == .none ? nil : request.next
    } else {
      var other = heads[request.destination] ?? .none
      while other != .none, rows[other].next != row { other = rows[other].next }
      if other != .none { rows[other].next = request.next }
    }
    timers.set(row.rawValue, nil)
    rows.remove(row)
    return heads[request.destination] == nil
  }

  /// A row whose deadline has come.
  func due(at now: Instant) -> RequestRow? {
    guard let first = timers.first, first <= now else { return nil }
    return timers.firstID.map { RequestRow($0) }
  }
}
