/// Deadlines of a table with few rows (interfaces, neighbours, requests): a binary heap with the
/// position of every row, so that a deadline can be moved.
struct DeadlineHeap {
  private var heap: [(deadline: Instant, id: UInt32)] = []
  private var positions: [Int32] = []

  /// The earliest deadline.
  var first: Instant? { heap.first.map { $0.deadline } }

  /// The row with the earliest deadline.
  var firstID: UInt32? { heap.first.map { $0.id } }

  /// Sets, moves or (with nil) removes the deadline of a row. Equal deadlines keep an order that
  /// depends only on the calls made.
  mutating func set(_ id: UInt32, _ deadline: Instant?) {
    while positions.count <= Int(id) { positions.append(-1) }
    let position = Int(positions[Int(id)])
    guard let deadline else {
      if position >= 0 { removeEntry(at: position) }
      return
    }
    if position < 0 {
      heap.append((deadline, id))
      positions[Int(id)] = Int32(heap.count - 1)
      siftUp(heap.count - 1)
    } else {
      let old = heap[position].deadline
      heap[position].deadline = deadline
      if deadline < old { siftUp(position) } else if deadline > old { siftDown(position) }
    }
  }

  /// The row with the earliest deadline, if that has come. Its deadline is removed.
  mutating func dueID(at now: Instant) -> UInt32? {
    guard let deadline = first, deadline <= now, let id = firstID else { return nil }
    set(id, nil)
    return id
  }

  private mutating func removeEntry(at position: Int) {
    positions[Int(heap[position].id)] = -1
    let last = heap.removeLast()
    guard position < heap.count else { return }
    heap[position] = last
    positions[Int(last.id)] = Int32(position)
    siftUp(position)
    siftDown(Int(positions[Int(last.id)]))
  }

  private func precedes(
    _ a: (deadline: Instant, id: UInt32), _ b: (deadline: Instant, id: UInt32)
  ) -> Bool {
    a.deadline == b.deadline ? a.id < b.id : a.deadline < b.deadline
  }

  private mutating func put(_ entry: (deadline: Instant, id: UInt32), at position: Int) {
    heap[position] = entry
    positions[Int(entry.id)] = Int32(position)
  }

  // The entry is put down once, where it belongs; those that it passes move by one place.

  private mutating func siftUp(_ start: Int) {
    let entry = heap[start]
    var i = start
    while i > 0 {
      let parent = (i - 1) / 2
      guard precedes(entry, heap[parent]) else { break }
      put(heap[parent], at: i)
      i = parent
    }
    if i != start { put(entry, at: i) }
  }

  private mutating func siftDown(_ start: Int) {
    let entry = heap[start]
    var i = start
    while 2 * i + 1 < heap.count {
      var child = 2 * i + 1
      if child + 1 < heap.count, precedes(heap[child + 1], heap[child]) { child += 1 }
      guard precedes(heap[child], entry) else { break }
      put(heap[child], at: i)
      i = child
    }
    if i != start { put(entry, at: i) }
  }
}
