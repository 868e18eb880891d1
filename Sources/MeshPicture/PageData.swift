/// What a page knows beside its picture: the tables, and what it may do.
public struct PageData: Sendable {
  /// When the mesh was read, in words.
  public var time: String
  /// Whether the page is served, so that it can ask for newer data.
  public var isLive: Bool
  /// The prefix whose ways are shown at first; empty for none.
  public var prefix: String
  /// What times are compared, in words; empty if none are.
  public var since: String
  /// Which nodes did not answer, and how old what is shown of them is; empty if all did.
  public var trouble: String

  /// Makes it of its parts.
  public init(
    time: String, isLive: Bool = false, prefix: String = "", since: String = "",
    trouble: String = ""
  ) {
    (self.time, self.isLive, self.prefix, self.since) = (time, isLive, prefix, since)
    self.trouble = trouble
  }

  /// The answer to a page that asks anew: the picture and its data, in JSON.
  public func answer(_ picture: Picture) -> String {
    "{\"svg\":\(Escape.json(SVGText.element(picture, hasStyle: false))),\"data\":\(json(picture))}"
  }

  /// The data in JSON, which can stand in HTML as it is.
  func json(_ picture: Picture) -> String {
    let captions = Captions(picture)
    let graph = picture.graph
    var text = "{\"time\":\(Escape.json(time)),\"live\":\(isLive),"
    text += "\"prefix\":\(Escape.json(prefix)),\"since\":\(Escape.json(since)),"
    text += "\"trouble\":\(Escape.json(trouble)),\n\"nodes\":["
    text += graph.nodes.map { node in
      "\n{\"name\":\(Escape.json(captions.name(of: node))),\"id\":\(Escape.json(node.id)),"
        + "\"asked\":\(node.kind == .asked),"
        + "\"prefixes\":[\(node.prefixes.map(Escape.json).joined(separator: ","))]}"
    }.joined(separator: ",")
    text += "],\n\"links\":["
    text += graph.links.indices.flatMap { place in
      graph.links[place].ends.map { end(of: $0, place, picture) }
    }.joined(separator: ",")
    text += "],\n\"routes\":["
    text += graph.routes.map { route($0, graph) }.joined(separator: ",")
    return text + "]}"
  }

  private func number(_ value: Int?) -> String { value.map { String($0) } ?? "null" }

  private func end(of end: Sighting.End, _ place: Int, _ picture: Picture) -> String {
    let change: String
    switch picture.change(ofLink: place) {
    case .appeared: change = "+ new"
    case .gone: change = "− gone"
    case .dearer(let before): change = "▲ dearer, was \(before)"
    case .cheaper(let before): change = "▼ cheaper, was \(before)"
    case nil: change = ""
    }
    return "\n{\"at\":\(number(picture.graph.place(of: end.from))),"
      + "\"to\":\(number(picture.graph.place(of: end.to))),"
      + "\"interface\":\(Escape.json(end.interface)),\"address\":\(Escape.json(end.address)),"
      + "\"cost\":\(end.cost),\"rxcost\":\(number(end.rxcost)),\"txcost\":\(number(end.txcost)),"
      + "\"rtt\":\(number(end.roundTrip)),\"loss\":\(number(end.loss)),"
      + "\"change\":\(Escape.json(change))}"
  }

  private func route(_ route: Sighting.Route, _ graph: MeshGraph) -> String {
    "\n{\"prefix\":\(Escape.json(route.prefix)),\"at\":\(number(graph.place(of: route.at))),"
      + "\"via\":\(number(graph.place(of: route.via))),"
      + "\"router\":\(number(graph.place(of: route.router))),"
      + "\"nextHop\":\(Escape.json(route.nextHop)),"
      + "\"interface\":\(Escape.json(route.interface)),\"metric\":\(route.metric),"
      + "\"announced\":\(route.announced),\"selected\":\(route.isSelected)}"
  }
}
