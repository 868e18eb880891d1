import BabelCore
import BabelKernel
import BabelWire

/// What a change of links or addresses means for redistribution.
struct OfferChanges: Equatable {
  /// Offers that are no longer true.
  var removed: [KernelOffer] = []
  /// Offers that are true now.
  var added: [KernelOffer] = []
}

extension LinkTable {
  /// What all addresses offer for redistribution, by link and in their order. That an address is
  /// usable is judged here alone, whether it was found at start or is told of later.
  func offers() -> [KernelOffer] {
    links().flatMap { offers(of: $0.ifindex) }
  }

  /// What the addresses of one link offer, or those of one value.
  private func offers(of ifindex: Int32, only address: IPAddress? = nil) -> [KernelOffer] {
    let chosen = address.map { addresses(of: ifindex, $0) } ?? addresses(of: ifindex)
    return chosen.compactMap { $0.offer { name($0) } }
  }

  /// Takes what the kernel tells of a link or an address; what follows for redistribution is
  /// returned. Other events change nothing.
  mutating func take(_ event: KernelEvent) -> OfferChanges {
    let ifindex: Int32
    var address: IPAddress?
    switch event {
    case .linkChanged(let link):
      // Offers bear the name of the link; anything else about it makes no difference to them.
      guard let name = name(link.ifindex), name != link.name else {
        update(link)
        return OfferChanges()
      }
      ifindex = link.ifindex
    case .linkRemoved(let link): ifindex = link.ifindex
    case .addressChanged(let one), .addressRemoved(let one):
      ifindex = one.ifindex
      address = one.address
    case .routeAdded, .routeRemoved, .routeUseChanged, .nexthopChanged, .overflow:
      return OfferChanges()
    }
    let before = offers(of: ifindex, only: address)
    apply(event)
    let after = offers(of: ifindex, only: address)
    return OfferChanges(
      removed: before.filter { !after.contains($0) },
      added: after.filter { !before.contains($0) })
  }

  private mutating func apply(_ event: KernelEvent) {
    switch event {
    case .linkChanged(let link): update(link)
    case .linkRemoved(let link): remove(link)
    case .addressChanged(let address): update(address)
    case .addressRemoved(let address): remove(address)
    case .routeAdded, .routeRemoved, .routeUseChanged, .nexthopChanged, .overflow: break
    }
  }
}
