/// Deadlines of a table with very many rows: slots of a quarter second, each a linked list.
///
/// A row that is refreshed is not moved: when its slot comes up and its deadline lies later, the
/// caller puts it back. So a refresh costs nothing and an expiry is noticed at most a quarter
/// second late.
struct TimingWheel {
  private struct Link {
    var previous = noRow
    var next = noRow
    /// Slot the row sits in; `noSlot` when it is in none.
    var slot = TimingWheel.noSlot
  }

  private static let noSlot = UInt16.max
  private static let slotCount: Int64 = 1024
  private static let slotMicroseconds: Int64 = 250_000

  private var links: [Link] = []
  private var heads = [UInt32](repeating: noRow, count: 1024)
  private var occupied = [UInt64](repeating: 0, count: 16)
  /// Absolute number of the first slot that has not been emptied.
  private var current: Int64 = 0
  private(set) var count = 0

  /// Whether the row has a deadline.
  func contains(_ row: UInt32) -> Bool {
    Int(row) < links.count && links[Int(row)].slot != Self.noSlot
  }

  /// Gives a row a deadline; a row that has one must be removed first.
  mutating func add(_ row: UInt32, _ deadline: Instant, now: Instant) {
    precondition(!contains(row), "a row sits in one slot")
    if count == 0 { current = max(current, now.microseconds / Self.slotMicroseconds) }
    while links.count <= Int(row) { links.append(Link()) }
    let wanted = deadline.microseconds / Self.slotMicroseconds
    // A deadline beyond the horizon goes into the last slot and is put back from there.
    let absolute = min(max(wanted, current), current + Self.slotCount - 1)
    let slot = Int(absolute % Self.slotCount)
    let head = heads[slot]
    links[Int(row)] = Link(previous: noRow, next: head, slot: UInt16(slot))
    if head != noRow { links[Int(head)].previous = row }
    heads[slot] = row
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    count += 1
  }

  /// Takes a row out; nothing happens if it is in no slot.
  mutating func remove(_ row: UInt32) {
    guard contains(row) else { return }
    let link = links[Int(row)]
    if link.previous == noRow {
      heads[Int(link.slot)] = link.next
      if link.next == noRow { occupied[Int(link.slot) >> 6] &= ~(1 << UInt64(link.slot & 63)) }
    } else {
      links[Int(link.previous)].next = link.next
    }
    if link.next != noRow { links[Int(link.next)].previous = link.previous }
    links[Int(row)].slot = Self.noSlot
    count -= 1
    if count == 0 { links.removeAll(keepingCapacity: links.count <= 1024) }
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
