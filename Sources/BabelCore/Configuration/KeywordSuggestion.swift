/// The text of a keyword. Not a String, because comparing those would draw the tables of Unicode
/// normalisation into an Embedded program, more octets than all of this parser.
struct KeywordText: Equatable, Sendable, ExpressibleByStringLiteral {
  let text: String

  init(stringLiteral value: String) { text = value }

  static func == (a: KeywordText, b: KeywordText) -> Bool { hasSameOctets(a.text, b.text) }
}

/// Whether two texts are equal octet by octet.
func hasSameOctets(_ a: String?, _ b: String?) -> Bool {
  guard let a, let b else { return a == nil && b == nil }
  return a.utf8.elementsEqual(b.utf8)
}

/// A closed set of words of the configuration language.
protocol ConfigurationKeyword: CaseIterable {
  /// The word.
  var text: String { get }
}

extension ConfigurationKeyword where Self: RawRepresentable, RawValue == KeywordText {
  var text: String { rawValue.text }
}

extension ConfigurationKeyword {
  /// The keyword written exactly like this; keywords are case-sensitive.
  init?(octets: [UInt8]) {
    guard let match = Self.allCases.first(where: { $0.text.utf8.elementsEqual(octets) })
    else { return nil }
    self = match
  }

  /// All words of the set.
  static var words: [String] { allCases.map { $0.text } }
}

/// The word that `octets` was probably meant to be; nil if none is near. The first of several
/// equally near ones.
func nearestWord(to octets: [UInt8], among words: [String]) -> String? {
  // Longer than any keyword by far; keeps the work per error small.
  guard !octets.isEmpty, octets.count <= 32 else { return nil }
  let given = octets.map { normalised($0) }
  var best: String?
  // A third of the letters may be wrong, and one in the shortest words.
  var limit = max(1, given.count / 3)
  for word in words {
    // The beginning of a word is as good as one slip.
    let isBeginning = given.count >= 4 && word.utf8.starts(with: given)
    let distance = isBeginning ? 1 : editDistance(given, Array(word.utf8))
    // Two words with hardly a letter in common are not a slip of the finger.
    if distance <= limit, distance < max(given.count, word.utf8.count) {
      best = word
      limit = distance - 1
    }
  }
  return best
}

/// Lower case, and dashes for underscores.
private func normalised(_ octet: UInt8) -> UInt8 {
  switch octet {
  case 0x41...0x5a: octet + 0x20
  case 0x5f: 0x2d
  default: octet
  }
}

/// Least number of insertions, deletions, substitutions and swaps of neighbours.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      let substitution = last[j] + (a[i] == b[j] ? 0 : 1)
      var distance = min(substitution, last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        distance = min(distance, beforeLast[j - 1] + 1)
      }
      row.append(distance)
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
