/// Moves boxes apart until no two overlap, and away from edges that pass beneath them.
struct Spreading {
  private(set) var boxes: [Box]
  private let edges: [(Int, Int)]
  private let gap: Double

  /// Spreads boxes that are `gap` apart at least in the end.
  static func spread(_ boxes: [Box], _ edges: [(Int, Int)], gap: Double) -> [Box] {
    var spreading = Spreading(boxes: boxes, edges: edges, gap: gap)
    // Looking for edges takes as long as there are pairs of boxes and edges.
    let isSmall = boxes.count * edges.count < 400_000
    for round in 0..<60 {
      let moved = spreading.pushApart()
      let cleared = isSmall && round < 50 && spreading.pushOffEdges()
      if !moved && !cleared { return spreading.boxes }
    }
    for _ in 0..<200 {
      var rounds = 0
      while spreading.pushApart() {
        rounds += 1
        if rounds == 40 { break }
      }
      if rounds < 40 { return spreading.boxes }
      for place in spreading.boxes.indices {
        spreading.boxes[place].center = spreading.boxes[place].center * 1.06
      }
    }
    return spreading.boxes
  }

  private mutating func pushApart() -> Bool {
    var hasMoved = false
    for one in boxes.indices {
      for two in boxes.indices.dropFirst(one + 1) where boxes[one].overlaps(boxes[two], gap: gap) {
        hasMoved = true
        let way = boxes[two].center - boxes[one].center
        let across = (boxes[one].width + boxes[two].width) / 2 + gap - abs(way.x)
        let down = (boxes[one].height + boxes[two].height) / 2 + gap - abs(way.y)
        if across < down {
          let step = (across / 2 + 0.01) * (way.x < 0 ? -1 : 1)
          boxes[one].center.x -= step
          boxes[two].center.x += step
        } else {
          let step = (down / 2 + 0.01) * (way.y < 0 ? -1 : 1)
          boxes[one].center.y -= step
          boxes[two].center.y += step
        }
      }
    }
    return hasMoved
  }

  private mutating func pushOffEdges() -> Bool {
    var hasMoved = false
    for (one, two) in edges {
      let (a, b) = (boxes[one].center, boxes[two].center)
      let way = b - a
      let length = way.length
      guard length > 1 else { continue }
      for place in boxes.indices where place != one && place != two {
        guard boxes[place].isCrossed(from: a, to: b, gap: 3) else { continue }
        hasMoved = true
        let offset = boxes[place].center - a
        let side = (way.x * offset.y - way.y * offset.x) / length
        let normal = Point(x: -way.y / length, y: way.x / length) * (side < 0 ? -1 : 1)
        // How far the box reaches across the edge.
        let reach =
          abs(normal.x) * boxes[place].width / 2 + abs(normal.y) * boxes[place].height / 2
        let step = min(max(0, reach + 4 - abs(side)) * 0.5, 12)
        boxes[place].center = boxes[place].center + normal * step
      }
    }
    return hasMoved
  }
}
