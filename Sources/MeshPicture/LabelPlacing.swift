/// What may stand beside a line.
struct LabelWish {
  /// The longest first.
  let texts: [String]
  /// Whether it matters more than others, so that it may cover a line.
  let isWanted: Bool
  /// Whether it is written in bold.
  let isBold: Bool
}

/// Finds room for the labels of lines: on their lines, off boxes, off one another, and off other
/// lines. A label without room becomes shorter, and then drops out.
struct LabelPlacing {
  private let boxes: [Box]
  private let edges: [Sheet.Edge]
  private var labels: [Sheet.Label] = []

  /// Where on its line a label may be.
  private static let shares = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8]
  /// With more lines only those labels are placed that matter most.
  private static let lineLimit = 800

  /// The labels that find room. `wishes` say for each line what may stand there, the longest first.
  static func labels(
    _ boxes: [Box], _ edges: [Sheet.Edge], _ wishes: [LabelWish]
  ) -> [Sheet.Label] {
    var placing = LabelPlacing(boxes: boxes, edges: edges)
    for isWanted in [true, false] where isWanted || edges.count <= lineLimit {
      for (edge, wish) in wishes.enumerated() where wish.isWanted == isWanted {
        placing.place(wish, on: edge)
      }
    }
    return placing.labels.sorted { $0.edge < $1.edge }
  }

  private init(boxes: [Box], edges: [Sheet.Edge]) {
    (self.boxes, self.edges) = (boxes, edges)
  }

  private mutating func place(_ wish: LabelWish, on edge: Int) {
    let (begin, end) = (edges[edge].begin, edges[edge].end)
    for allowed in 0...(wish.isWanted ? 3 : 0) {
      for text in wish.texts where !text.isEmpty {
        let size = Sheet.labelSize * (wish.isBold ? 1.1 : 1)
        let width = PlainText.width(text, size: size) + 6
        for share in Self.shares {
          let box = Box(
            center: begin + (end - begin) * share, width: width, height: Sheet.labelSize + 5)
          guard isFree(box, edge: edge, crossings: allowed) else { continue }
          labels.append(Sheet.Label(box: box, text: text, edge: edge))
          return
        }
      }
    }
  }

  private func isFree(_ box: Box, edge: Int, crossings: Int) -> Bool {
    if boxes.contains(where: { $0.overlaps(box, gap: 2) }) { return false }
    if labels.contains(where: { $0.box.overlaps(box, gap: 2) }) { return false }
    var count = 0
    for (place, other) in edges.enumerated() where place != edge {
      guard box.isCrossed(from: other.begin, to: other.end) else { continue }
      count += 1
      if count > crossings { return false }
    }
    return true
  }
}
