import Foundation
import Testing

/// The files of this repository, as git would list them: no build products, nothing hidden.
enum Repository {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Every text file, with its path from the root.
  static func files() throws -> [SourceText] { try read.get() }

  /// Read once for all tests: to find the comments of all files takes seconds.
  private static let read = Result { try readFiles() }

  private static func readFiles() throws -> [SourceText] {
    var found: [SourceText] = []
    let keys: [URLResourceKey] = [.isDirectoryKey]
    guard
      let walk = FileManager.default.enumerator(at: root, includingPropertiesForKeys: keys)
    else { return [] }
    for case let file as URL in walk {
      let name = file.lastPathComponent
      let isDirectory = try file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
      if isDirectory {
        if name == ".git" || name.hasPrefix(".build") || name == "__pycache__" {
          walk.skipDescendants()
        }
        continue
      }
      // In a second working tree .git is a file that names the first one.
      guard name != ".git", let text = try? String(contentsOf: file, encoding: .utf8) else {
        continue
      }
      let path = file.path(percentEncoded: false).dropFirst(root.path(percentEncoded: false).count)
      found.append(SourceText(path: String(path), text: text))
    }
    return found.sorted { $0.path < $1.path }
  }

  static func swift(below folder: String) throws -> [SourceText] {
    try files().filter { $0.path.hasPrefix(folder + "/") && $0.path.hasSuffix(".swift") }
  }
}

@Suite struct `This repository` {
  @Test func `its sources keep the rules`() throws {
    let sources = try Repository.swift(below: "Sources")
    #expect(sources.count > 10)
    expectNone(sources.flatMap(Checks.source))
  }

  @Test func `its tests and tools keep to size and leave nothing for later`() throws {
    let files =
      try Repository.swift(below: "Tests") + Repository.swift(below: "Fuzz")
      + Repository.swift(below: "Benchmarks")
    expectNone(files.flatMap(Checks.everywhere))
  }

  @Test func `its scripts and tests in Python keep to size and leave nothing for later`() throws {
    let kinds = [".py", ".c", ".sh"]
    let files = try Repository.files().filter { file in
      kinds.contains { file.path.hasSuffix($0) } || file.path.hasSuffix("/run")
    }
    #expect(files.count > 40)
    expectNone(files.flatMap { Checks.sizes($0) + Checks.unfinished($0) })
  }

  @Test func `the glossary has at most 40 words, and names types that exist`() throws {
    let files = try Repository.files()
    let glossary = try #require(files.first { $0.path == "docs/glossary.md" })
    let rows = glossary.lines.filter { $0.hasPrefix("| ") }.dropFirst()
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    #expect((20...40).contains(rows.count))
    #expect(Set(rows.map { $0[0] }).count == rows.count)
    let types = Set(
      files.filter { $0.path.hasPrefix("Sources/") }.flatMap(\.code).flatMap { line in
        line.matches(of: /\b(?:struct|class|enum) (\w+)/).map { String($0.output.1) }
      })
    for row in rows {
      let named = row.last.map { $0.matches(of: /`(\w+)`/).map { String($0.output.1) } } ?? []
      #expect(!named.isEmpty, "\(row[0]) has no type")
      for type in named { #expect(types.contains(type), "\(row[0]): there is no type \(type)") }
    }
  }

  @Test func `no file names a folder of one machine`() throws {
    expectNone(try Repository.files().flatMap(Checks.foreignPaths))
  }

  @Test(arguments: ["README.md", "CHANGES", "LICENSE", "Makefile", ".ci/run"])
  func `what a stranger looks for is there`(name: String) {
    let path = Repository.root.appending(path: name).path(percentEncoded: false)
    #expect(FileManager.default.fileExists(atPath: path))
  }

  private func expectNone(_ findings: [Finding]) {
    let list = findings.map(\.description).joined(separator: "\n")
    #expect(findings.isEmpty, "\(findings.count) findings:\n\(list)")
  }
}
