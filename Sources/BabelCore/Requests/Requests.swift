import BabelWire

// Before editing, read RFC 8966 §3.2.1, §3.2.7 and §3.8.2.1.

/// One row of the table of pending seqno requests.
struct PendingSeqnoRequest {
  let destination: DestinationRow
  /// Interned router-id; the row holds a reference.
  let router: RouterRow
  fileprivate(set) var seqno: Seqno
  /// The neighbour we forwarded it for last, if any.
  fileprivate(set) var requester: NeighbourID?
  /// Whether we want the answer ourselves; such a request is repeated.
  fileprivate(set) var isOwn: Bool
  fileprivate(set) var repeatsLeft: UInt8
  /// When it last left.
  fileprivate(set) var sentAt: Instant
  /// Time until the next repetition in microseconds; doubled each time.
  fileprivate(set) var timeout: Int64
  /// When it is repeated or forgotten.
  fileprivate(set) var deadline: Instant
  /// The next request for the same destination.
  fileprivate(set) var next: RequestRow = .none

  /// A request that leaves now, for a neighbour or (nil) for ourselves.
  init(
    _ destination: DestinationRow, _ router: RouterRow, _ seqno: Seqno, for requester: NeighbourID?,
    repeats: UInt8, at now: Instant
  ) {
    self.destination = destination
    self.router = router
    self.seqno = seqno
    self.requester = requester
    isOwn = requester == nil
    repeatsLeft = repeats
    sentAt = now
    timeout = Self.timeout(for: requester)
    deadline = now + timeout
  }

  fileprivate static func timeout(for requester: NeighbourID?) -> Int64 {
    requester == nil
      ? ProtocolParameters.seqnoRequestTimeout : ProtocolParameters.forwardedRequestMemory
  }
}

/// The table of pending seqno requests, keyed by (destination, router-id).
struct Requests {
  private var rows = ChunkedTable<PendingSeqnoRequest>()
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

  /// Enters a request; there must be none for its destination and router-id yet.
  mutating func insert(_ request: PendingSeqnoRequest) {
    var request = request
    request.next = heads[request.destination] ?? .none
    let row = rows.insert(request)
    heads[request.destination] = row
    timers.set(row.rawValue, request.deadline)
  }

  /// A pending request leaves once more, for a neighbour or (nil) for ourselves, with this seqno or
  /// a newer one.
  mutating func renew(
    _ row: RequestRow, _ seqno: Seqno, for requester: NeighbourID?, repeats: UInt8, at now: Instant
  ) {
    if seqno.isNewer(than: rows[row].seqno) { rows[row].seqno = seqno }
    rows[row].sentAt = now
    if let requester { rows[row].requester = requester } else { rows[row].isOwn = true }
    // What we want ourselves keeps its own pace while others ask for it, too.
    guard requester == nil || !rows[row].isOwn else { return }
    rows[row].repeatsLeft = repeats
    wait(row, PendingSeqnoRequest.timeout(for: requester), now)
  }

  /// A request of our own is repeated, after a time that doubles.
  mutating func countRepetition(of row: RequestRow, at now: Instant) {
    rows[row].sentAt = now
    rows[row].repeatsLeft -= 1
    wait(row, rows[row].timeout * 2, now)
  }

  private mutating func wait(_ row: RequestRow, _ timeout: Int64, _ now: Instant) {
    rows[row].timeout = timeout
    rows[row].deadline = now + timeout
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
