/// A picture as SVG.
public struct SVGText {
  private let sheet: Sheet
  private let legend: Legend
  private var text = ""
  private var hasStyle = true

  /// With more nodes nothing could be seen, and the layout would take minutes.
  public static let nodeLimit = 1000

  private static let margin = 24.0
  private static let smallest = 560.0

  /// The picture as a document of its own, in UTF-8.
  public static func document(_ picture: Picture) -> String {
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element(picture) + "\n"
  }

  /// The picture as an element that can also stand in HTML. Without `hasStyle` its styles are the
  /// page's.
  public static func element(_ picture: Picture, hasStyle: Bool = true) -> String {
    var writer = SVGText(Sheet(picture))
    writer.hasStyle = hasStyle
    writer.write()
    return writer.text
  }

  private init(_ sheet: Sheet) {
    self.sheet = sheet
    legend = Legend(sheet)
  }

  private func n(_ number: Double) -> String { Decimal.short(number) }

  private mutating func write() {
    let width = max(sheet.width + 2 * Self.margin, Self.smallest)
    let inner = width - 2 * Self.margin
    let summary = Self.lines(sheet.picture.summary + leftOut, width: inner)
    let top = 46 + 17 * Double(summary.count) + 18
    let keys = legend.rows(width: inner)
    let keysTop = top + sheet.height + 30
    let height = keysTop + keys.height + 16
    let title = Escape.markup(PlainText.shown(sheet.picture.title, limit: 200))
    text =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mesh\" role=\"img\" "
      + "aria-labelledby=\"mesh-title mesh-desc\" width=\"\(n(width))\" height=\"\(n(height))\" "
      + "viewBox=\"0 0 \(n(width)) \(n(height))\">\n"
      + "<title id=\"mesh-title\">\(title)</title>\n"
      + "<desc id=\"mesh-desc\">\(Escape.markup(sheet.picture.summary))</desc>\n"
      + (hasStyle ? "<style>\(SVGStyle.sheet)</style>\n" : "")
      + "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n"
    let head = PlainText.shown(sheet.picture.title, limit: Int(inner / 13))
    text += "<text class=\"h1\" x=\"\(n(Self.margin))\" y=\"36\">\(Escape.markup(head))</text>\n"
    for (place, line) in summary.enumerated() {
      text += "<text class=\"h2\" x=\"\(n(Self.margin))\" y=\"\(n(58 + 17 * Double(place)))\">"
      text += "\(Escape.markup(line))</text>\n"
    }
    let left = (width - sheet.width) / 2
    let isMany = sheet.edges.count > 150
    text += "<g transform=\"translate(\(n(left)) \(n(top)))\""
    text += sheet.nodeSize < 13 ? " class=\"small\">\n" : ">\n"
    text += isMany ? "<g class=\"many\">\n" : "<g>\n"
    for place in drawingOrder { append(edge: place) }
    text += "</g>\n<g>\n"
    for label in sheet.labels { append(label) }
    text += "</g>\n<g>\n"
    for place in sheet.boxes.indices { append(node: place) }
    text += "</g>\n</g>\n<g transform=\"translate(\(n(Self.margin)) \(n(keysTop)))\">\n"
    for (key, place) in keys.keys { append(key, at: place) }
    text += "</g>\n</svg>"
  }

  /// Lines that matter more lie above others.
  private var drawingOrder: [Int] {
    let ranks = sheet.edges.indices.map { place in
      sheet.edges[place].hop != nil ? 9 : sheet.classes(ofEdge: place).split(separator: " ").count
    }
    return sheet.edges.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }
  }

  /// Says that some labels found no room.
  private var leftOut: String {
    let missing = sheet.edges.count - sheet.labels.count
    if missing <= 0 { return "" }
    return "; labels without room: \(missing), point at a line to see what it is"
  }

  private mutating func append(edge place: Int) {
    let edge = sheet.edges[place]
    let title: String
    switch edge.meaning {
    case .link(let number): title = sheet.captions.title(ofLink: number)
    case .path(let number): title = sheet.captions.title(of: sheet.picture.graph.paths[number])
    case .hop:
      title =
        "metric \(edge.hop?.metric ?? 0)"
        + (edge.hop?.isInferred == true ? "; what lies between is not known" : "")
    }
    text += "<g class=\"edge \(sheet.classes(ofEdge: place))\" "
    text += "data-ends=\"\(edge.from) \(edge.to)\">"
    text += "<title>\(Self.titleText(title))</title>"
    text += line(edge.begin, edge.end, "")
    text += line(edge.begin, edge.end, " class=\"hit\"")
    if let hop = edge.hop {
      let isForward = hop.from == edge.from
      text += arrow(
        from: isForward ? edge.begin : edge.end, to: isForward ? edge.end : edge.begin)
    }
    text += "</g>\n"
  }

  private func line(_ a: Point, _ b: Point, _ attribute: String) -> String {
    "<line\(attribute) x1=\"\(n(a.x))\" y1=\"\(n(a.y))\" x2=\"\(n(b.x))\" y2=\"\(n(b.y))\"/>"
  }

  private func arrow(from: Point, to: Point) -> String {
    let way = to - from
    guard way.length > 1 else { return "" }
    let along = way * (1 / way.length)
    let across = Point(x: -along.y, y: along.x)
    let back = to - along * 13
    let corners = [to, back + across * 6, back - across * 6]
    let points = corners.map { "\(n($0.x)),\(n($0.y))" }.joined(separator: " ")
    return "<polygon points=\"\(points)\"/>"
  }

  private mutating func append(_ label: Sheet.Label) {
    let box = label.box
    let edge = sheet.edges[label.edge]
    text += "<g class=\"label \(sheet.classes(ofEdge: label.edge))\" "
    text += "data-ends=\"\(edge.from) \(edge.to)\" pointer-events=\"none\">"
    append(box, rounding: 3)
    text += "<text x=\"\(n(box.center.x))\" y=\"\(n(box.center.y + 4))\">"
    text += "\(Escape.markup(label.text))</text></g>\n"
  }

  private mutating func append(_ box: Box, rounding radius: Int) {
    text += "<rect x=\"\(n(box.left))\" y=\"\(n(box.top))\" width=\"\(n(box.width))\" "
    text += "height=\"\(n(box.height))\" rx=\"\(radius)\"/>"
  }

  private mutating func append(node place: Int) {
    let box = sheet.boxes[place]
    let content = sheet.texts[place]
    let lift = content.detail.isEmpty ? sheet.nodeSize * 0.36 : -2
    text += "<g class=\"node \(sheet.classes(ofNode: place))\" data-node=\"\(place)\">"
    text += "<title>\(Self.titleText(sheet.captions.title(of: place)))</title>"
    append(box, rounding: 6)
    text += "<text x=\"\(n(box.center.x))\" y=\"\(n(box.center.y + lift))\">"
    text += "\(Escape.markup(content.name))</text>"
    if !content.detail.isEmpty {
      text += "<text class=\"more\" x=\"\(n(box.center.x))\" y=\"\(n(box.center.y + 11))\">"
      text += "\(Escape.markup(content.detail))</text>"
    }
    text += "</g>\n"
  }

  private mutating func append(_ key: Legend.Key, at place: Point) {
    text += "<g class=\"\(key.classes)\">"
    if key.isNode {
      text += "<rect x=\"\(n(place.x + 6))\" y=\"\(n(place.y + 3))\" width=\"28\" height=\"14\" "
      text += "rx=\"4\"/>"
    } else {
      let (a, b) = (Point(x: place.x, y: place.y + 10), Point(x: place.x + 40, y: place.y + 10))
      text += line(a, b, "")
      if key.classes.hasSuffix("hop") { text += arrow(from: a, to: b) }
    }
    text += "</g><text class=\"key\" x=\"\(n(place.x + 48))\" y=\"\(n(place.y + 14))\">"
    text += "\(Escape.markup(key.text))</text>\n"
  }

  /// The text of a title; its lines stay lines.
  private static func titleText(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { Escape.markup(PlainText.shown(String($0), limit: 160)) }.joined(separator: "\n")
  }

  /// A text in lines of this width.
  private static func lines(_ text: String, width: Double) -> [String] {
    var lines: [String] = [""]
    for word in text.split(separator: " ") {
      let longer = lines[lines.count - 1] + (lines[lines.count - 1].isEmpty ? "" : " ") + word
      if PlainText.width(longer, size: 12) > width, !lines[lines.count - 1].isEmpty {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = longer
      }
    }
    return lines
  }
}
