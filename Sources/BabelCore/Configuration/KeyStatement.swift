import BabelWire

/// Words of a `key` statement.
private enum KeyPartKeyword: KeywordText, ConfigurationKeyword {
  case id, type, value, file
  case signFrom = "sign-from"
  case signUntil = "sign-until"
  case verifyFrom = "verify-from"
  case verifyUntil = "verify-until"
}

/// Values of a key's `type`.
private enum AlgorithmKeyword: KeywordText, ConfigurationKeyword {
  case hmacSHA256 = "hmac-sha256"
  case blake2s128
}

// A word of a key statement may be the key itself, so errors show only words that look like
// the keyword they should be.
extension StatementParser {
  /// Parses `id ID type TYPE value HEX`, the pairs in any order, after the first word. Instead of
  /// `value HEX` there may be `file NAME`.
  mutating func parseKey(at first: ConfigurationToken) throws(ConfigurationError)
    -> AuthenticationKey
  {
    var id: [UInt8]?
    var algorithm: MACAlgorithm?
    var value: (octets: [UInt8], token: ConfigurationToken)?
    var file: [UInt8]?
    var signing = KeyPeriod()
    var verifying = KeyPeriod()
    while let token = try reader.next() {
      switch token.isQuoted ? nil : KeyPartKeyword(octets: token.octets) {
      case .id: id = try secretiveWord("the id of the key").octets
      case .type: algorithm = try self.algorithm()
      case .value: value = try keyValue()
      case .file: file = try keyFile(at: token)
      case .signFrom: signing.from = try keyTime(at: token)
      case .signUntil: signing.until = try keyTime(at: token)
      case .verifyFrom: verifying.from = try keyTime(at: token)
      case .verifyUntil: verifying.until = try keyTime(at: token)
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
    var key = AuthenticationKey(id: id, algorithm: algorithm, value: SecretOctets([]))
    if let file, value == nil {
      key.file = file
    } else {
      key.value = SecretOctets(try checked(value, for: algorithm, file: file))
    }
    key.signing = signing
    key.verifying = verifying
    return key
  }

  /// The key itself, if its length suits the algorithm.
  private func checked(
    _ value: (octets: [UInt8], token: ConfigurationToken)?, for algorithm: MACAlgorithm,
    file: [UInt8]?
  ) throws(ConfigurationError) -> [UInt8] {
    guard let value else {
      throw reader.missing("\"value\" and the key in hexadecimal").adding(
        hint: "babeld would use a key of zeros, which protects nothing",
        preface: algorithm == .blake2s128 ? "Key length is 0, expected 1 to 32." : nil)
    }
    guard file == nil else {
      throw reader.error(at: value.token, expected: "a value or a file, not both", shown: false)
    }
    guard value.octets.count <= algorithm.keyLimit else {
      let expected = algorithm == .blake2s128 ? "1 to 32" : "at most 64"
      throw reader.error(
        at: value.token, expected: "at most \(algorithm.keyLimit) octets for \(algorithm)",
        shown: false
      ).adding(preface: "Key length is \(value.octets.count), expected \(expected).")
    }
    return value.octets
  }

  /// The name of a file with a key. What comes over the socket must not make the daemon read
  /// files.
  private mutating func keyFile(
    at keyword: ConfigurationToken
  ) throws(ConfigurationError) -> [UInt8] {
    guard reader.source != .socket else {
      throw reader.error(at: keyword, expected: "\"value\": files are not read at run time")
    }
    warn(.unknownToBabeld, at: keyword, "babeld reads no key from a file")
    return try path()
  }

  private mutating func keyTime(at keyword: ConfigurationToken) throws(ConfigurationError) -> Int64
  {
    warn(.unknownToBabeld, at: keyword, "to babeld a key is for ever")
    let token = try secretiveWord(KeyTime.form)
    guard let seconds = KeyTime.seconds(token.octets) else {
      throw reader.error(at: token, expected: KeyTime.form, shown: isHarmless(token.octets))
    }
    return seconds
  }

  /// Whether a word cannot be the key, or is too short to be one worth hiding.
  private func isHarmless(_ octets: [UInt8]) -> Bool {
    octets.count <= 8 && octets.contains { hexValue($0) == nil }
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
    guard let octets = hexOctets(token.octets[...]) else { throw fault }
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

extension Configuration {
  /// Gives a key the content of its file: hexadecimal digits, with blanks around them. Returns
  /// what is wrong with it, without showing it.
  public mutating func setKey(_ id: [UInt8], fromFile content: [UInt8]) -> String? {
    guard let index = keys.firstIndex(where: { $0.id == id }) else { return "no such key" }
    func isBlank(_ octet: UInt8) -> Bool { octet == 0x20 || (octet >= 0x09 && octet <= 0x0d) }
    var digits = content[...]
    while let octet = digits.first, isBlank(octet) { digits.removeFirst() }
    while let octet = digits.last, isBlank(octet) { digits.removeLast() }
    let algorithm = keys[index].algorithm
    guard let octets = hexOctets(digits), !octets.isEmpty else {
      return "does not hold the key in hexadecimal, and nothing else"
    }
    guard octets.count <= algorithm.keyLimit else {
      return "holds \(octets.count) octets, \(algorithm) takes at most \(algorithm.keyLimit)"
    }
    keys[index].value = SecretOctets(octets)
    return nil
  }
}
