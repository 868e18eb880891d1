import BabelCore
import BabelKernel
import BabelWire

// WireGuard interfaces with several peers: who they are, which addresses belong to whom, and in
// which order that is changed with the kernel's routes. See AllowedIPs.
extension Daemon {
  // MARK: Looks

  /// Looks at the devices that it is time to look at, and follows what is different.
  func followPeers(at now: Instant) {
    for name in peers.names where !interfaces.all.contains(where: { $0.keepsPeers(as: name) }) {
      releasePeers(of: name, at: now)
    }
    var isChanged = false
    for row in interfaces.all where row.parameters.keepsWireGuardPeers {
      guard let ifindex = row.ifindex, let link = links.link(ifindex) else {
        peers.forget(row.name)
        continue
      }
      if !peers.contains(row.name, on: ifindex) {
        guard link.kind == .wireguard || link.kind == .tun,
          peers.add(row.name, ifindex, at: link.kind == .wireguard ? .kernel : .program)
        else {
          tellOfPeers(row, "it is no interface of WireGuard")
          continue
        }
      }
      if peers.isDue(row.name, at: now.microseconds), look(at: row, at: now) { isChanged = true }
    }
    guard isChanged else { return }
    setParameters(at: now)
  }

  /// Looks at a device. True if its peers are others than before.
  private func look(at row: BabelInterface, at now: Instant) -> Bool {
    let name = row.name
    let isFirst = peers.device(name) == nil
    guard let device = peers.look(at: name, now.microseconds) else {
      if let fault = peers.fault(on: name) { tellOfPeers(row, "\(fault)") }
      return false
    }
    var lost = peers.meet(device, on: name)
    lost += peers.align(forwarded(through: row.id), on: name)
    let record = isFirst ? life.takeOperators(of: name, on: row.ifindex ?? 0) : nil
    let findings = peers.compare(device, on: name, record: record)
    lost += findings.refused
    if isFirst || findings.hasOtherOperators,
      let (ifindex, entries) = peers.operatorEntries(on: name)
    {
      // Before anything of ours is there, it is written down what is not.
      life.note(operators: entries, of: name, on: ifindex, node, log)
    }
    lost += peers.give(at: now.microseconds)
    for key in lost { giveUp(key, at: now) }
    for prefix in peers.takeFreed() {
      node.forwardingMayWork(prefix, source: nil, at: now, into: &actions)
    }
    keepOwnAddress(row, isInherited: record != nil)
    carryOut(at: now)
    guard let own = peers.ownAddress(on: name) else {
      tellOfPeers(row, "it has no private key")
      return false
    }
    return settings.linkPeers.set(peers.peers(on: name).map { $0.address }, own: own, of: name)
  }

  /// What the node wants forwarded through an interface.
  private func forwarded(through id: InterfaceID) -> [ForwardingKey: IPAddress] {
    var wanted: [ForwardingKey: IPAddress] = [:]
    _ = node.forEachDesiredForwarding { key, target in
      if case .via(let path) = target, path.interface == id { wanted[key] = path.gateway }
    }
    return wanted
  }

  /// A route cannot lead to a peer: it goes, and the node looks for another one.
  private func giveUp(_ key: ForwardingKey, at now: Instant) {
    let old = node.desiredForwarding(key)
    if old != .absent {
      kernel.take(ForwardingChange(key: key, old: old, new: .absent))
      followOrders(at: now)
    }
    tellOfRefusal(of: key)
    forwardingFailed(key, at: now)
  }

  private func tellOfRefusal(of key: ForwardingKey) {
    log.write(
      .routeRefused, subject: .placeTaken,
      "wireguard-peers: \(key.destination) cannot be given to the peer that its route leads to: "
        + "the operator gave it to another one, no peer has the gateway, or a route from another "
        + "source leads elsewhere")
  }

  private func tellOfPeers(_ row: BabelInterface, _ reason: String) {
    log.write(
      .interface, subject: .named(row.name), "Interface \(row.name): wireguard-peers: \(reason)")
  }

  // MARK: Changes of routes

  /// Gives prefixes to the peers that new routes lead to, before the kernel gets them. Returns the
  /// entries that cannot be made.
  func prepareForPeers(at now: Instant) -> Set<ForwardingKey> {
    guard peers.isManaging else { return [] }
    // What becomes of an entry in the end counts.
    actions.mergeForwarding()
    var refused: Set<ForwardingKey> = []
    var displaced: [ForwardingKey] = []
    for action in actions.actions {
      guard case .forward(let change) = action else { continue }
      guard case .via(let path) = change.new, let name = interfaces.first(path.interface)?.name,
        peers.contains(name)
      else {
        peers.drop(change.key)
        continue
      }
      switch peers.want(change.key, through: path.gateway, on: name) {
      case .taken(let others): displaced += others
      case .refused: refused.insert(change.key)
      }
    }
    for key in peers.give(at: now.microseconds) { refused.insert(key) }
    for key in displaced where !refused.contains(key) { giveUp(key, at: now) }
    for key in refused { tellOfRefusal(of: key) }
    return refused
  }

  /// Takes prefixes from peers whose routes are gone, but for those whose routes the kernel did not
  /// delete.
  func settlePeers(except held: Set<Prefix>, at now: Instant) {
    guard peers.isManaging else { return }
    // Routes that the kernel has not answered for may still be there.
    if kernel.isDone { peers.take(except: held, at: now.microseconds) }
    let freed = peers.takeFreed()
    guard !freed.isEmpty else { return }
    for prefix in freed {
      node.forwardingMayWork(prefix, source: nil, at: now, into: &actions)
    }
    if !actions.isEmpty { carryOut(at: now) }
  }

  // MARK: The end

  /// An interface is left: all that we gave to its peers is taken from them.
  func releasePeers(of name: InterfaceName, at now: Instant) {
    guard peers.contains(name) else { return }
    settings.linkPeers.remove(name)
    life.forgetOperators(of: name)
    do throws(KernelError) {
      try peers.release(name)
    } catch {
      tellOfRemainder(.allowedIPsNotTaken, of: name, error)
    }
  }

  /// Lets the node withdraw all routes through an interface that it has lost, and tells the kernel.
  func finishLosses(at now: Instant) {
    while node.advance(to: now, budget: Self.rowsPerTurn, into: &actions) { carryOut(at: now) }
    carryOut(at: now)
  }

  // MARK: Our address

  /// Whether an interface gets a link-local address from us.
  func makesLinkLocal(_ row: BabelInterface) -> Bool {
    settings.configuration.settings(for: row.name).makesLinkLocal
      ?? row.parameters.keepsWireGuardPeers
  }

  /// Gives an interface the address that others expect there, and takes back that of a former key.
  /// `isInherited`: what is there already is from an earlier life.
  private func keepOwnAddress(_ row: BabelInterface, isInherited: Bool) {
    guard makesLinkLocal(row), let address = peers.ownAddress(on: row.name),
      let ifindex = row.ifindex, let index = interfaces.index(of: row.name)
    else { return }
    if let made = interfaces[index].madeLinkLocal, made != address { takeBackLinkLocal(index) }
    guard !links.hasAddress(address, on: ifindex) else {
      if isInherited { noteMade(address, index) }
      return
    }
    do throws(KernelError) {
      try AddressRequest.add(address, prefixLength: 64, to: ifindex)
      noteMade(address, index)
    } catch {
      guard error.errno != ErrorNumber.exists else { return }
      tellOfPeers(row, "\(error)")
    }
  }

  /// The state of a link as the node is told it: packets leave from the address that follows from
  /// our key, because other addresses are not among those that peers take packets from.
  func stateForPeers(_ state: LinkState, of row: BabelInterface) -> LinkState {
    guard row.parameters.keepsWireGuardPeers, makesLinkLocal(row) else { return state }
    var state = state
    let own = peers.ownAddress(on: row.name).flatMap { state.linkLocals.contains($0) ? $0 : nil }
    state.linkLocals = own.map { own in [own] + state.linkLocals.filter { $0 != own } } ?? []
    return state
  }
}

extension BabelInterface {
  /// Whether this is the interface of a name, and its peers are its neighbours.
  fileprivate func keepsPeers(as name: InterfaceName) -> Bool {
    self.name == name && parameters.keepsWireGuardPeers
  }
}
