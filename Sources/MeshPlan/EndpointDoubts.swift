import BabelWire

extension MeshList {
  /// What is doubtful about the endpoints of the nodes, in words. `plans` are those of this list.
  public func endpointDoubts(_ plans: [NodePlan]) -> [String] {
    sharedEndpoints(plans) + nodes.compactMap(routedEndpoint)
  }

  /// Two nodes that are reached at one host and port, such as two behind one router.
  private func sharedEndpoints(_ plans: [NodePlan]) -> [String] {
    var owners: [String: String] = [:]
    var shared: [NodePair: String] = [:]
    for tunnel in plans.flatMap({ $0.tunnels }) {
      guard let endpoint = tunnel.endpoint else { continue }
      // Case counts for nothing in names of DNS.
      let place = "\(endpoint)".lowercased()
      guard let owner = owners[place] else {
        owners[place] = tunnel.peer
        continue
      }
      guard owner != tunnel.peer else { continue }
      let pair = NodePair(owner, tunnel.peer)
      shared[pair] = min(shared[pair] ?? place, place)
    }
    return shared.sorted { $0.key < $1.key }.map { pair, place in
      "nodes \(pair) are both to be reached at \(place), which can lead to one of them only"
    }
  }

  /// Why a route of the mesh could lead to the endpoint of a node. The packets of a tunnel would
  /// then go into the tunnel. Default routes lead everywhere, and are not looked at.
  private func routedEndpoint(of node: MeshNode) -> String? {
    guard let text = node.endpoint, let address = IPAddress(text) else { return nil }
    func covers(_ prefix: Prefix) -> Bool { !prefix.isDefault && prefix.contains(address) }
    let reason: String
    if let owner = nodes.first(where: { $0.addresses.contains(address) }) {
      reason = "is an address that node \(owner.name) announces"
    } else if let owner = nodes.first(where: { $0.prefixes.contains(where: covers) }),
      let prefix = owner.prefixes.first(where: covers)
    {
      reason = "is in \(prefix), which node \(owner.name) announces"
    } else if let prefix = accepted.first(where: covers) {
      reason = "is in \(prefix), which nodes accept routes to"
    } else {
      return nil
    }
    return "the endpoint \(address) of node \(node.name) \(reason): the packets of its tunnels "
      + "could be routed into these tunnels"
  }
}
