import BabelWire

/// The form in which a node is given its WireGuard configuration.
public enum OutputFormat: String, CaseIterable, Sendable {
  /// Files for wg-quick(8).
  case wgQuick = "wg-quick"
  /// Files for systemd-networkd.
  case networkd
  /// A script for OpenWrt's uci.
  case openwrt
  /// A module for NixOS.
  case nixos
  /// Scripts of `ip` and `wg` commands.
  case commands
}

/// Which nodes are joined by a tunnel.
public enum Topology: Equatable, Sendable {
  /// Each with each.
  case full
  /// Each with every hub, and the hubs with each other.
  case hub([String])
  /// Each with the one before it and the one after it in the list; the last one with the first.
  case ring
  /// Each with the so many nodes that are nearest to it.
  case nearest(Int)
}

/// One machine of the mesh, as the list says.
public struct MeshNode: Equatable, Sendable {
  /// Lower-case letters, digits and dashes; 1 … 31 of them.
  public let name: String
  /// The address or name at which others reach it; nil for a node behind NAT.
  public internal(set) var endpoint: String?
  /// Networks behind it, which it announces.
  public internal(set) var prefixes: [Prefix] = []
  /// Addresses of its own, on its loopback interface, which it announces.
  public internal(set) var addresses: [IPAddress] = []
  /// Where it is, for ``Topology/nearest(_:)``: a place in the plane.
  public internal(set) var position: Position?
  /// Its format, if not that of all.
  public internal(set) var format: OutputFormat?
  /// Octets that its way into the Internet carries, if not as many as for all.
  public internal(set) var transportMTU: Int?
  /// The public key of a node that keeps its private key to itself.
  public internal(set) var publicKey: WireGuardKey?

  init(name: String) { self.name = name }

  /// Whether others can reach it only after it has spoken to them.
  public var isBehindNAT: Bool { endpoint == nil }

  /// A place in the plane; the distance of two is compared with latencies in milliseconds.
  public struct Position: Equatable, Sendable {
    /// To the right.
    public let x: Double
    /// Up.
    public let y: Double
  }
}

/// Two nodes, by name; the first name is the lesser one.
public struct NodePair: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The name that comes first.
  public let first: String
  /// The other name.
  public let second: String

  /// Makes a pair of two names in any order.
  public init(_ one: String, _ other: String) {
    first = min(one, other)
    second = max(one, other)
  }

  /// The other one of the two; nil if `name` is neither.
  public func other(than name: String) -> String? {
    name == first ? second : name == second ? first : nil
  }

  /// By first name, then by second.
  public static func < (a: NodePair, b: NodePair) -> Bool {
    (a.first, a.second) < (b.first, b.second)
  }

  /// `FIRST and SECOND`.
  public var description: String { "\(first) and \(second)" }
}

/// What the operator writes: the mesh, and the nodes in it.
public struct MeshList: Equatable, Sendable {
  /// The name of the mesh; addresses and router-ids are made from it.
  public internal(set) var name = ""
  /// Which nodes are joined.
  public internal(set) var topology = Topology.full
  /// The first port that WireGuard uses.
  public internal(set) var portBase: UInt16 = 51820
  /// Octets that the way from node to node carries.
  public internal(set) var transportMTU = 1500
  /// The format of nodes that do not say theirs.
  public internal(set) var format = OutputFormat.wgQuick
  /// Networks that nodes accept routes to; without any they accept all.
  public internal(set) var accepted: [Prefix] = []
  /// Measured latencies in milliseconds, for ``Topology/nearest(_:)``.
  public internal(set) var latencies: [NodePair: Double] = [:]
  /// The nodes, in the order of the list.
  public internal(set) var nodes: [MeshNode] = []

  init() {}

  /// The node with that name.
  public func node(named name: String) -> MeshNode? { nodes.first { $0.name == name } }

  /// The list without some nodes.
  public func without(_ names: Set<String>) -> MeshList {
    var list = self
    list.nodes.removeAll { names.contains($0.name) }
    if case .hub(let hubs) = topology {
      list.topology = .hub(hubs.filter { !names.contains($0) })
    }
    return list
  }

  /// Most nodes.
  public static let nodeLimit = 1000
  /// Most tunnels.
  public static let linkLimit = 50_000
  /// Most octets of a list.
  public static let fileLimit = 1 << 20

  /// Whether something may be called so: 1 … 31 lower-case letters, digits and dashes, a letter or
  /// digit at both ends. No two such names look alike, in any file or interface.
  public static func isName(_ text: String) -> Bool {
    let octets = Array(text.utf8)
    let dash = UInt8(ascii: "-")
    guard (1...31).contains(octets.count), octets.first != dash, octets.last != dash else {
      return false
    }
    return octets.allSatisfy {
      (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == dash
    }
  }
}
