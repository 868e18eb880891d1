import BabelWire

/// One row of the source table (RFC 8966 §3.2.5) as it outlives the node.
public struct SourceRecord: Equatable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The originating router.
  public let routerID: RouterID
  /// Seqno of the feasibility distance.
  public let seqno: Seqno
  /// Metric of the feasibility distance, finite.
  public let metric: Metric
  /// Seconds after which it is forgotten (§3.7.3): 180 after we last announced it, or more where
  /// Updates are rare. Those promised count, whatever the intervals of the next life are.
  public let secondsLeft: UInt32
  /// Whether neighbours may still believe that we announce the destination.
  public let isAnnounced: Bool

  /// Makes a record.
  public init(
    destination: Prefix, source: Prefix, routerID: RouterID, seqno: Seqno, metric: Metric,
    secondsLeft: UInt32, isAnnounced: Bool = true
  ) {
    self.destination = destination
    self.source = source
    self.routerID = routerID
    self.seqno = seqno
    self.metric = metric
    self.secondsLeft = secondsLeft
    self.isAnnounced = isAnnounced
  }
}

extension BabelNode {
  /// Passes the source table on, in the order of the table and in slices: at most `limit`
  /// destinations are looked at from `position` on (0 at first). Returns where to go on, nil at
  /// the end. What changes between two slices may be missed or told in its new form.
  public func forEachSource(
    from position: UInt32, limit: Int, at now: Instant, _ body: (SourceRecord) -> Void
  ) -> UInt32? {
    let end = UInt32(
      clamping: min(Int(position) + max(limit, 1), Int(table.destinations.capacity)))
    for row in RowIndexes<Destination>(from: position, to: end) where table.isLive(row) {
      let prefix = table.destinations[row].prefix
      let source = table.sourcePrefix(row)
      let isAnnounced = table.destinations[row].flags.contains(.announced)
      table.forEachSource(of: row) { router, distance, expiry in
        let left = expiry.instant(near: now) - now
        guard left > 0, !distance.metric.isInfinite else { return }
        body(
          SourceRecord(
            destination: prefix, source: source, routerID: table.routerIDs[router],
            seqno: distance.seqno, metric: distance.metric,
            secondsLeft: UInt32(clamping: (left + 999_999) / 1_000_000),
            isAnnounced: isAnnounced))
      }
    }
    return end < table.destinations.capacity ? end : nil
  }

  /// Puts a row of an earlier life back into the source table; to be called before the first
  /// packet is received, and after ``begin(_:at:)`` if the life is resumed: then what it announced
  /// and lost is retracted. Rows whose time has passed, or that make no sense, are passed over.
  public mutating func restoreSource(_ record: SourceRecord, at now: Instant) {
    let left = min(
      Int64(record.secondsLeft) * 1_000_000, ProtocolParameters.longestSourceLifetime)
    guard left > 0, !record.metric.isInfinite, record.routerID.isValid,
      !record.destination.isMartian, !record.source.isMartian,
      table.sourceCount < parameters.sourceLimit,
      let row = table.findOrInsert(record.destination, record.source)
    else { return }
    let router = table.routerIDs.retain(record.routerID)
    table.restore(
      row, router: router,
      FeasibilityDistance(seqno: record.seqno, metric: record.metric),
      expiry: now + left, at: now)
    table.routerIDs.release(router)
    guard restart.beginning == .resumed, record.isAnnounced, router != ownRouter else { return }
    table.destinations[row].announced(record.metric)
    restart.judgeLater(row, at: now)
  }
}
