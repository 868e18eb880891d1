/// What is due. The network gives `subject` and `generation` their meaning.
enum EventKind: UInt8 {
  /// A datagram reaches a host; the subject is its place in the flight slab.
  case arrival
  /// A host reads one packet from its socket buffer; the subject is the host.
  case drain
  /// A daemon's deadline; the subject is the host, the generation that of the daemon.
  case wake
  /// Something scripted; the subject is its place in the script slab.
  case script
}

/// One entry of the queue.
struct Event {
  /// Virtual microseconds.
  let time: Int64
  /// Insertion number: the tie-break that makes runs reproducible.
  let order: UInt64
  let kind: EventKind
  let subject: Int32
  let generation: UInt32

  static func < (a: Event, b: Event) -> Bool { (a.time, a.order) < (b.time, b.order) }
}

/// A binary heap ordered by time, then by insertion.
struct EventQueue {
  private var heap: [Event] = []
  private var inserted: UInt64 = 0

  var nextTime: Int64? { heap.first?.time }

  mutating func push(_ kind: EventKind, at time: Int64, subject: Int, generation: UInt32 = 0) {
    heap.append(
      Event(
        time: time, order: inserted, kind: kind, subject: Int32(subject), generation: generation))
    inserted += 1
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> Event? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var parent = 0
    while true {
      var least = 2 * parent + 1
      guard least < heap.count else { break }
      if least + 1 < heap.count, heap[least + 1] < heap[least] { least += 1 }
      guard heap[least] < heap[parent] else { break }
      heap.swapAt(least, parent)
      parent = least
    }
    return first
  }
}

/// Values with small numbers that are reused in a fixed order.
struct Slab<Value> {
  private var values: [Value?] = []
  private var free: [Int] = []

  mutating func insert(_ value: Value) -> Int {
    if let index = free.popLast() {
      values[index] = value
      return index
    }
    values.append(value)
    return values.count - 1
  }

  mutating func take(_ index: Int) -> Value? {
    let value = values[index]
    if value != nil {
      values[index] = nil
      free.append(index)
    }
    return value
  }
}
