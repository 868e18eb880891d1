/// A word or a quoted string.
struct ConfigurationToken {
  /// The octets, without quotes and backslashes.
  var octets: [UInt8]
  /// Whether it was written `"…"`.
  var isQuoted = false
  /// Line, from 1.
  var line: Int
  /// Column in octets, from 1.
  var column: Int

  /// Whether this is a certain brace or the comma of a list.
  func isMark(_ mark: UInt8) -> Bool { !isQuoted && octets == [mark] }

  /// Whether an octet is a brace or a comma.
  static func isMark(_ octet: UInt8) -> Bool {
    octet == openingBrace || octet == closingBrace || octet == comma
  }

  /// `{`.
  static let openingBrace: UInt8 = 0x7b
  /// `}`.
  static let closingBrace: UInt8 = 0x7d
  /// `,`.
  static let comma: UInt8 = 0x2c
}

/// Cuts configuration text into statements (one a line) and words.
///
/// Blanks are space, tab and CR. `#` starts a comment anywhere outside quotes, also inside a
/// word. Words are cut lazily, so that the leftmost error is the one reported.
struct StatementReader {
  /// Longest word in octets, as in babeld.
  static let wordLimit = 255
  /// Longest quoted string, as in babeld.
  static let stringLimit = 254

  let source: ConfigurationSource
  private let octets: [UInt8]
  private var offset = 0
  private var lineStart = 0
  private(set) var line = 1

  init(_ octets: [UInt8], source: ConfigurationSource) {
    self.octets = octets
    self.source = source
  }

  /// Whether all text was read.
  var isAtEnd: Bool { offset >= octets.count }

  /// Column of the next octet, from 1.
  var column: Int { offset - lineStart + 1 }

  /// The next word of the statement; nil at its end. `inBraces`: braces and commas are words by
  /// themselves, and end the word in front.
  mutating func next(
    inBraces: Bool = false
  ) throws(ConfigurationError) -> ConfigurationToken? {
    while let octet = peek(), octet == 0x20 || octet == 0x09 || octet == 0x0d { offset += 1 }
    guard let first = peek(), first != 0x0a, first != 0x23 else { return nil }
    return first == 0x22 ? try string() : try word(inBraces: inBraces)
  }

  /// The next word inside braces, on this line or a later one; nil at the end of the text.
  mutating func nextInBraces() throws(ConfigurationError) -> ConfigurationToken? {
    var token = try next(inBraces: true)
    while token == nil, !isAtEnd {
      skipLine()
      token = try next(inBraces: true)
    }
    return token
  }

  /// Goes to the next statement, over a comment.
  mutating func skipLine() {
    while let octet = peek(), octet != 0x0a { offset += 1 }
    guard !isAtEnd else { return }
    offset += 1
    line += 1
    lineStart = offset
  }

  /// An error about a word.
  func error(
    at token: ConfigurationToken, expected: String, shown: Bool = true
  ) -> ConfigurationError {
    ConfigurationError(
      source: source, line: token.line, column: token.column,
      found: shown ? printable(token.octets, limit: 40) : nil, expected: expected)
  }

  /// An error about something that is missing here.
  func missing(_ expected: String) -> ConfigurationError {
    ConfigurationError(
      source: source, line: line, column: column, isIncomplete: true, expected: expected)
  }

  private func peek() -> UInt8? { offset < octets.count ? octets[offset] : nil }

  private mutating func word(
    inBraces: Bool
  ) throws(ConfigurationError) -> ConfigurationToken {
    let start = offset
    while let octet = peek(), !endsWord(octet) {
      let isMark = inBraces && ConfigurationToken.isMark(octet)
      if isMark, offset > start { break }
      offset += 1
      if isMark { break }
    }
    let token = ConfigurationToken(
      octets: Array(octets[start..<min(offset, start + Self.wordLimit)]), line: line,
      column: start - lineStart + 1)
    guard offset - start <= Self.wordLimit else {
      throw error(at: token, expected: "at most \(Self.wordLimit) octets")
    }
    return token
  }

  private func endsWord(_ octet: UInt8) -> Bool {
    switch octet {
    case 0x20, 0x09, 0x0d, 0x0a, 0x23: true
    default: false
    }
  }

  private mutating func string() throws(ConfigurationError) -> ConfigurationToken {
    var token = ConfigurationToken(octets: [], isQuoted: true, line: line, column: column)
    offset += 1
    while let octet = peek(), octet != 0x0a {
      offset += 1
      if octet == 0x22 { return token }
      guard token.octets.count < Self.stringLimit else {
        throw error(at: token, expected: "at most \(Self.stringLimit) octets")
      }
      guard octet == 0x5c else {
        token.octets.append(octet)
        continue
      }
      guard let quoted = peek(), quoted != 0x0a else { break }
      token.octets.append(quoted)
      offset += 1
    }
    var error = missing("a closing quotation mark")
    error = error.adding(hint: "the string began at column \(token.column)")
    throw error
  }
}
