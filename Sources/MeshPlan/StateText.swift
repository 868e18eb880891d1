import BabelWire

extension MeshState {
  /// The first words of the text.
  private static let format = "swabelmesh-state"
  private static let version = 1
  /// Most octets of a text: enough for all tunnels that there may be.
  public static let textLimit = 32 << 20

  /// The state as text. The same state gives the same text.
  public var text: String {
    var lines = ["\(Self.format) \(Self.version)", "mesh \(name)"]
    for (name, node) in nodes.sorted(by: { $0.key < $1.key }) {
      lines.append("node \(name) key \(node.keyNumber) public \(node.publicKey.base64)")
    }
    for (name, number) in formerKeys.sorted(by: { $0.key < $1.key }) {
      lines.append("former \(name) key \(number)")
    }
    for (pair, link) in links.sorted(by: { $0.key < $1.key }) {
      lines.append(
        "link \(pair.first) port \(link.first.port) interface \(link.first.interface)"
          + " \(pair.second) port \(link.second.port) interface \(link.second.interface)"
          + " preshared \(link.presharedKey.base64) mac \(link.packetKey.hexadecimal)")
    }
    lines.append("end")
    return lines.map { $0 + "\n" }.joined()
  }

  /// Reads what ``text`` wrote.
  public init(_ octets: [UInt8], file: String) throws(TextError) {
    guard octets.count <= Self.textLimit else {
      throw TextError(file: file, line: 1, column: 1, reason: "more than \(Self.textLimit) octets")
    }
    var parser = StateParser(reader: WordReader(octets, file: file))
    self = try parser.state()
  }

  fileprivate static func checkHeader(_ reader: inout WordReader) throws(TextError) {
    guard try reader.nextLine() else { throw reader.errorAtEnd("the state is empty") }
    try reader.expect(format)
    let word = try reader.next("a version")
    guard word.text == "\(version)" else {
      throw reader.unexpected(word, "version \(version); this program knows no other")
    }
    try reader.end()
  }
}

/// Reads the text of a state.
private struct StateParser {
  var reader: WordReader
  private static let lines = ["node", "former", "link", "end"]

  mutating func state() throws(TextError) -> MeshState {
    try MeshState.checkHeader(&reader)
    guard try reader.nextLine() else { throw reader.errorAtEnd("the state ends too early") }
    try reader.expect("mesh")
    var state = MeshState(name: try name().text)
    try reader.end()
    while try reader.nextLine() {
      let word = try reader.next(oneOf(Self.lines))
      switch word.text {
      case "node": try node(into: &state)
      case "former": try former(into: &state)
      case "link": try link(into: &state)
      case "end":
        try reader.end()
        guard try !reader.nextLine() else {
          throw reader.unexpected(try reader.next("nothing"), "nothing after \"end\"")
        }
        return state
      default: throw reader.unexpected(word, oneOf(Self.lines))
      }
      try reader.end()
    }
    throw reader.errorAtEnd("the state ends without \"end\": a part of it is missing")
  }

  private mutating func node(into state: inout MeshState) throws(TextError) {
    let name = try name()
    try reader.expect("key")
    let number = try number("the number of a key", 0...1_000_000)
    try reader.expect("public")
    let word = try reader.next("a key in base64")
    guard let key = WireGuardKey(word.text) else {
      throw reader.unexpected(word, "a key in base64")
    }
    guard state.enter(MeshState.Node(keyNumber: number, publicKey: key), named: name.text) else {
      throw reader.error(at: name, "node \(name.text) is there twice")
    }
  }

  private mutating func former(into state: inout MeshState) throws(TextError) {
    let name = try name()
    try reader.expect("key")
    guard state.enter(formerKey: try number("the number of a key", 1...1_000_000), of: name.text)
    else { throw reader.error(at: name, "node \(name.text) is there twice") }
  }

  private mutating func link(into state: inout MeshState) throws(TextError) {
    let one = try name()
    let first = try end()
    let other = try name()
    guard one.text < other.text else {
      throw reader.error(at: other, "the names of a link are not in order")
    }
    let second = try end()
    for word in [one, other] where state.nodes[word.text] == nil {
      throw reader.error(at: word, "there is no node \(word.text)")
    }
    try reader.expect("preshared")
    let preshared = try secret("a key in base64") { WireGuardKey($0) }
    try reader.expect("mac")
    let packetKey = try secret("64 hexadecimal digits") { WireGuardKey(hexadecimal: $0) }
    let link = MeshState.Link(
      first: first, second: second, presharedKey: preshared, packetKey: packetKey)
    guard state.enter(link, between: NodePair(one.text, other.text)) else {
      throw reader.error(at: one, "the link, or one of its ports or interfaces, is there twice")
    }
  }

  private mutating func end() throws(TextError) -> MeshState.End {
    try reader.expect("port")
    let port = try number("a port", 1...65535)
    try reader.expect("interface")
    let word = try reader.next("the name of an interface")
    guard let interface = InterfaceName(word.text) else {
      throw reader.unexpected(word, "the name of an interface")
    }
    return MeshState.End(port: UInt16(port), interface: interface)
  }

  // MARK: Values

  private mutating func name() throws(TextError) -> PlacedWord {
    let word = try reader.next("a name")
    guard MeshList.isName(word.text) else { throw reader.unexpected(word, "a name") }
    return word
  }

  private mutating func number(
    _ expected: String, _ range: ClosedRange<Int>
  ) throws(TextError) -> Int {
    let word = try reader.next(expected)
    guard let value = Int(word.text), range.contains(value) else {
      throw reader.unexpected(word, expected)
    }
    return value
  }

  /// A secret, which is not shown if it is wrong.
  private mutating func secret(
    _ expected: String, _ read: (String) -> WireGuardKey?
  ) throws(TextError) -> WireGuardKey {
    let word = try reader.next(expected)
    guard let key = read(word.text) else { throw reader.error(at: word, "expected \(expected)") }
    return key
  }
}
