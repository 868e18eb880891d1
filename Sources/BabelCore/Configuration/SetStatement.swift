import BabelWire

/// Words after a prefix of a set.
enum SetKeyword: KeywordText, ConfigurationKeyword {
  case eq, le, ge
}

extension StatementParser {
  /// Parses `NAME { PREFIX [LENGTHS], … }` after the first word, over as many lines as it takes.
  mutating func parseSet(at first: ConfigurationToken) throws(ConfigurationError) {
    warn(.unknownToBabeld, at: first, "babeld has no sets of prefixes")
    guard configuration.sets.count < Configuration.setLimit else {
      throw reader.error(at: first, expected: "at most \(Configuration.setLimit) sets")
    }
    let name = try newSetName()
    let brace = try wordInBraces("an opening brace")
    guard brace.isMark(ConfigurationToken.openingBrace) else {
      throw reader.error(at: brace, expected: "an opening brace")
    }
    var entries: [PrefixSet.Entry] = []
    var token = try wordInBraces("a prefix")
    while entries.isEmpty || !token.isMark(ConfigurationToken.closingBrace) {
      guard entries.count < PrefixSet.limit else {
        throw reader.error(at: token, expected: "at most \(PrefixSet.limit) prefixes in a set")
      }
      let place = token
      let prefix = try prefixOfSet(token, beside: entries.first)
      var lengths = LengthRange(atLeast: Int(prefix.mappedLength), atMost: 128)
      token = try wordInBraces(Self.afterPrefix)
      while !token.isQuoted, let keyword = SetKeyword(octets: token.octets) {
        lengths.intersect(keyword, try lengthInSet(prefix.family))
        token = try wordInBraces(Self.afterPrefix)
      }
      guard !lengths.isEmpty else {
        throw reader.error(at: place, expected: "a prefix inside which there are such lengths")
      }
      entries.append(PrefixSet.Entry(prefix: prefix, lengths: lengths))
      if token.isMark(ConfigurationToken.comma) {
        token = try wordInBraces("a prefix or a closing brace")
      } else if !token.isMark(ConfigurationToken.closingBrace) {
        throw reader.error(at: token, expected: Self.afterPrefix)
      }
    }
    configuration.sets.append(PrefixSet(name: name, entries))
    try endStatement()
  }

  private static var afterPrefix: String { "eq, le, ge, a comma or a closing brace" }

  /// A word inside braces, which must be there.
  mutating func wordInBraces(
    _ expected: String
  ) throws(ConfigurationError) -> ConfigurationToken {
    guard let token = try reader.nextInBraces() else { throw reader.missing(expected) }
    return token
  }

  private mutating func newSetName() throws(ConfigurationError) -> [UInt8] {
    let token = try wordInBraces("the name of the set")
    guard PrefixSet.isName(token.octets), !token.isQuoted else {
      throw reader.error(
        at: token, expected: "a name of at most 63 letters, digits, dots, dashes and underscores")
    }
    guard configuration.prefixSet(named: token.octets) == nil else {
      throw reader.error(at: token, expected: "a name that no other set has")
    }
    return token.octets
  }

  private func prefixOfSet(
    _ token: ConfigurationToken, beside other: PrefixSet.Entry?
  ) throws(ConfigurationError) -> Prefix {
    guard !token.isQuoted, !ConfigurationToken.isMark(token.octets.first ?? 0) else {
      throw reader.error(at: token, expected: "a prefix")
    }
    let (prefix, family) = try prefix(token)
    guard prefix.family == family else {
      throw reader.error(at: token, expected: "a prefix of IPv4 in the form of IPv4")
    }
    if let known = other?.prefix.family, known != family {
      throw reader.error(
        at: token, expected: known == .ipv4 ? "something of IPv4" : "something of IPv6"
      ).adding(hint: "all prefixes of a set are of one family; \"default\" is ::/0")
    }
    return prefix
  }

  /// A length in the terms of ``Prefix/mappedLength``.
  private mutating func lengthInSet(
    _ family: AddressFamily
  ) throws(ConfigurationError) -> Int {
    let longest = family == .ipv4 ? 32 : 128
    let expected = "a number from 0 to \(longest)"
    let token = try wordInBraces(expected)
    guard !token.isQuoted, let length = integer(token.octets[...]), length >= 0, length <= longest
    else { throw reader.error(at: token, expected: expected) }
    return Int(length) + 128 - longest
  }

  /// The set that `@NAME` stands for; nil if the next word is none.
  mutating func setReference() throws(ConfigurationError) -> PrefixSet? {
    let before = reader
    guard let token = try reader.next(), !token.isQuoted, token.octets.first == 0x40 else {
      reader = before
      return nil
    }
    let name = Array(token.octets.dropFirst())
    guard let set = configuration.prefixSet(named: name) else {
      let known = configuration.sets.map { printable($0.name, limit: 63) }
      throw reader.error(at: token, expected: "@ and the name of a set defined on an earlier line")
        .adding(suggestion: nearestWord(to: name, among: known).map { "@" + $0 })
    }
    warn(.unknownToBabeld, at: token, "babeld has no sets of prefixes")
    return set
  }
}

extension LengthRange {
  fileprivate mutating func intersect(_ keyword: SetKeyword, _ length: Int) {
    switch keyword {
    case .eq: (atLeast, atMost) = (max(atLeast, length), min(atMost, length))
    case .le: atMost = min(atMost, length)
    case .ge: atLeast = max(atLeast, length)
    }
  }
}
