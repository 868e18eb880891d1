import BabelWire

/// Values of `type`.
private enum LinkTypeKeyword: KeywordText, ConfigurationKeyword {
  case wired, wireless, tunnel, auto, `default`
}

/// Values of `link-local`.
private enum LinkLocalKeyword: KeywordText, ConfigurationKeyword {
  case auto, manual
}

extension StatementParser {
  /// Parses parameters up to the end of the line. Within one statement the last mention of a
  /// parameter counts, even when it is `auto`.
  mutating func parseInterfaceSettings() throws(ConfigurationError) -> InterfaceSettings {
    var settings = InterfaceSettings()
    while let token = try reader.next() {
      guard !token.isQuoted, let keyword = InterfaceKeyword(octets: token.octets) else {
        throw unknownWord(
          token, expected: "a parameter of an interface", among: InterfaceKeyword.words)
      }
      try parseInterfaceSetting(keyword, at: token, into: &settings)
    }
    return settings
  }

  private mutating func parseInterfaceSetting(
    _ keyword: InterfaceKeyword, at token: ConfigurationToken,
    into settings: inout InterfaceSettings
  ) throws(ConfigurationError) {
    let row = keyword.row
    if let remark = row.remark { warn(row.kind, at: token, remark) }
    switch row.form {
    case .number(let range):
      settings[number: keyword] = UInt32(
        try number(Int64(range.lowerBound)...Int64(range.upperBound)))
    case .seconds(let range):
      settings[number: keyword] = try thousandths(range, unit: "seconds")
    case .milliseconds(let range):
      settings[number: keyword] = try thousandths(range, unit: "milliseconds")
    case .boolean: settings[flag: keyword] = try boolean()
    case .quality: settings[number: keyword] = try linkQuality()
    case .linkType: settings.type = try linkType()
    case .automatic: settings[flag: keyword] = try linkLocal()
    case .keyID: settings[ids: keyword] = try keyOrNone().map { [$0] } ?? []
    case .furtherKeys(let limit):
      let known = settings[ids: keyword] ?? []
      guard known.count < limit else {
        throw reader.error(at: token, expected: "at most \(limit) keys")
      }
      settings[ids: keyword] = try keyOrNone().map { known + [$0] } ?? []
    case .neighbours(let limit):
      let known = settings[addresses: keyword] ?? []
      let address = try neighbour()
      guard !known.contains(address) else { return }
      guard known.count < limit else {
        throw reader.error(at: token, expected: "at most \(limit) neighbours")
      }
      settings[addresses: keyword] = known + [address]
    case .typeByBoolean:
      // "auto" means wireless, too: so does babeld.
      settings.type = try boolean() == true ? .wired : .wireless
    case .idleBoolean: _ = try boolean()
    }
  }

  /// A boolean as a number, or what stands for `tunnel`.
  private mutating func linkQuality() throws(ConfigurationError) -> UInt32? {
    let expected = "true, false, tunnel or mutual"
    let token = try word(expected)
    let words = InterfaceSettings.qualityWords
    switch BooleanKeyword(octets: token.octets) {
    case .true, .yes: return 1
    case .false, .no: return 0
    case .default, .auto: return nil
    case nil:
      guard let found = words.first(where: { $0.text.utf8.elementsEqual(token.octets) }) else {
        throw unknownWord(
          token, expected: expected, among: BooleanKeyword.words + words.map { $0.text })
      }
      warn(.unknownToBabeld, at: token, "babeld knows true and false only")
      return found.number
    }
  }

  private mutating func linkType() throws(ConfigurationError) -> ConfiguredLinkType? {
    let token = try word(oneOf(LinkTypeKeyword.words))
    switch LinkTypeKeyword(octets: token.octets) {
    case .wired: return .wired
    case .wireless: return .wireless
    case .tunnel: return .tunnel
    case .auto, .default: return nil
    case nil:
      throw unknownWord(
        token, expected: oneOf(LinkTypeKeyword.words), among: LinkTypeKeyword.words)
    }
  }

  /// Whether a link-local address is to be made. Unlike elsewhere, `auto` is a value.
  private mutating func linkLocal() throws(ConfigurationError) -> Bool {
    let token = try word(oneOf(LinkLocalKeyword.words))
    switch LinkLocalKeyword(octets: token.octets) {
    case .auto: return true
    case .manual: return false
    case nil:
      throw unknownWord(
        token, expected: oneOf(LinkLocalKeyword.words), among: LinkLocalKeyword.words)
    }
  }

  /// An address that packets can be sent to by unicast.
  private mutating func neighbour() throws(ConfigurationError) -> IPAddress {
    let expected = "a link-local IPv6 address or an IPv4 address"
    let word = try word(expected)
    guard let address = IPAddress(octets: word.octets), !address.isMulticast,
      !address.isUnspecified, !address.isLoopback,
      address.family == .ipv4 || address.isLinkLocal
    else { throw reader.error(at: word, expected: expected) }
    return address
  }

  /// The id of a key, or nil for `none`, unless a key is called that.
  private mutating func keyOrNone() throws(ConfigurationError) -> [UInt8]? {
    let token = try word("the id of a key")
    if token.octets.elementsEqual("none".utf8), configuration.key(id: token.octets) == nil {
      return nil
    }
    return try knownKey(token)
  }

  private func knownKey(_ token: ConfigurationToken) throws(ConfigurationError) -> [UInt8] {
    guard configuration.key(id: token.octets) != nil else {
      var error = reader.error(at: token, expected: "the id of a key defined on an earlier line")
      let known = configuration.keys.map { printable($0.id, limit: 255) }
      error = error.adding(suggestion: nearestWord(to: token.octets, among: known))
      if reader.source == .commandLine {
        error = error.adding(hint: "-C is applied before any file, so keys of files are not known")
      }
      error = error.adding(preface: "Couldn't find key \(printable(token.octets, limit: 255)).")
      throw error
    }
    return token.octets
  }
}
