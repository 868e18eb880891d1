import BabelWire

/// The ways that packets to a prefix take.
public struct PrefixTree: Equatable, Sendable {
  /// A step towards the prefix.
  public struct Hop: Equatable, Sendable {
    /// From which node to which, as places among the nodes.
    public let from: Int, to: Int
    /// The metric that the node at the beginning has.
    public let metric: Int
    /// Whether the nodes in between are not known.
    public let isInferred: Bool
  }

  /// The prefix, with the source prefix behind ` from ` if there is one.
  public let prefix: String
  /// Who originates it, as places among the nodes.
  public private(set) var origins: Set<Int> = []
  /// By the nodes at their beginnings.
  public private(set) var hops: [Hop] = []
  /// Nodes that were asked and have no way.
  public private(set) var lost: [Int] = []

  /// The ways to a prefix in a graph. `text` is a prefix or an address; if no router originates
  /// exactly this prefix, the longest that covers it counts. Throws if there is none.
  public init(to text: String, in graph: MeshGraph) throws(PictureError) {
    prefix = try Self.known(text, in: graph)
    for (place, node) in graph.nodes.enumerated() where node.prefixes.contains(prefix) {
      origins.insert(place)
    }
    var onward: [Int: Hop] = [:]
    var begun: Set<Int> = []
    for route in graph.routes where route.prefix == prefix && route.isSelected {
      guard let at = graph.place(of: route.at), let via = graph.place(of: route.via),
        begun.insert(at).inserted
      else { continue }
      hops.append(Hop(from: at, to: via, metric: route.metric, isInferred: false))
      guard graph.nodes[via].kind != .asked, let router = graph.place(of: route.router),
        router != via, onward[via] == nil
      else { continue }
      onward[via] = Hop(from: via, to: router, metric: route.announced, isInferred: true)
    }
    hops += onward.values
    hops.sort { ($0.from, $0.to) < ($1.from, $1.to) }
    for (place, node) in graph.nodes.enumerated()
    where node.kind == .asked && !begun.contains(place) && !origins.contains(place) {
      lost.append(place)
    }
    if graph.routes.isEmpty {
      throw PictureError(
        "no routes were read; add what \"swabelctl show routes --json\" prints on a node")
    }
  }

  private static func known(
    _ text: String, in graph: MeshGraph
  ) throws(PictureError) -> String {
    var candidates = Set(graph.nodes.flatMap { $0.prefixes })
    candidates.formUnion(graph.routes.map { $0.prefix })
    if candidates.contains(text) { return text }
    let wanted = IPAddress(text).flatMap { Prefix($0, length: $0.family == .ipv4 ? 32 : 128) }
    guard let wanted = Prefix(text) ?? wanted else {
      throw PictureError("\(text) is neither a prefix nor an address")
    }
    let covering = candidates.compactMap { Prefix($0) }.filter { $0.contains(wanted) }
      .max { ($0.mappedLength, $0.description) < ($1.mappedLength, $1.description) }
    guard let covering else { throw PictureError("no node says anything of \(text)") }
    return covering.description
  }
}
