import Foundation
import Testing

/// `docs/conformance.md` is kept true by reading it.
@Suite struct `The table of conformance` {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Number, requirement and tests of each row.
  static func rows() throws -> [(number: Int, requirement: String, tests: String)] {
    let text = try String(
      contentsOf: root.appendingPathComponent("docs/conformance.md"), encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, cells[0].hasPrefix("R-"), let number = Int(cells[0].dropFirst(2))
      else { return nil }
      return (number, cells[1], cells[2])
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

  /// The numbers of a name such as "R-10 to R-16, R-24".
  static func numbers(_ name: String) -> Set<Int> {
    var numbers: Set<Int> = []
    var first: Int?
    for word in name.components(separatedBy: " ") {
      let number = word.hasPrefix("R-") ? Int(word.dropFirst(2).prefix { $0.isNumber }) : nil
      if let number { numbers.formUnion((first ?? number)...max(first ?? number, number)) }
      first = word == "to" ? numbers.max() : nil
    }
    return numbers
  }

  @Test func `has R-1 to R-141 once each, and those of extensions, in order`() throws {
    let numbers = try Self.rows().map(\.number)
    #expect(Array(numbers.prefix(141)) == Array(1...141))
    #expect(numbers == Array(Set(numbers)).sorted())
  }

  @Test func `names tests that exist and carry the number, or a reason`() throws {
    let names = try Self.testNames()
    for row in try Self.rows() {
      #expect(!row.requirement.isEmpty)
      let named = row.tests.components(separatedBy: "`").enumerated()
        .filter { $0.offset % 2 == 1 }.map(\.element)
      for name in named {
        #expect(names.contains(name), "R-\(row.number): no test \(name)")
        #expect(Self.numbers(name).contains(row.number), "R-\(row.number): \(name)")
      }
      let reasons = ["interop", "not yet:", "not needed:", "all rows above"]
      #expect(!named.isEmpty || reasons.contains { row.tests.hasPrefix($0) }, "R-\(row.number)")
    }
  }
}
