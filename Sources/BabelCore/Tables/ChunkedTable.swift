/// Rows in flat chunks, addressed by index, with a list of free indexes.
///
/// A table of 100,000 rows grows chunk by chunk: there is no moment when one huge array is
/// copied, and no object per row.
struct ChunkedTable<Row> {
  /// Chunks are so large that the memory of each is mapped by itself: the part that no row has
  /// reached yet takes none, and no size class of the allocator is larger than what is asked for.
  private static var chunkShift: UInt32 { 12 }
  /// So many rows are a few, for which the memory need not be mapped.
  private static var few: Int { 64 }
  private static var chunkSize: Int { 1 << Int(chunkShift) }

  private var chunks: [[Row]] = []
  private var free: [RowIndex<Row>] = []
  /// Rows in use.
  private(set) var count = 0

  /// One more than the highest index ever handed out.
  var capacity: UInt32 {
    guard let last = chunks.last else { return 0 }
    return UInt32((chunks.count - 1) << Int(Self.chunkShift) + last.count)
  }

  /// All indexes ever handed out, those that are free now included.
  var indexes: RowIndexes<Row> { RowIndexes(from: 0, to: capacity) }

  subscript(_ index: RowIndex<Row>) -> Row {
    _read {
      let (chunk, place) = Self.position(of: index)
      yield chunks[chunk][place]
    }
    _modify {
      let (chunk, place) = Self.position(of: index)
      yield &chunks[chunk][place]
    }
  }

  private static func position(of index: RowIndex<Row>) -> (chunk: Int, place: Int) {
    (Int(index.rawValue >> chunkShift), Int(index.rawValue) & (chunkSize - 1))
  }

  /// Stores a row and returns its index, the most recently freed one if there is any.
  mutating func insert(_ row: Row) -> RowIndex<Row> {
    count += 1
    if let index = free.popLast() {
      self[index] = row
      return index
    }
    // All rows are in use, so there are as many as were ever made. Chunks begin at such a number.
    if (count - 1) & (Self.few - 1) == 0 { makeRoom() }
    let index = RowIndex<Row>(capacity)
    chunks[chunks.count - 1].append(row)
    return index
  }

  /// Begins a chunk if the last one is full. Not inlined: it is rare, and large.
  @inline(never)
  private mutating func makeRoom() {
    if chunks.last.map({ $0.count == Self.chunkSize }) ?? true { chunks.append([]) }
    // The first rows are few on most nodes, which stay small.
    if chunks[chunks.count - 1].count == (chunks.count == 1 ? Self.few : 0) {
      chunks[chunks.count - 1].reserveCapacity(Self.chunkSize)
    }
  }

  /// The row that ``insert(_:)`` would overwrite, if there is one.
  var reusedIndex: RowIndex<Row>? { free.last }

  /// Gives an index back; the row's contents stay until it is reused.
  mutating func remove(_ index: RowIndex<Row>) {
    count -= 1
    free.append(index)
  }
}

/// Indexes of a table, from one to another.
struct RowIndexes<Row>: Sequence, IteratorProtocol {
  private var position: UInt32
  private let end: UInt32

  init(from start: UInt32, to end: UInt32) {
    position = start
    self.end = end
  }

  mutating func next() -> RowIndex<Row>? {
    guard position < end else { return nil }
    defer { position += 1 }
    return RowIndex(position)
  }
}
