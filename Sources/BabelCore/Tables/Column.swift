/// One value per row of a table, in chunks: growing never copies what is there.
struct Column<Value> {
  /// See ``ChunkedTable``.
  private static var chunkShift: UInt32 { 14 }
  private static var chunkSize: Int { 1 << Int(chunkShift) }
  /// Rows that get storage together.
  private static var stepSize: Int { 64 }

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
    if count <= row { grow(to: row) }
  }

  /// Not inlined: it is rare, and large.
  @inline(never)
  private mutating func grow(to row: UInt32) {
    while count <= row {
      if chunks.last.map({ $0.count == Self.chunkSize }) ?? true {
        chunks.append([])
      }
      if chunks[chunks.count - 1].count == (chunks.count == 1 ? Self.stepSize : 0) {
        chunks[chunks.count - 1].reserveCapacity(Self.chunkSize)
      }
      chunks[chunks.count - 1].append(contentsOf: repeatElement(empty, count: Self.stepSize))
    }
  }

  /// Gives all storage back.
  mutating func removeAll() { chunks = [] }
}
