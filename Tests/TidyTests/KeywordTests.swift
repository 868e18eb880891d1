import Testing

/// A parameter of an interface is known to two files: the table of words, and the file where it
/// gets its effect. Everything else follows from the table.
@Suite struct `Parameters of interfaces` {
  private static let table = "Sources/BabelCore/Configuration/InterfaceKeyword.swift"
  private static let effects = "Sources/BabelCore/InterfaceParameters.swift"

  /// Names of the cases and the words of the language, from the rows of the table.
  private func rows() throws -> [(name: String, word: String)] {
    let page = try #require(try Repository.files().first { $0.path == Self.table })
    return page.lines.joined(separator: "\n").matches(
      of: /case \.(\w+):\s[^:]*?Row\("([a-z0-9-]+)"/
    )
    .map { (String($0.1), String($0.2)) }
  }

  @Test func `have their words in one file`() throws {
    let rows = try rows()
    #expect(rows.count >= 30)
    // Shorter words are also words of other statements.
    let words = rows.map { $0.word }.filter { $0.contains("-") }
    #expect(words.count >= 20)
    for text in try Repository.swift(below: "Sources/BabelCore")
    where text.path != Self.table && !text.path.hasSuffix("RetiredKeywords.swift") {
      let lines = text.lines.joined(separator: "\n")
      for word in words where lines.contains("\"\(word)\"") {
        Issue.record("\(text.path) has a word of the table: \(word)")
      }
    }
  }

  @Test func `are told apart in two files`() throws {
    // "wired" is also a type of link.
    let names = try rows().map { $0.name }.filter { $0 != "wired" }
    for text in try Repository.swift(below: "Sources/BabelCore")
    where ![Self.table, Self.effects].contains(text.path) && !text.path.contains("Retired") {
      let code = text.code.joined(separator: "\n")
      guard code.contains("InterfaceKeyword") else { continue }
      let told = Set(code.matches(of: /(?:case|number:|flag:) \.(\w+)/).map { String($0.1) })
      for name in names where told.contains(name) {
        Issue.record("\(text.path) knows the parameter \(name)")
      }
    }
  }
}
