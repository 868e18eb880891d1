import BabelWire

extension NeighbourChange: CustomStringConvertible {
  /// One line for an operator.
  public var description: String {
    let name = "neighbour \(address) on \(interface)"
    switch to {
    case .new: return "\(name) is new"
    case .usable:
      return from == .new
        ? "\(name) found, cost \(cost)" : "\(name) is usable again, cost \(cost)"
    case .deaf: return "\(name) is one-way: \(cause)" + consequences
    case .unheard where from == .new: return "\(name) is one-way: \(cause)"
    case .unheard, .gone: return "\(name) lost: \(reason)" + consequences
    }
  }

  private var reason: String {
    guard cause == .silent, let silence else { return cause.description }
    return "silent for \(seconds(silence)) s"
  }

  /// What became of its routes, behind a semicolon; empty if it had none in use.
  private var consequences: String {
    var parts: [String] = []
    if routes.moved > 0 { parts.append("routes moved elsewhere: \(routes.moved)") }
    if routes.lost > 0 { parts.append("prefixes unreachable now: \(routes.lost)") }
    return parts.isEmpty ? "" : "; " + parts.joined(separator: ", ")
  }
}

extension RouteNews: CustomStringConvertible {
  /// One line for an operator.
  public var description: String {
    var parts: [String] = []
    for loss in losses { parts.append("lost: \(loss.count) (\(loss.reason))") }
    if regained > 0 { parts.append("regained: \(regained)") }
    if found > 0 { parts.append("new: \(found)") }
    if moved > 0 { parts.append("moved to another neighbour: \(moved)") }
    var text = "prefixes " + parts.joined(separator: ", ")
    if count > 1, duration >= 10_000 { text += ", within \(Self.span(duration))" }
    guard !examples.isEmpty else { return text }
    text += count > examples.count ? "; among them " : "; "
    // With several kinds each example says what became of it.
    let isMixed = parts.count > 1
    for (index, example) in examples.enumerated() {
      if index > 0 { text += ", " }
      text += isMixed ? "\(example.kind.words) \(example)" : "\(example)"
    }
    return text
  }

  private static func span(_ microseconds: Int64) -> String {
    microseconds < 100_000 ? "\(microseconds / 1000) ms" : "\(seconds(microseconds)) s"
  }
}

extension RouteShift.Kind {
  fileprivate var words: String {
    switch self {
    case .lost: "lost"
    case .regained: "regained"
    case .found: "new"
    case .moved: "moved"
    }
  }
}

extension RouteShift: CustomStringConvertible {
  /// Destination and way.
  public var description: String {
    var text = "\(destination)"
    if !source.isDefault { text += " from \(source)" }
    if let way = selected ?? former { text += " via \(way.neighbour) on \(way.interface)" }
    return text
  }
}

/// Microseconds as seconds with one decimal.
private func seconds(_ microseconds: Int64) -> String {
  let tenths = (max(microseconds, 0) + 50_000) / 100_000
  return "\(tenths / 10).\(tenths % 10)"
}
