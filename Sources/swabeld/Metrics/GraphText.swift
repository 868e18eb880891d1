import BabelCore
import BabelWire

/// Pieces of a drawing of the network, in one of the languages.
struct GraphText {
  private(set) var octets: [UInt8] = []

  /// Adds text as it is. The compiler would copy this and what follows into all callers.
  @inline(never)
  mutating func add(_ text: String) { octets += text.utf8 }

  /// Adds a string in quotation marks. Both languages escape quotation marks and backslashes alike;
  /// what JSON does not allow in a string, DOT does not need.
  @inline(never)
  mutating func add(quoted text: String) {
    octets.append(UInt8(ascii: "\""))
    for octet in text.utf8 {
      switch octet {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): octets += [UInt8(ascii: "\\"), octet]
      case 0..<0x20, 0x7F: octets += "?".utf8
      default: octets.append(octet)
      }
    }
    octets.append(UInt8(ascii: "\""))
  }

  /// Adds a member of a JSON object whose value is a string, with a comma in front.
  mutating func add(_ name: String, quoted value: String) {
    add(",\"\(name)\":")
    add(quoted: value)
  }

  /// Adds prefixes as one string: the destination, and the source if there is one.
  mutating func add(_ prefixes: (destination: Prefix, source: Prefix), isQuoted: Bool) {
    let quote: [UInt8] = isQuoted ? [UInt8(ascii: "\"")] : []
    octets += quote
    prefixes.destination.appendText(to: &octets)
    if !prefixes.source.isDefault {
      octets += " from ".utf8
      prefixes.source.appendText(to: &octets)
    }
    octets += quote
  }

  /// Takes back the last octet.
  mutating func dropLast() { octets.removeLast() }

  /// Takes what was added.
  mutating func take() -> [UInt8] {
    defer { octets.removeAll(keepingCapacity: true) }
    return octets
  }
}

extension NetworkSketch.Neighbour {
  /// What the neighbour is called in a drawing: by its router-id if that is known, else by where
  /// it is.
  var nodeName: String {
    routerID.map { $0.description } ?? "\(status.address)%\(status.interface)"
  }
}

extension NetworkSketch {
  /// Links to neighbours, and paths from them to routers, in NetJSON. Each line begins with a comma
  /// but the first.
  func appendLinks(to text: inout GraphText) {
    let own = routers[0].id.description
    var isFirst = true
    func begin(_ text: inout GraphText, _ source: String, _ target: String, _ cost: Metric) {
      text.add(isFirst ? "  {\"source\":" : " ,{\"source\":")
      isFirst = false
      text.add(quoted: source)
      text.add("target", quoted: target)
      text.add(",\"cost\":\(cost)")
    }
    for neighbour in neighbours {
      let status = neighbour.status
      begin(&text, own, neighbour.nodeName, status.cost)
      text.add(",\"properties\":{\"kind\":\"link\"")
      text.add("interface", quoted: status.interface.description)
      text.add("address", quoted: status.address.description)
      text.add(",\"rxcost\":\(status.rxcost),\"txcost\":\(status.txcost)")
      if let time = status.roundTripTime {
        text.add(",\"rtt\":\(MetricText.decimal(Int64(time), places: 3))")
      }
      text.add("}}\n")
    }
    for path in paths {
      begin(&text, neighbours[path.neighbour].nodeName, path.router.description, path.metric)
      text.add(",\"properties\":{\"kind\":\"path\"}}\n")
    }
  }

  /// The same in DOT.
  func appendEdges(to text: inout GraphText) {
    let own = routers[0].id.description
    for neighbour in neighbours {
      let cost = neighbour.status.cost
      text.add("  ")
      text.add(quoted: own)
      text.add(" -> ")
      text.add(quoted: neighbour.nodeName)
      text.add(" [label=")
      let shown = cost.isInfinite ? "unusable" : "\(cost)"
      text.add(quoted: "\(shown) on \(neighbour.status.interface)")
      text.add(cost.isInfinite ? ", color=red];\n" : "];\n")
    }
    for path in paths {
      text.add("  ")
      text.add(quoted: neighbours[path.neighbour].nodeName)
      text.add(" -> ")
      text.add(quoted: path.router.description)
      text.add(" [label=\"\(path.metric)\", style=dashed];\n")
    }
  }
}
