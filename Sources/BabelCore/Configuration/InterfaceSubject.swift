import BabelWire

/// Which interfaces a statement speaks of.
enum InterfaceSubject {
  case name(InterfaceName)
  case pattern(InterfacePattern)
}

extension StatementParser {
  /// Most interfaces of one statement.
  private static let subjectLimit = 1000

  /// What an `interface` statement is about: a name, without quotation marks a pattern, or several
  /// of both in braces.
  mutating func interfaceSubjects() throws(ConfigurationError) -> [InterfaceSubject] {
    var start = reader
    guard let token = try start.next(inBraces: true), token.isMark(ConfigurationToken.openingBrace)
    else {
      return [try interfaceSubject()]
    }
    reader = start
    warn(.unknownToBabeld, at: token, "babeld takes one interface for a statement")
    var subjects: [InterfaceSubject] = []
    while true {
      let token = try wordInBraces("the name of an interface or a closing brace")
      if token.isMark(ConfigurationToken.comma), !subjects.isEmpty { continue }
      if token.isMark(ConfigurationToken.closingBrace), !subjects.isEmpty { return subjects }
      guard subjects.count < Self.subjectLimit else {
        throw reader.error(
          at: token, expected: "at most \(Self.subjectLimit) interfaces in a statement")
      }
      guard token.isQuoted || !ConfigurationToken.isMark(token.octets.first ?? 0) else {
        throw reader.error(at: token, expected: "the name of an interface")
      }
      subjects.append(try subject(token))
    }
  }

  /// What an `interface` request is about: one name or pattern.
  mutating func interfaceSubject() throws(ConfigurationError) -> InterfaceSubject {
    let token = try string("the name of an interface")
    let subject = try subject(token)
    if case .pattern = subject { warn(.unknownToBabeld, at: token, Self.patternRemark) }
    return subject
  }

  private func subject(
    _ token: ConfigurationToken
  ) throws(ConfigurationError) -> InterfaceSubject {
    if !token.isQuoted, let pattern = InterfacePattern(octets: token.octets) {
      return .pattern(pattern)
    }
    return .name(try interfaceName(token))
  }

  static var patternRemark: String { "babeld takes this pattern for a name" }
}

extension Configuration {
  /// Adds or merges an `interface` statement; false if there are too many patterns.
  mutating func merge(
    _ settings: InterfaceSettings, into subject: InterfaceSubject,
    at position: ConfigurationPosition
  ) -> Bool {
    switch subject {
    case .name(let name):
      merge(settings, into: name, at: position)
      return true
    case .pattern(let pattern): return merge(settings, into: pattern, at: position)
    }
  }
}
