/// What has changed between two times.
public struct MeshChange: Equatable, Sendable {
  /// What became of a link.
  public enum Kind: Equatable, Sendable {
    /// It was not there before.
    case appeared
    /// It is not there any more.
    case gone
    /// It costs more than before: that much then.
    case dearer(Int)
    /// It costs less than before: that much then.
    case cheaper(Int)
  }

  /// The later graph, with what is gone from the earlier one.
  public let graph: MeshGraph
  /// By the places of links in ``graph``.
  public let links: [Int: Kind]
  /// By the places of nodes in ``graph``: those that appeared, and those that are gone.
  public let nodes: [Int: Kind]

  /// Costs that differ by less than a tenth are the same: measurements always vary a little.
  static func isNotable(_ before: Int, _ after: Int) -> Bool {
    let least = min(before, after)
    return max(before, after) - least >= max(1, (least + 9) / 10)
  }

  /// Compares two graphs. A link is said to have appeared or gone only if one of the nodes that
  /// tell of it was asked both times, for else it may only be that nobody was asked.
  public init(from before: MeshGraph, to after: MeshGraph) {
    func pair(_ graph: MeshGraph, _ link: MeshGraph.Link) -> Set<String> {
      [graph.nodes[link.first].id, graph.nodes[link.second].id]
    }
    func asked(_ graph: MeshGraph) -> Set<String> {
      Set(graph.nodes.filter { $0.kind == .asked }.map { $0.id })
    }
    let both = asked(before).intersection(asked(after))
    let former = Dictionary(before.links.map { (pair(before, $0), $0) }) { one, _ in one }
    var kinds: [Int: Kind] = [:]
    for (place, link) in after.links.enumerated() {
      guard let old = former[pair(after, link)] else {
        if link.ends.contains(where: { both.contains($0.from) }) { kinds[place] = .appeared }
        continue
      }
      // Only ends that told both times can be compared.
      let steps = [link.first, link.second].compactMap { end -> (Int, Int)? in
        guard let now = after.cost(of: link, from: end),
          let then = before.place(of: after.nodes[end].id).flatMap({
            before.cost(of: old, from: $0)
          })
        else { return nil }
        return (then, now)
      }
      guard let then = steps.map({ $0.0 }).max(), let now = steps.map({ $0.1 }).max(),
        Self.isNotable(then, now)
      else { continue }
      kinds[place] = now > then ? .dearer(then) : .cheaper(then)
    }
    let present = Set(after.links.map { pair(after, $0) })
    let gone = before.links.filter { link in
      !present.contains(pair(before, link)) && link.ends.contains { both.contains($0.from) }
    }
    graph = after.joined(with: gone, of: before)
    for place in after.links.count..<graph.links.count { kinds[place] = .gone }
    links = kinds
    var changed: [Int: Kind] = [:]
    if !both.isEmpty {
      for (place, node) in graph.nodes.enumerated() {
        if place >= after.nodes.count {
          changed[place] = .gone
        } else if before.place(of: node.id) == nil {
          changed[place] = .appeared
        }
      }
    }
    nodes = changed
  }
}
