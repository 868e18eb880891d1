import Foundation
import Testing

/// `docs/conformance.md` is kept true by reading it.
@Suite struct `The table of conformance` {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// One row: its number, the sections that demand it, what they demand, and the tests.
  struct Row {
    let number: Int
    let sections: Set<String>
    let requirement: String
    let tests: String
  }

  /// All rows of the table.
  static func rows() throws -> [Row] {
    let text = try String(
      contentsOf: root.appendingPathComponent("docs/conformance.md"), encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 4, cells[0].hasPrefix("R-"), let number = Int(cells[0].dropFirst(2))
      else { return nil }
      return Row(
        number: number, sections: sections(cells[1]), requirement: cells[2], tests: cells[3])
    }
  }

  /// Names of all test functions below `Tests`.
  static func testNames() throws -> Set<String> {
    let tests = root.appendingPathComponent("Tests")
    var names: Set<String> = []
    let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let pieces = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "func `")
      for piece in pieces.dropFirst() {
        names.insert(String(piece.prefix { $0 != "`" }))
      }
    }
    return names
  }

  /// The sections in a text such as "RFC 8967 §4.3 §6.1 a packet without PC is dropped".
  static func sections(_ text: String) -> Set<String> {
    Set(text.components(separatedBy: CharacterSet(charactersIn: " ,")).filter { $0.hasPrefix("§") })
  }

  @Test func `has rows 1 to 141 for RFC 8966 and then those of extensions, each once and in order`()
    throws
  {
    let numbers = try Self.rows().map(\.number)
    #expect(Array(numbers.prefix(141)) == Array(1...141))
    #expect(numbers == Array(Set(numbers)).sorted())
  }

  @Test func `names tests that exist and carry a section of their row, or a reason`() throws {
    let names = try Self.testNames()
    for row in try Self.rows() {
      #expect(!row.requirement.isEmpty)
      #expect(!row.sections.isEmpty, "R-\(row.number) has no section")
      let named = row.tests.components(separatedBy: "`").enumerated()
        .filter { $0.offset % 2 == 1 }.map(\.element)
      for name in named {
        #expect(names.contains(name), "R-\(row.number): no test \(name)")
        #expect(
          !Self.sections(name).isDisjoint(with: row.sections), "R-\(row.number): \(name)")
      }
      let reasons = ["interop", "not yet:", "not needed:", "all rows above"]
      #expect(!named.isEmpty || reasons.contains { row.tests.hasPrefix($0) }, "R-\(row.number)")
    }
  }
}
