import BabelWire

/// Words of commands that operators are advised to enter. Names of interfaces may hold characters
/// that a shell takes for something else.
enum ShellWord {
  /// A text as one word of sh(1): in quotes if it needs them.
  static func text(_ text: String) -> String {
    guard text.utf8.isEmpty || !text.utf8.allSatisfy(isPlain) else { return text }
    var quoted: [UInt8] = [quote]
    for octet in text.utf8 {
      // A quote cannot stand between quotes: they end, and begin again behind it.
      quoted += octet == quote ? [quote, 0x5C, quote, quote] : [octet]
    }
    return String(decoding: quoted + [quote], as: UTF8.self)
  }

  private static let quote: UInt8 = 0x27

  private static func isPlain(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
      UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "%"), UInt8(ascii: "@"),
      UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: ","):
      true
    default: false
    }
  }
}

extension InterfaceName {
  /// The name as a word of a command.
  var shellWord: String { ShellWord.text(description) }
}
