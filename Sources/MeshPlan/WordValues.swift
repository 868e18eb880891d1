import BabelWire

/// What state and plan have in common: a first line, and values of some kinds.
extension WordReader {
  /// Reads the first line, `TITLE VERSION`, of something that is called `subject`.
  mutating func header(_ title: String, _ version: Int, of subject: String) throws(TextError) {
    guard try nextLine() else { throw errorAtEnd("the \(subject) is empty") }
    try expect(title)
    let word = try next("a version")
    guard word.text == "\(version)" else {
      throw unexpected(word, "version \(version); this program knows no other")
    }
    try end()
  }

  /// A name of a mesh or node.
  mutating func name() throws(TextError) -> PlacedWord {
    let word = try next("a name")
    guard MeshList.isName(word.text) else { throw unexpected(word, "a name") }
    return word
  }

  /// A number in a range.
  mutating func number(
    _ expected: String, _ range: ClosedRange<Int>
  ) throws(TextError) -> Int {
    let word = try next(expected)
    guard let value = Int(word.text), range.contains(value) else {
      throw unexpected(word, expected)
    }
    return value
  }

  /// A public key.
  mutating func publicKey() throws(TextError) -> WireGuardKey {
    let word = try next("a key in base64")
    guard let key = WireGuardKey(word.text) else { throw unexpected(word, "a key in base64") }
    return key
  }

  /// A secret, which is not shown if it is wrong.
  mutating func secret(
    _ expected: String = "a key in base64",
    _ read: (String) -> WireGuardKey? = { WireGuardKey($0) }
  ) throws(TextError) -> WireGuardKey {
    let word = try next(expected)
    guard let key = read(word.text) else { throw error(at: word, "expected \(expected)") }
    return key
  }

  /// The name of an interface.
  mutating func interface() throws(TextError) -> InterfaceName {
    let word = try next("the name of an interface")
    guard let interface = InterfaceName(word.text) else {
      throw unexpected(word, "the name of an interface")
    }
    return interface
  }

  /// A format.
  mutating func format() throws(TextError) -> OutputFormat {
    let words = OutputFormat.allCases.map { $0.rawValue }
    let word = try next(oneOf(words))
    guard let format = OutputFormat(rawValue: word.text) else {
      throw unexpected(word, among: words)
    }
    return format
  }
}
