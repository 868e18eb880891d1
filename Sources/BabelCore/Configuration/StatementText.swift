import BabelWire

/// A statement as it is written, word by word.
struct StatementText {
  /// The line, without its end.
  private(set) var octets: [UInt8]

  /// Begins with a word.
  init(_ word: String) { octets = Array(word.utf8) }

  /// Begins with a keyword and octets that may come from outside.
  init(_ word: String, _ value: [UInt8]) { octets = Array(word.utf8) + [0x20] + value }

  /// Adds a word.
  mutating func add(_ word: String) {
    octets.append(0x20)
    octets += word.utf8
  }

  /// Adds a keyword and its value.
  mutating func add(_ word: String, _ value: String) {
    add(word)
    add(value)
  }

  /// Adds a keyword and a word of octets from outside.
  mutating func add(_ word: String, octets value: [UInt8]) {
    add(word)
    octets.append(0x20)
    octets += value
  }

  /// Adds the name of an interface, in quotation marks where it would be taken for something else.
  mutating func add(_ name: InterfaceName) {
    let value = name.octets
    // A star would make a pattern of it, # a comment, and a brace a list.
    let isPlain = !value.contains {
      $0 == 0x22 || $0 == 0x23 || $0 == 0x2a || $0 == ConfigurationToken.openingBrace
    }
    octets.append(0x20)
    octets += isPlain ? value : Self.quoted(value)
  }

  /// Adds a comment.
  mutating func addComment(_ text: String) {
    octets += "  # ".utf8
    octets += text.utf8
  }

  /// Octets in quotation marks. The language has no form for the end of a line, so that becomes a
  /// question mark.
  static func quoted(_ value: [UInt8]) -> [UInt8] {
    var text: [UInt8] = [0x22]
    for octet in value {
      if octet == 0x22 || octet == 0x5c { text.append(0x5c) }
      text.append(octet == 0x0a ? 0x3f : octet)
    }
    return text + [0x22]
  }
}

extension StatementText {
  /// Adds what is set. Keys are named in the statement, or in a comment at its end.
  mutating func add(_ settings: InterfaceSettings, namesKeys: Bool = true) {
    for keyword in InterfaceKeyword.allCases {
      let row = keyword.row
      switch settings[keyword] {
      case .number(let number): add(row.text, row.form.text(number))
      case .ids(let ids):
        guard namesKeys else { continue }
        if ids.isEmpty { add(row.text, "none") }
        for id in ids { add(row.text, octets: id) }
      case .addresses(let addresses):
        for address in addresses { add(row.text, address.description) }
      case nil: continue
      }
    }
  }
}

extension SettingForm {
  /// A number as a statement gives it.
  fileprivate func text(_ number: UInt32) -> String {
    switch self {
    case .seconds, .milliseconds: decimal(number)
    case .boolean: number == 0 ? "false" : "true"
    case .quality:
      InterfaceSettings.qualityWords.first { $0.number == number }?.text
        ?? (number == 0 ? "false" : "true")
    case .linkType:
      ConfiguredLinkType(rawValue: UInt8(clamping: number)).map {
        ResolvedLinkType($0).description
      } ?? "auto"
    case .automatic: number == 0 ? "manual" : "auto"
    case .number, .keyID, .furtherKeys, .neighbours, .typeByBoolean, .idleBoolean: "\(number)"
    }
  }
}

extension StatementText {
  /// Adds selectors and actions of a rule.
  mutating func add(_ rule: FilterRule) {
    addPrefixes(of: rule)
    if let neighbour = rule.neighbour { add("neigh", neighbour.description) }
    if let routerID = rule.routerID { add("id", routerID.description) }
    if let pattern = rule.interfacePattern {
      add("if", octets: pattern.octets)
    } else if let interface = rule.interface {
      add("if")
      add(interface)
    } else if rule.isImpossible, !rule.hasNegativeProtocol {
      // No interface has an empty name.
      add("if", "\"\"")
    }
    switch rule.origin {
    case .local: add("local")
    case .kernelProtocol(let number):
      // Numbers that no protocol has are kept as the nearest one.
      let isTooGreat = rule.isImpossible && rule.namesInterface
      add("proto", number == 0 ? "-1" : isTooGreat ? "256" : "\(number)")
    case .any: add("anyproto")
    case .unspecified, nil: break
    }
    if rule.metric == .zero {
      add("allow")
    } else if rule.metric.isInfinite {
      add("deny")
    } else {
      add("metric", rule.metric.description)
    }
    if let prefix = rule.sourcePrefix { add("src-prefix", rule.text(of: prefix)) }
    for table in rule.tables { add("table", "\(table)") }
    if let address = rule.preferredSource {
      add("pref-src", rule.text(of: address))
    }
    if let metric = rule.kernelMetric { add("kernel-metric", "\(metric)") }
  }

  private mutating func addPrefixes(of rule: FilterRule) {
    // Without a prefix a rule for one family says so with all of it.
    if let set = rule.destinationSet {
      add("ip", octets: [0x40] + set.name)
    } else if let destination = rule.destination ?? rule.family.map({ Prefix.any($0) }) {
      add("ip", rule.text(of: destination))
    }
    if !rule.isImpossible { add(rule.destinationLength, rule.family, "") }
    if let set = rule.sourceSet {
      add("src-ip", octets: [0x40] + set.name)
    } else if let source = rule.source {
      add("src-ip", rule.text(of: source))
    }
    add(rule.sourceLength, rule.family, "src-")
  }

  private mutating func add(_ range: LengthRange, _ family: AddressFamily?, _ prefix: String) {
    let offset = family == .ipv4 ? 96 : 0
    let least = range.atLeast - offset
    let greatest = range.atMost - offset
    if least == greatest { return add(prefix + "eq", "\(least)") }
    if least > 0 { add(prefix + "ge", "\(least)") }
    if greatest < 128 { add(prefix + "le", "\(greatest)") }
  }
}

extension StatementText {
  /// Adds the name and the prefixes of a set.
  mutating func add(_ set: PrefixSet) {
    octets.append(0x20)
    octets += set.name
    add("{")
    for (index, entry) in set.entries.enumerated() {
      add(entry.prefix.description)
      let own = Int(entry.prefix.mappedLength)
      let shift = 128 - (set.family == .ipv4 ? 32 : 128)
      let (least, greatest) = (entry.lengths.atLeast - shift, entry.lengths.atMost - shift)
      if least == greatest {
        // A single address needs no length.
        if own < 128 { add("eq", "\(least)") }
      } else {
        if entry.lengths.atLeast > own { add("ge", "\(least)") }
        if entry.lengths.atMost < 128 { add("le", "\(greatest)") }
      }
      if index < set.entries.count - 1 { octets.append(ConfigurationToken.comma) }
    }
    add("}")
  }
}

extension FilterRule {
  /// Whether a selector names what cannot be, so that nothing matches.
  fileprivate var isImpossible: Bool {
    destinationLength == .none && (family != .ipv6 || !namesInterface || origin?.isEdge == true)
  }

  fileprivate var namesInterface: Bool { interface != nil || interfacePattern != nil }

  fileprivate var hasNegativeProtocol: Bool { origin == .kernelProtocol(0) }

  /// An address as the rule must give it: an IPv4 address is written as IPv6 in a rule for IPv6.
  fileprivate func text(of address: IPAddress) -> String {
    guard family == .ipv6, address.family == .ipv4 else { return address.description }
    let bits = address.ipv4Bits
    return "::ffff:\(String(bits >> 16, radix: 16)):\(String(bits & 0xFFFF, radix: 16))"
  }

  /// A prefix as the rule must give it, likewise.
  fileprivate func text(of prefix: Prefix) -> String {
    let length = family == .ipv6 ? Int(prefix.mappedLength) : prefix.length
    return "\(text(of: prefix.address))/\(length)"
  }

  /// Selectors and actions of the rule as the configuration language writes them, each with a
  /// blank in front.
  var statementText: String {
    var text = StatementText("")
    text.add(self)
    return String(decoding: text.octets, as: UTF8.self)
  }
}

extension FilterOrigin {
  /// Whether it may stand for a number that no protocol has.
  fileprivate var isEdge: Bool { self == .kernelProtocol(0) || self == .kernelProtocol(255) }
}
