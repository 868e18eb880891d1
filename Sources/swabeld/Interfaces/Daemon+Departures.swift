import BabelCore
import BabelKernel
import BabelWire

// Interfaces that leave while their link stays: their neighbours are told, and their routes taken
// out of the kernel.
extension Daemon {
  /// Tells the neighbours on an interface that we leave, if its link still carries packets. To
  /// be called while group, addresses and keys are still there.
  func bidFarewell(_ index: Int, at now: Instant) {
    let row = interfaces[index]
    guard row.isUp, !row.hasLostRoutes, !row.hasLostAddresses,
      let ifindex = row.ifindex, links.link(ifindex)?.isUp == true
    else { return }
    node.sayGoodbye(on: row.id, at: now, into: &actions)
    carryOut(at: now)
  }

  /// Notes that an interface, or its number in the node, is about to go.
  func depart(_ index: Int, at now: Instant) {
    kernel.depart(interfaces[index], at: now)
  }
}
