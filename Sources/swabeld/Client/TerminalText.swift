/// Text of a daemon for a terminal. Somebody else may serve the place where a daemon is looked for,
/// and terminals obey control characters.
enum TerminalText {
  /// The text with a question mark for each control character but tabulators and ends of lines, and
  /// for octets that are no UTF-8.
  static func safe(_ text: [UInt8]) -> [UInt8] {
    guard text.contains(where: { !isPlain($0) }) else { return text }
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
      let count = length(of: text, at: index)
      if count == 0 {
        result.append(UInt8(ascii: "?"))
        index += 1
      } else {
        result += text[index..<index + count]
        index += count
      }
    }
    return result
  }

  private static func isPlain(_ octet: UInt8) -> Bool {
    octet >= 0x20 && octet < 0x7F || octet == 0x09 || octet == 0x0A
  }

  /// How many octets the character takes that begins at a place; 0 if it must not be shown.
  private static func length(of text: [UInt8], at index: Int) -> Int {
    let first = text[index]
    let count: Int
    switch first {
    case 0xC2...0xDF: count = 2
    case 0xE0...0xEF: count = 3
    case 0xF0...0xF4: count = 4
    default: return isPlain(first) ? 1 : 0
    }
    guard index + count <= text.count,
      text[(index + 1)..<(index + count)].allSatisfy({ $0 & 0xC0 == 0x80 })
    else { return 0 }
    // U+0080 to U+009F are control characters, too.
    return first == 0xC2 && text[index + 1] < 0xA0 ? 0 : count
  }
}
