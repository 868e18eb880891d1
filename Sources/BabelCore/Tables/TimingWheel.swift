/// Deadlines of a table with very many rows: slots of a quarter second, each a linked list.
///
/// A row that is refreshed is not moved: when its slot comes up and its deadline lies later, the
/// caller puts it back. So a refresh costs nothing and an expiry is noticed at most a quarter
/// second late.
struct TimingWheel {
  /// A row's place in its slot's list. The first row of a slot has the slot's number above
  /// `firstSlotMark` in place of a predecessor.
  private struct Link {
    var previous = TimingWheel.absent
    var next = noRow
  }

  private static let absent = UInt32.max
  private static let firstSlotMark: UInt32 = 0xFFFF_0000
  private static let slotCount: Int64 = 1024
  private static let slotMicroseconds: Int64 = 250_000

  private var links = Column(empty: Link())
  /// The first row of each slot; empty until a row has a deadline.
  private var heads: [UInt32] = []
  private var occupied = [UInt64](repeating: 0, count: 16)
  /// Absolute number of the first slot that has not been emptied.
  private var current: Int64 = 0
  private(set) var count = 0

  /// Whether the row has a deadline.
  func contains(_ row: UInt32) -> Bool {
    row < links.count && links[row].previous != Self.absent
  }

  /// Gives a row a deadline; a row that has one must be removed first.
  mutating func add(_ row: UInt32, _ deadline: Instant, now: Instant) {
    precondition(!contains(row), "a row sits in one slot")
    if count == 0 { current = max(current, now.microseconds / Self.slotMicroseconds) }
    if heads.isEmpty { heads = [UInt32](repeating: noRow, count: Int(Self.slotCount)) }
    links.reach(row)
    let wanted = deadline.microseconds / Self.slotMicroseconds
    // A deadline beyond the horizon goes into the last slot and is put back from there.
    let absolute = min(max(wanted, current), current + Self.slotCount - 1)
    let slot = Int(absolute % Self.slotCount)
    let head = heads[slot]
    links[row] = Link(previous: Self.firstSlotMark + UInt32(slot), next: head)
    if head != noRow { links[head].previous = row }
    heads[slot] = row
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    count += 1
  }

  /// Takes a row out; nothing happens if it is in no slot.
  mutating func remove(_ row: UInt32) {
    guard contains(row) else { return }
    let link = links[row]
    if link.previous >= Self.firstSlotMark {
      let slot = Int(link.previous - Self.firstSlotMark)
      heads[slot] = link.next
      if link.next == noRow { occupied[slot >> 6] &= ~(1 << UInt64(slot & 63)) }
    } else {
      links[link.previous].next = link.next
    }
    if link.next != noRow { links[link.next].previous = link.previous }
    links[row].previous = Self.absent
    count -= 1
    if count == 0, links.count > 4096 { links.removeAll() }
  }

  /// Takes out one row whose slot has passed; nil when there is none.
  mutating func popDue(at now: Instant) -> UInt32? {
    let target = now.microseconds / Self.slotMicroseconds
    while let slot = firstOccupied, slot < target {
      current = slot
      let row = heads[Int(slot % Self.slotCount)]
      remove(row)
      return row
    }
    current = max(current, target)
    return nil
  }

  /// When ``popDue(at:)`` will have something to return, at the earliest.
  var firstDeadline: Instant? {
    firstOccupied.map { Instant(microseconds: ($0 + 1) * Self.slotMicroseconds) }
  }

  /// The earliest slot that holds a row, as an absolute number.
  private var firstOccupied: Int64? {
    guard count > 0 else { return nil }
    let start = Int(current % Self.slotCount)
    var word = start >> 6
    var bits = occupied[word] & (.max << UInt64(start & 63))
    for _ in 0...16 {
      if bits != 0 {
        let slot = word << 6 + bits.trailingZeroBitCount
        let ahead = (slot - start + Int(Self.slotCount)) % Int(Self.slotCount)
        return current + Int64(ahead)
      }
      word = (word + 1) & 15
      bits = occupied[word]
    }
    return nil
  }
}

/// A ``TimingWheel`` whose rows are those of one table.
struct RowWheel<Row> {
  private var wheel = TimingWheel()

  /// See ``TimingWheel/firstDeadline``.
  var firstDeadline: Instant? { wheel.firstDeadline }

  /// See ``TimingWheel/contains(_:)``.
  func contains(_ row: RowIndex<Row>) -> Bool { wheel.contains(row.rawValue) }

  /// See ``TimingWheel/add(_:_:now:)``.
  mutating func add(_ row: RowIndex<Row>, _ deadline: Instant, now: Instant) {
    wheel.add(row.rawValue, deadline, now: now)
  }

  /// See ``TimingWheel/remove(_:)``.
  mutating func remove(_ row: RowIndex<Row>) { wheel.remove(row.rawValue) }

  /// See ``TimingWheel/popDue(at:)``.
  mutating func popDue(at now: Instant) -> RowIndex<Row>? {
    wheel.popDue(at: now).map { RowIndex($0) }
  }
}
