/// Which nodes are joined, and what cannot be as the topology wants it.
public struct MeshLinks: Equatable, Sendable {
  /// The pairs that get a tunnel, in order.
  public let pairs: [NodePair]
  /// Pairs that the topology wants to join, but both are behind NAT.
  public let impossible: [NodePair]
  /// Groups of nodes that no tunnel leads out of, if there is more than one; each in order.
  public let islands: [[String]]

  /// The tunnels of the mesh that a list describes; nil if there are more than
  /// ``MeshList/linkLimit``.
  public init?(_ list: MeshList) {
    var wanted: Set<NodePair> = []
    let names = list.nodes.map { $0.name }
    switch list.topology {
    case .full:
      guard names.count * (names.count - 1) / 2 <= MeshList.linkLimit else { return nil }
      for (number, one) in names.enumerated() {
        for other in names[..<number] { wanted.insert(NodePair(one, other)) }
      }
    case .hub(let hubs):
      for hub in hubs {
        for name in names where name != hub { wanted.insert(NodePair(hub, name)) }
      }
    case .ring:
      guard names.count > 1 else { break }
      for (one, other) in zip(names, names[1...] + names[..<1]) {
        wanted.insert(NodePair(one, other))
      }
    case .nearest(let count):
      for node in list.nodes {
        for other in list.nearest(count, to: node) {
          wanted.insert(NodePair(node.name, other.name))
        }
      }
    }
    guard wanted.count <= MeshList.linkLimit else { return nil }
    let hidden = Set(list.nodes.filter { $0.isBehindNAT }.map { $0.name })
    func isImpossible(_ pair: NodePair) -> Bool {
      hidden.contains(pair.first) && hidden.contains(pair.second)
    }
    pairs = wanted.filter { !isImpossible($0) }.sorted()
    impossible = wanted.filter(isImpossible).sorted()
    islands = Self.islands(of: names, joinedBy: pairs)
  }

  private static func islands(of names: [String], joinedBy pairs: [NodePair]) -> [[String]] {
    var neighbours: [String: [String]] = [:]
    for pair in pairs {
      neighbours[pair.first, default: []].append(pair.second)
      neighbours[pair.second, default: []].append(pair.first)
    }
    var seen: Set<String> = []
    var islands: [[String]] = []
    for name in names where seen.insert(name).inserted {
      var island = [name]
      var next = 0
      while next < island.count {
        for neighbour in neighbours[island[next], default: []]
        where seen.insert(neighbour).inserted { island.append(neighbour) }
        next += 1
      }
      islands.append(island.sorted())
    }
    return islands.count > 1 ? islands : []
  }
}

extension MeshList {
  /// How far two nodes are from each other, squared: the latency that was measured, or the distance
  /// of their positions; nil if neither is known. The order is that of the distances themselves.
  func squaredDistance(_ one: MeshNode, _ other: MeshNode) -> Double? {
    if let measured = latencies[NodePair(one.name, other.name)] { return measured * measured }
    guard let a = one.position, let b = other.position else { return nil }
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)
  }

  /// The nodes that are nearest to one, among those that it can have a tunnel with. Of two that are
  /// equally far the lesser name comes first.
  func nearest(_ count: Int, to node: MeshNode) -> [MeshNode] {
    let candidates = nodes.filter {
      $0.name != node.name && !($0.isBehindNAT && node.isBehindNAT)
    }
    let measured = candidates.map { (squaredDistance(node, $0) ?? .infinity, $0) }
    return measured.sorted { ($0.0, $0.1.name) < ($1.0, $1.1.name) }.prefix(count).map { $0.1 }
  }
}
