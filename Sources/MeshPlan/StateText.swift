import BabelWire

extension MeshState {
  /// The first words of the text.
  fileprivate static let format = "swabelmesh-state"
  fileprivate static let version = 1
  /// Most octets of a text: enough for all tunnels that there may be.
  public static let textLimit = 32 << 20

  /// The state as text. The same state gives the same text.
  public var text: String {
    var lines = ["\(Self.format) \(Self.version)", "mesh \(name)"]
    for (name, node) in nodes.sorted(by: { $0.key < $1.key }) {
      let key = node.hasJoined ? "joined" : "\(node.keyNumber)"
      let place = node.keyPath.map { " file \($0)" } ?? ""
      lines.append("node \(name) key \(key) public \(node.publicKey.base64)\(place)")
    }
    for (name, number) in formerKeys.sorted(by: { $0.key < $1.key }) {
      lines.append("former \(name) key \(number)")
    }
    for (name, invitation) in invitations.sorted(by: { $0.key < $1.key }) {
      lines.append(
        "invitation \(name) format \(invitation.format.rawValue) expires \(invitation.expires)"
          + " secret \(invitation.secret.base64)" + (invitation.isUsed ? " used" : ""))
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
}

/// Reads the text of a state.
private struct StateParser {
  var reader: WordReader
  private static let lines = ["node", "former", "invitation", "link", "end"]

  mutating func state() throws(TextError) -> MeshState {
    try reader.header(MeshState.format, MeshState.version, of: "state")
    guard try reader.nextLine() else { throw reader.errorAtEnd("the state ends too early") }
    try reader.expect("mesh")
    var state = MeshState(name: try reader.name().text)
    try reader.end()
    while try reader.nextLine() {
      let word = try reader.next(oneOf(Self.lines))
      switch word.text {
      case "node": try node(into: &state)
      case "former": try former(into: &state)
      case "invitation": try invitation(into: &state)
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
    let name = try reader.name()
    try reader.expect("key")
    let hasJoined = reader.nextIs("joined")
    let number = hasJoined ? 0 : try reader.number("the number of a key", 0...1_000_000)
    try reader.expect("public")
    let key = try reader.publicKey()
    let node = MeshState.Node(
      keyNumber: number, publicKey: key, hasJoined: hasJoined,
      keyPath: hasJoined && reader.nextIs("file") ? try keyPath() : nil)
    guard state.enter(node, named: name.text) else {
      throw reader.error(at: name, "node \(name.text) is there twice")
    }
  }

  private mutating func keyPath() throws(TextError) -> String {
    let word = try reader.next("the path of a private key")
    guard JoinAnswer.isKeyPath(word.text) else {
      throw reader.unexpected(word, "the path of a private key")
    }
    return word.text
  }

  private mutating func former(into state: inout MeshState) throws(TextError) {
    let name = try reader.name()
    try reader.expect("key")
    guard
      state.enter(formerKey: try reader.number("the number of a key", 1...1_000_000), of: name.text)
    else { throw reader.error(at: name, "node \(name.text) is there twice") }
  }

  private mutating func invitation(into state: inout MeshState) throws(TextError) {
    let name = try reader.name()
    try reader.expect("format")
    let format = try reader.format()
    try reader.expect("expires")
    let expires = try reader.number("seconds since 1970", 0...(1 << 40))
    try reader.expect("secret")
    let secret = try reader.secret()
    var invitation = Invitation(secret: secret, expires: Int64(expires), format: format)
    invitation.isUsed = reader.nextIs("used")
    guard state.enter(invitation, of: name.text) else {
      throw reader.error(at: name, "node \(name.text) is invited twice")
    }
  }

  private mutating func link(into state: inout MeshState) throws(TextError) {
    let one = try reader.name()
    let first = try end()
    let other = try reader.name()
    guard one.text < other.text else {
      throw reader.error(at: other, "the names of a link are not in order")
    }
    let second = try end()
    for word in [one, other] where state.nodes[word.text] == nil {
      throw reader.error(at: word, "there is no node \(word.text)")
    }
    try reader.expect("preshared")
    let preshared = try reader.secret()
    try reader.expect("mac")
    let packetKey = try reader.secret("64 hexadecimal digits") { WireGuardKey(hexadecimal: $0) }
    let link = MeshState.Link(
      first: first, second: second, presharedKey: preshared, packetKey: packetKey)
    guard state.enter(link, between: NodePair(one.text, other.text)) else {
      throw reader.error(at: one, "the link, or one of its ports or interfaces, is there twice")
    }
  }

  private mutating func end() throws(TextError) -> MeshState.End {
    try reader.expect("port")
    let port = try reader.number("a port", 1...65535)
    try reader.expect("interface")
    return MeshState.End(port: UInt16(port), interface: try reader.interface())
  }
}
