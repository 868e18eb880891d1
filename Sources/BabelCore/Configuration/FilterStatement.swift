import BabelWire

/// Which chain a rule is for.
public enum FilterChainName: UInt8, Equatable, Sendable {
  /// `in`.
  case input
  /// `out`.
  case output
  /// `redistribute`.
  case redistribute
  /// `install`.
  case install
}

/// Selectors and actions of a filter rule.
enum FilterKeyword: KeywordText, ConfigurationKeyword {
  case ip, eq, le, ge
  case sourceIP = "src-ip"
  case sourceEq = "src-eq"
  case sourceLe = "src-le"
  case sourceGe = "src-ge"
  case neigh, id, `if`, proto, local, anyproto
  case allow, deny, metric
  case sourcePrefix = "src-prefix"
  case table
  case preferredSource = "pref-src"
  case kernelMetric = "kernel-metric"
}

/// A rule while it is read.
private struct RuleDraft {
  var rule = FilterRule()
  var chain: FilterChainName
  var destinationLength = LengthRange.any
  var sourceLength = LengthRange.any
  /// `if` names something that cannot be an interface.
  var hasImpossibleInterface = false
  /// `proto` gives a number that cannot be a protocol.
  var hasImpossibleProtocol = false

  /// The first selector of a length.
  var firstLength: ConfigurationToken?
  /// The words that share one slot, as far as they were given.
  var lastOrigin: KeywordText?
  var lastMetric: KeywordText?
  /// An action that says how to install or announce.
  var lastRouteAction: ConfigurationToken?

  init(_ chain: FilterChainName) { self.chain = chain }

  /// Whether the lengths exclude anything.
  var hasLengthBound: Bool { destinationLength != .any || sourceLength != .any }

  /// The rule, with the lengths in the terms of its family.
  func finished() -> FilterRule {
    var rule = rule
    // All of a family is what the family alone says.
    if let family = rule.family, rule.destination == .any(family) { rule.destination = nil }
    rule.destinationLength = destinationLength
    rule.sourceLength = sourceLength
    if rule.family == .ipv4 {
      rule.destinationLength = destinationLength.raised(by: 96)
      rule.sourceLength = sourceLength.raised(by: 96)
    } else if rule.family == nil, destinationLength != .any || sourceLength != .any {
      // Lengths mean nothing without a family: babeld takes them as IPv6.
      rule.family = .ipv6
    }
    if hasImpossibleInterface || hasImpossibleProtocol { rule.destinationLength = .none }
    if chain == .redistribute, rule.origin == nil { rule.origin = .unspecified }
    return rule
  }
}

extension StatementParser {
  /// Parses selectors and actions, in any order, up to the end of the line.
  mutating func parseRule(
    _ chain: FilterChainName, at first: ConfigurationToken
  ) throws(ConfigurationError) -> FilterRule {
    guard configuration.filters[chain].rules.count < FilterChain.ruleLimit else {
      throw reader.error(
        at: first, expected: "at most \(FilterChain.ruleLimit) rules that begin with this word")
    }
    var draft = RuleDraft(chain)
    while let token = try reader.next() {
      guard !token.isQuoted, let keyword = FilterKeyword(octets: token.octets) else {
        throw unknownWord(
          token, expected: "a selector or an action of a filter", among: FilterKeyword.words)
      }
      noteSlot(keyword, at: token, in: &draft)
      try parse(keyword, at: token, into: &draft)
    }
    var rule = draft.finished()
    rule.position = ConfigurationPosition(
      source: sourceIndex, line: first.line, column: first.column)
    if rule.metric.isInfinite, let token = draft.lastRouteAction {
      warn(
        .withoutEffect, at: token,
        "\"\(printable(token.octets, limit: 255))\" does nothing beside deny")
    }
    if rule.destinationLength.isEmpty || rule.sourceLength.isEmpty {
      warn(.withoutEffect, at: first, "this rule can never match")
    } else if let token = draft.firstLength, draft.rule.family == nil, draft.hasLengthBound {
      warn(
        .withoutEffect, at: token,
        "a length without an address makes this rule IPv6-only; add \"ip 0.0.0.0/0\" or \"ip ::/0\""
      )
    }
    return rule
  }

  /// Tells of words that undo an earlier one of the same rule.
  private mutating func noteSlot(
    _ keyword: FilterKeyword, at token: ConfigurationToken, in draft: inout RuleDraft
  ) {
    var earlier: KeywordText?
    switch keyword {
    case .proto, .local, .anyproto:
      (earlier, draft.lastOrigin) = (draft.lastOrigin, keyword.rawValue)
    case .allow, .deny, .metric:
      (earlier, draft.lastMetric) = (draft.lastMetric, keyword.rawValue)
    case .sourcePrefix where draft.chain == .redistribute: draft.lastRouteAction = token
    case .table, .preferredSource, .kernelMetric:
      if draft.chain == .install { draft.lastRouteAction = token }
    case .eq, .le, .ge, .sourceEq, .sourceLe, .sourceGe:
      if draft.firstLength == nil { draft.firstLength = token }
    case .ip, .sourceIP, .neigh, .id, .if, .sourcePrefix: break
    }
    guard let earlier else { return }
    warn(
      .withoutEffect, at: token,
      "\"\(keyword.text)\" replaces \"\(earlier.text)\" of the same rule")
  }

  /// Parses what follows a selector or an action.
  private mutating func parse(
    _ keyword: FilterKeyword, at token: ConfigurationToken, into draft: inout RuleDraft
  ) throws(ConfigurationError) {
    switch keyword {
    case .ip:
      draft.rule.destinationSet = try set(agreeingWith: &draft)
      draft.rule.destination =
        draft.rule.destinationSet == nil ? try prefix(agreeingWith: &draft) : nil
    case .sourceIP:
      draft.rule.sourceSet = try set(agreeingWith: &draft)
      draft.rule.source = draft.rule.sourceSet == nil ? try prefix(agreeingWith: &draft) : nil
    case .eq: draft.destinationLength.intersect(try exactLength())
    case .le: draft.destinationLength.intersect(.atMost(try prefixLength()))
    case .ge: draft.destinationLength.intersect(.atLeast(try prefixLength()))
    case .sourceEq: draft.sourceLength.intersect(try exactLength())
    case .sourceLe: draft.sourceLength.intersect(.atMost(try prefixLength()))
    case .sourceGe: draft.sourceLength.intersect(.atLeast(try prefixLength()))
    case .neigh:
      draft.rule.neighbour = try address().0
      if draft.chain != .input { warnNeverMatches("neigh", "in", at: token) }
    case .id:
      draft.rule.routerID = try routerID()
      if draft.chain == .redistribute { warnNeverMatches("id", "in, out and install", at: token) }
    case .if: try parseInterface(into: &draft)
    case .local:
      draft.rule.origin = .local
      draft.hasImpossibleProtocol = false
      if draft.chain != .redistribute { warnNeverMatches("local", "redistribute", at: token) }
    case .anyproto: parseAnyProtocol(at: token, into: &draft)
    case .proto: try parseProtocol(at: token, into: &draft)
    case .allow: draft.rule.metric = .zero
    case .deny: draft.rule.metric = .infinity
    case .metric: try parseMetric(at: token, into: &draft)
    case .sourcePrefix:
      let prefix = try prefix(agreeingWith: &draft)
      guard draft.chain == .redistribute else {
        return warnIgnored("src-prefix", "redistribute", at: token)
      }
      draft.rule.sourcePrefix = prefix
    case .table:
      try parseTable(at: token, into: &draft)
    case .preferredSource:
      let before = reader
      let (address, family) = try address()
      try agree(on: family, after: before, in: &draft)
      guard draft.chain == .install else { return warnIgnored("pref-src", "install", at: token) }
      draft.rule.preferredSource = address
    case .kernelMetric:
      guard draft.chain == .install else {
        throw reader.error(at: token, expected: "\"kernel-metric\" in an install rule only")
      }
      draft.rule.kernelMetric = UInt32(try number(0...Int64(UInt32.max - 1)))
      warn(.unknownToBabeld, at: token, "babeld has no kernel-metric action")
    }
  }

  private mutating func parseTable(
    at token: ConfigurationToken, into draft: inout RuleDraft
  ) throws(ConfigurationError) {
    let table = try table(upTo: 65535, at: token)
    guard draft.chain == .install else { return warnIgnored("table", "install", at: token) }
    if draft.rule.tables.contains(table) {
      return warn(.withoutEffect, at: token, "table \(table) is named already in this rule")
    }
    // Once is enough.
    if draft.rule.tables.count == 1 {
      warn(.unknownToBabeld, at: token, "babeld uses only the last table of a rule")
    }
    guard draft.rule.tables.append(table) else {
      throw reader.error(
        at: token, expected: "at most \(InstallTables.limit) tables in a rule")
    }
  }

  private mutating func parseInterface(into draft: inout RuleDraft) throws(ConfigurationError) {
    let name = try string("the name of an interface")
    let pattern = name.isQuoted ? nil : InterfacePattern(octets: name.octets)
    if pattern != nil { warn(.unknownToBabeld, at: name, Self.patternRemark) }
    draft.rule.interfacePattern = pattern
    draft.rule.interface = pattern == nil ? InterfaceName(octets: name.octets) : nil
    // The last "if" counts, so an impossible earlier one is forgotten.
    draft.hasImpossibleInterface = pattern == nil && draft.rule.interface == nil
  }

  private mutating func parseAnyProtocol(at token: ConfigurationToken, into draft: inout RuleDraft)
  {
    draft.rule.origin = .any
    draft.hasImpossibleProtocol = false
    // AREDN's files have it in every other line: once is enough.
    let remark = Self.knownToAREDN("anyproto")
    if !warnings.contains(where: { hasSameOctets($0.message, remark) }) {
      warn(.unknownToBabeld, at: token, remark)
    }
  }

  private mutating func parseProtocol(
    at token: ConfigurationToken, into draft: inout RuleDraft
  ) throws(ConfigurationError) {
    let number = try number(.min ... .max)
    draft.hasImpossibleProtocol = number < 0 || number > 255
    draft.rule.origin = number == 0 ? nil : .kernelProtocol(UInt8(clamping: number))
    if draft.chain != .redistribute, number != 0 {
      warnNeverMatches("proto", "redistribute", at: token)
    }
  }

  private mutating func parseMetric(
    at token: ConfigurationToken, into draft: inout RuleDraft
  ) throws(ConfigurationError) {
    let metric = Metric(UInt16(try number(1...65535)))
    draft.rule.metric = metric
    if draft.chain == .install, !metric.isInfinite {
      warn(
        .withoutEffect, at: token,
        "\"metric\" does nothing in an install rule but allow; the metric of the kernel's route "
          + "is \"kernel-metric\"")
    }
  }

  private mutating func exactLength() throws(ConfigurationError) -> LengthRange {
    let length = try prefixLength()
    return LengthRange(atLeast: length, atMost: length)
  }

  /// A length; what lies far outside any family matches like its nearest neighbour.
  private mutating func prefixLength() throws(ConfigurationError) -> Int {
    Int(min(max(try number(.min ... .max), -1), 129))
  }

  private mutating func prefix(
    agreeingWith draft: inout RuleDraft
  ) throws(ConfigurationError) -> Prefix {
    let before = reader
    let (prefix, family) = try prefix()
    try agree(on: family, after: before, in: &draft)
    return prefix
  }

  /// The set that `@NAME` stands for, if that is the next word.
  private mutating func set(
    agreeingWith draft: inout RuleDraft
  ) throws(ConfigurationError) -> PrefixSet? {
    let before = reader
    guard let set = try setReference() else { return nil }
    if let family = set.family { try agree(on: family, after: before, in: &draft) }
    return set
  }

  /// The first address of a rule sets its family, all others must agree. `before` is where the
  /// address was read.
  private func agree(
    on family: AddressFamily, after before: StatementReader, in draft: inout RuleDraft
  ) throws(ConfigurationError) {
    var rest = before
    guard let known = draft.rule.family, known != family, let token = try rest.next() else {
      draft.rule.family = family
      return
    }
    var error = reader.error(
      at: token, expected: known == .ipv4 ? "something of IPv4" : "something of IPv6")
    error = error.adding(
      hint: "all prefixes and addresses of a rule are of one family; \"default\" is ::/0")
    throw error
  }

  private mutating func warnNeverMatches(
    _ selector: String, _ chains: String, at token: ConfigurationToken
  ) {
    warn(
      .withoutEffect, at: token,
      "\"\(selector)\" never matches here; it is a selector of \(chains) rules")
  }

  private mutating func warnIgnored(
    _ action: String, _ chain: String, at token: ConfigurationToken
  ) {
    warn(.withoutEffect, at: token, "\"\(action)\" does nothing but in \(chain) rules")
  }
}

extension LengthRange {
  fileprivate static func atLeast(_ length: Int) -> LengthRange {
    LengthRange(atLeast: length, atMost: .max)
  }

  fileprivate static func atMost(_ length: Int) -> LengthRange {
    LengthRange(atLeast: .min, atMost: length)
  }

  /// Narrows the range.
  fileprivate mutating func intersect(_ other: LengthRange) {
    atLeast = max(atLeast, other.atLeast)
    atMost = min(atMost, other.atMost)
  }

  /// Both bounds, greater by `count`.
  fileprivate func raised(by count: Int) -> LengthRange {
    LengthRange(atLeast: atLeast + count, atMost: atMost + count)
  }
}
