import BabelWire

extension MeshList {
  /// The names of nodes by the router-ids that ``MeshState`` and the files give them, as text.
  public var namesByRouterID: [String: String] {
    Dictionary(nodes.map { (RouterID.ofNode($0.name, in: name).description, $0.name) }) {
      one, _ in one
    }
  }

  /// The router-ids of nodes by the link-local addresses of their ends of tunnels, both as text.
  /// `links` are the tunnels of this list.
  public func routerIDsByAddress(_ links: MeshLinks) -> [String: String] {
    var found: [String: String] = [:]
    for pair in links.pairs {
      for (one, other) in [(pair.first, pair.second), (pair.second, pair.first)] {
        let address = IPAddress.linkLocal(of: one, towards: other, in: name)
        found[address.description] = RouterID.ofNode(one, in: name).description
      }
    }
    return found
  }
}
