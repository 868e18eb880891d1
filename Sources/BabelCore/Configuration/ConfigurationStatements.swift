import BabelWire

extension Configuration {
  /// The configuration in its own language: what differs from the defaults, a statement a line.
  /// Equal configurations give equal lines, wherever they come from. The values of keys are written
  /// only if `showsKeys`; without them the lines cannot be read back if there are keys.
  public func statements(showsKeys: Bool = false) -> [[UInt8]] {
    let plain = Configuration()
    var lines: [[UInt8]] = []
    for option in OptionKeyword.allCases where values(of: option) != plain.values(of: option) {
      for value in values(of: option) { lines.append(StatementText(option.text, value).octets) }
    }
    for keyword in ProcessKeyword.allCases where values(of: keyword) != plain.values(of: keyword) {
      for value in values(of: keyword) { lines.append(StatementText(keyword.text, value).octets) }
    }
    for key in keys { lines.append(statement(of: key, showsValue: showsKeys)) }
    for set in sets {
      var text = StatementText("set")
      text.add(set)
      lines.append(text.octets)
    }
    if !defaults.isEmpty {
      var text = StatementText("default")
      text.add(defaults)
      lines.append(text.octets)
    }
    for entry in patterns {
      var text = StatementText("interface", entry.pattern.octets)
      text.add(entry.settings)
      lines.append(text.octets)
    }
    for entry in interfaces {
      var text = StatementText("interface")
      text.add(entry.name)
      text.add(entry.settings)
      lines.append(text.octets)
    }
    for gateway in gateways {
      var text = StatementText("gateway")
      text.add(gateway)
      lines.append(text.octets)
    }
    for (word, chain) in filters.chains {
      for rule in chain.rules where !filters.isImplicit(rule) {
        var text = StatementText(word)
        text.add(rule)
        lines.append(text.octets)
      }
    }
    return lines
  }

  /// 16 hexadecimal digits that are the same for equal configurations, and different for others.
  /// Keys count with their values. Who knows all but a key could try keys until the digits fit, so
  /// the digits are as secret as the shortest key is short.
  public var digest: String {
    var hash = BLAKE2s(digestCount: 8)
    for line in statements(showsKeys: true) {
      hash.update((line + [0x0a]).span)
    }
    for key in keys where key.file != nil {
      hash.update((hexadecimalDigits(key.value.octets) + [0x0a]).span)
    }
    let octets = hash.finish()
    return String(decoding: hexadecimalDigits((0..<8).map { octets[$0] }), as: UTF8.self)
  }

  private func statement(of key: AuthenticationKey, showsValue: Bool) -> [UInt8] {
    var text = StatementText("key")
    text.add("id", octets: key.id)
    text.add("type", key.algorithm.description)
    if let file = key.file {
      text.add("file", octets: StatementText.quoted(file))
    } else {
      text.add(
        "value", octets: showsValue ? hexadecimalDigits(key.value.octets) : Array("<hidden>".utf8))
    }
    for (word, time) in key.times { text.add(word, KeyTime.text(time)) }
    return text.octets
  }
}

private func hexadecimalDigits(_ octets: [UInt8]) -> [UInt8] {
  var digits: [UInt8] = []
  for octet in octets { digits += [hexDigit(octet >> 4), hexDigit(octet & 15)] }
  return digits
}

extension FilterChainName {
  /// The chain of a word of the configuration language; nil if it is none.
  public init?(_ word: String) {
    let all = [FilterChainName.input, .output, .redistribute, .install]
    guard let name = all.first(where: { $0.word.utf8.elementsEqual(word.utf8) }) else { return nil }
    self = name
  }

  /// The first word of its rules.
  public var word: String {
    switch self {
    case .input: "in"
    case .output: "out"
    case .redistribute: "redistribute"
    case .install: "install"
    }
  }
}

extension FilterRule {
  /// The rule as a statement.
  public func statement(of chain: FilterChainName) -> [UInt8] {
    var text = StatementText(chain.word)
    text.add(self)
    return text.octets
  }
}

extension FilterSet {
  /// The chains with the first words of their rules.
  var chains: [(String, FilterChain)] {
    [("in", input), ("out", output), ("redistribute", redistribute), ("install", install)]
  }

  /// Whether a rule is babeld's own last one, which nobody wrote.
  func isImplicit(_ rule: FilterRule) -> Bool { rule.position == nil }
}
