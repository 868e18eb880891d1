import BabelCore
import BabelKernel
import BabelWire

/// What is known beforehand of what the kernel refuses: it takes only an address of this machine as
/// the preferred source of a route.
struct KernelForesight {
  private let links: LinkTable
  /// Routes of others in the places that ours would have; nil if these are watched already.
  let foreign: ForeignRoutes?
  private var known: [IPAddress: Bool] = [:]

  init(_ links: LinkTable, _ foreign: ForeignRoutes?) {
    self.links = links
    self.foreign = foreign
  }

  /// Whether a target may be taken.
  mutating func takes(_ target: ForwardingTarget) -> Bool {
    guard case .via(let path) = target, let address = path.preferredSource else { return true }
    if let isOurs = known[address] { return isOurs }
    let isOurs = links.hasUsable(address)
    known[address] = isOurs
    return isOurs
  }
}

extension KernelMirror {
  /// Whether what the reading of the tables did not show is not there.
  var isProof: Bool { readings.isProof }

  /// Whether there is a table for an entry, and nobody else's route that leads elsewhere at its
  /// place, as far as is known. `foreign`: routes of others, if not those that are watched count.
  func mayTake(_ change: ForwardingChange, beside foreign: ForeignRoutes?) -> Bool {
    let key = change.key
    if let tables = ledger.sources, !key.source.isDefault,
      tables.handles(key.destination.family), key.table != tables.exportTable
    {
      return false
    }
    guard let wanted = ledger.route(key, change.new) else { return true }
    let occupancy =
      foreign.map { ledger.occupancy(wanted, $0.occupants(wanted.key)) }
      ?? ledger.occupancy(wanted)
    if case .blocked = occupancy { return false }
    return true
  }
}
