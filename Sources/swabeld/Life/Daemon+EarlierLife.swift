import BabelCore
import BabelKernel
import BabelWire

// What an earlier life left: its notes in our file, and its routes in the kernel.

extension Daemon {
  /// Takes over what an earlier life left, and tells the node how this one begins. Interfaces are
  /// bound to their links and still down.
  func takeOver(_ former: SavedLife?, at now: Instant) {
    var beginning = former.map { beginningAfter($0) } ?? .clean
    // A resumed life looks at what was announced, so the node must know before it is restored.
    if beginning == .resumed {
      node.begin(.resumed, at: now)
      let age = former?.age(atBootMicroseconds: MonotonicClock.bootMicroseconds()) ?? 0
      for record in former?.heard ?? [] { node.restoreHellos(record, heardUntil: now + -age) }
      for record in former?.links ?? [] { node.restoreLink(record, measuredUntil: now + -age) }
    }
    if let former {
      let seconds = MonotonicClock.bootMicroseconds() / 1_000_000
      for record in former.sources(boot: LifeFile.boot, seconds: seconds) {
        node.restoreSource(record, at: now)
      }
      if former.ending != .stopped {
        giveUpInterfaces(of: former, at: now)
        inheritLinkLocals(of: former)
      }
    }
    kernel.readNexthops(atStart: true)
    let count = adopt(through: nil, at: now)
    if let former { clearTables(of: former, at: now) }
    guard beginning != .resumed else { return }
    if count > 0 { beginning = .afterCrash }
    node.begin(beginning, at: now)
  }

  /// An earlier life ran on interfaces that we do not run on: its routes there are not wanted. But
  /// where somebody else speaks Babel now, such a route may be his.
  private func giveUpInterfaces(of former: SavedLife, at now: Instant) {
    let others = interfacesOfOthers()
    for hello in former.hellos where !interfaces.contains(hello.interface) {
      guard let ifindex = links.link(hello.interface)?.ifindex, !others.contains(ifindex)
      else { continue }
      kernel.inheritDeparture(from: ifindex, at: now)
    }
  }

  /// An earlier life made link-local addresses, and did not take them back. Where none is to be
  /// made any more, they go; a reload would have taken them back, too.
  private func inheritLinkLocals(of former: SavedLife) {
    guard !former.boot.isEmpty, former.boot == LifeFile.boot else { return }
    for row in former.madeAddresses
    where links.link(row.interface)?.ifindex == row.ifindex
      && links.hasAddress(row.address, on: row.ifindex)
    {
      if let index = interfaces.index(of: row.interface), makesLinkLocal(interfaces[index]) {
        noteMade(row.address, index)
      } else {
        removeAddress(row.address, from: row.ifindex, row.interface)
      }
    }
  }

  /// An earlier life put routes into tables that we do not use: they are not wanted there.
  private func clearTables(of former: SavedLife, at now: Instant) {
    let ours = kernel.tablesOfOurs
    let others = former.tables.filter { !ours.contains($0) }
    guard !others.isEmpty else { return }
    for route in kernel.routesOfEarlierLife(in: others, through: nil, at: now) {
      guard let heirloom = kernel.heirloom(kernel.resolved(route, node), node) else { continue }
      kernel.remove(heirloom)
      followOrders(at: now)
    }
    carryOut(at: now)
  }

  /// How a life begins after one that left a file.
  private func beginningAfter(_ former: SavedLife) -> Beginning {
    // One that stopped in good order told its neighbours, and took its routes back.
    guard former.ending != .stopped else { return .clean }
    guard former.ending == .kept else { return .afterCrash }
    guard former.canBeResumed(boot: LifeFile.boot) else { return .clean }
    // Neighbours route through the router-id that they know.
    return former.routerID == node.routerID ? .resumed : .afterCrash
  }

  /// Takes over the routes that an earlier life left on an interface which we run on from now.
  func adoptRoutes(through ifindex: Int32, at now: Instant) {
    _ = adopt(through: ifindex, at: now)
  }

  /// Tells the node of routes of ours that it does not know of, and removes those that it does
  /// not take: only the one of a prefix that packets follow counts. Returns how many were ours.
  private func adopt(through ifindex: Int32?, at now: Instant) -> Int {
    let routes = kernel.routesOfEarlierLife(
      in: kernel.tablesOfOurs, through: ifindex, at: now)
    var kept = 0
    var removed = 0
    for route in routes {
      guard let heirloom = kernel.heirloom(kernel.resolved(route, node), node) else { continue }
      if let target = heirloom.target, node.adoptForwarding(heirloom.key, target, at: now) {
        kept += 1
      } else {
        removed += 1
        kernel.remove(heirloom)
        followOrders(at: now)
      }
    }
    carryOut(at: now)
    if kept + removed > 0 {
      log.write(
        .notice, .kernel,
        "An earlier process left \(kept + removed) routes in the kernel: \(kept) stay in use "
          + "until they are confirmed, \(removed) are removed.")
    }
    return kept + removed
  }

  /// The interfaces of this network namespace on which somebody else speaks Babel. To be asked
  /// before we join there.
  func interfacesOfOthers() -> [Int32] {
    var groups = [IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)]
    if groups[0] != settings.configuration.protocolGroup {
      groups.append(settings.configuration.protocolGroup)
    }
    return GroupMembership.interfaces(of: groups)
  }
}
