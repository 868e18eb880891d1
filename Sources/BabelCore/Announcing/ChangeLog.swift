/// Destinations whose announcement changed, in order of change (RFC 8966 §3.7.2).
///
/// Every interface reads the log at its own pace with a cursor of its own. A destination that
/// changes again before anyone has read its entry is not entered twice; an older entry that some
/// have yet to read is skipped, because only the latest position counts.
struct ChangeLog {
  private var entries: [DestinationRow] = []
  private var base = LogPosition()

  /// The position after the last entry.
  var end: LogPosition { base.advanced(by: UInt32(entries.count)) }

  /// Appends a destination and returns the position of its entry.
  mutating func append(_ destination: DestinationRow) -> LogPosition {
    defer { entries.append(destination) }
    return end
  }

  /// A position, or that of the first entry if what stood there is forgotten.
  func firstKnown(from position: LogPosition) -> LogPosition {
    base.isAfter(position) ? base : position
  }

  /// The destination at a position, nil at the end and before the first entry.
  func destination(at position: LogPosition) -> DestinationRow? {
    // Before the first entry this is more than an Int of 32 bits holds.
    let offset = position.distance(from: base)
    return offset < entries.count ? entries[Int(offset)] : nil
  }

  /// Entries from `position` to the end.
  func remaining(from position: LogPosition) -> Int { Int(clamping: end.distance(from: position)) }

  /// Forgets what lies before `position`, which every reader has passed.
  mutating func trim(before position: LogPosition) {
    let offset = Int(clamping: position.distance(from: base))
    guard offset == entries.count || (offset >= 1024 && offset * 2 > entries.count) else { return }
    if offset == entries.count {
      entries.removeAll(keepingCapacity: entries.count <= 1024)
    } else {
      entries.removeFirst(offset)
    }
    base = position
  }
}

/// A place in the change log. Positions wrap after 2^32 entries.
struct LogPosition: Equatable {
  private var rawValue: UInt32 = 0

  /// The position so many entries further on.
  func advanced(by count: UInt32) -> LogPosition {
    var position = self
    position.rawValue &+= count
    return position
  }

  /// Entries from `start` to here.
  func distance(from start: LogPosition) -> UInt32 { rawValue &- start.rawValue }

  /// Whether this position lies behind `other`.
  func isAfter(_ other: LogPosition) -> Bool {
    let distance = distance(from: other)
    return distance != 0 && distance < 0x8000_0000
  }
}
