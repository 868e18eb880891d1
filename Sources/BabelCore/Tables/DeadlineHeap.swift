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

  private func precedes(_ a: Int, _ b: Int) -> Bool {
    heap[a].deadline == heap[b].deadline
      ? heap[a].id < heap[b].id : heap[a].deadline < heap[b].deadline
  }

  private mutating func swap(_ a: Int, _ b: Int) {
    heap.swapAt(a, b)
    positions[Int(heap[a].id)] = Int32(a)
    positions[Int(heap[b].id)] = Int32(b)
  }

  private mutating func siftUp(_ start: Int) {
    var i = start
    while i > 0, precedes(i, (i - 1) / 2) {
      swap(i, (i - 1) / 2)
      i = (i - 1) / 2
    }
  }

  private mutating func siftDown(_ start: Int) {
    var i = start
    while true {
      var least = i
      for child in [2 * i + 1, 2 * i + 2] where child < heap.count && precedes(child, least) {
        least = child
      }
      if least == i { return }
      swap(i, least)
      i = least
    }
  }
}
