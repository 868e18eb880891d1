import BabelWire

/// What a mesh must keep from one writing to the next: keys, ports and names of interfaces.
///
/// Whatever was allotted stays, also for nodes and tunnels that the list does not have at the
/// moment, until a node is forgotten. So a node that was left out by mistake comes back as it was.
public struct MeshState: Equatable, Sendable {
  /// What is kept of a node.
  public struct Node: Equatable, Sendable {
    /// The number of its private key, from 1: the name of the key's file has it. It is 0 if the
    /// node keeps its private key to itself.
    public fileprivate(set) var keyNumber: Int
    /// Its public key.
    public fileprivate(set) var publicKey: WireGuardKey
    /// Whether it has told its public key itself, by joining with a token.
    public fileprivate(set) var hasJoined = false
    /// Where it has its private key, if it has told so; else where its format has it.
    public fileprivate(set) var keyPath: String?

    init(
      keyNumber: Int, publicKey: WireGuardKey, hasJoined: Bool = false, keyPath: String? = nil
    ) {
      (self.keyNumber, self.publicKey, self.hasJoined) = (keyNumber, publicKey, hasJoined)
      self.keyPath = keyPath
    }
  }

  /// What is kept of one end of a tunnel.
  public struct End: Equatable, Sendable {
    /// The UDP port on which WireGuard listens there.
    public let port: UInt16
    /// The interface.
    public let interface: InterfaceName
  }

  /// What is kept of a tunnel.
  public struct Link: Equatable, Sendable {
    /// The end at the pair's first node.
    public let first: End
    /// The end at the pair's second node.
    public let second: End
    /// WireGuard's preshared key.
    public fileprivate(set) var presharedKey: WireGuardKey
    /// The key with which the daemons sign their packets.
    public fileprivate(set) var packetKey: WireGuardKey
  }

  /// The name of the mesh; it must not change, since addresses are made from it.
  public let name: String
  /// Nodes by name.
  public private(set) var nodes: [String: Node] = [:]
  /// Tunnels by the nodes that they join.
  public private(set) var links: [NodePair: Link] = [:]
  /// The number of the last private key of each node that was forgotten or has given up its own.
  public private(set) var formerKeys: [String: Int] = [:]
  /// The last invitation of each node that was invited.
  public private(set) var invitations: [String: Invitation] = [:]
  /// What is taken on each node, found from ``links``.
  private var taken: [String: TakenPlaces] = [:]

  /// A mesh of which nothing is known yet.
  public init(name: String) { self.name = name }

  // MARK: What the text of a state says

  mutating func enter(_ node: Node, named name: String) -> Bool {
    nodes.updateValue(node, forKey: name) == nil
  }

  mutating func enter(formerKey number: Int, of name: String) -> Bool {
    formerKeys.updateValue(number, forKey: name) == nil
  }

  mutating func enter(_ invitation: Invitation, of name: String) -> Bool {
    invitations.updateValue(invitation, forKey: name) == nil
  }

  /// Enters a tunnel; false if there is one already, or if one of its ports or names is taken.
  mutating func enter(_ link: Link, between pair: NodePair) -> Bool {
    guard links[pair] == nil else { return false }
    let isFree =
      taken[pair.first, default: TakenPlaces()].take(link.first)
      && taken[pair.second, default: TakenPlaces()].take(link.second)
    links[pair] = link
    return isFree
  }

  /// The interfaces of all tunnels but these, by node.
  func interfaces(besides pairs: Set<NodePair>) -> [String: [InterfaceName]] {
    var found: [String: [InterfaceName]] = [:]
    for (pair, link) in links where !pairs.contains(pair) {
      found[pair.first, default: []].append(link.first.interface)
      found[pair.second, default: []].append(link.second.interface)
    }
    return found
  }

  // MARK: Changes

  /// The number of the private key that a node of the list has, or will have when it is adopted.
  public func keyNumber(of node: MeshNode) -> Int {
    if node.publicKey != nil || nodes[node.name]?.hasJoined == true { return 0 }
    if let known = nodes[node.name], known.keyNumber > 0 { return known.keyNumber }
    return formerKeys[node.name, default: 0] + 1
  }

  /// Takes in what the list has and the state has not: nodes, and tunnels, for which ports, names
  /// and keys are chosen. `publicKeys` has those that belong to the private keys of new nodes.
  public mutating func adopt(
    _ list: MeshList, _ pairs: [NodePair], publicKeys: [String: WireGuardKey],
    using chance: inout some RandomNumberGenerator
  ) throws(PlanError) {
    for node in list.nodes {
      let number = keyNumber(of: node)
      var publicKey = node.publicKey ?? publicKeys[node.name]
      let known = nodes[node.name]
      if let known, known.keyNumber == number, number > 0 || node.publicKey == nil {
        publicKey = known.publicKey
      }
      guard let publicKey else { throw .noKey(node.name) }
      if number == 0, let known, known.keyNumber > 0 {
        formerKeys[node.name] = known.keyNumber
      } else if number > 0 {
        formerKeys[node.name] = nil
      }
      let hasJoined = node.publicKey == nil && known?.hasJoined == true
      nodes[node.name] = Node(
        keyNumber: number, publicKey: publicKey, hasJoined: hasJoined,
        keyPath: hasJoined ? known?.keyPath : nil)
    }
    try checkKeys(of: list)
    for pair in pairs where links[pair] == nil {
      let first = try freeEnd(at: pair.first, towards: pair.second, from: list.portBase)
      let second = try freeEnd(at: pair.second, towards: pair.first, from: list.portBase)
      links[pair] = Link(
        first: first, second: second, presharedKey: .random(using: &chance),
        packetKey: .random(using: &chance))
    }
  }

  /// WireGuard and the daemons tell nodes from each other by their keys.
  private func checkKeys(of list: MeshList) throws(PlanError) {
    var owners: [WireGuardKey: String] = [:]
    for node in list.nodes {
      guard let key = nodes[node.name]?.publicKey else { continue }
      guard !key.isZero else { throw .zeroKey(node.name) }
      if let owner = owners.updateValue(node.name, forKey: key) {
        throw .sameKey(NodePair(owner, node.name))
      }
    }
  }

  private mutating func freeEnd(
    at node: String, towards peer: String, from portBase: UInt16
  ) throws(PlanError) -> End {
    guard let end = taken[node, default: TakenPlaces()].choose(towards: peer, from: portBase) else {
      throw .noPort(node, portBase)
    }
    return end
  }

  /// Gives each tunnel of a node new keys, and the node its next private key, to which `publicKey`
  /// belongs; nil for a node that keeps its private key to itself.
  public mutating func renewKeys(
    of name: String, publicKey: WireGuardKey?, using chance: inout some RandomNumberGenerator
  ) {
    guard var node = nodes[name] else { return }
    if let publicKey, node.keyNumber > 0 {
      node.keyNumber += 1
      node.publicKey = publicKey
    }
    nodes[name] = node
    for pair in links.keys.sorted() where pair.other(than: name) != nil {
      links[pair]?.presharedKey = .random(using: &chance)
      links[pair]?.packetKey = .random(using: &chance)
    }
  }

  /// Keeps an invitation; an earlier one of the node does not count any more.
  public mutating func invite(_ name: String, _ invitation: Invitation) {
    invitations[name] = invitation
  }

  /// Nodes that are invited and have no key yet: nothing can be written for them.
  public var awaited: Set<String> { Set(invitations.keys.filter { nodes[$0] == nil }) }

  /// Takes the public key that an invited node has told, in the place of one that it had. Tunnels
  /// that it has get new keys then. The invitation is used. `keyPath` is where the node has its
  /// private key, if not where its format has it.
  public mutating func join(
    _ name: String, publicKey: WireGuardKey, keyPath: String? = nil,
    using chance: inout some RandomNumberGenerator
  ) {
    if let old = nodes[name] {
      if old.keyNumber > 0 { formerKeys[name] = old.keyNumber }
      renewKeys(of: name, publicKey: nil, using: &chance)
    }
    nodes[name] = Node(keyNumber: 0, publicKey: publicKey, hasJoined: true, keyPath: keyPath)
    invitations[name]?.isUsed = true
  }

  /// Forgets a node and its tunnels. A later node of that name gets new keys.
  public mutating func forget(_ name: String) {
    if let node = nodes.removeValue(forKey: name), node.keyNumber > 0 {
      formerKeys[name] = node.keyNumber
    }
    invitations[name] = nil
    for pair in links.keys where pair.other(than: name) != nil { links[pair] = nil }
    taken = [:]
    for (pair, link) in links {
      _ = taken[pair.first, default: TakenPlaces()].take(link.first)
      _ = taken[pair.second, default: TakenPlaces()].take(link.second)
    }
  }
}

/// Why there can be no plan for a list.
public enum PlanError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No public key of the node is known.
  case noKey(String)
  /// The public key of the node is all zeros.
  case zeroKey(String)
  /// Two nodes have the same public key.
  case sameKey(NodePair)
  /// A node has no free port from that one on.
  case noPort(String, UInt16)
  /// The state is that of a mesh with another name.
  case otherMesh(state: String, list: String)
  /// The topology asks for more tunnels than there may be.
  case tooManyLinks

  /// The reason in words.
  public var description: String {
    switch self {
    case .noKey(let node): "node \(node) has no key"
    case .zeroKey(let node): "the public key of node \(node) is all zeros, which is none"
    case .sameKey(let pair): "nodes \(pair) have the same public key; each needs its own"
    case .noPort(let node, let base): "node \(node) has no free port from \(base) on"
    case .otherMesh(let state, let list):
      "the state is that of mesh \(state), and the list is that of mesh \(list); a mesh cannot be "
        + "renamed, because its addresses are made from the name"
    case .tooManyLinks:
      "the topology asks for more than \(MeshList.linkLimit) tunnels"
    }
  }
}

/// Ports and names of interfaces that the tunnels of one node have.
private struct TakenPlaces: Equatable, Sendable {
  private var ports: Set<UInt16> = []
  /// Names as OpenWrt has them.
  private var names: Set<InterfaceName> = []

  /// Takes what an end has; false if a part of it is taken already.
  mutating func take(_ end: MeshState.End) -> Bool {
    let isFreePort = ports.insert(end.port).inserted
    return names.insert(end.interface.withUnderscores).inserted && isFreePort
  }

  /// Takes the smallest free port from a number on, and a free name that tells of the peer; nil if
  /// no port is left.
  mutating func choose(towards peer: String, from portBase: UInt16) -> MeshState.End? {
    // Babel's own port is that of the daemon.
    guard let port = (portBase...UInt16.max).first(where: { $0 != 6696 && !ports.contains($0) })
    else { return nil }
    for attempt in 0... {
      let name = InterfaceName.tunnel(to: peer, attempt: attempt)
      guard let name, !names.contains(name.withUnderscores) else { continue }
      let end = MeshState.End(port: port, interface: name)
      return take(end) ? end : nil
    }
    return nil
  }
}
