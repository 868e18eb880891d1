/// A picture as a graph of Graphviz.
public enum DOTText {
  /// The graph, in UTF-8.
  public static func document(_ picture: Picture) -> String {
    let captions = Captions(picture)
    var text = "graph babel {\n  graph [overlap=prism, splines=true, label="
    text += Escape.dot("\(picture.title)\n\(picture.summary)") + "];\n"
    text += "  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
    text += "  edge [fontname=\"sans-serif\", fontsize=10];\n"
    for (place, node) in picture.graph.nodes.enumerated() {
      let detail = captions.detail(of: node)
      let label = captions.name(of: node) + (detail.isEmpty ? "" : "\n\(detail)")
      text += "  \(Escape.dot(node.id)) [label=\(Escape.dot(label))"
      text += ", tooltip=\(Escape.dot(captions.title(of: place)))\(look(place, picture))];\n"
    }
    for (place, link) in picture.graph.links.enumerated() {
      text += "  \(ends(link.first, link.second, picture)) ["
      text += "label=\(Escape.dot(captions.labels(ofLink: place).first ?? ""))"
      text += ", tooltip=\(Escape.dot(captions.title(ofLink: place)))"
      text += look(link, place, picture) + "];\n"
    }
    for path in picture.graph.paths {
      text += "  \(ends(path.via, path.to, picture)) [label=\"\(path.metric)\", style=dashed];\n"
    }
    for hop in picture.tree?.hops ?? [] {
      let style = hop.isInferred ? "dashed" : "bold"
      text += "  \(ends(hop.from, hop.to, picture)) [label=\"\(hop.metric)\", dir=forward, "
      text += "style=\(style), color=\"#6b2d73\", penwidth=2.5, constraint=false];\n"
    }
    return text + "}\n"
  }

  private static func ends(_ one: Int, _ two: Int, _ picture: Picture) -> String {
    Escape.dot(picture.graph.nodes[one].id) + " -- " + Escape.dot(picture.graph.nodes[two].id)
  }

  private static func look(_ place: Int, _ picture: Picture) -> String {
    if picture.tree?.origins.contains(place) == true {
      return ", color=\"#6b2d73\", penwidth=2.5"
    }
    switch picture.graph.nodes[place].kind {
    case .asked: return ", style=\"rounded,filled\", fillcolor=\"#d9ecfa\""
    case .neighbour: return ""
    case .distant: return ", style=\"rounded,dashed\""
    }
  }

  private static func look(_ link: MeshGraph.Link, _ place: Int, _ picture: Picture) -> String {
    switch picture.change(ofLink: place) {
    case .appeared: return ", color=\"#0067a8\", penwidth=3"
    case .gone: return ", color=\"#b23c00\", style=dotted, penwidth=2"
    case .dearer: return ", color=\"#8a5a00\", penwidth=3"
    case .cheaper: return ", color=\"#00704f\", penwidth=2"
    case nil:
      return picture.graph.cost(of: link) >= Sighting.infinity
        ? ", color=\"#b23c00\", style=dotted" : ""
    }
  }
}

/// A picture as a graph of NetJSON, which this program reads again: the state of a mesh at a time.
public enum NetJSONText {
  /// The graph, in UTF-8. What is gone is left out.
  public static func document(_ picture: Picture) -> String {
    let graph = picture.graph
    var text = "{\"type\":\"NetworkGraph\",\"protocol\":\"babel\",\"version\":\"1\","
    text += "\"metric\":\"cost\",\"label\":\(Escape.json(picture.title)),\"nodes\":[\n"
    let nodes = graph.nodes.indices.filter { picture.change?.nodes[$0] != .gone }
    text += nodes.map { "  " + node(graph.nodes[$0]) }.joined(separator: ",\n")
    text += "\n],\"links\":[\n"
    let links = graph.links.indices.filter { picture.change(ofLink: $0) != .gone }
    let lines =
      links.flatMap { graph.links[$0].ends.map(end) }
      + graph.paths.filter { picture.change?.nodes[$0.to] != .gone }
      .map { path($0, graph) }
    return text + lines.map { "  " + $0 }.joined(separator: ",\n") + "\n]}\n"
  }

  private static func node(_ node: MeshGraph.Node) -> String {
    let kind: String
    switch node.kind {
    case .asked: kind = "self"
    case .neighbour: kind = "neighbour"
    case .distant: kind = "router"
    }
    let name = node.name.map { ",\"label\":\(Escape.json($0))" } ?? ""
    let prefixes = node.prefixes.map(Escape.json).joined(separator: ",")
    return "{\"id\":\(Escape.json(node.id))\(name),\"properties\":"
      + "{\"kind\":\"\(kind)\",\"prefixes\":[\(prefixes)]}}"
  }

  private static func end(_ end: Sighting.End) -> String {
    var text = "{\"source\":\(Escape.json(end.from)),\"target\":\(Escape.json(end.to)),"
    text += "\"cost\":\(end.cost),\"properties\":{\"kind\":\"link\","
    text += "\"interface\":\(Escape.json(end.interface)),\"address\":\(Escape.json(end.address))"
    text += end.rxcost.map { ",\"rxcost\":\($0)" } ?? ""
    text += end.txcost.map { ",\"txcost\":\($0)" } ?? ""
    // In milliseconds, as the daemon says it.
    text += end.roundTrip.map { ",\"rtt\":\(Double($0) / 1000)" } ?? ""
    text += end.loss.map { ",\"loss_permille\":\($0)" } ?? ""
    return text + "}}"
  }

  private static func path(_ path: MeshGraph.Path, _ graph: MeshGraph) -> String {
    "{\"source\":\(Escape.json(graph.nodes[path.via].id)),"
      + "\"target\":\(Escape.json(graph.nodes[path.to].id)),\"cost\":\(path.metric),"
      + "\"properties\":{\"kind\":\"path\"}}"
  }
}
