/// Rows that wait for the same time: first in, first out.
struct DelayLine {
  private var entries: [(row: UInt32, due: Instant)] = []
  private var head = 0

  /// When the first row is due.
  var first: Instant? { head < entries.count ? entries[head].due : nil }

  mutating func append(_ row: UInt32, due: Instant) { entries.append((row, due)) }

  /// Takes the first row if its time has come.
  mutating func popDue(at now: Instant) -> UInt32? {
    guard head < entries.count, entries[head].due <= now else { return nil }
    let row = entries[head].row
    head += 1
    if head == entries.count {
      entries.removeAll(keepingCapacity: entries.count <= 256)
      head = 0
    } else if head > 1024, head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return row
  }
}
