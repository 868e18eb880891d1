/// How a character looks.
enum ScreenStyle: UInt8 {
  case plain, bold, reverse, good, doubtful, bad, faint

  /// The numbers that a terminal takes for it.
  fileprivate func codes(colour: Bool) -> String {
    switch self {
    case .plain: "0"
    case .bold: "0;1"
    case .reverse: "0;7"
    case .good: colour ? "0;32" : "0"
    case .doubtful: colour ? "0;33" : "0"
    case .bad: colour ? "0;31" : "0;1"
    case .faint: "0;2"
    }
  }
}

/// What a terminal shows, character by character. From one frame to the next only what is different
/// is written.
struct ScreenFrame {
  /// Characters in a row.
  let columns: Int
  /// Rows.
  let rows: Int
  /// Style in the high octet, ASCII in the low one.
  private var cells: [UInt16]

  private static let blank: UInt16 = 0x20
  /// So many equal characters between two that differ are written again, because to pass over them
  /// would take as many.
  private static let gap = 6
  /// No terminal is larger.
  private static let longest = 1000

  /// Makes an empty frame.
  init(columns: Int, rows: Int) {
    self.columns = min(max(1, columns), Self.longest)
    self.rows = min(max(1, rows), Self.longest)
    cells = [UInt16](repeating: Self.blank, count: self.columns * self.rows)
  }

  /// Writes text; what does not fit is cut off.
  @inline(never)
  mutating func put(_ text: [UInt8], row: Int, column: Int, _ style: ScreenStyle = .plain) {
    guard row >= 0, row < rows, column >= 0 else { return }
    var place = column
    for octet in Self.printable(text) {
      guard place < columns else { return }
      cells[row * columns + place] = UInt16(style.rawValue) << 8 | UInt16(octet)
      place += 1
    }
  }

  /// Writes text.
  @inline(never)
  mutating func put(_ text: String, row: Int, column: Int, _ style: ScreenStyle = .plain) {
    put(Array(text.utf8), row: row, column: column, style)
  }

  /// Writes text over as many rows as it takes, `most` at most, broken between words and set in on
  /// all rows but the first. Returns the row that follows.
  @inline(never)
  mutating func wrap(_ text: [UInt8], row: Int, indent: Int, most: Int) -> Int {
    var (row, rest) = (row, text[...])
    for number in 1...max(1, most) {
      let column = number == 1 ? 0 : indent
      let room = max(1, columns - column)
      var end = rest.endIndex
      if rest.count > room, number < most {
        let limit = rest.startIndex + room
        // A word that is longer than a row is broken.
        end = rest[...limit].lastIndex(of: 0x20) ?? limit
        if end <= rest.startIndex { end = limit }
      }
      put(Array(rest[..<end]), row: row, column: column)
      rest = rest[end...].drop { $0 == 0x20 }
      row += 1
      if rest.isEmpty { break }
    }
    return row
  }

  /// Makes all that stands in a row and below it faint, because it does not count any more.
  mutating func fade(from row: Int) {
    for place in min(row * columns, cells.count)..<cells.count where cells[place] != Self.blank {
      cells[place] = UInt16(ScreenStyle.faint.rawValue) << 8 | cells[place] & 0xFF
    }
  }

  /// Text in ASCII: names in the mesh may hold anything, also what would command a terminal.
  @inline(never)
  static func printable(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for (index, octet) in text.enumerated() {
      switch octet {
      case 0x20..<0x7F: result.append(octet)
      case 0x80..<0xC0: break  // a further octet of a character
      case 0xE2 where text[index...].starts(with: "…".utf8): result += "...".utf8
      default: result.append(UInt8(ascii: "?"))
      }
    }
    return result
  }

  /// The rows as lines, without the empty ones at the end.
  func lines(colour: Bool, styles: Bool) -> [UInt8] {
    var text: [UInt8] = []
    var last = rows - 1
    while last >= 0, isBlank(last, from: 0) { last -= 1 }
    guard last >= 0 else { return [] }
    for row in 0...last {
      var pen = Pen(colour: colour)
      var end = columns
      while end > 0, cell(row, end - 1) == Self.blank { end -= 1 }
      for column in 0..<end {
        let cell = cell(row, column)
        if styles { pen.use(cell, &text) }
        text.append(UInt8(truncatingIfNeeded: cell))
      }
      pen.lift(&text)
      text.append(0x0A)
    }
    return text
  }

  /// What a terminal has to be sent that shows `former` (nil: anything), so that it shows this.
  func changes(from former: ScreenFrame?, colour: Bool) -> [UInt8] {
    var text: [UInt8] = []
    var pen = Pen(colour: colour)
    var old = ScreenFrame(columns: columns, rows: rows)
    if let former, former.columns == columns, former.rows == rows {
      old = former
    } else {
      text += "\u{1B}[0m\u{1B}[2J".utf8
    }
    for row in 0..<rows { appendChanges(of: row, from: old, &pen, &text) }
    pen.lift(&text)
    return text
  }

  private func appendChanges(
    of row: Int, from old: ScreenFrame, _ pen: inout Pen, _ text: inout [UInt8]
  ) {
    // The last place of all is never written: a terminal might scroll.
    let limit = row == rows - 1 ? columns - 1 : columns
    var column = 0
    while column < limit {
      guard cell(row, column) != old.cell(row, column) else {
        column += 1
        continue
      }
      text += "\u{1B}[\(row + 1);\(column + 1)H".utf8
      var end = column + 1
      var place = end
      while place < limit, place - end < Self.gap {
        if cell(row, place) != old.cell(row, place) { end = place + 1 }
        place += 1
      }
      for position in column..<end {
        let cell = cell(row, position)
        if cell == Self.blank, isBlank(row, from: position) {
          pen.lift(&text)
          text += "\u{1B}[K".utf8
          return
        }
        pen.use(cell, &text)
        text.append(UInt8(truncatingIfNeeded: cell))
      }
      column = end
    }
  }

  private func cell(_ row: Int, _ column: Int) -> UInt16 { cells[row * columns + column] }

  private func isBlank(_ row: Int, from column: Int) -> Bool {
    cells[(row * columns + column)..<((row + 1) * columns)].allSatisfy { $0 == Self.blank }
  }

  /// Knows which style the terminal is in.
  private struct Pen {
    let colour: Bool
    private var style = ScreenStyle.plain

    init(colour: Bool) { self.colour = colour }

    @inline(never)
    mutating func use(_ cell: UInt16, _ text: inout [UInt8]) {
      let wanted = ScreenStyle(rawValue: UInt8(cell >> 8)) ?? .plain
      guard wanted != style else { return }
      style = wanted
      text += "\u{1B}[\(wanted.codes(colour: colour))m".utf8
    }

    mutating func lift(_ text: inout [UInt8]) { use(ScreenFrame.blank, &text) }
  }
}
