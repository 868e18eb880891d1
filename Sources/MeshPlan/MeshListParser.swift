import BabelWire

/// Reads the list of a mesh, `mesh.conf`: one statement a line, `#` begins a comment.
public struct MeshListParser {
  private var reader: WordReader
  private var list = MeshList()
  /// Where each node is mentioned first, in the order of ``MeshList/nodes``.
  private var places: [PlacedWord] = []
  private var indexes: [String: Int] = [:]
  /// Nodes that were said to be behind NAT.
  private var natted: Set<String> = []
  private var seen: Set<String> = []
  /// Names of nodes that must turn out to exist.
  private var mentioned: [PlacedWord] = []
  /// Whose each address is.
  private var owners: [IPAddress: String] = [:]
  /// What must lie in a network that is accepted; such networks may be named later.
  private var announcements: [(prefix: Prefix, word: PlacedWord)] = []
  private var topologyPlace: PlacedWord?

  /// The words with which a statement begins.
  package static let statements = [
    "mesh", "topology", "port-base", "transport-mtu", "format", "accept", "latency", "node",
  ]
  /// The words that say something of a node.
  package static let nodeWords = [
    "endpoint", "nat", "prefix", "address", "position", "format", "transport-mtu", "public-key",
  ]

  /// The list that the octets of a file say, or the first fault.
  public static func parse(_ octets: [UInt8], file: String) throws(TextError) -> MeshList {
    guard octets.count <= MeshList.fileLimit else {
      throw TextError(
        file: file, line: 1, column: 1, reason: "more than \(MeshList.fileLimit) octets")
    }
    var parser = MeshListParser(reader: WordReader(octets, file: file))
    while try parser.reader.nextLine() { try parser.statement() }
    try parser.checkWhole()
    return parser.list
  }

  private init(reader: WordReader) { self.reader = reader }

  // MARK: Statements

  private mutating func statement() throws(TextError) {
    let word = try reader.next("a statement")
    if ["mesh", "topology", "port-base", "transport-mtu", "format"].contains(word.text),
      !seen.insert(word.text).inserted
    {
      throw reader.error(at: word, "\"\(word.text)\" is said twice")
    }
    switch word.text {
    case "mesh": list.name = try name("the name of the mesh").text
    case "topology": try topology()
    case "port-base": list.portBase = UInt16(try number("the first port", 1024...65535))
    case "transport-mtu": list.transportMTU = try transportMTU()
    case "format": list.format = try reader.format()
    case "accept": try accept()
    case "latency": try latency()
    case "node": try node()
    default: throw reader.unexpected(word, among: Self.statements)
    }
    try reader.end()
  }

  private mutating func topology() throws(TextError) {
    let kinds = ["full", "hub", "ring", "nearest"]
    let word = try reader.next(oneOf(kinds))
    topologyPlace = word
    switch word.text {
    case "full": list.topology = .full
    case "ring": list.topology = .ring
    case "nearest": list.topology = .nearest(try number("how many neighbours", 1...100))
    case "hub":
      var hubs = [try name("the name of a hub")]
      while let next = reader.next() { hubs.append(next) }
      mentioned += hubs
      list.topology = .hub(hubs.map { $0.text })
    default: throw reader.unexpected(word, among: kinds)
    }
  }

  private mutating func accept() throws(TextError) {
    repeat { list.accepted.append(try prefix("a prefix").prefix) } while reader.hasMore
  }

  private mutating func latency() throws(TextError) {
    let one = try name("the name of a node")
    let other = try name("the name of another node")
    guard one.text != other.text else { throw reader.unexpected(other, "another node") }
    mentioned += [one, other]
    let pair = NodePair(one.text, other.text)
    guard list.latencies[pair] == nil else {
      throw reader.error(at: one, "the latency between \(pair) is said twice")
    }
    list.latencies[pair] = try decimal("milliseconds", 0...100_000)
  }

  private mutating func node() throws(TextError) {
    let word = try name("the name of a node")
    let index = indexes[word.text] ?? list.nodes.count
    if index == list.nodes.count {
      guard index < MeshList.nodeLimit else {
        throw reader.error(at: word, "there may be \(MeshList.nodeLimit) nodes at most")
      }
      list.nodes.append(MeshNode(name: word.text))
      places.append(word)
      indexes[word.text] = index
    }
    var node = list.nodes[index]
    repeat { try apply(try reader.next(oneOf(Self.nodeWords)), to: &node) } while reader.hasMore
    list.nodes[index] = node
  }

  private mutating func apply(
    _ keyword: PlacedWord, to node: inout MeshNode
  ) throws(TextError) {
    let single = ["endpoint", "nat", "position", "format", "transport-mtu", "public-key"]
    if single.contains(keyword.text), !seen.insert("\(node.name) \(keyword.text)").inserted {
      throw reader.error(at: keyword, "\"\(keyword.text)\" of node \(node.name) is said twice")
    }
    switch keyword.text {
    case "endpoint":
      node.endpoint = try endpoint()
      try checkReachability(of: node, at: keyword)
    case "nat":
      natted.insert(node.name)
      try checkReachability(of: node, at: keyword)
    case "prefix": node.prefixes.append(try announcedPrefix())
    case "address": node.addresses.append(try address(of: node.name))
    case "position":
      let range = -100_000.0...100_000.0
      node.position = MeshNode.Position(
        x: try decimal("a coordinate", range), y: try decimal("a coordinate", range))
    case "format": node.format = try reader.format()
    case "transport-mtu": node.transportMTU = try transportMTU()
    case "public-key":
      let word = try reader.next("a public key in base64")
      guard let key = WireGuardKey(word.text) else {
        throw reader.unexpected(word, "a public key in base64, as \"wg pubkey\" prints it")
      }
      guard !key.isZero else { throw reader.error(at: word, "a key of zeros is no public key") }
      if let owner = list.nodes.first(where: { $0.publicKey == key }) {
        throw reader.error(at: word, "node \(owner.name) has this public key already")
      }
      node.publicKey = key
    default: throw reader.unexpected(keyword, among: Self.nodeWords)
    }
  }

  private func checkReachability(
    of node: MeshNode, at word: PlacedWord
  ) throws(TextError) {
    guard node.endpoint != nil, natted.contains(node.name) else { return }
    throw reader.error(
      at: word, "node \(node.name) either has an endpoint or is behind NAT, not both")
  }

  // MARK: Values

  private mutating func name(_ expected: String) throws(TextError) -> PlacedWord {
    let word = try reader.next(expected)
    guard MeshList.isName(word.text) else {
      throw reader.unexpected(
        word, "\(expected): 1 to 31 lower-case letters, digits and dashes, no dash at an end")
    }
    return word
  }

  private mutating func number(
    _ expected: String, _ range: ClosedRange<Int>
  ) throws(TextError) -> Int {
    let what = "\(expected), \(range.lowerBound) to \(range.upperBound)"
    let word = try reader.next(what)
    guard let value = Int(word.text), range.contains(value) else {
      throw reader.unexpected(word, what)
    }
    return value
  }

  private mutating func decimal(
    _ expected: String, _ range: ClosedRange<Double>
  ) throws(TextError) -> Double {
    let word = try reader.next(expected)
    let isPlain = word.text.utf8.allSatisfy {
      (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E
    }
    guard isPlain, let value = Double(word.text), range.contains(value) else {
      throw reader.unexpected(
        word, "\(expected), a number from \(Int(range.lowerBound)) to \(Int(range.upperBound))")
    }
    return value
  }

  private mutating func transportMTU() throws(TextError) -> Int {
    // Less would leave IPv6 less than the 1280 octets that it needs inside the tunnel.
    try number("the MTU outside of the tunnels", 1360...65535)
  }

  /// An address, or a name of DNS: what cannot break out of the quotation marks of any format.
  private mutating func endpoint() throws(TextError) -> String {
    let expected = "an IPv4 or IPv6 address or a host name, without a port"
    let word = try reader.next(expected)
    if let address = IPAddress(word.text) {
      guard !Prefix(mapped: address, mappedLength: 128).isMartian else {
        throw reader.unexpected(word, "an address that other nodes can reach")
      }
      return address.description
    }
    let labels = word.text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
    let isHostName =
      word.text.utf8.count <= 253
      && labels.allSatisfy { label in
        (1...63).contains(label.count) && label.first != 0x2D && label.last != 0x2D
          && label.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0)
              || (0x41...0x5A).contains($0) || $0 == 0x2D
          }
      }
    // What ends in a number is an address with a mistake.
    let isNumber = labels.last?.allSatisfy { (0x30...0x39).contains($0) } ?? true
    guard isHostName, !isNumber else { throw reader.unexpected(word, expected) }
    return word.text
  }

  private mutating func prefix(
    _ expected: String
  ) throws(TextError) -> (prefix: Prefix, word: PlacedWord) {
    let word = try reader.next(expected)
    guard let prefix = Prefix(word.text), !prefix.isMartian else {
      throw reader.unexpected(word, "\(expected), such as 10.20.0.0/16 or fd20::/32")
    }
    let address = word.text.utf8.prefix { $0 != UInt8(ascii: "/") }
    guard IPAddress(octets: Array(address)) == prefix.address else {
      throw reader.error(at: word, "\(word.text) has bits behind its length; \(prefix) has none")
    }
    return (prefix, word)
  }

  private mutating func announcedPrefix() throws(TextError) -> Prefix {
    let found = try prefix("a prefix that the node announces")
    announcements.append(found)
    return found.prefix
  }

  private mutating func address(of node: String) throws(TextError) -> IPAddress {
    let word = try reader.next("an address of the node")
    guard let address = IPAddress(word.text) else {
      throw reader.unexpected(word, "an address, such as 10.20.1.1 or fd20::1")
    }
    let host = Prefix(mapped: address, mappedLength: 128)
    guard !host.isMartian else { throw reader.unexpected(word, "an address for a host") }
    if let owner = owners.updateValue(node, forKey: address) {
      throw reader.error(at: word, "node \(owner) has the address \(address) already")
    }
    announcements.append((host, word))
    return address
  }

  // MARK: The whole

  private func checkWhole() throws(TextError) {
    guard !list.name.isEmpty else {
      throw reader.errorAtEnd("the mesh has no name: add a line \"mesh NAME\"")
    }
    for (node, place) in zip(list.nodes, places)
    where node.isBehindNAT && !natted.contains(node.name) {
      throw reader.error(
        at: place, "node \(node.name) needs \"endpoint HOST\", or \"nat\" if it is behind NAT")
    }
    for word in mentioned where indexes[word.text] == nil {
      throw reader.error(at: word, "there is no node \(word.text)")
    }
    if !list.accepted.isEmpty {
      for (prefix, place) in announcements
      where !list.accepted.contains(where: { $0.contains(prefix) }) {
        throw reader.error(
          at: place, "\(prefix) is in no network that is accepted, so no node would use it")
      }
    }
    if case .nearest = list.topology, let place = topologyPlace { try checkDistances(place) }
  }

  /// Every two nodes that might be joined need a distance.
  private func checkDistances(_ place: PlacedWord) throws(TextError) {
    for (number, one) in list.nodes.enumerated() {
      for other in list.nodes[..<number] where !(one.isBehindNAT && other.isBehindNAT) {
        guard list.squaredDistance(one, other) == nil else { continue }
        let pair = NodePair(one.name, other.name)
        throw reader.error(
          at: place,
          "nothing says how far \(pair) are from each other: give both a \"position\", or say "
            + "\"latency \(pair.first) \(pair.second) MILLISECONDS\"")
      }
    }
  }
}
