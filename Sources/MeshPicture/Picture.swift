/// What is to be drawn: a mesh, and what is to be shown of it.
public struct Picture: Equatable, Sendable {
  /// Nodes and links, with those that are gone if times are compared.
  public let graph: MeshGraph
  /// The ways to a prefix; nil if none is asked for.
  public let tree: PrefixTree?
  /// What has changed; nil if times are not compared.
  public let change: MeshChange?
  /// What stands above the picture.
  public let title: String

  /// A picture of a mesh. `to` is a prefix or an address; `before` the mesh at an earlier time.
  public init(
    _ graph: MeshGraph, to prefix: String? = nil, since before: MeshGraph? = nil,
    title: String? = nil
  ) throws(PictureError) {
    let change = before.map { MeshChange(from: $0, to: graph) }
    self.graph = change?.graph ?? graph
    self.change = change
    var tree: PrefixTree?
    if let prefix { tree = try PrefixTree(to: prefix, in: graph) }
    self.tree = tree
    let words = tree.map { "Ways to \($0.prefix)" } ?? Self.plainTitle(graph)
    self.title = title ?? (before == nil ? words : words + ", and what has changed")
  }

  /// The title of a picture without anything particular.
  private static func plainTitle(_ graph: MeshGraph) -> String {
    let asked = graph.nodes.filter { $0.kind == .asked }
    guard asked.count == 1, graph.nodes.count > 1, let name = asked[0].name else {
      return "Babel mesh"
    }
    return "Babel mesh, as \(name) knows it"
  }

  /// What became of a link, by its place.
  func change(ofLink place: Int) -> MeshChange.Kind? { change?.links[place] }

  /// Says below the title how much is known.
  public var summary: String {
    let count = graph.nodes.count - (change?.nodes.values.count { $0 == .gone } ?? 0)
    let gone = change?.links.values.count { $0 == .gone } ?? 0
    var words = "\(Self.counted(count, "node")), \(Self.counted(graph.links.count - gone, "link"))"
    if graph.askedCount < count {
      words += "; asked: \(graph.askedCount) of \(count), so links between others are not shown"
    }
    if let tree, !tree.lost.isEmpty { words += "; without a way: \(tree.lost.count)" }
    if let change {
      func count(_ isMeant: (MeshChange.Kind) -> Bool) -> Int {
        change.links.values.count(where: isMeant)
      }
      let dearer = count { if case .dearer = $0 { true } else { false } }
      let cheaper = count { if case .cheaper = $0 { true } else { false } }
      words += "; links new: \(count { $0 == .appeared }), gone: \(gone), dearer: \(dearer), "
      words += "cheaper: \(cheaper)"
    }
    return words
  }

  private static func counted(_ count: Int, _ word: String) -> String {
    "\(count) \(word)\(count == 1 ? "" : "s")"
  }
}

/// What stands in and beside nodes and links.
struct Captions {
  private let picture: Picture
  private var shortIDs: [String: String] = [:]

  init(_ picture: Picture) {
    self.picture = picture
    // As many of the last octets as it takes to tell router-ids apart.
    let ids = picture.graph.nodes.map { $0.id }.filter { !$0.contains("%") }
    for count in 2...8 {
      var users: [Substring: Int] = [:]
      for id in ids { users[id.suffix(3 * count - 1), default: 0] += 1 }
      for id in ids where shortIDs[id] == nil && users[id.suffix(3 * count - 1)] == 1 {
        shortIDs[id] = count == 8 || id.count < 23 ? id : "…" + id.suffix(3 * count - 1)
      }
    }
  }

  /// What a node is called: its name, or else an address of its own, or else the end of its router-
  /// id.
  func name(of node: MeshGraph.Node) -> String {
    PlainText.shown(longName(of: node), limit: 22)
  }

  private func longName(of node: MeshGraph.Node) -> String {
    if let name = node.name { return name }
    if let address = node.prefixes.first(where: isAddress) {
      return String(address.prefix { $0 != "/" })
    }
    if node.id.contains("%") { return String(node.id.prefix { $0 != "@" }) }
    return shortIDs[node.id] ?? node.id
  }

  private func isAddress(_ prefix: String) -> Bool {
    prefix.hasSuffix("/32") && !prefix.contains(":") || prefix.hasSuffix("/128")
  }

  /// A second line for a node: what it originates besides its name; empty if nothing.
  func detail(of node: MeshGraph.Node) -> String {
    let name = longName(of: node)
    let rest = node.prefixes.filter { $0 != name && !$0.hasPrefix(name + "/") }
    guard let first = rest.first(where: isAddress) ?? rest.first else { return "" }
    let words = isAddress(first) ? String(first.prefix { $0 != "/" }) : first
    return PlainText.shown(words, limit: 20) + (rest.count > 1 ? " +\(rest.count - 1)" : "")
  }

  /// All about a node, for those who point at it.
  func title(of place: Int) -> String {
    let node = picture.graph.nodes[place]
    var lines = [node.name.map { "\($0), \(node.id)" } ?? node.id]
    switch node.kind {
    case .asked: lines.append("was asked: its own links are known exactly")
    case .neighbour: lines.append("a neighbour of a node that was asked")
    case .distant: lines.append("known from routes only")
    }
    if let tree = picture.tree {
      if tree.origins.contains(place) { lines.append("originates \(tree.prefix)") }
      if tree.lost.contains(place) { lines.append("has no way to \(tree.prefix)") }
    }
    lines += node.prefixes.prefix(12)
    if node.prefixes.count > 12 { lines.append("and \(node.prefixes.count - 12) more") }
    return lines.joined(separator: "\n")
  }

  private func cost(_ cost: Int) -> String {
    cost >= Sighting.infinity ? "unusable" : String(cost)
  }

  /// The cost of a link, of both directions if they differ.
  func cost(of link: MeshGraph.Link) -> String {
    let costs = picture.graph.costs(of: link)
    guard let first = costs.first, let last = costs.last else { return "" }
    return first == last ? cost(first) : "\(cost(first))/\(cost(last))"
  }

  /// What may stand beside a link, the longest first.
  func labels(ofLink place: Int) -> [String] {
    let link = picture.graph.links[place]
    var short = cost(of: link)
    var shortest = ""
    let now = cost(picture.graph.cost(of: link))
    switch picture.change(ofLink: place) {
    case .appeared: short = "+ \(short)"
    case .gone: return ["− gone (\(short))", "− \(short)"]
    case .dearer(let before): (short, shortest) = ("▲ \(cost(before)) → \(now)", "▲ \(now)")
    case .cheaper(let before): (short, shortest) = ("▼ \(cost(before)) → \(now)", "▼ \(now)")
    case nil: break
    }
    var parts = [short]
    if let time = picture.graph.roundTrip(of: link) {
      parts.append("\(Decimal.milliseconds(time)) ms")
    }
    if let loss = picture.graph.loss(of: link) { parts.append("\(Decimal.percent(loss)) %") }
    let count = picture.graph.count(of: link)
    if count > 1 { parts.append("×\(count)") }
    let long = parts.joined(separator: " · ")
    return (long == short ? [] : [long]) + [short, shortest]
  }

  /// All about a link, for those who point at it.
  func title(ofLink place: Int) -> String {
    let link = picture.graph.links[place]
    let names = [link.first, link.second].map { name(of: picture.graph.nodes[$0]) }
    var lines = ["\(names[0]) – \(names[1])"]
    switch picture.change(ofLink: place) {
    case .appeared: lines.append("new")
    case .gone: lines.append("gone; it was:")
    case .dearer(let before): lines.append("dearer than before: \(cost(before))")
    case .cheaper(let before): lines.append("cheaper than before: \(cost(before))")
    case nil: break
    }
    for end in link.ends {
      let speaker = end.from == picture.graph.nodes[link.first].id ? names[0] : names[1]
      var words = "\(speaker) says: cost \(cost(end.cost))"
      if let receiving = end.rxcost, let sending = end.txcost {
        words += " (receiving \(cost(receiving)), sending \(cost(sending)))"
      }
      words += end.roundTrip.map { ", RTT \(Decimal.milliseconds($0)) ms" } ?? ""
      words += end.loss.map { ", loss \(Decimal.percent($0)) %" } ?? ""
      lines.append(words + ", on \(end.interface) to \(end.address)")
    }
    return lines.joined(separator: "\n")
  }

  /// All about a path.
  func title(of path: MeshGraph.Path) -> String {
    let names = [path.via, path.to].map { name(of: picture.graph.nodes[$0]) }
    return "\(names[0]) reaches \(names[1]) with metric \(path.metric)\n"
      + "known from routes; what lies between is not known"
  }
}
