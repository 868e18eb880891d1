/// The screen of `watch`: what is wrong, who is there, and what happened last.
enum WatchPage {
  /// Draws it.
  static func draw(_ view: DaemonView, into frame: inout ScreenFrame) {
    let first = PageParts.drawHead(view, into: &frame)
    guard view.head != nil else { return }
    defer { if view.goneSince != nil { frame.fade(from: first) } }
    var row = first
    row = drawProblems(view, row, into: &frame)
    row = drawNeighbours(view, row, into: &frame)
    drawEvents(view, row, into: &frame)
  }

  /// A third of the screen at most.
  private static func drawProblems(
    _ view: DaemonView, _ first: Int, into frame: inout ScreenFrame
  ) -> Int {
    guard !view.problems.isEmpty else {
      let isGone = view.goneSince != nil
      frame.put(
        isGone ? "no problem" : "No problem is known.", row: first, column: 0, .good)
      return first + 2
    }
    // Of each kind the daemon shows a few, and counts all.
    let count = max(view.problems.count, view.head?.number("problems") ?? 0)
    frame.put(
      count == 1 ? "1 problem:" : "\(count) problems, the worst first:", row: first, column: 0,
      .bold)
    var row = first + 1
    let room = max(2, frame.rows / 3 - 1)
    for (index, problem) in view.problems.enumerated() {
      if index == room - 1, count > room {
        frame.put("  and \(count - index) more: swabelctl status", row: row, column: 0)
        row += 1
        break
      }
      let isSerious = problem.text("severity").elementsEqual("serious".utf8)
      let mark = Array("  [".utf8) + problem.text("severity") + Array("] ".utf8)
      frame.put(mark, row: row, column: 0, isSerious ? .bad : .doubtful)
      frame.put(problem.text("text"), row: row, column: mark.count)
      row += 1
      if index == view.problems.count - 1, count > index + 1 {
        frame.put("  and \(count - index - 1) more, which are only counted", row: row, column: 0)
        row += 1
      }
    }
    return row + 1
  }

  /// Titles, where they stand, and the widths of columns of numbers.
  private static let columns = [
    ("NEIGHBOUR", 0, 0), ("IF", 26, 0), ("STATE", 34, 0), ("COST", 41, 6), ("REACH", 48, 5),
    ("RTT", 53, 6), ("ROUTES", 60, 6), ("USED", 66, 7), ("KNOWN", 74, 6),
  ]

  /// Half of what is left at most.
  private static func drawNeighbours(
    _ view: DaemonView, _ first: Int, into frame: inout ScreenFrame
  ) -> Int {
    guard !view.neighbours.isEmpty, frame.rows - first >= 4 else { return first }
    for (title, column, width) in columns {
      let text = width > 0 ? PageParts.right(title, width) : Array(title.utf8)
      frame.put(text, row: first, column: column, .bold)
    }
    let room = max(1, (frame.rows - 2 - first) / 2)
    var row = first + 1
    for (index, neighbour) in view.neighbours.enumerated() {
      if index == room - 1, view.neighbours.count > room {
        frame.put("and \(view.neighbours.count - index) more", row: row, column: 0)
        row += 1
        break
      }
      let style = PageParts.style(neighbour)
      frame.put(PageParts.cut(neighbour.text("address"), 25), row: row, column: 0, style)
      frame.put(PageParts.cut(neighbour.text("interface"), 7), row: row, column: 26, style)
      frame.put(PageParts.cut(neighbour.text("state"), 7), row: row, column: 34, style)
      let known = HumanTime.text(UInt32(clamping: neighbour.number("known") ?? 0))
      let numbers = [
        PageParts.cost(neighbour.number("cost")), "\(PageParts.heard(neighbour))/16",
        PageParts.time(neighbour.number("rtt_us")), "\(neighbour.number("routes") ?? 0)",
        "\(neighbour.number("selected") ?? 0)", known,
      ]
      for (text, (_, column, width)) in zip(numbers, columns.dropFirst(3)) {
        frame.put(PageParts.right(text, width), row: row, column: column, style)
      }
      row += 1
    }
    return row + 1
  }

  /// Rows that one event may take. Its new state and cause stand at its end.
  private static let eventRows = 3

  /// The latest first, as many as there is room for.
  private static func drawEvents(_ view: DaemonView, _ first: Int, into frame: inout ScreenFrame) {
    guard frame.rows - first >= 3 else { return }
    frame.put("EVENTS, the latest first", row: first, column: 0, .bold)
    var row = first + 1
    for event in view.events.reversed() {
      guard row < frame.rows - 1 else { return }
      row = frame.wrap(
        event.shortStamp + [0x20] + event.text, row: row, indent: 15,
        most: min(Self.eventRows, frame.rows - 1 - row))
    }
    if view.events.isEmpty { frame.put("none since the start", row: row, column: 0) }
  }
}
