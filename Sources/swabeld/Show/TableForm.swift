import BabelCore
import BabelWire

/// How the rows of a table are written.
enum TableForm: Equatable {
  /// Aligned columns that fit into 80.
  case aligned
  /// Aligned columns, all of them.
  case wide
  /// One JSON object a line.
  case json
}

/// One value in a row.
enum TableCell {
  /// Words.
  case text(String)
  /// A whole number.
  case number(Int)
  /// A number that is never negative, and may be more than an `Int` of 32 bits holds.
  case count(UInt64)
  /// Yes or no; in aligned columns the mark stands for yes.
  case flag(Bool, mark: String)
  /// A time in seconds; in aligned columns in human units.
  case seconds(UInt32)
  /// A time in microseconds; in aligned columns in milliseconds.
  case microseconds(UInt32)
  /// A metric; infinity is a word in aligned columns, and 65535 in JSON.
  case metric(Metric)
  /// Nothing is known.
  case none
}

/// One column of a table.
struct TableColumn {
  /// What stands above it.
  let title: String
  /// Its key in JSON.
  let key: String
  /// How wide it is at least.
  fileprivate(set) var width: Int
  /// Numbers stand at the right end of their column.
  let isRight: Bool
  /// It is shown in the wide form only.
  let isWide: Bool

  init(_ title: String, _ key: String, _ width: Int, isRight: Bool = false, isWide: Bool = false) {
    self.title = title
    self.key = key
    self.width = width
    self.isRight = isRight
    self.isWide = isWide
  }

  /// The columns with room for values of so many octets, at the cost of one column of words if the
  /// row would be longer than 80.
  static func fitted(
    _ columns: [TableColumn], _ wishes: [(key: String, width: Int)], atTheCostOf flexible: String
  ) -> [TableColumn] {
    var columns = columns
    var sum = -1
    for (index, column) in columns.enumerated() where !column.isWide {
      let wish = wishes.first { $0.key.utf8.elementsEqual(column.key.utf8) }?.width ?? 0
      columns[index].width = max(column.width, wish)
      sum += columns[index].width + 1
    }
    for (index, column) in columns.enumerated()
    where sum > TableWriter.lineLimit && column.key.utf8.elementsEqual(flexible.utf8) {
      columns[index].width = max(1, column.width - (sum - TableWriter.lineLimit))
    }
    return columns
  }
}

/// Writes rows under the same columns. In the aligned form no row is longer than 80: a value that
/// does not fit into its column ends the line, and the row goes on below, under its titles.
struct TableWriter {
  /// Most octets in a line of the aligned form, as far as single values fit into it.
  static let lineLimit = 80

  private let columns: [TableColumn]
  private let form: TableForm

  init(_ columns: [TableColumn], _ form: TableForm) {
    self.columns = columns
    self.form = form
  }

  /// Writes the titles.
  func appendTitles(to text: inout [UInt8]) {
    guard form != .json else { return }
    appendLine(columns.map { .text($0.title) }, to: &text)
  }

  /// Writes a row: one cell for each column. Those of columns at the end that this form does not
  /// show may be left out.
  func append(_ cells: [TableCell], to text: inout [UInt8]) {
    guard form == .json else { return appendLine(cells, to: &text) }
    text.append(UInt8(ascii: "{"))
    for (column, cell) in zip(columns, cells) {
      if text.last != UInt8(ascii: "{") { text.append(UInt8(ascii: ",")) }
      JSONText.append(column.key, to: &text)
      text.append(UInt8(ascii: ":"))
      cell.appendJSON(to: &text)
    }
    text.append(contentsOf: "}\n".utf8)
  }

  private func appendLine(_ cells: [TableCell], to text: inout [UInt8]) {
    var (begin, start) = (text.count, 0)
    for (column, cell) in zip(columns, cells) where form == .wide || !column.isWide {
      let word = cell.text
      let length = word.utf8.count
      // Where the word stands in its line: at the left or the right end of its column, and more to
      // the left if it would be cut off by the end of the line.
      var place = column.isRight ? start + max(0, column.width - length) : start
      if form == .aligned, place + length > Self.lineLimit {
        place = max(0, Self.lineLimit - length)
      }
      let used = text.count - begin
      if length > 0 {
        if form == .aligned, used > 0, place < used + 1 {
          text.append(0x0A)
          begin = text.count
        }
        let fill = max(place - (text.count - begin), text.count > begin ? 1 : 0)
        text.append(contentsOf: repeatElement(0x20, count: fill))
        text.append(contentsOf: word.utf8)
      }
      start += column.width + 1
    }
    text.append(0x0A)
  }
}

extension TableCell {
  /// For aligned columns.
  @inline(never)
  var text: String {
    switch self {
    case .text(let text): text
    case .number(let number): "\(number)"
    case .count(let number): "\(number)"
    case .flag(let isSet, let mark): isSet ? mark : ""
    case .seconds(let seconds): HumanTime.text(seconds)
    case .microseconds(let microseconds): HumanTime.milliseconds(microseconds)
    case .metric(let metric): metric.isInfinite ? "inf" : "\(metric.rawValue)"
    case .none: "-"
    }
  }

  func appendJSON(to text: inout [UInt8]) {
    switch self {
    case .text(let words): JSONText.append(words, to: &text)
    case .number(let number): text.append(contentsOf: "\(number)".utf8)
    case .count(let number): text.append(contentsOf: "\(number)".utf8)
    case .flag(let isSet, _): text.append(contentsOf: (isSet ? "true" : "false").utf8)
    case .seconds(let seconds): text.append(contentsOf: "\(seconds)".utf8)
    case .microseconds(let microseconds): text.append(contentsOf: "\(microseconds)".utf8)
    case .metric(let metric): text.append(contentsOf: "\(metric.rawValue)".utf8)
    case .none: text.append(contentsOf: "null".utf8)
    }
  }
}

/// Strings of JSON (RFC 8259 §7).
enum JSONText {
  /// Writes a string with its quotes.
  static func append(_ string: String, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for octet in string.utf8 {
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        text.append(UInt8(ascii: "\\"))
        text.append(octet)
      case 0..<0x20:
        text.append(contentsOf: "\\u00".utf8)
        for digit in [octet >> 4, octet & 15] {
          text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
      default: text.append(octet)
      }
    }
    text.append(UInt8(ascii: "\""))
  }
}

/// Times as people read them.
enum HumanTime {
  /// `7s`, `3m04s`, `2h05m`, `3d04h`.
  static func text(_ seconds: UInt32) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400)
    if days > 0 { return "\(days)d\(twoDigits(hours % 24))h" }
    if hours > 0 { return "\(hours)h\(twoDigits(minutes % 60))m" }
    return minutes > 0 ? "\(minutes)m\(twoDigits(seconds % 60))s" : "\(seconds)s"
  }

  /// Microseconds as `0.35`, `12.5` or `140` milliseconds.
  static func milliseconds(_ microseconds: UInt32) -> String {
    let time = UInt64(microseconds)
    if time >= 99_950 { return "\((time + 500) / 1000)" }
    if time >= 9_995 {
      let tenths = (time + 50) / 100
      return "\(tenths / 10).\(tenths % 10)"
    }
    let hundredths = (time + 5) / 10
    return "\(hundredths / 100).\(twoDigits(UInt32(hundredths % 100)))"
  }

  private static func twoDigits(_ number: UInt32) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
