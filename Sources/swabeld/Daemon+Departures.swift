import BabelCore
import BabelKernel
import BabelWire

/// An interface that Babel ran on until a moment ago. The node takes its routes back in slices,
/// and each names the interface by the number it had.
struct Departure {
  /// Its number in the node.
  let id: InterfaceID
  /// The link it was bound to.
  let ifindex: Int32
  /// Somebody else spoke Babel there when we came.
  let isShared: Bool
  /// When it left.
  let since: Instant
}

// Interfaces that leave while their link stays: their neighbours are told, and their routes taken
// out of the kernel.
extension Daemon {
  /// Microseconds from a departure to a look at the kernel's tables, which must be free of its
  /// routes by then, and between further looks if they could not be.
  private static let firstLook: Int64 = 200_000
  private static let departureRetry: Int64 = 5_000_000

  /// Tells the neighbours on an interface that we leave, if its link still carries packets. To
  /// be called while group, addresses and keys are still there.
  func bidFarewell(_ index: Int, at now: Instant) {
    let row = interfaces[index]
    guard row.isUp, !row.hasLostRoutes, !row.hasLostAddresses,
      let ifindex = row.ifindex, links.link(ifindex)?.isUp == true
    else { return }
    node.sayGoodbye(on: row.id, at: now, into: &actions)
    apply(at: now)
  }

  /// Notes that an interface, or its number in the node, is about to go. Its routes are found in
  /// the kernel by the link it was bound to as long as that exists.
  func depart(_ index: Int, at now: Instant) {
    let row = interfaces[index]
    forgetDeparture(of: row.id)
    guard let ifindex = row.ifindex, links.link(ifindex) != nil, !row.hasLostRoutes else { return }
    forwarding.setIndex(ifindex, of: row.id)
    departures.append(
      Departure(id: row.id, ifindex: ifindex, isShared: row.isShared, since: now))
    departurePatience.reset()
    requestReading(at: now + Self.firstLook)
  }

  /// A number in the node stands for no link any more, or for another one.
  func forgetDeparture(of id: InterfaceID) {
    forwarding.setIndex(nil, of: id)
    departures.removeAll { $0.id == id }
  }

  /// The kernel has dropped all routes through a link by itself.
  func forgetDepartures(through ifindex: Int32) {
    for departure in departures where departure.ifindex == ifindex {
      forgetDeparture(of: departure.id)
    }
  }

  /// The kernel's tables were compared: departures from before that are complete.
  func endDepartures(at now: Instant) {
    for departure in departures
    where departure.since < readingBegan && !node.usesInterface(departure.id) {
      forgetDeparture(of: departure.id)
    }
    if !departures.isEmpty { requestReading(at: now + Self.departureRetry) }
  }
}
