import BabelCore
import BabelWire

/// What is still to be written of a drawing of the network.
///
/// Nodes and links are sketched at once. The prefixes of the routers may be many, so they are
/// written piece by piece while the tables go on changing; one that its router does not originate
/// any more is left out.
struct GraphCursor {
  private let form: GraphForm
  private let sketch: NetworkSketch
  /// What this node is called.
  private let host: String
  /// Neighbours that are no routers as far as known, which have nodes of their own.
  private let strangers: [String]
  /// The router whose prefixes are being written, and how far that has come.
  private var router = 0
  private var position = 0
  /// Prefixes of this router that are written.
  private var written = 0
  private var isBegun = false

  /// Prefixes are written in groups of this many.
  private static let group = 256
  /// Prefixes of a router that DOT shows. More make a drawing that nobody can look at.
  private static let shown = 8

  /// Begins a drawing.
  init(of node: borrowing BabelNode, at now: Instant, _ form: GraphForm, host: String) {
    self.form = form
    self.host = host
    sketch = node.networkSketch(at: now)
    strangers = sketch.neighbours.compactMap { $0.routerID == nil ? $0.nodeName : nil }
  }

  /// Writes the beginning, up to the first router.
  func begin(_ output: inout OutputQueue, version: String) {
    var text = GraphText()
    let own = sketch.routers[0].id.description
    switch form {
    case .netJSON:
      text.add("{\"type\":\"NetworkGraph\",\"protocol\":\"babel\"")
      text.add("version", quoted: version)
      text.add(",\"metric\":\"cost\"")
      text.add("router_id", quoted: own)
      text.add(",\"nodes\":[\n")
    case .dot:
      text.add("digraph babel {\n  node [shape=box];\n")
    }
    for (index, name) in strangers.enumerated() { append(name, isFirst: index == 0, to: &text) }
    output.append(text.take())
  }

  private func append(_ stranger: String, isFirst: Bool, to text: inout GraphText) {
    switch form {
    case .netJSON:
      text.add(isFirst ? "  {\"id\":" : " ,{\"id\":")
      text.add(quoted: stranger)
      text.add(",\"properties\":{\"kind\":\"neighbour\",\"prefixes\":[]}}\n")
    case .dot:
      text.add("  ")
      text.add(quoted: stranger)
      text.add(" [style=rounded];\n")
    }
  }

  /// Writes until `output` holds enough for now. Returns true when all is written.
  mutating func feed(_ output: inout OutputQueue, from node: borrowing BabelNode) -> Bool {
    var text = GraphText()
    while router < sketch.routers.count {
      if output.count >= OutputQueue.comfortable { return false }
      let current = sketch.routers[router]
      if !isBegun { beginNode(current, &text) }
      let end = min(position + Self.group, current.destinations.count)
      while position < end, form == .netJSON || written < Self.shown {
        if let prefixes = node.prefixes(
          of: current.destinations[position], originatedBy: current.id)
        {
          append(prefixes, &text)
        }
        position += 1
      }
      if position == current.destinations.count || (form == .dot && written == Self.shown) {
        endNode(current, &text)
      }
      output.append(text.take())
    }
    switch form {
    case .netJSON:
      text.add("],\"links\":[\n")
      sketch.appendLinks(to: &text)
      text.add("]}\n")
    case .dot:
      sketch.appendEdges(to: &text)
      text.add("}\n")
    }
    output.append(text.take())
    return true
  }

  private mutating func beginNode(_ current: NetworkSketch.Router, _ text: inout GraphText) {
    isBegun = true
    let isOwn = router == 0
    let isNeighbour = sketch.neighbours.contains { $0.routerID == current.id }
    switch form {
    case .netJSON:
      text.add(isOwn && strangers.isEmpty ? "  {\"id\":" : " ,{\"id\":")
      text.add(quoted: current.id.description)
      if isOwn { text.add("label", quoted: host) }
      let kind = isOwn ? "self" : isNeighbour ? "neighbour" : "router"
      text.add(",\"properties\":{\"kind\":\"\(kind)\",\"prefixes\":[")
    case .dot:
      text.add("  ")
      text.add(quoted: current.id.description)
      text.add(isOwn ? " [style=filled, label=" : " [label=")
      // The end of this string is left to the prefixes.
      text.add(quoted: isOwn ? host : current.id.description)
      text.dropLast()
      if isOwn { text.add("\\n\(current.id)") }
    }
  }

  private mutating func append(
    _ prefixes: (destination: Prefix, source: Prefix), _ text: inout GraphText
  ) {
    switch form {
    case .netJSON: text.add(written == 0 ? "\n    " : "\n   ,")
    case .dot: text.add("\\n")
    }
    text.add(prefixes, isQuoted: form == .netJSON)
    written += 1
  }

  private mutating func endNode(_ current: NetworkSketch.Router, _ text: inout GraphText) {
    switch form {
    case .netJSON: text.add("]}}\n")
    case .dot:
      let rest = current.destinations.count - position
      text.add(rest > 0 ? "\\nand \(rest) more\"];\n" : "\"];\n")
    }
    router += 1
    (position, written, isBegun) = (0, 0, false)
  }
}
