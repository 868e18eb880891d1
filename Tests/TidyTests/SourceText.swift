/// A file as the checks see it: the lines as written, and the same lines with comments,
/// string contents and quoted identifiers blanked out, so that only code is left.
struct SourceText: Sendable {
  /// Path from the root of the repository.
  let path: String
  /// The lines as written.
  let lines: [String]
  /// The lines of a Swift file with everything blank that is not code.
  let code: [String]

  init(path: String, text: String) {
    self.path = path
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    code =
      path.hasSuffix(".swift")
      ? Mask(text).result.split(separator: "\n", omittingEmptySubsequences: false)
        .map(String.init) : []
  }

  /// The floor the file belongs to: the folder below `Sources`.
  var floor: String? {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
  }
}

/// Blanks comments, strings and quoted identifiers; line breaks stay, so that line numbers do.
private struct Mask {
  private let bytes: [UInt8]
  private var output: [UInt8] = []
  private var position = 0

  init(_ text: String) {
    bytes = Array(text.utf8)
    output.reserveCapacity(bytes.count)
    code(until: nil)
  }

  var result: String { String(decoding: output, as: UTF8.self) }

  private func at(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private func starts(_ text: String) -> Bool {
    bytes[position...].starts(with: text.utf8)
  }

  private mutating func keep() {
    output.append(bytes[position])
    position += 1
  }

  private mutating func blank(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      output.append(bytes[position] == UInt8(ascii: "\n") ? UInt8(ascii: "\n") : 0x20)
      position += 1
    }
  }

  /// Code up to the end, or up to the parenthesis that closes an interpolation.
  private mutating func code(until end: UInt8?) {
    var depth = 0
    while let byte = at(0) {
      if starts("//") {
        while let next = at(0), next != UInt8(ascii: "\n") { _ = blankOne(next) }
      } else if starts("/*") {
        blockComment()
      } else if byte == UInt8(ascii: "\"") || (byte == UInt8(ascii: "#") && rawString) {
        string()
      } else if byte == UInt8(ascii: "`") {
        quotedIdentifier()
      } else {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") {
          if end == byte && depth == 0 { return }
          depth -= 1
        }
        keep()
      }
    }
  }

  private mutating func blankOne(_ byte: UInt8) -> UInt8 {
    blank()
    return byte
  }

  private mutating func blockComment() {
    var depth = 0
    while at(0) != nil {
      if starts("/*") {
        depth += 1
        blank(2)
      } else if starts("*/") {
        depth -= 1
        blank(2)
        if depth == 0 { return }
      } else {
        blank()
      }
    }
  }

  private mutating func quotedIdentifier() {
    output.append(UInt8(ascii: "q"))
    position += 1
    while let byte = at(0), byte != UInt8(ascii: "`"), byte != UInt8(ascii: "\n") {
      output.append(UInt8(ascii: "q"))
      position += 1
    }
    if at(0) == UInt8(ascii: "`") {
      output.append(UInt8(ascii: "q"))
      position += 1
    }
  }

  private var rawString: Bool {
    var offset = 0
    while at(offset) == UInt8(ascii: "#") { offset += 1 }
    return at(offset) == UInt8(ascii: "\"")
  }

  private mutating func string() {
    var hashes = 0
    while at(0) == UInt8(ascii: "#") {
      hashes += 1
      blank()
    }
    let fence = String(repeating: "#", count: hashes)
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    blank(quote.utf8.count)
    while let byte = at(0) {
      if starts(quote + fence) {
        blank(quote.utf8.count + hashes)
        return
      }
      if starts("\\" + fence) {
        blank(1 + hashes)
        if at(0) == UInt8(ascii: "(") {
          blank()
          code(until: UInt8(ascii: ")"))
          blank()
        } else {
          blank()
        }
      } else if byte == UInt8(ascii: "\n") && quote.utf8.count == 1 {
        return
      } else {
        blank()
      }
    }
  }
}
