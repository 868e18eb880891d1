/// Words of a `key` statement.
private enum KeyPartKeyword: KeywordText, ConfigurationKeyword {
  case id, type, value
}

/// Values of a key's `type`.
private enum AlgorithmKeyword: KeywordText, ConfigurationKeyword {
  case hmacSHA256 = "hmac-sha256"
  case blake2s128
}

// A word of a key statement may be the key itself, so errors show only words that look like
// the keyword they should be.
extension StatementParser {
  /// Parses `id ID type TYPE value HEX`, the pairs in any order, after the first word.
  mutating func parseKey(at first: ConfigurationToken) throws(ConfigurationError)
    -> AuthenticationKey
  {
    var id: [UInt8]?
    var algorithm: MACAlgorithm?
    var value: (octets: [UInt8], token: ConfigurationToken)?
    while let token = try reader.next() {
      switch token.isQuoted ? nil : KeyPartKeyword(octets: token.octets) {
      case .id: id = try secretiveWord("the id of the key").octets
      case .type: algorithm = try self.algorithm()
      case .value: value = try keyValue()
      case nil: throw unknownKeyWord(token)
      }
    }
    guard let id else {
      throw reader.missing("\"id\" and the id of the key").adding(preface: "No key id was given.")
    }
    guard let algorithm else {
      throw reader.missing("\"type\" and \(oneOf(AlgorithmKeyword.words))")
        .adding(preface: "Key type 'none' isn't supported.")
    }
    guard let value else {
      throw reader.missing("\"value\" and the key in hexadecimal").adding(
        hint: "babeld would use a key of zeros, which protects nothing",
        preface: algorithm == .blake2s128 ? "Key length is 0, expected 1 to 32." : nil)
    }
    guard value.octets.count <= algorithm.keyLimit else {
      let expected = algorithm == .blake2s128 ? "1 to 32" : "at most 64"
      throw reader.error(
        at: value.token, expected: "at most \(algorithm.keyLimit) octets for \(algorithm)",
        shown: false
      ).adding(preface: "Key length is \(value.octets.count), expected \(expected).")
    }
    return AuthenticationKey(id: id, algorithm: algorithm, value: SecretOctets(value.octets))
  }

  /// Whether a word cannot be the key, or is too short to be one worth hiding.
  private func isHarmless(_ octets: [UInt8]) -> Bool {
    octets.count <= 8 && octets.contains { hexadecimal($0) == nil }
  }

  /// A word for babeld's own lines, which name it; dots for what may be the key.
  private func shown(_ octets: [UInt8], _ isShown: Bool) -> String {
    isShown ? printable(octets, limit: 32) : "..."
  }

  private mutating func algorithm() throws(ConfigurationError) -> MACAlgorithm {
    let expected = oneOf(AlgorithmKeyword.words)
    let token = try secretiveWord(expected)
    switch AlgorithmKeyword(octets: token.octets) {
    case .hmacSHA256: return .hmacSHA256
    case .blake2s128: return .blake2s128
    case nil:
      let near = nearestWord(to: token.octets, among: AlgorithmKeyword.words)
      let isShown = near != nil || isHarmless(token.octets)
      let error = reader.error(at: token, expected: expected, shown: isShown)
      let name = shown(token.octets, isShown)
      throw error.adding(suggestion: near, preface: "Key type '\(name)' isn't supported.")
    }
  }

  private mutating func keyValue() throws(ConfigurationError)
    -> (octets: [UInt8], token: ConfigurationToken)
  {
    let expected = "an even number of hexadecimal digits"
    let preface = "Couldn't parse key value."
    var token: ConfigurationToken
    do throws(ConfigurationError) {
      token = try secretiveWord(expected)
    } catch {
      throw error.adding(preface: preface)
    }
    let fault = reader.error(at: token, expected: expected, shown: false).adding(preface: preface)
    guard token.octets.count.isMultiple(of: 2) else { throw fault }
    var octets: [UInt8] = []
    for index in stride(from: 0, to: token.octets.count, by: 2) {
      guard let high = hexadecimal(token.octets[index]),
        let low = hexadecimal(token.octets[index + 1])
      else { throw fault }
      octets.append(high << 4 | low)
    }
    token.octets = []
    return (octets, token)
  }

  /// A word that is not shown when it is quoted.
  private mutating func secretiveWord(
    _ expected: String
  ) throws(ConfigurationError) -> ConfigurationToken {
    guard let token = try reader.next() else { throw reader.missing(expected) }
    guard !token.isQuoted else {
      throw reader.error(at: token, expected: "\(expected), without quotation marks", shown: false)
    }
    return token
  }

  private func unknownKeyWord(_ token: ConfigurationToken) -> ConfigurationError {
    let expected = oneOf(KeyPartKeyword.words)
    // babeld cannot read a quoted word at all, and says nothing about it.
    guard !token.isQuoted else { return reader.error(at: token, expected: expected, shown: false) }
    let near = nearestWord(to: token.octets, among: KeyPartKeyword.words)
    let isShown = near != nil || isHarmless(token.octets)
    return reader.error(at: token, expected: expected, shown: isShown).adding(
      suggestion: near, preface: "Unrecognized keyword '\(shown(token.octets, isShown))'.")
  }
}
