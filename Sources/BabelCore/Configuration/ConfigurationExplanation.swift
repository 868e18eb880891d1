import BabelWire

extension Configuration {
  /// The effective configuration as statements, defaults included, one a line. Keys are named but
  /// not shown. `positional` are interfaces named on the command line; the Hello intervals are
  /// those of `-h` and `-H` in milliseconds.
  public func explanation(
    positional: [InterfaceName] = [],
    wirelessHello: UInt32 = InterfaceParameters.defaultHelloInterval,
    wiredHello: UInt32 = InterfaceParameters.defaultHelloInterval
  ) -> String {
    var lines: [StatementText] = []
    for option in OptionKeyword.allCases { explain(option, into: &lines) }
    for keyword in ProcessKeyword.allCases {
      for value in values(of: keyword) { lines.append(StatementText(keyword.text, value)) }
    }
    for key in keys { lines.append(StatementText("# \(key), \(key.value)")) }
    var names = interfaces.map { $0.name }
    for name in positional where !names.contains(name) { names.append(name) }
    if !patterns.isEmpty { lines.append(explained(defaults, StatementText("default"))) }
    for entry in patterns {
      lines.append(
        explained(entry.settings, StatementText("interface", entry.pattern.octets)))
    }
    for name in names { lines.append(explained(name, wirelessHello, wiredHello)) }
    for gateway in gateways {
      var line = StatementText("gateway")
      line.add(gateway)
      lines.append(line)
    }
    for (word, chain) in filters.chains {
      for rule in chain.rules {
        var line = StatementText(rule.position == nil ? "# \(word)" : word)
        line.add(rule)
        line.addComment(description(of: rule.position))
        lines.append(line)
      }
    }
    lines.append(
      StatementText("# in, out, install: what no rule matches is allowed; redistribute: denied"))
    return String(decoding: Array(lines.map { $0.octets }.joined(separator: [0x0a])), as: UTF8.self)
  }

  private func explain(_ option: OptionKeyword, into lines: inout [StatementText]) {
    let values = values(of: option)
    if values.isEmpty, let absence = absence(of: option) {
      lines.append(StatementText("# \(option.text): \(absence)"))
    }
    // babeld refuses to read some zeros that are its defaults.
    let isZero =
      values == [[0x30]]
      && [.kernelPriority, .kernelCheckInterval, .shutdownDelay].contains(option)
    for value in values {
      lines.append(
        isZero ? StatementText("# \(option.text): 0") : StatementText(option.text, value))
    }
  }

  private func explained(
    _ name: InterfaceName, _ wirelessHello: UInt32, _ wiredHello: UInt32
  ) -> StatementText {
    let settings = settings(for: name)
    let type = settings.type.map { ResolvedLinkType($0) } ?? .unknown
    var line = StatementText("interface")
    line.add(name)
    if type == .unknown { line.add("type", type.description) }
    line.add(
      settings.resolved(for: type, wirelessHello: wirelessHello, wiredHello: wiredHello),
      namesKeys: false)
    for key in authentication(for: name).keys {
      let use = !key.signs ? "verified" : key.verifies ? "signed and verified" : "signed"
      line.addComment("\(use) with \(key.key)")
    }
    return line
  }

  /// A statement whose keys are named in a comment at its end, because an explanation does not
  /// define them.
  private func explained(
    _ settings: InterfaceSettings, _ beginning: StatementText
  ) -> StatementText {
    var line = beginning
    line.add(settings, namesKeys: false)
    let both = (settings.key.map { [$0] } ?? []) + (settings.alsoKeys ?? [])
    for (use, ids) in [
      ("signed and verified", both), ("signed", settings.signKeys ?? []),
      ("verified", settings.verifyKeys ?? []),
    ] {
      for id in ids { line.addComment("\(use) with key \(printable(id, limit: 255))") }
    }
    return line
  }
}
