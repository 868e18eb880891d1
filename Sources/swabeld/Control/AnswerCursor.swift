import BabelCore

/// What is still to be written of a long answer.
enum AnswerCursor {
  /// babeld's dump, or the one with which `monitor` begins.
  case dump(DumpCursor)
  /// A table of `show`.
  case table(TableCursor)
  /// Nothing is left. It also holds the place of a cursor that is at work, so that its lists are
  /// not copied.
  case nothing

  /// Writes until `output` holds enough for now. Returns true when all is written.
  mutating func feed(
    _ output: inout OutputQueue, from node: borrowing BabelNode, at now: Instant
  ) -> Bool {
    switch self {
    case .dump(var cursor):
      self = .nothing
      defer { self = .dump(cursor) }
      return cursor.feed(&output, from: node, at: now)
    case .table(var cursor):
      self = .nothing
      defer { self = .table(cursor) }
      return cursor.feed(&output, from: node, at: now)
    case .nothing: return true
    }
  }

  /// Whether a monitor is to have an event now, and not with the rest of its dump.
  mutating func admits(_ notice: Notice) -> Bool {
    guard case .dump(var cursor) = self, cursor.isForMonitor else { return true }
    self = .nothing
    defer { self = .dump(cursor) }
    return cursor.admits(notice)
  }
}
