import BabelWire

/// What runs on one node when its files are in effect, without regard to the format: what
/// ``swabelmesh apply`` compares with the machine. The file `plan` of the node holds it.
public struct NodeSetup: Equatable, Sendable {
  /// Where the node's private key is.
  public enum Secret: Equatable, Sendable {
    /// In the plan itself.
    case key(WireGuardKey)
    /// In this file on the node, because the node keeps its key to itself.
    case file(String)
  }

  /// One end of a tunnel.
  public struct Tunnel: Equatable, Sendable {
    /// The node at the other end.
    public let peer: String
    /// The interface at this end.
    public let interface: InterfaceName
    /// The UDP port of this end.
    public let port: UInt16
    /// Octets of the largest packet in the tunnel.
    public let mtu: Int
    /// The link-local address of this end.
    public let address: IPAddress
    /// The public key of the other end.
    public let peerKey: WireGuardKey
    /// WireGuard's preshared key.
    public let presharedKey: WireGuardKey
    /// `HOST:PORT` of the other end; nil if it is behind NAT.
    public let endpoint: String?
    /// Seconds between packets that keep a NAT open; 0 if there is none.
    public let keepalive: Int
  }

  /// The name of the mesh.
  public let mesh: String
  /// The name of the node.
  public let node: String
  /// The format of its files.
  public let format: OutputFormat
  /// The node's public key.
  public let publicKey: WireGuardKey
  /// The node's private key.
  public let secret: Secret
  /// The node's own addresses, with the length of a host.
  public let addresses: [String]
  /// The tunnels.
  public let tunnels: [Tunnel]
  /// Interfaces that the mesh had here before and has not now.
  public let former: [InterfaceName]
  /// The SHA-256 of the files that are put into effect, in hexadecimal, by path below the folder of
  /// the node.
  public let digests: [String: String]

  /// The digest of a file, as ``digests`` has it.
  public static func digest(of octets: [UInt8]) -> String {
    var hash = SHA256()
    hash.update(octets.span)
    let result = hash.finish()
    return (0..<SHA256.digestCount).map { number in
      let octet = result[number]
      return String(octet >> 4, radix: 16) + String(octet & 15, radix: 16)
    }.joined()
  }
}

extension NodePlan {
  /// What runs on the node. `privateKey` is nil if the node keeps it to itself. `files` are the
  /// other files of the node; those that the operator reads or runs may be changed.
  public func setup(privateKey: WireGuardKey?, _ files: [OutputFile]) -> NodeSetup {
    let effective = files.filter { $0.path == "babeld.conf" || $0.path.contains("/") }
    return NodeSetup(
      mesh: mesh, node: node.name, format: format, publicKey: publicKey,
      secret: privateKey.map { .key($0) } ?? .file(keyPath), addresses: hostAddresses,
      tunnels: tunnels.map {
        NodeSetup.Tunnel(
          peer: $0.peer, interface: $0.interface, port: $0.port, mtu: $0.mtu,
          address: $0.linkLocal, peerKey: $0.peerKey, presharedKey: $0.presharedKey,
          endpoint: $0.endpoint.map { "\($0)" }, keepalive: $0.keepsAlive ? Self.keepalive : 0)
      }, former: formerInterfaces,
      digests: Dictionary(
        uniqueKeysWithValues: effective.map {
          ($0.path, NodeSetup.digest(of: Array($0.text.utf8)))
        }))
  }
}

extension NodeSetup {
  fileprivate static let title = "swabelmesh-plan"
  fileprivate static let version = 1
  /// The name of the file below the folder of a node.
  public static let fileName = "plan"
  /// Most octets of a plan.
  public static let textLimit = 1 << 20

  /// The lines of the file.
  var lines: [String] {
    var lines = [
      "\(Self.title) \(Self.version)", "mesh \(mesh)", "node \(node)", "format \(format.rawValue)",
      "public \(publicKey.base64)",
    ]
    switch secret {
    case .key(let key): lines.append("private \(key.base64)")
    case .file(let path): lines.append("private-file \(path)")
    }
    lines += addresses.map { "address \($0)" }
    for tunnel in tunnels {
      var words = [
        "tunnel \(tunnel.peer) interface \(tunnel.interface) port \(tunnel.port)",
        "mtu \(tunnel.mtu) address \(tunnel.address) public \(tunnel.peerKey.base64)",
        "preshared \(tunnel.presharedKey.base64) keepalive \(tunnel.keepalive)",
      ]
      if let endpoint = tunnel.endpoint { words.append("endpoint \(endpoint)") }
      lines.append(words.joined(separator: " "))
    }
    lines += former.map { "former \($0)" }
    lines += digests.sorted { $0.key < $1.key }.map { "file \($0.key) sha256 \($0.value)" }
    return lines + ["end"]
  }

  /// Reads what was written.
  public init(_ octets: [UInt8], file: String) throws(TextError) {
    var parser = SetupParser(reader: WordReader(octets, file: file))
    self = try parser.setup()
  }
}

/// Reads a plan.
private struct SetupParser {
  var reader: WordReader
  private static let lines = ["address", "tunnel", "former", "file", "end"]

  mutating func setup() throws(TextError) -> NodeSetup {
    try reader.header(NodeSetup.title, NodeSetup.version, of: "plan")
    let mesh = try line("mesh") { reader throws(TextError) in try reader.name().text }
    let node = try line("node") { reader throws(TextError) in try reader.name().text }
    let format = try line("format") { reader throws(TextError) in try reader.format() }
    let publicKey = try line("public") { reader throws(TextError) in try reader.publicKey() }
    let secret = try secret()
    var (addresses, former): ([String], [InterfaceName]) = ([], [])
    var tunnels: [NodeSetup.Tunnel] = []
    var digests: [String: String] = [:]
    while try reader.nextLine() {
      let word = try reader.next(oneOf(Self.lines))
      switch word.text {
      case "address": addresses.append(try host())
      case "tunnel": tunnels.append(try tunnel())
      case "former": former.append(try reader.interface())
      case "file":
        let path = try reader.next("a path")
        try reader.expect("sha256")
        digests[path.text] = try reader.next("64 hexadecimal digits").text
      case "end":
        try reader.end()
        return NodeSetup(
          mesh: mesh, node: node, format: format, publicKey: publicKey, secret: secret,
          addresses: addresses, tunnels: tunnels, former: former, digests: digests)
      default: throw reader.unexpected(word, oneOf(Self.lines))
      }
      try reader.end()
    }
    throw reader.errorAtEnd("the plan ends without \"end\": a part of it is missing")
  }

  private mutating func line<Value>(
    _ keyword: String, _ read: (inout WordReader) throws(TextError) -> Value
  ) throws(TextError) -> Value {
    guard try reader.nextLine() else { throw reader.errorAtEnd("the plan ends too early") }
    try reader.expect(keyword)
    let value = try read(&reader)
    try reader.end()
    return value
  }

  private mutating func secret() throws(TextError) -> NodeSetup.Secret {
    guard try reader.nextLine() else { throw reader.errorAtEnd("the plan ends too early") }
    let word = try reader.next(oneOf(["private", "private-file"]))
    let secret: NodeSetup.Secret
    switch word.text {
    case "private": secret = .key(try reader.secret())
    case "private-file": secret = .file(try reader.next("a path").text)
    default: throw reader.unexpected(word, oneOf(["private", "private-file"]))
    }
    try reader.end()
    return secret
  }

  private mutating func tunnel() throws(TextError) -> NodeSetup.Tunnel {
    let peer = try reader.name().text
    try reader.expect("interface")
    let interface = try reader.interface()
    try reader.expect("port")
    let port = try reader.number("a port", 1...65535)
    try reader.expect("mtu")
    let mtu = try reader.number("an MTU", 1280...65535)
    try reader.expect("address")
    let word = try reader.next("a link-local address")
    guard let address = IPAddress(word.text), address.isLinkLocal else {
      throw reader.unexpected(word, "a link-local address")
    }
    try reader.expect("public")
    let peerKey = try reader.publicKey()
    try reader.expect("preshared")
    let presharedKey = try reader.secret()
    try reader.expect("keepalive")
    let keepalive = try reader.number("seconds", 0...65535)
    var endpoint: String?
    if reader.hasMore {
      try reader.expect("endpoint")
      endpoint = try reader.next("an endpoint").text
    }
    return NodeSetup.Tunnel(
      peer: peer, interface: interface, port: UInt16(port), mtu: mtu, address: address,
      peerKey: peerKey, presharedKey: presharedKey, endpoint: endpoint, keepalive: keepalive)
  }

  private mutating func host() throws(TextError) -> String {
    let word = try reader.next("an address")
    guard Prefix(word.text) != nil else { throw reader.unexpected(word, "an address") }
    return word.text
  }
}
