/// A point, in px.
struct Point: Equatable, Sendable {
  var x: Double
  var y: Double

  static func + (a: Point, b: Point) -> Point { Point(x: a.x + b.x, y: a.y + b.y) }
  static func - (a: Point, b: Point) -> Point { Point(x: a.x - b.x, y: a.y - b.y) }
  static func * (a: Point, factor: Double) -> Point { Point(x: a.x * factor, y: a.y * factor) }

  /// How far it is from the origin.
  var length: Double { (x * x + y * y).squareRoot() }
}

/// A rectangle, in px.
struct Box: Equatable, Sendable {
  var center: Point
  var width: Double
  var height: Double

  var left: Double { center.x - width / 2 }
  var right: Double { center.x + width / 2 }
  var top: Double { center.y - height / 2 }
  var bottom: Double { center.y + height / 2 }

  /// Whether two boxes come closer than `gap`.
  func overlaps(_ other: Box, gap: Double = 0) -> Bool {
    abs(center.x - other.center.x) < (width + other.width) / 2 + gap
      && abs(center.y - other.center.y) < (height + other.height) / 2 + gap
  }

  /// Where a line from the center towards a point leaves the box.
  func exit(towards point: Point, gap: Double = 0) -> Point {
    let way = point - center
    let across = abs(way.x) > 0 ? (width / 2 + gap) / abs(way.x) : .infinity
    let down = abs(way.y) > 0 ? (height / 2 + gap) / abs(way.y) : .infinity
    let share = min(across, down)
    return share < 1 ? center + way * share : point
  }

  /// Whether a line from `a` to `b` passes through the box, or closer than `gap`.
  func isCrossed(from a: Point, to b: Point, gap: Double = 0) -> Bool {
    var (begin, end) = (0.0, 1.0)
    let sides = [
      (a.x, b.x - a.x, left - gap, right + gap), (a.y, b.y - a.y, top - gap, bottom + gap),
    ]
    for (start, way, low, high) in sides {
      if way == 0 {
        if start < low || start > high { return false }
        continue
      }
      let (one, two) = ((low - start) / way, (high - start) / way)
      begin = max(begin, min(one, two))
      end = min(end, max(one, two))
      if begin > end { return false }
    }
    return true
  }
}
