/// One value per row of a table, in chunks: growing never copies what is there.
struct Column<Value> {
  private static var chunkShift: UInt32 { 10 }
  private static var chunkSize: Int { 1 << Int(chunkShift) }

  private var chunks: [[Value]] = []
  private let empty: Value

  /// Makes a column whose rows start as `empty`.
  init(empty: Value) { self.empty = empty }

  /// Rows with storage.
  var count: UInt32 { UInt32(chunks.count << Int(Self.chunkShift)) }

  subscript(_ row: UInt32) -> Value {
    _read { yield chunks[Int(row >> Self.chunkShift)][Int(row) & (Self.chunkSize - 1)] }
    _modify { yield &chunks[Int(row >> Self.chunkShift)][Int(row) & (Self.chunkSize - 1)] }
  }

  /// Makes sure that a row has storage.
  mutating func reach(_ row: UInt32) {
    while count <= row { chunks.append([Value](repeating: empty, count: Self.chunkSize)) }
  }

  /// Gives all storage back.
  mutating func removeAll() { chunks = [] }
}
