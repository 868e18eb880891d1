/// The index of a row in a ``ChunkedTable``, or ``none``. The kind of row is part of the type, so
/// that a route's index cannot be taken for a destination's.
struct RowIndex<Row>: Hashable, Comparable {
  let rawValue: UInt32

  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// No row. An optional would cost four octets more in every row of 100,000.
  static var none: RowIndex<Row> { RowIndex(noRow) }

  static func < (a: RowIndex<Row>, b: RowIndex<Row>) -> Bool { a.rawValue < b.rawValue }
}

/// Index value that means "no row".
let noRow = UInt32.max

/// A row of the table of destinations.
typealias DestinationRow = RowIndex<Destination>
/// A row of the table of routes.
typealias RouteRow = RowIndex<Route>
/// A row of the interned next hops.
typealias NextHopRow = RowIndex<NextHop>
/// A row of the interned router-ids.
typealias RouterRow = RowIndex<InternedRouterID>
/// A row of the table of pending seqno requests.
typealias RequestRow = RowIndex<PendingSeqnoRequest>
/// A neighbour of the node: a row of the neighbour table, reused after the neighbour is flushed.
typealias NeighbourID = RowIndex<Neighbour>
