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
    guard let id else { throw reader.missing("\"id\" and the id of the key") }
    guard let algorithm else {
      throw reader.missing("\"type\" and \(oneOf(AlgorithmKeyword.words))")
    }
    guard let value else {
      var error = reader.missing("\"value\" and the key in hexadecimal")
      error = error.adding(hint: "babeld would use a key of zeros, which protects nothing")
      throw error
    }
    guard value.octets.count <= algorithm.keyLimit else {
      throw reader.error(
        at: value.token, expected: "at most \(algorithm.keyLimit) octets for \(algorithm)",
        shown: false)
    }
    return AuthenticationKey(id: id, algorithm: algorithm, value: SecretOctets(value.octets))
  }

  private mutating func algorithm() throws(ConfigurationError) -> MACAlgorithm {
    let expected = oneOf(AlgorithmKeyword.words)
    let token = try secretiveWord(expected)
    switch AlgorithmKeyword(octets: token.octets) {
    case .hmacSHA256: return .hmacSHA256
    case .blake2s128: return .blake2s128
    case nil:
      let near = nearestWord(to: token.octets, among: AlgorithmKeyword.words)
      var error = reader.error(at: token, expected: expected, shown: near != nil)
      error = error.adding(suggestion: near)
      throw error
    }
  }

  private mutating func keyValue() throws(ConfigurationError)
    -> (octets: [UInt8], token: ConfigurationToken)
  {
    let expected = "an even number of hexadecimal digits"
    var token = try secretiveWord(expected)
    var octets: [UInt8] = []
    guard token.octets.count.isMultiple(of: 2) else {
      throw reader.error(at: token, expected: expected, shown: false)
    }
    for index in stride(from: 0, to: token.octets.count, by: 2) {
      guard let high = hexadecimal(token.octets[index]),
        let low = hexadecimal(token.octets[index + 1])
      else { throw reader.error(at: token, expected: expected, shown: false) }
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
    let near = nearestWord(to: token.octets, among: KeyPartKeyword.words)
    var error = reader.error(
      at: token, expected: oneOf(KeyPartKeyword.words), shown: near != nil)
    error = error.adding(suggestion: near)
    return error
  }
}
