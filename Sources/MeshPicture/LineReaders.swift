/// Reads what babeld, and swabeld in babeld's words, answer to `dump`.
enum DumpReader {
  /// Reads the lines of an answer, with the greeting in front, which says whose it is.
  static func read(_ lines: [String]) throws(PictureError) -> Sighting {
    var report = NodeReport()
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      if words.count == 2, words[0] == "my-id" { report.own = words[1] }
      if words.count == 2, words[0] == "host" { report.host = words[1] }
      guard words.count > 3, words[0] == "add" else { continue }
      let values = pairs(words.dropFirst(3))
      switch words[1] {
      case "neighbour": neighbour(values, &report)
      case "route": route(values, &report)
      case "interface":
        if let address = values["ipv6"] {
          report.addOwn(NodeReport.Place(address: address, interface: words[2]))
        }
      case "xroute":
        // babeld names an exported route by both prefixes, and says them again.
        if let prefix = values["prefix"] {
          report.addOwn(ViewReader.joined(prefix, values["from"]))
        } else if let prefix = words[2].split(separator: "-").first {
          report.addOwn(String(prefix))
        }
      default: continue
      }
    }
    guard !report.isEmpty else {
      throw PictureError("this is neither JSON nor what \"dump\" answers nor metrics of swabeld")
    }
    return try report.sighting()
  }

  private static func pairs(_ words: ArraySlice<String>) -> [String: String] {
    var values: [String: String] = [:]
    var place = words.startIndex
    while place + 1 < words.endIndex {
      values[words[place]] = words[place + 1]
      place += 2
    }
    return values
  }

  private static func neighbour(_ values: [String: String], _ report: inout NodeReport) {
    guard let address = values["address"], let interface = values["if"] else { return }
    report.add(NodeReport.Place(address: address, interface: interface)) { end in
      end.cost = values["cost"].flatMap { Int($0) } ?? Sighting.infinity
      end.rxcost = values["rxcost"].flatMap { Int($0) }
      end.txcost = values["txcost"].flatMap { Int($0) }
      end.roundTrip = values["rtt"].flatMap { Double($0) }
        .flatMap { $0.magnitude < 1e9 ? Int(($0 * 1000).rounded()) : nil }
    }
  }

  private static func route(_ values: [String: String], _ report: inout NodeReport) {
    guard let prefix = values["prefix"], let router = values["id"], let via = values["via"],
      let interface = values["if"]
    else { return }
    report.add(
      Sighting.Route(
        at: "", prefix: ViewReader.joined(prefix, values["from"]), router: router, via: "",
        nextHop: via, interface: interface,
        metric: values["metric"].flatMap { Int($0) } ?? Sighting.infinity,
        announced: values["refmetric"].flatMap { Int($0) } ?? Sighting.infinity,
        isSelected: values["installed"] == "yes"), from: via)
  }
}

/// Reads the metrics that the daemon serves to Prometheus. They say what links cost, and nothing of
/// routes.
enum MetricsReader {
  /// Reads the lines of the page.
  static func read(_ lines: [String]) throws(PictureError) -> Sighting {
    var report = NodeReport()
    for line in lines where line.hasPrefix("swabeld_") {
      guard let brace = line.firstIndex(of: "{"), let end = line.lastIndex(of: "}"), brace < end
      else { continue }
      let name = line[..<brace].dropFirst("swabeld_".count)
      let labels = labels(line[line.index(after: brace)..<end])
      if name == "router_info" { report.own = labels["router_id"] }
      let text = line[line.index(after: end)...].drop { $0 == " " }
      guard name.hasPrefix("neighbour_"), let interface = labels["interface"],
        let address = labels["address"], let value = Double(text), value.magnitude < 1e9
      else { continue }
      report.add(NodeReport.Place(address: address, interface: interface)) { neighbour in
        switch name {
        case "neighbour_cost": neighbour.cost = Int(value)
        case "neighbour_rxcost": neighbour.rxcost = Int(value)
        case "neighbour_txcost": neighbour.txcost = Int(value)
        case "neighbour_rtt_seconds": neighbour.roundTrip = Int((value * 1_000_000).rounded())
        default: break
        }
      }
    }
    return try report.sighting()
  }

  /// `a="x",b="y"`; a backslash takes what follows as it is, and `\n` is a new line.
  private static func labels(_ text: Substring) -> [String: String] {
    var found: [String: String] = [:]
    var (name, value) = ("", "")
    var (isQuoted, isEscaped) = (false, false)
    for character in text {
      if isEscaped {
        value.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\", isQuoted {
        isEscaped = true
      } else if character == "\"" {
        if isQuoted {
          found[name] = value
          (name, value) = ("", "")
        }
        isQuoted.toggle()
      } else if isQuoted {
        value.append(character)
      } else if character != "," && character != "=" && character != " " {
        name.append(character)
      }
    }
    return found
  }
}
