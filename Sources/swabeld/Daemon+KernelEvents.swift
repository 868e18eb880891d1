import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Events worked on in one turn.
  private static let eventsPerTurn = 512
  /// Microseconds between a loss that the kernel does not tell in full and a look at its tables:
  /// losses come in groups.
  private static let settlingDelay: Int64 = 50_000

  /// Works on what the kernel has told.
  func receiveEvents() {
    var events: [KernelEvent] = []
    do throws(KernelError) {
      try monitor.receive(into: &events, limit: Self.eventsPerTurn)
    } catch {
      log.write(.overflow, subject: 1, "netlink: \(error)")
      events.append(.overflow)
    }
    let now = Instant.now
    var needsCheck = false
    for event in events {
      switch event {
      case .linkChanged(let link):
        changed(link, at: now)
        needsCheck = true
      case .linkRemoved(let link):
        links.remove(link)
        lostRoutes(link.ifindex)
        requestReading(at: now + Self.settlingDelay)
        needsCheck = true
      case .addressChanged(let address):
        if links.update(address) { offer(address, at: now) }
        needsCheck = true
      case .addressRemoved(let address):
        removed(address, at: now)
        needsCheck = true
      case .routeAdded(let route, let isReplacing):
        added(route, isReplacing, at: now)
      case .routeRemoved(let route):
        removed(route, at: now)
      case .overflow:
        log.write(.overflow, subject: 0, "netlink: notifications were lost, reading the tables")
        requestReading(at: now, includingLinks: true)
        needsCheck = true
      }
    }
    if needsCheck { checkInterfaces(at: now) }
    apply(at: now)
  }

  private func changed(_ link: KernelLink, at now: Instant) {
    let wasUp = links.link(link.ifindex)?.isUp ?? false
    let isRenamed = links.update(link)
    if wasUp, !link.isUp {
      // The kernel drops the routes of the link, those of IPv4 without a word.
      lostRoutes(link.ifindex)
      requestReading(at: now + Self.settlingDelay)
    }
    // Offers carry the name of their interface.
    if isRenamed { requestReading(at: now + Self.settlingDelay) }
  }

  private func offer(_ address: KernelAddress, at now: Instant) {
    guard let offer = address.offer(interfaceName: { links.name($0) }) else { return }
    node.kernelOfferAdded(offer, at: now, into: &actions)
  }

  private func removed(_ address: KernelAddress, at now: Instant) {
    links.remove(address)
    if address.address.family == .ipv4, !links.hasIPv4(address.ifindex) {
      // With the last IPv4 address go all IPv4 routes of the link, without a word.
      requestReading(at: now + Self.settlingDelay)
    }
    // An MTU too small for IPv6 takes addresses, routes and groups; they may be back at once.
    if address.address.isLinkLocal, !links.hasLinkLocal(address.ifindex) {
      lostRoutes(address.ifindex)
    }
    guard !links.has(address.address, on: address.ifindex),
      let offer = address.offer(interfaceName: { links.name($0) })
    else { return }
    node.kernelOfferRemoved(offer, at: now, into: &actions)
  }

  private func added(_ route: KernelRoute, _ isReplacing: Bool, at now: Instant) {
    if isReplacing, settings.importTables.contains(route.table) {
      // What was replaced is not told.
      requestReading(at: now + Self.settlingDelay)
    }
    if route.kernelProtocol != KernelRoute.babelProtocol {
      forwarding.foreign.insert(route, replacing: isReplacing)
      reading?.noteForeign(route)
    }
    guard let offer = offer(route) else { return }
    node.kernelOfferAdded(offer, at: now, into: &actions)
  }

  private func removed(_ route: KernelRoute, at now: Instant) {
    if route.kernelProtocol == KernelRoute.babelProtocol {
      // Our own changes are not told, so this was somebody else: put it back if it is wanted.
      let key = route.forwardingKey
      if let wanted = forwarding.route(key, node.desiredForwarding(key)), wanted.key == route.key,
        wanted.forwardsLike(route)
      {
        requestReading(at: now + Self.settlingDelay)
      }
    } else {
      forwarding.foreign.remove(route)
      reading?.forgetForeign(route)
    }
    guard let offer = offer(route) else { return }
    node.kernelOfferRemoved(offer, at: now, into: &actions)
  }

  /// The route as something to redistribute, if its table is one we look at.
  func offer(_ route: KernelRoute) -> KernelOffer? {
    guard settings.importTables.contains(route.table) else { return nil }
    return route.offer { links.name($0) }
  }
}
