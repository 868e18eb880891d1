/// A mesh put together from what its nodes say.
public struct MeshGraph: Equatable, Sendable {
  /// A node.
  public struct Node: Equatable, Sendable {
    /// How much is known of a node.
    public enum Kind: Equatable, Sendable {
      /// It was asked itself: its own links are known exactly.
      case asked
      /// A node that was asked has it as a neighbour.
      case neighbour
      /// It is known from routes only.
      case distant
    }

    /// Its router-id, or where it was seen if nobody knows that.
    public let id: String
    /// What an operator calls it; nil if nobody said.
    public let name: String?
    /// How much is known of it.
    public let kind: Kind
    /// What it originates, in order.
    public let prefixes: [String]
  }

  /// A link that at least one of its ends tells of.
  public struct Link: Equatable, Sendable {
    /// The places of its ends among the nodes, the lesser one first.
    public let first: Int, second: Int
    /// What its ends say: those of the first, then those of the second. There are several of one
    /// node if it has several interfaces to the other.
    public let ends: [Sighting.End]
  }

  /// A way whose nodes in between are not known.
  public struct Path: Equatable, Sendable {
    /// The neighbour of a node that was asked, and the router at the end, as places among the
    /// nodes.
    public let via: Int, to: Int
    /// The metric that the neighbour announced.
    public let metric: Int
  }

  /// In the order of their names, those without one by their ids.
  public private(set) var nodes: [Node] = []
  /// By their ends.
  public private(set) var links: [Link] = []
  /// To routers that no link leads to, by their ends.
  public private(set) var paths: [Path] = []
  /// The routes of all nodes that were asked.
  public private(set) var routes: [Sighting.Route] = []
  private var places: [String: Int] = [:]

  /// Puts together what was seen. `names` are those of a list, by router-ids; they come before what
  /// nodes call themselves.
  public init(_ everything: Sighting, names: [String: String] = [:]) {
    let sighting = everything.recognised()
    addNodes(sighting, names)
    addLinks(sighting)
    addPaths(sighting)
    // Two sources may tell of the same node.
    var seen: Set<[String]> = []
    routes = sighting.routes.filter { route in
      places[route.at] != nil
        && seen.insert([route.at, route.prefix, route.interface, route.via, route.router]).inserted
    }
    routes.sort { ($0.prefix, $0.at, $0.metric, $0.via) < ($1.prefix, $1.at, $1.metric, $1.via) }
  }

  /// The place of a node; nil if it is not there.
  public func place(of id: String) -> Int? { places[id] }

  /// How many nodes were asked.
  public var askedCount: Int { nodes.count { $0.kind == .asked } }

  private mutating func addNodes(_ sighting: Sighting, _ names: [String: String]) {
    var ids = Set(sighting.prefixes.keys).union(sighting.asked.keys)
    var near: Set<String> = []
    for end in sighting.ends {
      ids.formUnion([end.from, end.to])
      near.formUnion([end.from, end.to])
    }
    for path in sighting.paths { ids.formUnion([path.via, path.to]) }
    ids.remove("")
    for id in ids {
      let own = sighting.asked[id].flatMap { $0.isEmpty ? nil : $0 }
      nodes.append(
        Node(
          id: id, name: names[id] ?? own,
          kind: sighting.asked[id] != nil ? .asked : near.contains(id) ? .neighbour : .distant,
          prefixes: Self.ordered(sighting.prefixes[id] ?? [])))
    }
    nodes.sort { ($0.name ?? "\u{10FFFF}", $0.id) < ($1.name ?? "\u{10FFFF}", $1.id) }
    for (place, node) in nodes.enumerated() { places[node.id] = place }
  }

  /// Prefixes of IPv4 first, then the short ones.
  private static func ordered(_ prefixes: Set<String>) -> [String] {
    func key(_ text: String) -> (Int, Int, String) {
      (text.contains(":") ? 1 : 0, text.utf8.count, text)
    }
    return prefixes.sorted { key($0) < key($1) }
  }

  private mutating func addLinks(_ sighting: Sighting) {
    var found: [[Int]: [Sighting.End]] = [:]
    var seen: [[String]: Int] = [:]
    for end in sighting.ends where end.from != end.to {
      guard let from = places[end.from], let to = places[end.to] else { continue }
      let pair = [min(from, to), max(from, to)]
      let key = [end.from, end.to, end.interface, end.address]
      if let place = seen[key] {
        // Two sources tell of the same end; the later one may know more.
        found[pair]?[place].complete(with: end)
      } else {
        seen[key] = found[pair]?.count ?? 0
        found[pair, default: []].append(end)
      }
    }
    for pair in found.keys.sorted(by: { ($0[0], $0[1]) < ($1[0], $1[1]) }) {
      let ends = (found[pair] ?? []).sorted {
        (places[$0.from] ?? 0, $0.interface, $0.address)
          < (places[$1.from] ?? 0, $1.interface, $1.address)
      }
      links.append(Link(first: pair[0], second: pair[1], ends: ends))
    }
  }

  /// Keeps of the paths what links do not tell better: for each viewer the best way to a router
  /// that no link leads to.
  private mutating func addPaths(_ sighting: Sighting) {
    let linked = Set(links.flatMap { [$0.first, $0.second] })
    var costs: [[String]: Int] = [:]
    for end in sighting.ends {
      costs[[end.from, end.to]] = min(costs[[end.from, end.to]] ?? .max, end.cost)
    }
    func total(_ path: Sighting.Path) -> Int {
      path.metric + (costs[[path.viewer, path.via]] ?? 0)
    }
    var best: [[String]: Sighting.Path] = [:]
    for path in sighting.paths {
      guard let via = places[path.via], let to = places[path.to], via != to, !linked.contains(to),
        path.metric < Sighting.infinity
      else { continue }
      let key = [path.viewer, path.to]
      if let other = best[key], (total(other), other.via) <= (total(path), path.via) { continue }
      best[key] = path
    }
    var metrics: [[Int]: Int] = [:]
    for path in best.values {
      guard let via = places[path.via], let to = places[path.to] else { continue }
      metrics[[via, to]] = min(metrics[[via, to]] ?? .max, path.metric)
    }
    for (pair, metric) in metrics.sorted(by: { ($0.key[0], $0.key[1]) < ($1.key[0], $1.key[1]) }) {
      paths.append(Path(via: pair[0], to: pair[1], metric: metric))
    }
  }

  /// The same with links of another graph, and with paths of it that lead to nodes which this one
  /// has not.
  func joined(with links: [Link], of other: MeshGraph) -> MeshGraph {
    var result = self
    for link in links {
      let (one, two) = (
        result.adopt(other.nodes[link.first]), result.adopt(other.nodes[link.second])
      )
      result.links.append(Link(first: min(one, two), second: max(one, two), ends: link.ends))
    }
    for path in other.paths where places[other.nodes[path.to].id] == nil {
      let (via, to) = (result.adopt(other.nodes[path.via]), result.adopt(other.nodes[path.to]))
      result.paths.append(Path(via: via, to: to, metric: path.metric))
    }
    return result
  }

  /// The place of a node, which is added if it is not there.
  private mutating func adopt(_ node: Node) -> Int {
    if let place = places[node.id] { return place }
    places[node.id] = nodes.count
    nodes.append(node)
    return nodes.count - 1
  }
}

extension Sighting.End {
  /// Takes over what the other one says, and keeps what it does not.
  mutating func complete(with other: Sighting.End) {
    cost = min(cost, other.cost)
    rxcost = other.rxcost ?? rxcost
    txcost = other.txcost ?? txcost
    roundTrip = other.roundTrip ?? roundTrip
    loss = other.loss ?? loss
  }
}

extension MeshGraph {
  /// The best cost that one end of a link says; nil if it says nothing.
  func cost(of link: Link, from place: Int) -> Int? {
    link.ends.filter { $0.from == nodes[place].id }.map { $0.cost }.min()
  }

  /// The best costs of a link as its ends say them, the first one's first.
  func costs(of link: Link) -> [Int] {
    [cost(of: link, from: link.first), cost(of: link, from: link.second)].compactMap { $0 }
  }

  /// The greatest cost of a link in either direction.
  func cost(of link: Link) -> Int { costs(of: link).max() ?? Sighting.infinity }

  /// How many links join the two ends, as one of them counts.
  func count(of link: Link) -> Int {
    let first = link.ends.count { $0.from == nodes[link.first].id }
    return max(first, link.ends.count - first)
  }

  /// The greatest loss that an end measures in thousandths; nil if none does.
  func loss(of link: Link) -> Int? { link.ends.compactMap { $0.loss }.max() }

  /// The greatest round-trip time in microseconds; nil if no end measures it.
  func roundTrip(of link: Link) -> Int? { link.ends.compactMap { $0.roundTrip }.max() }
}
