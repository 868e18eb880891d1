/// One value per row of a table, in chunks: growing never copies what is there.
struct Column<Value> {
  /// See ``ChunkedTable``.
  private static var chunkShift: UInt32 { 14 }
  private static var chunkSize: Int { 1 << Int(chunkShift) }

  private var chunks: [[Value]] = []
  private let empty: Value

  /// Makes a column whose rows start as `empty`.
  init(empty: Value) { self.empty = empty }

  /// Rows with storage.
  var count: UInt32 {
    guard let last = chunks.last else { return 0 }
    return UInt32((chunks.count - 1) << Int(Self.chunkShift) + last.count)
  }

  subscript(_ row: UInt32) -> Value {
    _read { yield chunks[Int(row >> Self.chunkShift)][Int(row) & (Self.chunkSize - 1)] }
    _modify { yield &chunks[Int(row >> Self.chunkShift)][Int(row) & (Self.chunkSize - 1)] }
  }

  /// Makes sure that a row has storage.
  mutating func reach(_ row: UInt32) {
    while count <= row {
      if chunks.last.map({ $0.count == Self.chunkSize }) ?? true {
        var chunk: [Value] = []
        // The first chunk grows by itself, so that an idle node stays small.
        if !chunks.isEmpty { chunk.reserveCapacity(Self.chunkSize) }
        chunks.append(chunk)
      }
      chunks[chunks.count - 1].append(empty)
    }
  }

  /// Gives all storage back.
  mutating func removeAll() { chunks = [] }
}
