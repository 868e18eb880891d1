/// One rule broken at one place.
struct Finding: Equatable, CustomStringConvertible {
  /// Where: path from the root of the repository and line from 1.
  let path: String
  let line: Int
  /// What is wrong.
  let reason: String

  var description: String { "\(path):\(line): \(reason)" }
}

/// The rules for our sources. Each is a function from one file to its findings.
enum Checks {
  static let fileLimit = 400
  static let functionLimit = 70
  static let columnLimit = 100

  /// What each floor may import (imports go down, never sideways).
  static let imports: [String: Set<String>] = [
    "BabelWire": [],
    "BabelCore": ["BabelWire"],
    "BabelKernel": ["BabelWire", "CLinux"],
    "swabeld": ["BabelCore", "BabelKernel", "BabelWire", "CLinux"],
    "MeshPlan": ["BabelWire"],
    "MeshPicture": ["BabelWire"],
    "swabelmesh": ["BabelKernel", "BabelWire", "CLinux", "MeshPicture", "MeshPlan"],
  ]

  /// Words that say nothing in the name of a type.
  static let emptyNames: Set<String> = [
    "Manager", "Helper", "Helpers", "Utils", "Util", "Handler", "Service", "Base", "Common",
  ]

  /// All rules for a Swift file below `Sources`.
  static func source(_ text: SourceText) -> [Finding] {
    everywhere(text) + importsOfFloor(text) + typeNames(text) + forcing(text) + safety(text)
      + clock(text) + documentation(text) + emptyCatches(text)
  }

  /// The rules for every Swift file, tests included.
  static func everywhere(_ text: SourceText) -> [Finding] {
    sizes(text) + functions(text) + unfinished(text)
  }

  /// Files and lines have a longest length.
  static func sizes(_ text: SourceText) -> [Finding] {
    var findings: [Finding] = []
    let count = text.lines.last == "" ? text.lines.count - 1 : text.lines.count
    if count > fileLimit {
      findings.append(
        Finding(path: text.path, line: count, reason: "\(count) lines, limit \(fileLimit)"))
    }
    for (index, line) in text.lines.enumerated() where line.count > columnLimit {
      findings.append(
        Finding(path: text.path, line: index + 1, reason: "\(line.count) columns wide"))
    }
    return findings
  }

  /// Functions, initializers and accessors have a longest length.
  static func functions(_ text: SourceText) -> [Finding] {
    var findings: [Finding] = []
    var depth = 0
    var awaiting: Int?
    var open: [(line: Int, depth: Int)] = []
    for (index, line) in text.code.enumerated() {
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      if words.contains(where: { ["func", "init", "deinit", "subscript"].contains($0) })
        && !line.contains(".init")
      {
        awaiting = index
      }
      for character in line {
        if character == "{" {
          if let start = awaiting {
            open.append((start, depth))
            awaiting = nil
          }
          depth += 1
        } else if character == "}" {
          depth -= 1
          while let last = open.last, last.depth >= depth {
            open.removeLast()
            let count = index - last.line + 1
            if count > functionLimit {
              findings.append(
                Finding(
                  path: text.path, line: last.line + 1,
                  reason: "function of \(count) lines, limit \(functionLimit)"))
            }
          }
        }
      }
    }
    return findings
  }

  /// No file contains a mark of unfinished work.
  static func unfinished(_ text: SourceText) -> [Finding] {
    let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    return match(text, lines: text.lines) { line in
      identifiers(line).first { words.contains($0) }.map { "\($0): do it or drop it" }
    }
  }

  /// A floor imports only floors below it.
  static func importsOfFloor(_ text: SourceText) -> [Finding] {
    guard let floor = text.floor, let allowed = imports[floor] else { return [] }
    return match(text, lines: text.code) { line in
      let words = identifiers(line)
      guard let place = words.firstIndex(of: "import"), place + 1 < words.count else {
        return nil
      }
      let kinds: Set<String> = ["struct", "class", "enum", "func", "var", "let", "protocol"]
      let name = words[(place + 1)...].first { !kinds.contains($0) } ?? ""
      return allowed.contains(name) ? nil : "\(floor) must not import \(name)"
    }
  }

  /// The name of a type says what it is.
  static func typeNames(_ text: SourceText) -> [Finding] {
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "actor", "typealias"]
    return match(text, lines: text.code) { line in
      let words = identifiers(line)
      guard let place = words.firstIndex(where: kinds.contains), place + 1 < words.count else {
        return nil
      }
      return camelParts(words[place + 1]).first(where: emptyNames.contains).map {
        "type name \(words[place + 1]): \($0) says nothing"
      }
    }
  }

  /// Nothing is forced: no `try!`, no `as!`, no `!` behind a value.
  static func forcing(_ text: SourceText) -> [Finding] {
    match(text, lines: text.code) { line in
      let bytes = Array(line.utf8)
      for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "!") && index > 0 {
        let before = bytes[index - 1]
        let after = index + 1 < bytes.count ? bytes[index + 1] : 0
        let behindValue = isIdentifier(before) || ")]>?".utf8.contains(before)
        if behindValue && after != UInt8(ascii: "=") { return "forced with !" }
      }
      return nil
    }
  }

  /// Unsafe constructs live in BabelKernel; the entry point receives C's argument vector.
  static func safety(_ text: SourceText) -> [Finding] {
    guard text.floor != "BabelKernel" else { return [] }
    let entry = text.path == "Sources/swabeld/Entry.swift"
    return match(text, lines: text.code) { line in
      identifiers(line).first {
        $0 == "unsafe" || $0 == "unsafeBitCast" || ($0.hasPrefix("Unsafe") && !entry)
      }.map { "\($0) outside BabelKernel" }
    }
  }

  /// BabelCore never asks for the time, because its inputs carry it.
  static func clock(_ text: SourceText) -> [Finding] {
    guard text.floor == "BabelCore" else { return [] }
    return match(text, lines: text.code) { line in
      line.contains("now()") ? "now() in BabelCore" : nil
    }
  }

  /// Every public declaration says what it is.
  static func documentation(_ text: SourceText) -> [Finding] {
    let declarations: Set<String> = [
      "func", "var", "let", "struct", "class", "enum", "init", "subscript", "typealias",
      "protocol", "case", "actor",
    ]
    var findings: [Finding] = []
    for (index, line) in text.code.enumerated() {
      let words = identifiers(line)
      guard words.contains("public"), words.contains(where: declarations.contains) else {
        continue
      }
      var above = index - 1
      while above >= 0, text.lines[above].drop(while: { $0 == " " }).hasPrefix("@") {
        above -= 1
      }
      let comment = above >= 0 ? text.lines[above].drop { $0 == " " } : ""
      if !comment.hasPrefix("///") {
        findings.append(
          Finding(path: text.path, line: index + 1, reason: "public without a doc comment"))
      }
    }
    return findings
  }

  /// No error disappears without a statement that deals with it.
  static func emptyCatches(_ text: SourceText) -> [Finding] {
    let code = text.code.joined(separator: "\n")
    var findings: [Finding] = []
    for match in code.matches(of: /\bcatch\s*\{\s*\}/) {
      let line = code[..<match.range.lowerBound].count { $0 == "\n" } + 1
      findings.append(Finding(path: text.path, line: line, reason: "an empty catch"))
    }
    return findings
  }

  /// No file names a folder that exists on one machine only.
  static func foreignPaths(_ text: SourceText) -> [Finding] {
    let folders = ["work", "farm", "tmp/peers"].map { "/" + $0 + "/" }
    let home = "/" + "root" + "/"
    return match(text, lines: text.lines) { line in
      if line.contains(home) { return "path of one machine: \(home)" }
      for folder in folders {
        guard let range = line.firstRange(of: folder) else { continue }
        let before =
          range.lowerBound == line.startIndex
          ? " " : line[line.index(before: range.lowerBound)]
        if !(before.isLetter || before.isNumber || before == "_" || before == ".") {
          return "path of one machine: \(folder)"
        }
      }
      return nil
    }
  }

  // MARK: Words

  private static func match(
    _ text: SourceText, lines: [String], _ rule: (String) -> String?
  ) -> [Finding] {
    lines.enumerated().compactMap { index, line in
      rule(line).map { Finding(path: text.path, line: index + 1, reason: $0) }
    }
  }

  private static func isIdentifier(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (0x30...0x39).contains(byte)
      || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }

  private static func identifiers(_ line: String) -> [String] {
    line.utf8.split { !isIdentifier($0) }.map { String(decoding: Array($0), as: UTF8.self) }
  }

  private static func camelParts(_ name: String) -> [String] {
    var parts: [String] = []
    for character in name {
      if character.isUppercase || parts.isEmpty {
        parts.append(String(character))
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }
}
