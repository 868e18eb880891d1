import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Events worked on in one turn.
  private static let eventsPerTurn = 512
  /// Microseconds between a loss that the kernel does not tell in full and a look at its tables:
  /// losses come in groups.
  static let settlingDelay: Int64 = 50_000
  /// Most events that wait in memory; who makes more at a time is not followed one by one.
  static let newsLimit = 16_384

  /// Hears what the kernel has to tell, and notes at once where others have routes; the rest
  /// waits in ``news`` for its turn. Called also right before routes are changed, so that a
  /// replacement cannot hit what somebody put in our place a moment ago.
  func hearNews(limit: Int = newsLimit) {
    let first = news.count
    do throws(KernelError) {
      let hasMore = try monitor.receive(into: &news, limit: limit)
      // Somebody changes routes faster than we can listen.
      if hasMore, limit == Self.newsLimit { news.append(.overflow) }
    } catch {
      log.write(.overflow, subject: 1, "netlink: \(error)")
      news.append(.overflow)
    }
    for index in first..<news.count { noteOthers(news[index]) }
  }

  private func noteOthers(_ event: KernelEvent) {
    switch event {
    case .routeAdded(let route, let isReplacing):
      guard route.kernelProtocol != KernelRoute.babelProtocol else { break }
      forwarding.noteLookedUpLater(route)
      let route = forwarding.sources?.logical(route) ?? route
      forwarding.foreign.insert(route, replacing: isReplacing)
      reading?.heardAdded(route, replacing: isReplacing)
    case .routeRemoved(let route):
      if route.destination.family == .ipv6 { reading?.disturb() }
      guard route.kernelProtocol != KernelRoute.babelProtocol else { break }
      let hasException = forwarding.sources?.hasException(route.destination) ?? false
      let route = forwarding.sources?.logical(route) ?? route
      let isClear = forwarding.foreign.remove(route)
      reading?.heardRemoved(route)
      if !isClear || hasException { requestReading(at: .now + Self.settlingDelay) }
    case .overflow:
      forwarding.foreign.isUncertain = true
      reading?.isOutdated = true
    case .linkChanged, .linkRemoved, .addressRemoved:
      // Routes may go with it, and the kernel can be told to be silent about those.
      reading?.disturb()
    // With a next hop go its routes, some of them without a word.
    case .routeUseChanged: reading?.disturb()
    case .addressChanged: break
    }
  }

  /// Works on all that the kernel had to tell up to now, so that what is read from it next is
  /// newer. Bounded: others may change things without a pause.
  func catchUp() {
    hearNews()
    for _ in 0...Self.newsLimit / Self.eventsPerTurn where !news.isEmpty { receiveEvents() }
  }

  /// Works on what the kernel has told.
  func receiveEvents() {
    if news.count < Self.eventsPerTurn { hearNews(limit: Self.eventsPerTurn) }
    let events = Array(news.prefix(Self.eventsPerTurn))
    news.removeFirst(events.count)
    let now = Instant.now
    var needsCheck = false
    for event in events {
      switch event {
      case .linkChanged(let link):
        changed(link, at: now)
        needsCheck = true
      case .linkRemoved(let link):
        offer(links.take(event), at: now)
        lostLink(link.ifindex)
        requestReading(at: now + Self.settlingDelay)
        needsCheck = true
      case .addressChanged(let address):
        offer(links.take(event), at: now)
        if settings.prefers(address.address) { preferredSourceChanged(at: now) }
        needsCheck = true
      case .addressRemoved(let address):
        removed(address, at: now)
        needsCheck = true
      case .routeAdded(let route, let isReplacing):
        added(route, isReplacing, at: now)
      case .routeRemoved(let route):
        removed(route, at: now)
      case .routeUseChanged:
        requestReading(at: now + Self.settlingDelay)
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
    let former = links.link(link.ifindex)
    let isRenamed = former.map { $0.name != link.name } ?? false
    offer(links.take(.linkChanged(link)), at: now)
    forwarding.setPointToPoint(link.isPointToPoint, link.ifindex)
    // The kernel drops the routes of the link, those of IPv4 without a word.
    if former?.isUp == true, !link.isUp { lostRoutes(link.ifindex) }
    // Without a word, too, it begins and ceases to use routes. Offers carry the name of their
    // interface, those of routes as well.
    if isRenamed || former?.carriesLike(link) == false {
      requestReading(at: now + Self.settlingDelay)
    }
  }

  private func offer(_ changes: OfferChanges, at now: Instant) {
    for offer in changes.added { node.kernelOfferAdded(offer, at: now, into: &actions) }
    for offer in changes.removed { node.kernelOfferRemoved(offer, at: now, into: &actions) }
  }

  /// The kernel refuses routes whose source address is not there, and takes the address away
  /// from those that have it.
  private func preferredSourceChanged(at now: Instant) {
    node.forwardingMayWork(nil, at: now, into: &actions)
    requestReading(at: now + Self.settlingDelay)
  }

  private func removed(_ address: KernelAddress, at now: Instant) {
    offer(links.take(.addressRemoved(address)), at: now)
    if address.address.family == .ipv4 {
      // Without a word go routes with this source, and with the last address all of the link.
      requestReading(at: now + Self.settlingDelay)
      if !links.hasIPv4(address.ifindex) { lostAddresses(address.ifindex, .ipv4) }
    } else if settings.prefers(address.address) || !links.hasIPv6(address.ifindex) {
      // With IPv6 an interface loses its routes; the kernel can be told to be silent about it.
      requestReading(at: now + Self.settlingDelay)
    }
    // An MTU too small for IPv6 takes addresses, routes and groups; they may be back at once.
    if address.address.isLinkLocal, !links.hasLinkLocal(address.ifindex) {
      lostAddresses(address.ifindex, .ipv6)
    }
  }

  private func added(_ route: KernelRoute, _ isReplacing: Bool, at now: Instant) {
    if isReplacing || route.isMultipath, settings.importTables.contains(route.table) {
      // What was replaced is not told, nor which legs an IPv6 route had before.
      requestReading(at: now + Self.settlingDelay)
    }
    if route.kernelProtocol != KernelRoute.babelProtocol {
      placeChanged(forwarding.sources?.logical(route) ?? route, isNew: true, at: now)
    }
    offered(route, at: now)
  }

  /// Somebody has a route in the kernel: it is to be redistributed while the kernel uses it.
  func offered(_ route: KernelRoute, at now: Instant) {
    guard let offer = offer(route) else { return }
    if route.isDead {
      node.kernelOfferRemoved(offer, at: now, into: &actions)
      return
    }
    node.kernelOfferAdded(offer, at: now, into: &actions)
    // The kernel ceases to use it then, and tells half a minute later.
    if let lifetime = route.lifetime { requestReading(at: now + lifetime + Self.settlingDelay) }
  }

  private func removed(_ gone: KernelRoute, at now: Instant) {
    let route = forwarding.sources?.logical(gone) ?? gone
    if forwarding.sources?.isException(gone) == true {
      requestReading(at: now + Self.settlingDelay)
    } else if route.kernelProtocol == KernelRoute.babelProtocol {
      // Our own changes are not told, so this was somebody else: put it back if it is wanted.
      if case .wanted = standing(route) { requestReading(at: now + Self.settlingDelay) }
    } else {
      placeChanged(route, isNew: false, at: now)
    }
    guard let offer = offer(gone) else { return }
    let isClear = node.kernelOfferRemoved(offer, at: now, into: &actions)
    if !isClear, offer.destination.family == .ipv6 {
      // One leg of several: the kernel does not tell which are left.
      requestReading(at: now + Self.settlingDelay)
    }
  }

  /// The route as something to redistribute, if its table is one we look at.
  func offer(_ route: KernelRoute) -> KernelOffer? {
    guard settings.importTables.contains(route.table) else { return nil }
    return route.offer { links.name($0) }
  }
}
