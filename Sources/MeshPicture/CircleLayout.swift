/// Places the nodes of a graph in which almost everybody is joined with everybody on a circle.
/// There every link can be followed, and no other placing shows more.
enum CircleLayout {
  /// Whether a graph is so dense.
  static func fits(_ count: Int, edges: Int) -> Bool {
    count >= 4 && Double(edges) >= 0.6 * Double(count * (count - 1) / 2)
  }

  /// Places on a circle on which neighbours are 1 apart, the first at the top, then clockwise.
  static func points(_ count: Int) -> [Point] {
    let angle = 2 * Double.pi / Double(count)
    let (sine, cosine) = (sine(angle), 1 - 2 * sine(angle / 2) * sine(angle / 2))
    let radius = 0.5 / Self.sine(angle / 2)
    var point = Point(x: 0, y: -radius)
    return (0..<count).map { _ in
      defer {
        point = Point(
          x: point.x * cosine - point.y * sine, y: point.x * sine + point.y * cosine)
      }
      return point
    }
  }

  /// The sine of an angle up to π/2, by its series.
  private static func sine(_ angle: Double) -> Double {
    var (term, sum) = (angle, angle)
    for step in 1..<14 {
      term *= -angle * angle / Double(2 * step * (2 * step + 1))
      sum += term
    }
    return sum
  }
}
