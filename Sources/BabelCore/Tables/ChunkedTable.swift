/// Index value that means "no row".
let noRow = UInt32.max

/// Rows in flat chunks, addressed by index, with a list of free indexes.
///
/// A table of 100,000 rows grows chunk by chunk: there is no moment when one huge array is
/// copied, and no object per row.
struct ChunkedTable<Row> {
  private static var chunkShift: UInt32 { 8 }
  private static var chunkSize: Int { 1 << Int(chunkShift) }

  private var chunks: [[Row]] = []
  private var free: [UInt32] = []
  /// Rows in use.
  private(set) var count = 0

  /// One more than the highest index ever handed out.
  var capacity: UInt32 {
    guard let last = chunks.last else { return 0 }
    return UInt32((chunks.count - 1) << Int(Self.chunkShift) + last.count)
  }

  subscript(_ index: UInt32) -> Row {
    _read { yield chunks[Int(index >> Self.chunkShift)][Int(index) & (Self.chunkSize - 1)] }
    _modify { yield &chunks[Int(index >> Self.chunkShift)][Int(index) & (Self.chunkSize - 1)] }
  }

  /// Stores a row and returns its index, the most recently freed one if there is any.
  mutating func insert(_ row: Row) -> UInt32 {
    count += 1
    if let index = free.popLast() {
      self[index] = row
      return index
    }
    if chunks.last.map({ $0.count == Self.chunkSize }) ?? true {
      var chunk: [Row] = []
      // The first chunk grows by itself, so that an idle node stays small.
      if !chunks.isEmpty { chunk.reserveCapacity(Self.chunkSize) }
      chunks.append(chunk)
    }
    let index = capacity
    chunks[chunks.count - 1].append(row)
    return index
  }

  /// The row that ``insert(_:)`` would overwrite, if there is one.
  var reusedIndex: UInt32? { free.last }

  /// Gives an index back; the row's contents stay until it is reused.
  mutating func remove(_ index: UInt32) {
    count -= 1
    free.append(index)
  }
}
