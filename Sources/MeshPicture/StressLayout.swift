/// Places the nodes of a connected graph so that the distance of each two is about as many steps as
/// it takes to go from one to the other (stress majorisation). It draws no chance and uses no
/// function of the C library, so the same graph always gives the same places.
struct StressLayout {
  private let count: Int
  /// How many steps apart two nodes are, row by row.
  private var steps: [Double]
  private var points: [Point]

  /// The places of `count` nodes, a step being 1 wide. Edges name two different nodes.
  static func points(_ count: Int, _ edges: [(Int, Int)]) -> [Point] {
    guard count > 1 else { return [Point](repeating: Point(x: 0, y: 0), count: count) }
    var layout = StressLayout(count, edges)
    layout.begin()
    layout.settle()
    layout.turn()
    return layout.points
  }

  private init(_ count: Int, _ edges: [(Int, Int)]) {
    self.count = count
    points = [Point](repeating: Point(x: 0, y: 0), count: count)
    steps = [Double](repeating: Double(count), count: count * count)
    var neighbours = [[Int]](repeating: [], count: count)
    for (one, two) in edges {
      neighbours[one].append(two)
      neighbours[two].append(one)
    }
    for start in 0..<count {
      steps[start * count + start] = 0
      var queue = [start]
      var place = 0
      while place < queue.count {
        let here = queue[place]
        place += 1
        for next in neighbours[here] {
          guard next != start, steps[start * count + next] == Double(count) else { continue }
          steps[start * count + next] = steps[start * count + here] + 1
          queue.append(next)
        }
      }
    }
  }

  /// Classical scaling: the two longest axes of the squared distances, by power iteration. The
  /// longer one lies across, as screens do.
  private mutating func begin() {
    var matrix = steps.map { $0 * $0 }
    var means = [Double](repeating: 0, count: count)
    for row in 0..<count {
      means[row] = matrix[row * count..<(row + 1) * count].reduce(0, +) / Double(count)
    }
    let mean = means.reduce(0, +) / Double(count)
    for row in 0..<count {
      for column in 0..<count {
        matrix[row * count + column] =
          (means[row] + means[column] - mean - matrix[row * count + column]) / 2
      }
    }
    let (first, stretch) = axis(matrix, seed: 1)
    for row in 0..<count {
      for column in 0..<count {
        matrix[row * count + column] -= stretch * first[row] * first[column]
      }
    }
    let (second, other) = axis(matrix, seed: 2)
    // Leaves of the same node would lie on the same spot, from where nothing drives them.
    var noise = Noise(state: 7)
    for place in 0..<count {
      points[place] = Point(
        x: first[place] * max(0, stretch).squareRoot() + noise.next() * 0.1,
        y: second[place] * max(0, other).squareRoot() + noise.next() * 0.1)
    }
  }

  private func axis(_ matrix: [Double], seed: UInt64) -> (vector: [Double], stretch: Double) {
    var noise = Noise(state: seed)
    var vector = (0..<count).map { _ in noise.next() }
    var stretch = 0.0
    for _ in 0..<(count > 500 ? 20 : 60) {
      var next = [Double](repeating: 0, count: count)
      for row in 0..<count {
        var sum = 0.0
        for column in 0..<count { sum += matrix[row * count + column] * vector[column] }
        next[row] = sum
      }
      stretch = next.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard stretch > 1e-9 else { return (vector.map { _ in 0 }, 0) }
      vector = next.map { $0 / stretch }
    }
    return (vector, stretch)
  }

  /// Moves each node to where the others want it, until little moves.
  private mutating func settle() {
    let rounds = count > 500 ? 40 : 200
    for _ in 0..<rounds {
      var moved = 0.0
      for here in 0..<count {
        var (sum, weights) = (Point(x: 0, y: 0), 0.0)
        for other in 0..<count where other != here {
          let wanted = steps[here * count + other]
          let weight = 1 / (wanted * wanted)
          let way = points[here] - points[other]
          let length = max(way.length, 1e-6)
          sum = sum + (points[other] + way * (wanted / length)) * weight
          weights += weight
        }
        let target = sum * (1 / weights)
        moved += (target - points[here]).length
        points[here] = target
      }
      if moved < 0.0005 * Double(count) { return }
    }
  }
}

extension StressLayout {
  /// Puts the first node to the left and to the top, so that a mesh that changes a little is not
  /// mirrored.
  private mutating func turn() {
    let middle = points.reduce(Point(x: 0, y: 0), +) * (1 / Double(count))
    let first = points[0] - middle
    for place in points.indices {
      let point = points[place] - middle
      points[place] = Point(
        x: first.x > 0 ? -point.x : point.x, y: first.y > 0 ? -point.y : point.y)
    }
  }
}

/// Numbers that look like chance and are always the same.
struct Noise {
  var state: UInt64

  /// The next one, -1 to 1.
  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int64(bitPattern: state) >> 11) / 4_503_599_627_370_496
  }
}
