/// Destinations that wait for the same time, each from when it came: first in, first out. A delay
/// that is not the same for all needs a ``TimingWheel``, or a long one would hold up the short ones
/// behind it.
struct DelayLine {
  /// How long each row waits, in microseconds.
  let delay: Int64
  private var entries: [(row: DestinationRow, due: Instant)] = []
  private var head = 0

  init(delay: Int64) { self.delay = delay }

  /// When the first row is due.
  var first: Instant? { head < entries.count ? entries[head].due : nil }

  mutating func append(_ row: DestinationRow, at now: Instant) {
    entries.append((row, now + delay))
  }

  /// Takes the first row if its time has come.
  mutating func popDue(at now: Instant) -> DestinationRow? {
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
