/// Destinations whose announcement changed, in order of change (RFC 8966 §3.7.2).
///
/// Every interface reads the log at its own pace with a cursor of its own. A destination that
/// changes again before anyone has read its entry is not entered twice; an older entry that some
/// have yet to read is skipped, because only the latest position counts.
struct ChangeLog {
  private var entries: [UInt32] = []
  private var base: UInt32 = 0

  /// The position after the last entry.
  var end: UInt32 { base &+ UInt32(entries.count) }

  /// Appends a destination and returns the position of its entry.
  mutating func append(_ destination: UInt32) -> UInt32 {
    entries.append(destination)
    return end &- 1
  }

  /// The destination at a position, nil at the end and before the first entry.
  func destination(at position: UInt32) -> UInt32? {
    // Before the first entry this is more than an Int of 32 bits holds.
    let offset = position &- base
    return offset < entries.count ? entries[Int(offset)] : nil
  }

  /// Entries from `position` to the end.
  func remaining(from position: UInt32) -> Int { Int(clamping: end &- position) }

  /// Forgets what lies before `position`, which every reader has passed.
  mutating func trim(before position: UInt32) {
    let offset = Int(clamping: position &- base)
    guard offset == entries.count || (offset >= 1024 && offset * 2 > entries.count) else { return }
    if offset == entries.count {
      entries.removeAll(keepingCapacity: entries.count <= 1024)
    } else {
      entries.removeFirst(offset)
    }
    base = position
  }
}

extension UInt32 {
  /// Whether this position of a log that wraps lies behind `other`.
  func isAfter(_ other: UInt32) -> Bool {
    let distance = self &- other
    return distance != 0 && distance < 0x8000_0000
  }
}
