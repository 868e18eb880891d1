/// Reads what nodes say: the JSON of `swabelctl`, NetJSON, the answer of babeld to `dump`, and the
/// metrics that the daemon serves over HTTP.
public enum ViewReader {
  /// Reads all that one source says. In JSON it is a sequence of values in any order: the lines of
  /// `status`, `show interfaces`, `show neighbours`, `show routes` and `show exported` with
  /// `--json`, and graphs of NetJSON. Throws if it is nothing of the kind, or does not say whose it
  /// is.
  public static func read(_ octets: [UInt8]) throws(PictureError) -> Sighting {
    let first = octets.first { $0 != 0x20 && !(0x09...0x0D).contains($0) }
    guard let first else { throw PictureError("this is empty") }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
      return try read(JSONReader.values(in: octets))
    }
    let lines = octets.split { $0 == 0x0A || $0 == 0x0D }
      .map { String(decoding: $0, as: UTF8.self) }
    if lines.contains(where: { $0.hasPrefix("swabeld_") }) { return try MetricsReader.read(lines) }
    return try DumpReader.read(lines)
  }

  /// Reads values of JSON.
  public static func read(_ values: [JSONValue]) throws(PictureError) -> Sighting {
    var report = NodeReport()
    var merged = Sighting()
    for value in values.flatMap({ $0.values.isEmpty ? [$0] : $0.values }) {
      if value["type"]?.text == "NetworkGraph" {
        try GraphReader.read(value, into: &report, or: &merged)
      } else if value["pid"] != nil, let id = value["router_id"]?.text {
        (report.own, report.host) = (id, value["host"]?.text ?? "")
      } else if let address = value["address"]?.text, let state = value["state"]?.text {
        try JSONShape.check(neighbour: value)
        neighbour(value, address, state, &report)
      } else if value["obstacle"] != nil, let interface = value["name"]?.text {
        guard let address = value["address"]?.text else { continue }
        report.addOwn(NodeReport.Place(address: address, interface: interface))
      } else if value["refmetric"] != nil {
        try JSONShape.check(route: value)
        route(value, &report)
      } else if let origin = value["origin"]?.text, let prefix = value["prefix"]?.text {
        guard origin == "here" else { continue }
        if let id = value["router_id"]?.text, report.own == nil { report.own = id }
        report.addOwn(joined(prefix, value["source"]?.text))
      } else {
        // Lines of other tables, such as problems, may stand between these.
        continue
      }
    }
    if report.isEmpty {
      guard !merged.prefixes.isEmpty else {
        throw PictureError("this says nothing of neighbours or routes")
      }
      return merged
    }
    merged.add(try report.sighting())
    return merged
  }

  /// A prefix together with its source, as keys of tables.
  static func joined(_ prefix: String, _ source: String?) -> String {
    guard let source, source != "::/0", source != "0.0.0.0/0" else { return prefix }
    return "\(prefix) from \(source)"
  }

  private static func neighbour(
    _ value: JSONValue, _ address: String, _ state: String, _ report: inout NodeReport
  ) {
    let place = NodeReport.Place(
      address: address, interface: value["interface"]?.text ?? "")
    report.add(place) { end in
      end.cost = value["cost"]?.whole ?? Sighting.infinity
      end.rxcost = value["rxcost"]?.whole
      end.txcost = value["txcost"]?.whole
      end.roundTrip = value["rtt_us"]?.whole
      end.loss = value["loss_permille"]?.whole
    }
  }

  private static func route(_ value: JSONValue, _ report: inout NodeReport) {
    guard let prefix = value["prefix"]?.text, let router = value["router_id"]?.text,
      let address = value["neighbour"]?.text ?? value["next_hop"]?.text
    else { return }
    report.add(
      Sighting.Route(
        at: "", prefix: joined(prefix, value["source"]?.text), router: router, via: "",
        nextHop: value["next_hop"]?.text ?? address, interface: value["interface"]?.text ?? "",
        metric: value["metric"]?.whole ?? Sighting.infinity,
        announced: value["refmetric"]?.whole ?? Sighting.infinity,
        isSelected: value["selected"]?.isTrue ?? false), from: address)
  }
}

/// Reads a graph of NetJSON: the daemon's, or one that this program wrote.
enum GraphReader {
  /// Reads a graph. That of one node goes into its report, so that tables can add to it.
  static func read(
    _ graph: JSONValue, into report: inout NodeReport, or merged: inout Sighting
  ) throws(PictureError) {
    guard graph["protocol"]?.text == "babel" else {
      throw PictureError("this graph is not one of Babel")
    }
    try JSONShape.check(graph: graph)
    guard let own = graph["router_id"]?.text else { return merge(graph, &merged) }
    report.own = own
    for node in graph["nodes"]?.values ?? [] {
      guard let id = node["id"]?.text else { continue }
      if id == own, let label = node["label"]?.text { report.host = label }
      // A neighbour that is no router as far as known is named by what links say of it.
      guard !id.contains("%") else { continue }
      let prefixes = node["properties"]?["prefixes"]?.values ?? []
      if id == own {
        for prefix in prefixes { if let text = prefix.text { report.addOwn(text) } }
      } else {
        report.add(nil, of: id)
        for prefix in prefixes { report.add(prefix.text, of: id) }
      }
    }
    for link in graph["links"]?.values ?? [] {
      guard let source = link["source"]?.text, let target = link["target"]?.text else { continue }
      let properties = link["properties"]
      if properties?["kind"]?.text == "path" {
        let via = source.contains("%") ? "\(source)@\(own)" : source
        report.add(
          Sighting.Path(viewer: own, via: via, to: target, metric: link["cost"]?.whole ?? 0))
        continue
      }
      let place = NodeReport.Place(
        address: properties?["address"]?.text ?? "",
        interface: properties?["interface"]?.text ?? "")
      if !target.contains("%") { report.identify(place, as: target) }
      report.add(place) { fill(&$0, from: link) }
    }
  }

  /// What a link says beyond its ends. Measurements that it does not have stay.
  private static func fill(_ end: inout Sighting.End, from link: JSONValue) {
    let properties = link["properties"]
    end.cost = link["cost"]?.whole ?? Sighting.infinity
    end.rxcost = properties?["rxcost"]?.whole ?? end.rxcost
    end.txcost = properties?["txcost"]?.whole ?? end.txcost
    let time = properties?["rtt"]?.number.flatMap { $0.magnitude < 1e9 ? $0 : nil }
    end.roundTrip = time.map { Int(($0 * 1000).rounded()) } ?? end.roundTrip
    end.loss = properties?["loss_permille"]?.whole ?? end.loss
  }

  private static func merge(_ graph: JSONValue, _ merged: inout Sighting) {
    for node in graph["nodes"]?.values ?? [] {
      guard let id = node["id"]?.text else { continue }
      merged.note(id)
      for prefix in node["properties"]?["prefixes"]?.values ?? [] {
        merged.note(id, prefix: prefix.text)
      }
      if node["properties"]?["kind"]?.text == "self" {
        merged.asked[id] = node["label"]?.text ?? ""
      }
    }
    for link in graph["links"]?.values ?? [] {
      guard let source = link["source"]?.text, let target = link["target"]?.text else { continue }
      let properties = link["properties"]
      if properties?["kind"]?.text == "path" {
        merged.paths.insert(
          Sighting.Path(
            viewer: properties?["viewer"]?.text ?? "", via: source, to: target,
            metric: link["cost"]?.whole ?? Sighting.infinity))
      } else {
        var end = Sighting.End(
          from: source, to: target, interface: properties?["interface"]?.text ?? "",
          address: properties?["address"]?.text ?? "")
        fill(&end, from: link)
        merged.ends.append(end)
      }
    }
  }
}
