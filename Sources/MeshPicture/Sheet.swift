/// Where everything of a picture lies, in px.
struct Sheet {
  /// A line between two nodes.
  struct Edge: Equatable {
    /// What the line stands for.
    enum Meaning: Equatable {
      /// A link, by its place in the graph.
      case link(Int)
      /// A path, by its place in the graph.
      case path(Int)
      /// A step of the tree, by its place there, where no other line joins its ends.
      case hop(Int)
    }

    let meaning: Meaning
    /// The nodes at its ends.
    let from: Int, to: Int
    /// Where the line begins and ends: at the borders of the boxes.
    var begin = Point(x: 0, y: 0), end = Point(x: 0, y: 0)
    /// The step of the tree that goes along it, if any; against it if it goes from `to` to `from`.
    var hop: PrefixTree.Hop?
  }

  /// What stands beside a line.
  struct Label: Equatable {
    let box: Box
    let text: String
    /// The place of its line.
    let edge: Int
  }

  /// A node with its text.
  struct NodeText: Equatable {
    let name: String
    let detail: String
  }

  let picture: Picture
  let captions: Captions
  private(set) var boxes: [Box] = []
  private(set) var texts: [NodeText] = []
  private(set) var edges: [Edge] = []
  private(set) var labels: [Label] = []
  /// How large the text of nodes is.
  let nodeSize: Double
  /// The extent of boxes and labels.
  private(set) var width = 0.0
  private(set) var height = 0.0

  /// How large the text of labels is.
  static let labelSize = 11.0

  /// Places everything.
  init(_ picture: Picture) {
    self.picture = picture
    captions = Captions(picture)
    nodeSize = picture.graph.nodes.count <= 60 ? 13 : 12
    addBoxes()
    addEdges()
    arrange()
    cutEdges()
    labels = LabelPlacing.labels(boxes, edges, edges.indices.map(wish))
    fit()
  }

  private mutating func addBoxes() {
    let showsDetails = picture.graph.nodes.count <= 60
    for node in picture.graph.nodes {
      let text = NodeText(
        name: captions.name(of: node), detail: showsDetails ? captions.detail(of: node) : "")
      let wide = max(
        PlainText.width(text.name, size: nodeSize), PlainText.width(text.detail, size: 10.5))
      texts.append(text)
      boxes.append(
        Box(
          center: Point(x: 0, y: 0), width: max(30, wide + 14),
          height: text.detail.isEmpty ? nodeSize + 10 : nodeSize + 23))
    }
  }

  private mutating func addEdges() {
    for (place, link) in picture.graph.links.enumerated() {
      edges.append(Edge(meaning: .link(place), from: link.first, to: link.second))
    }
    for (place, path) in picture.graph.paths.enumerated() {
      edges.append(Edge(meaning: .path(place), from: path.via, to: path.to))
    }
    var known: [[Int]: Int] = [:]
    for (place, edge) in edges.enumerated() {
      known[[min(edge.from, edge.to), max(edge.from, edge.to)]] = place
    }
    for (place, hop) in (picture.tree?.hops ?? []).enumerated() where hop.from != hop.to {
      let key = [min(hop.from, hop.to), max(hop.from, hop.to)]
      if let edge = known[key] {
        edges[edge].hop = hop
      } else {
        edges.append(Edge(meaning: .hop(place), from: hop.from, to: hop.to, hop: hop))
      }
    }
  }

  /// Places the parts of the mesh that are not joined side by side.
  private mutating func arrange() {
    var parts: [Part] = []
    for members in components() {
      let number = Dictionary(uniqueKeysWithValues: members.enumerated().map { ($1, $0) })
      var pairs: Set<[Int]> = []
      for edge in edges {
        if let one = number[edge.from], let two = number[edge.to], one != two {
          pairs.insert([min(one, two), max(one, two)])
        }
      }
      let sorted = pairs.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) }.map { ($0[0], $0[1]) }
      parts.append(Part(members: members, boxes: arranged(members, sorted)))
    }
    let area = parts.reduce(0) { $0 + ($1.width + 40) * ($1.height + 40) }
    let row = max(parts.map { $0.width }.max() ?? 0, (area * 1.6).squareRoot())
    var corner = Point(x: 0, y: 0)
    var tallest = 0.0
    for part in parts {
      if corner.x > 0, corner.x + part.width > row {
        corner = Point(x: 0, y: corner.y + tallest + 40)
        tallest = 0
      }
      for (member, box) in zip(part.members, part.boxes) {
        boxes[member].center = box.center - part.corner + corner
      }
      corner.x += part.width + 40
      tallest = max(tallest, part.height)
    }
  }

  /// Nodes that are joined, directly or not; the largest parts first.
  private func components() -> [[Int]] {
    var leader = Array(boxes.indices)
    func root(_ place: Int) -> Int {
      var place = place
      while leader[place] != place { place = leader[place] }
      return place
    }
    for edge in edges {
      let (one, two) = (root(edge.from), root(edge.to))
      leader[max(one, two)] = min(one, two)
    }
    let groups = Dictionary(grouping: boxes.indices, by: root)
    return groups.values.sorted { ($1.count, $0[0]) < ($0.count, $1[0]) }
  }

  private func arranged(_ members: [Int], _ pairs: [(Int, Int)]) -> [Box] {
    let own = members.map { boxes[$0] }
    let isCircle = CircleLayout.fits(members.count, edges: pairs.count)
    let points =
      isCircle
      ? CircleLayout.points(members.count) : StressLayout.points(members.count, pairs)
    let degrees = pairs.reduce(into: [Int](repeating: 0, count: members.count)) {
      $0[$1.0] += 1
      $0[$1.1] += 1
    }
    let step =
      isCircle
      ? (members.count > 8 ? 84 : boxes.count > 40 ? 130 : 250)
      : step(points, greatestDegree: degrees.max() ?? 0)
    let scaled = zip(own, points).map { box, point in
      Box(
        center: Point(x: point.x * step * 1.12, y: point.y * step), width: box.width,
        height: box.height)
    }
    return Spreading.spread(
      scaled, isCircle ? [] : pairs, gap: members.count <= 60 ? 14 : 9)
  }

  /// How long a link is to be: so that a label fits where nodes are few; so that the picture is not
  /// too large where they are many; and so that the neighbours of a node fit around it.
  private func step(_ points: [Point], greatestDegree: Int) -> Double {
    let around = min(9 * Double(greatestDegree), 340)
    switch points.count {
    case ...40 where boxes.count > 40: return max(100, around)
    case ...12: return max(220, around)
    case ...40: return max(165, around)
    default:
      let wide = (points.map { $0.x }.max() ?? 0) - (points.map { $0.x }.min() ?? 0) + 1
      let high = (points.map { $0.y }.max() ?? 0) - (points.map { $0.y }.min() ?? 0) + 1
      let room = points.count <= 100 ? 26000.0 : 15000.0
      let even = (room * Double(points.count) / (wide * high)).squareRoot()
      return min(max(even, 44), 150)
    }
  }

  private mutating func cutEdges() {
    for place in edges.indices {
      let (from, to) = (boxes[edges[place].from], boxes[edges[place].to])
      edges[place].begin = from.exit(towards: to.center)
      edges[place].end = to.exit(towards: from.center)
    }
  }

  /// What may stand beside a line.
  private func wish(_ place: Int) -> LabelWish {
    let edge = edges[place]
    let isBold = !["lossy", "bad", "appeared", "gone", "dearer", "cheaper"]
      .allSatisfy { !classes(ofEdge: place).split(separator: " ").contains(Substring($0)) }
    let isHop = edge.hop != nil
    switch edge.meaning {
    case .link(let number):
      return LabelWish(
        texts: captions.labels(ofLink: number),
        isWanted: picture.change(ofLink: number) != nil || isHop, isBold: isBold)
    case .path(let number):
      return LabelWish(
        texts: ["\(picture.graph.paths[number].metric)"], isWanted: isHop, isBold: isBold)
    case .hop:
      return LabelWish(
        texts: edge.hop.map { ["\($0.metric)"] } ?? [], isWanted: false, isBold: isBold)
    }
  }

  /// Moves everything so that it begins at the origin.
  private mutating func fit() {
    let all = boxes + labels.map { $0.box }
    let corner = Point(
      x: all.map { $0.left }.min() ?? 0, y: all.map { $0.top }.min() ?? 0)
    for place in boxes.indices { boxes[place].center = boxes[place].center - corner }
    for place in edges.indices {
      edges[place].begin = edges[place].begin - corner
      edges[place].end = edges[place].end - corner
    }
    labels = labels.map { label in
      var box = label.box
      box.center = box.center - corner
      return Label(box: box, text: label.text, edge: label.edge)
    }
    width = (all.map { $0.right }.max() ?? 0) - corner.x
    height = (all.map { $0.bottom }.max() ?? 0) - corner.y
  }

  /// A part of the mesh that is joined with no other.
  private struct Part {
    let members: [Int]
    let boxes: [Box]

    var corner: Point {
      Point(x: boxes.map { $0.left }.min() ?? 0, y: boxes.map { $0.top }.min() ?? 0)
    }
    var width: Double { (boxes.map { $0.right }.max() ?? 0) - corner.x }
    var height: Double { (boxes.map { $0.bottom }.max() ?? 0) - corner.y }
  }
}
