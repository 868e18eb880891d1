import MeshPlan

/// A list together with a state that has adopted it, and what follows.
struct Draft {
  /// The list.
  let list: MeshList
  /// The state before; nil if there was none.
  let former: MeshState?
  /// The state afterwards.
  let state: MeshState
  /// The tunnels.
  let links: MeshLinks
  /// What is configured on each node.
  let plans: [NodePlan]
  private let privateKeys: [String: WireGuardKey]
  /// Nodes of the list that are left out, because they are invited and have not joined yet.
  let awaited: [String]

  /// Reads list and state, and makes what is missing. With `keepsKeys` new private keys are kept in
  /// the folder of the state; otherwise nothing is written.
  init(of request: Request, keepsKeys: Bool) throws(Failure) {
    let folder = StateFolder(path: request.state)
    let whole = try request.readList()
    former = try folder.readState()
    let missing = former?.awaited ?? []
    awaited = whole.nodes.map { $0.name }.filter(missing.contains)
    list = whole.without(missing)
    guard let links = MeshLinks(list) else {
      throw Failure("\(request.list): \(PlanError.tooManyLinks)")
    }
    self.links = links
    var state = former ?? MeshState(name: list.name)
    var chance = KernelChance()
    do throws(PlanError) {
      guard state.name == list.name else {
        throw .otherMesh(state: state.name, list: list.name)
      }
    } catch {
      throw Failure("\(request.list): \(error)")
    }
    privateKeys = try Self.keys(of: list, state, folder, keeps: keepsKeys, using: &chance)
    do throws(PlanError) {
      try state.adopt(
        list, links.pairs, publicKeys: privateKeys.mapValues { $0.publicKey }, using: &chance)
      plans = try NodePlan.all(list, links.pairs, state)
    } catch {
      throw Failure("\(request.list): \(error)")
    }
    self.state = state
  }

  /// The private keys of all nodes that have theirs here; those that are missing are made.
  private static func keys(
    of list: MeshList, _ state: MeshState, _ folder: StateFolder, keeps: Bool,
    using chance: inout KernelChance
  ) throws(Failure) -> [String: WireGuardKey] {
    var keys: [String: WireGuardKey] = [:]
    for node in list.nodes {
      let number = state.keyNumber(of: node)
      guard number > 0 else { continue }
      let known = state.nodes[node.name].flatMap { $0.keyNumber == number ? $0.publicKey : nil }
      let path = folder.keyPath(of: node.name, number)
      if let key = try folder.privateKey(of: node.name, number) {
        guard known == nil || known == key.publicKey else {
          throw Failure("\(path): this is not the private key that the state knows of")
        }
        keys[node.name] = key
      } else {
        guard known == nil else { throw Failure("\(path): the private key is missing") }
        let key = WireGuardKey.randomPrivate(using: &chance)
        if keeps { try folder.keep(key, of: node.name, number) }
        keys[node.name] = key
      }
    }
    return keys
  }

  /// The files of all nodes, with their paths below the folder that is written.
  var files: [(path: String, file: OutputFile)] {
    plans.flatMap { plan in
      plan.files(privateKey: privateKeys[plan.node.name]).map {
        (path: "\(plan.node.name)/\($0.path)", file: $0)
      }
    }
  }

  /// `nodes: 3, tunnels: 3`.
  var summary: String { "nodes: \(list.nodes.count), tunnels: \(links.pairs.count)" }

  /// What the state did not have before.
  var news: [String] {
    let nodes = list.nodes.map { $0.name }.filter { former?.nodes[$0] == nil }
    let pairs = links.pairs.filter { former?.links[$0] == nil }
    return nodes.map { "node \($0)" } + pairs.map { "tunnel between \($0)" }
  }

  /// What the operator should know.
  var remarks: [String] {
    var remarks: [String] = []
    let names = Set(list.nodes.map { $0.name })
    for name in state.nodes.keys.sorted() where !names.contains(name) {
      remarks.append(
        "node \(name) is not in the list: it is left out, and its keys and ports are kept until "
          + "\"swabelmesh remove \(name)\"")
    }
    for name in awaited {
      remarks.append("node \(name) is invited and has not joined yet: it is left out")
    }
    for pair in links.impossible {
      remarks.append("no tunnel between \(pair): both are behind NAT")
    }
    if !links.islands.isEmpty {
      let parts = links.islands.map { $0.joined(separator: " ") }.joined(separator: "; ")
      remarks.append(
        "the mesh is in \(links.islands.count) parts that do not reach each other: \(parts)")
    }
    remarks += list.endpointDoubts(plans)
    for node in list.nodes where node.addresses.isEmpty && node.prefixes.isEmpty {
      remarks.append("node \(node.name) has no address and no prefix, so nobody can reach it")
    }
    return remarks
  }
}

extension NodePlan {
  /// A few lines about a node, without secrets.
  var overview: [String] {
    let place = node.endpoint ?? "behind NAT"
    var lines = [
      "node \(node.name), \(place), \(format.rawValue)",
      "  router-id \(routerID), public key \(publicKey.base64)",
    ]
    let announced = node.addresses.map { "\($0)" } + node.prefixes.map { "\($0)" }
    if !announced.isEmpty { lines.append("  announces \(announced.joined(separator: " "))") }
    for tunnel in tunnels {
      lines.append(
        "  \(tunnel.interface) to \(tunnel.peer): port \(tunnel.port), \(tunnel.linkLocal), "
          + "mtu \(tunnel.mtu)")
    }
    return lines
  }
}
