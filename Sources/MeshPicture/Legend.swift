/// What the strokes of a picture mean, as far as it has them.
struct Legend {
  /// A sample and its meaning.
  struct Key: Equatable {
    /// The classes of the sample.
    let classes: String
    /// What it means.
    let text: String
    /// Whether it is a node, and else a line.
    let isNode: Bool
  }

  private(set) var keys: [Key] = []

  /// The legend of a sheet.
  init(_ sheet: Sheet) {
    let nodes = sheet.picture.graph.nodes.indices.map { sheet.classes(ofNode: $0) }
    let lines = sheet.edges.indices.map { sheet.classes(ofEdge: $0) }
    func add(_ word: String, _ text: String, isNode: Bool) {
      if (isNode ? nodes : lines).contains(where: { $0.split(separator: " ").contains(word[...]) })
      {
        keys.append(Key(classes: (isNode ? "node " : "edge ") + word, text: text, isNode: isNode))
      }
    }
    add("asked", "was asked: its links are known exactly", isNode: true)
    add("near", "neighbour of one that was asked", isNode: true)
    add("distant", "known from routes only", isNode: true)
    add("origin", "originates the prefix", isNode: true)
    add("lost", "has no way to the prefix", isNode: true)
    add("appeared", "new node", isNode: true)
    add("gone", "node that is gone", isNode: true)
    let parts =
      sheet.labels.isEmpty ? "link" : "link: cost · round trip · loss, as far as it is measured"
    add("link", parts, isNode: false)
    add("lossy", "link that loses 5 % or more", isNode: false)
    add("bad", "link that cannot be used", isNode: false)
    add("path", "reached by way of this neighbour; nodes between unknown, metric", isNode: false)
    add("hop", "way to the prefix", isNode: false)
    add("appeared", "+ new link", isNode: false)
    add("gone", "− link that is gone", isNode: false)
    add("dearer", "▲ dearer: cost before → now", isNode: false)
    add("cheaper", "▼ cheaper: cost before → now", isNode: false)
  }

  /// The keys in rows of this width, with the place of each.
  func rows(width: Double) -> (keys: [(key: Key, place: Point)], height: Double) {
    var placed: [(key: Key, place: Point)] = []
    var place = Point(x: 0, y: 0)
    for key in keys {
      let wide = 48 + PlainText.width(key.text, size: 12) + 18
      if place.x > 0, place.x + wide > width { place = Point(x: 0, y: place.y + 24) }
      placed.append((key, place))
      place.x += wide
    }
    return (placed, keys.isEmpty ? 0 : place.y + 24)
  }
}

extension Sheet {
  /// The words that say how a node is drawn.
  func classes(ofNode place: Int) -> String {
    var words: [String] = []
    switch picture.graph.nodes[place].kind {
    case .asked: words.append("asked")
    case .neighbour: words.append("near")
    case .distant: words.append("distant")
    }
    if picture.tree?.origins.contains(place) == true { words.append("origin") }
    if picture.tree?.lost.contains(place) == true { words.append("lost") }
    switch picture.change?.nodes[place] {
    case .appeared: words.append("appeared")
    case .gone: words.append("gone")
    default: break
    }
    return words.joined(separator: " ")
  }

  /// The words that say how a line is drawn.
  func classes(ofEdge place: Int) -> String {
    let edge = edges[place]
    var words: [String] = []
    switch edge.meaning {
    case .path(let number):
      words.append("path")
      if picture.change?.nodes[picture.graph.paths[number].to] == .gone { words.append("gone") }
    case .hop: words.append(edge.hop?.isInferred == true ? "path" : "link")
    case .link(let number):
      words.append("link")
      let link = picture.graph.links[number]
      if picture.graph.cost(of: link) >= Sighting.infinity {
        words.append("bad")
      } else if let loss = picture.graph.loss(of: link), loss >= 50 {
        words.append("lossy")
      }
      switch picture.change(ofLink: number) {
      case .appeared: words.append("appeared")
      case .gone: words.append("gone")
      case .dearer: words.append("dearer")
      case .cheaper: words.append("cheaper")
      case nil: break
      }
    }
    if edge.hop != nil { words.append("hop") } else if picture.tree != nil { words.append("dim") }
    return words.joined(separator: " ")
  }
}
