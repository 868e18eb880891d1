import BabelWire

/// The screen of `top`: neighbours with loss, round-trip time and jitter, and routes that change
/// often.
enum TopPage {
  private static let barWidth = 6
  /// A bar of time is full at so many microseconds at least.
  private static let shortTime = 1000

  /// Draws it.
  static func draw(_ view: DaemonView, into frame: inout ScreenFrame) {
    let first = PageParts.drawHead(view, into: &frame)
    guard view.head != nil else { return }
    defer { if view.goneSince != nil { frame.fade(from: first) } }
    let flapping = flappingRoutes(view)
    let left = frame.rows - first - 2
    let need = min(flapping.count, max(1, left / 3))
    let row = drawNeighbours(view, first, room: left - need - 2, into: &frame)
    drawRoutes(flapping, row, into: &frame)
  }

  private static func drawNeighbours(
    _ view: DaemonView, _ first: Int, room: Int, into frame: inout ScreenFrame
  ) -> Int {
    for (title, column) in [
      ("NEIGHBOUR", 0), ("IF", 26), ("COST", 35), ("LOSS", 41), ("RTT ms", 52), ("JITTER ms", 66),
    ] {
      frame.put(title, row: first, column: column, .bold)
    }
    if view.neighbours.isEmpty { frame.put("nobody is heard", row: first + 1, column: 0) }
    let sorted = view.neighbours.ordered { isWorse($0, than: $1) }
    let longest = sorted.reduce(shortTime) { max($0, $1.number("rtt_us") ?? 0) }
    var row = first + 1
    for (index, neighbour) in sorted.enumerated() {
      if index >= max(1, room) - 1, sorted.count > max(1, room) {
        frame.put("and \(sorted.count - index) more", row: row, column: 0)
        row += 1
        break
      }
      draw(neighbour, longest, row, into: &frame)
      row += 1
    }
    return row + (view.neighbours.isEmpty ? 2 : 1)
  }

  private static func draw(
    _ neighbour: FlatObject, _ longest: Int, _ row: Int, into frame: inout ScreenFrame
  ) {
    let style = PageParts.style(neighbour)
    frame.put(PageParts.cut(neighbour.text("address"), 25), row: row, column: 0, style)
    frame.put(PageParts.cut(neighbour.text("interface"), 7), row: row, column: 26, style)
    frame.put(
      PageParts.right(PageParts.cost(neighbour.number("cost")), 5), row: row, column: 34, style)
    let (percent, missing, all) = PageParts.loss(neighbour)
    let bars: [(String, Int, Int, Int)] = [
      ("\(percent)%", missing, all, 40),
      (PageParts.time(neighbour.number("rtt_us")), neighbour.number("rtt_us") ?? 0, longest, 52),
      (
        PageParts.time(neighbour.number("jitter_us")), neighbour.number("jitter_us") ?? 0, longest,
        67
      ),
    ]
    for (text, value, most, column) in bars {
      frame.put(PageParts.right(text, 5), row: row, column: column, style)
      frame.put(
        PageParts.bar(value, of: most, width: barWidth), row: row, column: column + 6, style)
    }
  }

  /// Who loses more Hellos stands first, then who costs more.
  private static func isWorse(_ one: FlatObject, than other: FlatObject) -> Bool {
    let heard = (PageParts.heard(one), PageParts.heard(other))
    if heard.0 != heard.1 { return heard.0 < heard.1 }
    let costs = (one.number("cost") ?? 0, other.number("cost") ?? 0)
    if costs.0 != costs.1 { return costs.0 > costs.1 }
    return one.text("address").lexicographicallyPrecedes(other.text("address"))
  }

  // MARK: Routes

  private struct Flapping {
    let prefix: [UInt8]
    var changes = 0
    var last: HistoryLine
    var what: [UInt8]
  }

  /// Prefixes whose selected route changed more than once, those that changed most first.
  private static func flappingRoutes(_ view: DaemonView) -> [Flapping] {
    var found: [Flapping] = []
    for event in view.events {
      guard let (prefix, what) = event.routeChange else { continue }
      if let index = found.firstIndex(where: { $0.prefix == prefix }) {
        found[index].changes += 1
        found[index].last = event
        found[index].what = what
      } else {
        found.append(Flapping(prefix: prefix, changes: 1, last: event, what: what))
      }
    }
    return found.filter { $0.changes > 1 }.ordered {
      $0.changes != $1.changes ? $0.changes > $1.changes : $0.last.number > $1.last.number
    }
  }

  private static func drawRoutes(
    _ flapping: [Flapping], _ first: Int, into frame: inout ScreenFrame
  ) {
    guard first < frame.rows - 2 else { return }
    guard !flapping.isEmpty else {
      frame.put("No route has changed twice lately.", row: first, column: 0)
      return
    }
    frame.put(
      "FLAPPING ROUTES              CHANGES  LAST            NOW", row: first, column: 0, .bold)
    var row = first + 1
    for route in flapping {
      guard row < frame.rows - 1 else { return }
      frame.put(PageParts.cut(route.prefix, 28), row: row, column: 0)
      frame.put(PageParts.right("\(route.changes)", 7), row: row, column: 29)
      frame.put(route.last.shortStamp, row: row, column: 38)
      frame.put(now(route.what), row: row, column: 54)
      row += 1
    }
  }

  /// What stands behind `now` in an event, up to the cause; of `ADDRESS if NAME` the name first,
  /// because the address may be long.
  private static func now(_ what: [UInt8]) -> [UInt8] {
    let words = what.split(separator: 0x20)
    guard let place = words.firstIndex(where: { $0.elementsEqual("now".utf8) }) else { return [] }
    let shown = words[(place + 1)...].prefix { !$0.elementsEqual("cause".utf8) }
    guard shown.count == 3, let address = shown.first, let name = shown.last else {
      return Array(shown.joined(separator: [0x20]))
    }
    return name + [0x20] + address
  }
}
