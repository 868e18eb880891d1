import BabelCore
import BabelKernel
import BabelWire

/// Follows links and addresses, and says what a change of them means for routes, for our
/// interfaces and for redistribution.
struct LinkWatch {
  /// Addresses that routes of ours have as their source.
  private var preferredSources: [IPAddress]
  /// Links and addresses.
  private(set) var links: LinkTable

  init(_ links: LinkTable, preferredSources: [IPAddress]) {
    self.links = links
    self.preferredSources = preferredSources
  }

  /// Routes of ours have other addresses as their source from now on.
  mutating func setPreferredSources(_ addresses: [IPAddress]) { preferredSources = addresses }

  /// Works on an event about a link or an address. True if the kernel may have changed routes
  /// without telling, so that its tables must be read.
  mutating func work(
    on event: KernelEvent, _ ledger: inout ForwardingLedger, _ owners: inout RouteOwners,
    into orders: inout [MirrorOrder]
  ) -> Bool {
    switch event {
    case .linkChanged(let link): return changed(link, &ledger, &owners, into: &orders)
    case .linkRemoved(let link):
      offer(links.take(event), into: &orders)
      lostLink(link.ifindex, &ledger, &owners, into: &orders)
      return true
    case .addressChanged(let address):
      offer(links.take(event), into: &orders)
      guard preferredSources.contains(address.address) else { return false }
      // The kernel refuses routes whose source address is not there, and takes the address away
      // from those that have it.
      orders.append(.mayWork(nil, source: nil))
      return true
    case .addressRemoved(let address): return removed(address, into: &orders)
    case .routeAdded, .routeRemoved, .routeUseChanged, .nexthopChanged, .overflow: return false
    }
  }

  private mutating func changed(
    _ link: KernelLink, _ ledger: inout ForwardingLedger, _ owners: inout RouteOwners,
    into orders: inout [MirrorOrder]
  ) -> Bool {
    let former = links.link(link.ifindex)
    let isRenamed = former.map { $0.name != link.name } ?? false
    offer(links.take(.linkChanged(link)), into: &orders)
    ledger.setPointToPoint(link.isPointToPoint, link.ifindex)
    // The kernel drops the routes of the link, those of IPv4 without a word.
    if former?.isUp == true, !link.isUp {
      lostRoutes(link.ifindex, &ledger, owners, into: &orders)
    }
    // Without a word, too, it begins and ceases to use routes. Offers carry the name of their
    // interface, those of routes as well.
    return isRenamed || former?.carriesLike(link) == false
  }

  private mutating func removed(
    _ address: KernelAddress, into orders: inout [MirrorOrder]
  ) -> Bool {
    offer(links.take(.addressRemoved(address)), into: &orders)
    let ifindex = address.ifindex
    let isIPv4 = address.address.family == .ipv4
    if isIPv4, !links.hasIPv4(ifindex) { orders.append(.addressesLost(ifindex: ifindex, .ipv4)) }
    // An MTU too small for IPv6 takes addresses, routes and groups; they may be back at once.
    if address.address.isLinkLocal, !links.hasLinkLocal(ifindex) {
      orders.append(.addressesLost(ifindex: ifindex, .ipv6))
    }
    // Without a word go IPv4 routes with this source, and with the last address all of the link.
    // With IPv6 an interface loses its routes; the kernel can be told to be silent about it.
    return isIPv4 || preferredSources.contains(address.address) || !links.hasIPv6(ifindex)
  }

  /// Takes links and addresses as they were read.
  mutating func replace(
    _ list: [KernelLink], _ addresses: [KernelAddress], _ ledger: inout ForwardingLedger,
    _ owners: inout RouteOwners, into orders: inout [MirrorOrder]
  ) {
    let former = links.links()
    links.removeAll()
    for link in list {
      links.update(link)
      ledger.setPointToPoint(link.isPointToPoint, link.ifindex)
    }
    for address in addresses { links.update(address) }
    for old in former {
      let new = links.link(old.ifindex)
      if new == nil { lostLink(old.ifindex, &ledger, &owners, into: &orders) }
      if old.isUp, new?.isUp != true {
        lostRoutes(old.ifindex, &ledger, owners, into: &orders)
      }
    }
  }

  private func offer(_ changes: OfferChanges, into orders: inout [MirrorOrder]) {
    for offer in changes.added { orders.append(.offerAdded(offer)) }
    for offer in changes.removed { orders.append(.offerRemoved(offer, asksBack: false)) }
  }

  /// The kernel has dropped all routes through the link by itself. Of interfaces that we left, what
  /// was on its way to the kernel may still have been added after that: a reading looks for it.
  private func lostRoutes(
    _ ifindex: Int32, _ ledger: inout ForwardingLedger, _ owners: RouteOwners,
    into orders: inout [MirrorOrder]
  ) {
    for departure in owners.departures where departure.ifindex == ifindex {
      ledger.setIndex(nil, of: departure.id)
    }
    orders.append(.routesLost(ifindex: ifindex))
  }

  private func lostLink(
    _ ifindex: Int32, _ ledger: inout ForwardingLedger, _ owners: inout RouteOwners,
    into orders: inout [MirrorOrder]
  ) {
    orders.append(.linkLost(ifindex: ifindex))
    lostRoutes(ifindex, &ledger, owners, into: &orders)
    // Its number may come to stand for another link.
    for departure in owners.departures where departure.ifindex == ifindex {
      owners.forgetDeparture(of: departure.id)
    }
  }
}
