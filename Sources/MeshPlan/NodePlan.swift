import BabelWire

/// One end of a tunnel, with all that its configuration says.
public struct Tunnel: Equatable, Sendable {
  /// The node at the other end.
  public let peer: String
  /// The interface at this end.
  public let interface: InterfaceName
  /// The UDP port of this end.
  public let port: UInt16
  /// The address of this end.
  public let linkLocal: IPAddress
  /// The address of the other end.
  public let peerLinkLocal: IPAddress
  /// Octets of the largest packet in the tunnel.
  public let mtu: Int
  /// The public key of the other end.
  public let peerKey: WireGuardKey
  /// WireGuard's preshared key.
  public let presharedKey: WireGuardKey
  /// The key with which the daemons sign their packets.
  public let packetKey: WireGuardKey
  /// Where the other end is reached, `HOST:PORT`; nil if it is behind NAT.
  public let endpoint: Endpoint?
  /// Whether this end must keep a NAT in front of it open.
  public let keepsAlive: Bool

  /// Host and port.
  public struct Endpoint: Equatable, Sendable, CustomStringConvertible {
    /// An address or a name.
    public let host: String
    /// The UDP port.
    public let port: UInt16

    /// `HOST:PORT`, with brackets around an IPv6 address.
    public var description: String {
      host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}

/// Everything that is configured on one node.
public struct NodePlan: Equatable, Sendable {
  /// The node, as the list has it.
  public let node: MeshNode
  /// The mesh.
  public let mesh: String
  /// How the configuration is written.
  public let format: OutputFormat
  /// The node's public key.
  public let publicKey: WireGuardKey
  /// The number of its private key; 0 if it keeps it to itself.
  public let keyNumber: Int
  /// The path on the node at which its private key is, where the files need one.
  public let keyPath: String
  /// The daemon's router-id.
  public let routerID: RouterID
  /// Networks that the daemon accepts routes to; all if there are none.
  public let accepted: [Prefix]
  /// The tunnels, in the order of their peers' names.
  public let tunnels: [Tunnel]
  /// Interfaces of tunnels that the state knows and the list has not, in order: they are to be
  /// taken down.
  public let formerInterfaces: [InterfaceName]

  /// The plans of all nodes, in the order of the list. The state must have adopted the list.
  public static func all(
    _ list: MeshList, _ pairs: [NodePair], _ state: MeshState
  ) throws(PlanError) -> [NodePlan] {
    var peers: [String: [NodePair]] = [:]
    for pair in pairs {
      peers[pair.first, default: []].append(pair)
      peers[pair.second, default: []].append(pair)
    }
    let former = state.interfaces(besides: Set(pairs))
    var nodes: [String: MeshNode] = [:]
    for node in list.nodes { nodes[node.name] = node }
    var plans: [NodePlan] = []
    for node in list.nodes {
      guard let known = state.nodes[node.name] else { throw .noKey(node.name) }
      var tunnels: [Tunnel] = []
      for pair in peers[node.name, default: []] {
        guard let name = pair.other(than: node.name), let peer = nodes[name],
          let peerKey = state.nodes[name]?.publicKey
        else { throw .noKey(node.name) }
        guard let link = state.links[pair] else { throw .noPort(node.name, list.portBase) }
        tunnels.append(Tunnel(from: node, to: peer, peerKey, link, of: list))
      }
      let format = node.format ?? list.format
      plans.append(
        NodePlan(
          node: node, mesh: list.name, format: format,
          publicKey: known.publicKey, keyNumber: known.keyNumber,
          keyPath: known.keyPath ?? format.keyPath,
          routerID: .ofNode(node.name, in: list.name), accepted: list.accepted,
          tunnels: tunnels.sorted { $0.peer < $1.peer },
          formerInterfaces: former[node.name, default: []].map { $0.named(for: format) }.sorted()))
    }
    return plans
  }
}

extension Tunnel {
  init(
    from node: MeshNode, to peer: MeshNode, _ peerKey: WireGuardKey, _ link: MeshState.Link,
    of list: MeshList
  ) {
    let isFirst = node.name < peer.name
    let (own, others) = isFirst ? (link.first, link.second) : (link.second, link.first)
    self.peer = peer.name
    interface = own.interface.named(for: node.format ?? list.format)
    port = own.port
    linkLocal = .linkLocal(of: node.name, towards: peer.name, in: list.name)
    peerLinkLocal = .linkLocal(of: peer.name, towards: node.name, in: list.name)
    mtu = Self.mtu(between: node, and: peer, of: list)
    self.peerKey = peerKey
    presharedKey = link.presharedKey
    packetKey = link.packetKey
    endpoint = peer.endpoint.map { Endpoint(host: $0, port: others.port) }
    keepsAlive = node.isBehindNAT
  }

  /// What the way between two nodes carries, less 32 octets for WireGuard, 8 for UDP, and 20 or 40
  /// for IPv4 or IPv6. A name may turn out to be an IPv6 address.
  static func mtu(between one: MeshNode, and other: MeshNode, of list: MeshList) -> Int {
    let transport = min(
      one.transportMTU ?? list.transportMTU, other.transportMTU ?? list.transportMTU)
    let isIPv4 = [one, other].compactMap { $0.endpoint }.allSatisfy {
      IPAddress($0)?.family == .ipv4
    }
    return transport - (isIPv4 ? 60 : 80)
  }
}
