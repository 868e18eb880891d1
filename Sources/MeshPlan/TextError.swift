/// The first thing that is wrong with a list or a state, and where.
public struct TextError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Name of the file.
  public let file: String
  /// Line, from 1.
  public let line: Int
  /// Column in octets, from 1; a tab counts as one.
  public let column: Int
  /// What is wrong.
  public let reason: String

  /// `FILE:LINE:COLUMN: REASON`.
  public var description: String { "\(file):\(line):\(column): \(reason)" }
}

/// A word with its place.
struct PlacedWord {
  let text: String
  let line: Int
  let column: Int
}

/// The words of one line after another, without comments.
struct WordReader {
  private let file: String
  private let lines: [ArraySlice<UInt8>]
  private var words: ArraySlice<PlacedWord> = []
  /// The line whose words are read, from 1; 0 before the first.
  private(set) var line = 0

  init(_ octets: [UInt8], file: String) {
    self.file = file
    lines = octets.split(separator: 0x0A, omittingEmptySubsequences: false)
  }

  /// Goes on to the next line that has words; false at the end.
  mutating func nextLine() throws(TextError) -> Bool {
    while line < lines.count {
      line += 1
      words = try split(lines[line - 1])[...]
      if !words.isEmpty { return true }
    }
    return false
  }

  /// Whether the line has a further word.
  var hasMore: Bool { !words.isEmpty }

  /// Takes the next word of the line; nil at its end.
  mutating func next() -> PlacedWord? { words.popFirst() }

  /// Takes the next word of the line, which must be there.
  mutating func next(_ expected: String) throws(TextError) -> PlacedWord {
    guard let word = words.popFirst() else {
      let end = lines[line - 1]
      throw error(line, end.count + 1, "expected \(expected), but the line ends")
    }
    return word
  }

  /// Takes a word that must be this one.
  mutating func expect(_ text: String) throws(TextError) {
    let word = try next("\"\(text)\"")
    guard word.text == text else { throw unexpected(word, "\"\(text)\"") }
  }

  /// Takes the next word of the line if it is this one; says whether it was.
  mutating func nextIs(_ text: String) -> Bool {
    guard words.first?.text == text else { return false }
    words = words.dropFirst()
    return true
  }

  /// Makes sure that the line has no further word.
  func end() throws(TextError) {
    if let word = words.first { throw unexpected(word, "the end of the line") }
  }

  /// `found …, expected …`, at a word.
  func unexpected(_ word: PlacedWord, _ expected: String) -> TextError {
    error(at: word, "found \"\(word.text)\", expected \(expected)")
  }

  /// The same about a word that is none of these, with the one that it looks like.
  func unexpected(_ word: PlacedWord, among words: [String]) -> TextError {
    let near = nearest(to: word.text, among: words).map { "; did you mean \"\($0)\"?" } ?? ""
    return unexpected(word, oneOf(words) + near)
  }

  /// An error at a word.
  func error(at word: PlacedWord, _ reason: String) -> TextError {
    error(word.line, word.column, reason)
  }

  /// An error about the whole, at its end.
  func errorAtEnd(_ reason: String) -> TextError { error(max(1, lines.count), 1, reason) }

  private func error(_ line: Int, _ column: Int, _ reason: String) -> TextError {
    TextError(file: file, line: line, column: column, reason: reason)
  }

  private func split(_ octets: ArraySlice<UInt8>) throws(TextError) -> [PlacedWord] {
    var words: [PlacedWord] = []
    var start: Int?
    var end = octets.startIndex
    func finish() {
      guard let begin = start else { return }
      words.append(
        PlacedWord(
          text: String(decoding: octets[begin..<end], as: UTF8.self), line: line,
          column: begin - octets.startIndex + 1))
      start = nil
    }
    while end < octets.endIndex, octets[end] != UInt8(ascii: "#") {
      let octet = octets[end]
      if [0x20, 0x09, 0x0D].contains(octet) {
        finish()
      } else if octet < 0x20 || octet > 0x7E {
        throw error(
          line, end - octets.startIndex + 1, "only ASCII may stand here, except in comments")
      } else if start == nil {
        start = end
      }
      end += 1
    }
    finish()
    return words
  }
}

/// The first word that differs from a text by two octets at most, and by less than half of them.
private func nearest(to text: String, among words: [String]) -> String? {
  let wrong = Array(text.utf8)
  return words.first { word in
    let right = Array(word.utf8)
    let limit = min(2, (right.count - 1) / 2)
    guard abs(right.count - wrong.count) <= limit else { return false }
    // Row by row, the least number of octets to change, insert or leave out (Levenshtein).
    var row = Array(0...right.count)
    for (line, octet) in wrong.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for column in right.indices {
        let change = diagonal + (octet == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(change, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count] <= limit
  }
}

/// Words from a fixed list, for a message: `"a", "b" or "c"`.
func oneOf(_ words: [String]) -> String {
  let quoted = words.map { "\"\($0)\"" }
  guard let last = quoted.last, quoted.count > 1 else { return quoted.first ?? "" }
  return quoted.dropLast().joined(separator: ", ") + " or " + last
}
