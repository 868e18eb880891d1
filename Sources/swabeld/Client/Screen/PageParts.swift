import BabelKernel

/// What both screens have in common: the lines at the top, columns, bars, numbers.
enum PageParts {
  /// `12:34:56 UTC`.
  static var clock: [UInt8] {
    Array(WallClock.stamp().utf8.dropFirst(11).prefix(8)) + Array(" UTC".utf8)
  }

  /// Writes who the daemon is and how much it does, or since when it is gone; returns the first
  /// free row.
  static func drawHead(_ view: DaemonView, into frame: inout ScreenFrame) -> Int {
    let bar = [UInt8](repeating: 0x20, count: frame.columns)
    frame.put(bar, row: 0, column: 0, .reverse)
    frame.put(clock, row: 0, column: max(0, frame.columns - 13), .reverse)
    guard let head = view.head else {
      frame.put(" no answer yet", row: 0, column: 0, .reverse)
      return 2
    }
    let title = [UInt8](" ".utf8) + head.text("version") + Array(" on ".utf8) + head.text("host")
    frame.put(cut(title, max(0, frame.columns - 14)), row: 0, column: 0, .reverse)
    if let since = view.goneSince {
      let text = Array("The daemon does not answer since ".utf8) + since
      frame.put(text, row: 1, column: 0, .bad)
      frame.put("What was known then:", row: 2, column: 0)
      return 4
    }
    let row = flow(parts(of: head), 1, into: &frame)
    return flow(load(view), row, into: &frame) + 1
  }

  private static func parts(of head: FlatObject) -> [String] {
    var parts = [
      "up \(HumanTime.text(UInt32(clamping: head.number("uptime") ?? 0)))",
      "interfaces \(number(head, "interfaces_up"))/\(number(head, "interfaces"))",
      "neighbours \(number(head, "neighbours_usable"))/\(number(head, "neighbours"))",
      "routes \(number(head, "routes"))", "prefixes \(number(head, "prefixes_reached"))",
    ]
    let lost = number(head, "prefixes_unreachable")
    if lost > 0 { parts.append("unreachable \(lost)") }
    return parts
  }

  /// Writes parts one behind another; what does not fit into a row goes on in a second one, if the
  /// screen is high enough. Returns the row that follows.
  private static func flow(
    _ parts: [String], _ first: Int, into frame: inout ScreenFrame
  ) -> Int {
    let last = frame.rows < 16 ? first : first + 1
    var (row, column) = (first, 0)
    for part in parts {
      if column > 0, column + part.utf8.count > frame.columns, row < last {
        (row, column) = (row + 1, 0)
      }
      frame.put(part, row: row, column: column)
      column += part.utf8.count + 3
    }
    return row + 1
  }

  @inline(never)
  private static func number(_ object: FlatObject, _ key: String) -> Int { object.number(key) ?? 0 }

  private static func load(_ view: DaemonView) -> [String] {
    var parts: [String] = []
    if let rates = view.rates {
      parts.append("cpu \(tenths(rates.processor / 10)) %")
      parts.append("packets/s: received \(tenths(rates.received)), sent \(tenths(rates.sent))")
      if rates.dropped > 0 { parts.append("dropped/s: \(tenths(rates.dropped))") }
      if rates.unsent > 0 { parts.append("not sent/s: \(tenths(rates.unsent))") }
    }
    if let memory = view.memory { parts.append("memory \(memory / 1024) kB") }
    return parts
  }

  /// A number of tenths.
  @inline(never)
  static func tenths(_ number: Int) -> String { "\(number / 10).\(number % 10)" }

  /// The first octets of a text.
  @inline(never)
  static func cut(_ text: [UInt8], _ width: Int) -> [UInt8] { Array(text.prefix(max(0, width))) }

  /// The text at the right end of a column.
  @inline(never)
  static func right(_ text: String, _ width: Int) -> [UInt8] {
    let octets = Array(text.utf8)
    return [UInt8](repeating: 0x20, count: max(0, width - octets.count)) + octets
  }

  /// A cost; infinity is a word.
  @inline(never)
  static func cost(_ number: Int?) -> String {
    guard let number else { return "-" }
    return number >= 65_535 ? "inf" : "\(number)"
  }

  /// Microseconds in milliseconds.
  @inline(never)
  static func time(_ microseconds: Int?) -> String {
    microseconds.map { HumanTime.milliseconds(UInt32(clamping: $0)) } ?? "-"
  }

  /// A bar that is full at `most`.
  @inline(never)
  static func bar(_ value: Int, of most: Int, width: Int) -> [UInt8] {
    guard most > 0, value > 0 else { return [UInt8](repeating: UInt8(ascii: "."), count: width) }
    let length = max(1, min(width, Int(Int64(min(value, most)) * Int64(width) / Int64(most))))
    return [UInt8](repeating: UInt8(ascii: "#"), count: length)
      + [UInt8](repeating: UInt8(ascii: "."), count: width - length)
  }

  /// How many of 16 Hellos came: the number before the stroke of `12/16`.
  @inline(never)
  static func heard(_ neighbour: FlatObject) -> Int {
    var number = 0
    for octet in neighbour.text("reach") {
      guard octet >= 0x30, octet <= 0x39 else { break }
      number = min(16, number * 10 + Int(octet - 0x30))
    }
    return number
  }

  /// What gets lost of a neighbour's Hellos in percent, with the length of a bar and that of a full
  /// one: as it was measured, where it is full at a quarter, else of the last sixteen.
  @inline(never)
  static func loss(_ neighbour: FlatObject) -> (percent: Int, length: Int, full: Int) {
    if let loss = neighbour.number("loss_permille") {
      return ((loss + 5) / 10, min(loss, 250), 250)
    }
    let missing = 16 - heard(neighbour)
    return ((missing * 100 + 8) / 16, missing, 16)
  }

  /// How a neighbour's line looks.
  @inline(never)
  static func style(_ neighbour: FlatObject) -> ScreenStyle {
    guard neighbour.text("state").elementsEqual("usable".utf8) else { return .bad }
    let losesMany = neighbour.number("loss_cost") ?? 0 > 0
    return losesMany || heard(neighbour) < 12 ? .doubtful : .plain
  }
}
