/// What the members of a value must be. A member of a wrong type would otherwise only be missing
/// from the picture, and nobody would know.
enum JSONShape {
  /// A type that a member has.
  enum Kind: String {
    case text = "a string"
    case number = "a number"
    case list = "a list"
    case object = "an object"

    func fits(_ value: JSONValue) -> Bool {
      switch (self, value) {
      case (.text, .string), (.number, .number), (.list, .array), (.object, .object): true
      default: false
      }
    }
  }

  /// Refuses a member that is there with another type. One without a value (`null`) counts as not
  /// there, unless it `isNeeded`.
  static func check(
    _ value: JSONValue, of owner: String, _ names: [String], _ kind: Kind, isNeeded: Bool = false
  ) throws(PictureError) {
    for name in names {
      let member = value[name] ?? .null
      if member == .null ? isNeeded : !kind.fits(member) {
        throw PictureError("\"\(name)\" of \(owner) is not \(kind.rawValue)")
      }
    }
  }

  /// Refuses a graph of NetJSON whose members are of wrong types.
  static func check(graph: JSONValue) throws(PictureError) {
    try check(graph, of: "the graph", ["router_id"], .text)
    try check(graph, of: "the graph", ["nodes", "links"], .list, isNeeded: true)
    for node in graph["nodes"]?.values ?? [] {
      try check(node, of: "a node", ["id"], .text, isNeeded: true)
      try check(node, of: "a node", ["label"], .text)
      try check(node, of: "a node", ["properties"], .object)
      guard let properties = node["properties"] else { continue }
      try check(properties, of: "a node", ["kind"], .text)
      try check(properties, of: "a node", ["prefixes"], .list)
      for prefix in properties["prefixes"]?.values ?? [] where prefix.text == nil {
        throw PictureError("a prefix of a node is not a string")
      }
    }
    for link in graph["links"]?.values ?? [] {
      try check(link, of: "a link", ["source", "target"], .text, isNeeded: true)
      try check(link, of: "a link", ["cost"], .number)
      try check(link, of: "a link", ["properties"], .object)
      guard let properties = link["properties"] else { continue }
      try check(properties, of: "a link", ["kind", "viewer", "interface", "address"], .text)
      try check(properties, of: "a link", ["rxcost", "txcost", "rtt", "loss_permille"], .number)
    }
  }

  /// Refuses a route whose members are of wrong types.
  static func check(route: JSONValue) throws(PictureError) {
    try check(
      route, of: "a route",
      ["prefix", "router_id", "neighbour", "next_hop", "interface", "source"], .text)
    try check(route, of: "a route", ["metric", "refmetric"], .number)
  }

  /// Refuses a neighbour whose members are of wrong types.
  static func check(neighbour: JSONValue) throws(PictureError) {
    try check(neighbour, of: "a neighbour", ["interface"], .text)
    try check(
      neighbour, of: "a neighbour", ["cost", "rxcost", "txcost", "rtt_us", "loss_permille"],
      .number)
  }
}
