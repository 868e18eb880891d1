/// What was seen of a mesh from one or several of its nodes: what they say, not yet put together.
///
/// Nodes are named by their router-ids. A neighbour whose router-id nobody knows is named by its
/// address and by where it was seen, `fe80::2%wg0@02:00:…`.
public struct Sighting: Equatable, Sendable {
  /// A cost or metric that cannot be used.
  public static let infinity = 65535

  /// What one node says of a link of its own.
  public struct End: Equatable, Sendable {
    /// Who says it.
    public var from: String
    /// Who is at the other end.
    public var to: String
    /// The node's interface.
    public var interface = ""
    /// The neighbour's address.
    public var address = ""
    /// The cost of the link; 65535 if it cannot be used.
    public var cost = Sighting.infinity
    /// The cost of receiving and of sending; nil if not said.
    public var rxcost: Int?, txcost: Int?
    /// The round-trip time in microseconds; nil if not measured.
    public var roundTrip: Int?
    /// How much is lost, in thousandths; nil if not measured.
    public var loss: Int?
  }

  /// A router that is reached by way of a neighbour; what lies between is not known.
  public struct Path: Hashable, Sendable {
    /// Whose neighbour it is; empty if not said.
    public var viewer: String
    /// The neighbour.
    public var via: String
    /// The router.
    public var to: String
    /// The metric that the neighbour announced.
    public var metric: Int
  }

  /// A route that a node has.
  public struct Route: Equatable, Sendable {
    /// Whose route it is.
    public var at: String
    /// The prefix, with the source prefix behind ` from ` if there is one.
    public var prefix: String
    /// Which router originates it.
    public var router: String
    /// The neighbour that the packets are sent to.
    public var via: String
    /// The address that the packets are sent to, and the interface.
    public var nextHop: String, interface: String
    /// The metric, and the one that the neighbour announced.
    public var metric: Int, announced: Int
    /// Whether packets take it.
    public var isSelected: Bool
  }

  /// Where a node is on a link.
  public struct Address: Hashable, Sendable {
    /// The node.
    public var node: String
    /// Its interface, and its address there.
    public var interface: String, address: String
  }

  /// Nodes that were asked themselves, with what they call themselves; empty if not said.
  public var asked: [String: String] = [:]
  /// All nodes, with the prefixes that they originate.
  public var prefixes: [String: Set<String>] = [:]
  /// What nodes say of their own links.
  public var ends: [End] = []
  /// What is known from routes only.
  public var paths: Set<Path> = []
  /// The routes of nodes that were asked.
  public var routes: [Route] = []
  /// The addresses of nodes that were asked, on their links.
  public var addresses: Set<Address> = []

  /// Nothing.
  public init() {}

  /// Adds what another one saw. What both say of the same link counts once.
  public mutating func add(_ other: Sighting) {
    asked.merge(other.asked) { $0.isEmpty ? $1 : $0 }
    prefixes.merge(other.prefixes) { $0.union($1) }
    ends += other.ends
    paths.formUnion(other.paths)
    routes += other.routes
    addresses.formUnion(other.addresses)
  }

  /// Adds a node, or a prefix of it.
  mutating func note(_ node: String, prefix: String? = nil) {
    prefixes[node, default: []].formUnion(prefix.map { [$0] } ?? [])
  }

  /// Names nodes anew, such as those that a list knows by their addresses.
  public func renamed(_ name: (String) -> String) -> Sighting {
    var result = Sighting()
    result.asked = Dictionary(asked.map { (name($0.key), $0.value) }) { $0.isEmpty ? $1 : $0 }
    for (node, found) in prefixes { result.prefixes[name(node), default: []].formUnion(found) }
    result.ends = ends.map { end in
      var end = end
      (end.from, end.to) = (name(end.from), name(end.to))
      return end
    }
    result.paths = Set(
      paths.map {
        Path(viewer: name($0.viewer), via: name($0.via), to: name($0.to), metric: $0.metric)
      })
    result.routes = routes.map { route in
      var route = route
      (route.at, route.router, route.via) = (name(route.at), name(route.router), name(route.via))
      return route
    }
    result.addresses = Set(
      addresses.map {
        Address(node: name($0.node), interface: $0.interface, address: $0.address)
      })
    return result
  }

  /// The same with neighbours recognised that are known by their addresses only, because their
  /// links cannot be used or they originate nothing. Of two nodes that were asked each must have
  /// the other as a neighbour: an address alone can be that of several nodes, each on a link of its
  /// own.
  public func recognised() -> Sighting {
    var owners: [String: [Address]] = [:]
    for own in addresses { owners[own.address, default: []].append(own) }
    var heard: [Address: Set<String>] = [:]
    for end in ends {
      let place = Address(node: end.from, interface: end.interface, address: "")
      heard[place, default: []].insert(end.address)
    }
    var own: [Address: Set<String>] = [:]
    for address in addresses {
      let place = Address(node: address.node, interface: address.interface, address: "")
      own[place, default: []].insert(address.address)
    }
    var names: [String: String] = [:]
    for end in ends where end.to.contains("%") {
      let place = Address(node: end.from, interface: end.interface, address: "")
      let candidates = (owners[end.address] ?? []).filter { owner in
        let there = Address(node: owner.node, interface: owner.interface, address: "")
        return owner.node != end.from
          && !(heard[there] ?? []).isDisjoint(with: own[place] ?? [])
      }
      if candidates.count == 1 { names[end.to] = candidates[0].node }
    }
    return names.isEmpty ? self : renamed { names[$0] ?? $0 }
  }
}
