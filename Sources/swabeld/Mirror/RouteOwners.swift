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

extension InterfaceID {
  /// The number of an interface that this life never had.
  static let nobody = InterfaceID(.max)
}

/// A route in the kernel that an earlier life left, and that the node does not know of.
struct Heirloom {
  /// The route, in the words of the export table.
  let route: KernelRoute
  /// The node's entry that it may become.
  let key: ForwardingKey
  /// What it does; nil if the node can make nothing of it.
  let target: ForwardingTarget?
}

/// Who made a route that has our protocol number: we or a former process, or another Babel daemon
/// in the same network namespace. The interfaces that we run on tell.
struct RouteOwners {
  /// An interface that we run on.
  private struct Run {
    let name: InterfaceName
    var id: InterfaceID
    var ifindex: Int32?
    var isShared: Bool
  }

  private var runs: [Run] = []
  private var departed: [Departure] = []
  private var sharesKernel = false

  /// Notes whether another Babel daemon, on another port, lives in this network namespace.
  mutating func setSharesKernel(_ isShared: Bool) { sharesKernel = isShared }

  /// Notes that an interface is bound to a link, or to none, and which number it has in the node.
  mutating func bind(
    _ name: InterfaceName, _ id: InterfaceID, to ifindex: Int32?, isShared: Bool
  ) {
    let run = Run(name: name, id: id, ifindex: ifindex, isShared: isShared)
    if let index = runs.firstIndex(where: { $0.name == name }) {
      runs[index] = run
    } else {
      runs.append(run)
    }
  }

  /// Forgets an interface that we run on no longer.
  mutating func leave(_ name: InterfaceName) { runs.removeAll { $0.name == name } }

  /// What would be noted of an interface if it left now; nil if it has no link.
  func departure(of id: InterfaceID, at now: Instant) -> Departure? {
    guard let run = runs.first(where: { $0.id == id }), let ifindex = run.ifindex else {
      return nil
    }
    return Departure(id: id, ifindex: ifindex, isShared: run.isShared, since: now)
  }

  /// Interfaces we ran on until a moment ago.
  var departures: [Departure] { departed }

  /// Notes that an interface leaves.
  mutating func note(_ departure: Departure) { departed.append(departure) }

  /// Forgets that the interface with a number left.
  mutating func forgetDeparture(of id: InterfaceID) { departed.removeAll { $0.id == id } }

  /// The number of the interface we run on at a link.
  func interface(at ifindex: Int32) -> InterfaceID? {
    runs.first { $0.ifindex == ifindex }?.id
  }

  /// Whether a route with our protocol number, in a table of ours, was made by us or by one who
  /// ran where we run now. Unreachable ones do not tell who made them: they are not ours while
  /// another Babel daemon, on another port, lives in this network namespace.
  func isMadeByUs(_ route: KernelRoute) -> Bool {
    guard route.type == .unicast else { return !sharesKernel }
    guard let ifindex = route.ifindex else { return false }
    guard let run = runs.first(where: { $0.ifindex == ifindex }) else {
      return departed.contains { $0.ifindex == ifindex && !$0.isShared }
    }
    return !run.isShared
  }

  /// Whether a next-hop object with our protocol number, and a number of our range, was made by us
  /// or a former process.
  func isOurs(ifindex: Int32) -> Bool {
    guard let run = runs.first(where: { $0.ifindex == ifindex }) else {
      return !sharesKernel || departed.contains { $0.ifindex == ifindex && !$0.isShared }
    }
    return !run.isShared
  }

  /// What a route does, in the node's words; nil if we would never make such a route.
  func target(_ route: KernelRoute) -> ForwardingTarget? {
    guard !route.isMultipath, route.typeOfService == 0,
      route.nexthopID == 0 || NexthopObjects.range.contains(route.nexthopID)
    else { return nil }
    if route.type == .unreachable {
      let isLast = route.storedMetric == ForeignRoutes.Places.unreachableMetric
      return isLast && !(route.destination.isDefault && route.source.isDefault)
        ? .unreachable : nil
    }
    guard route.type == .unicast, let gateway = route.gateway, let ifindex = route.ifindex,
      let id = interface(at: ifindex)
    else { return nil }
    return .via(
      ForwardingPath(
        gateway: gateway, interface: id, kernelMetric: route.metric,
        preferredSource: route.preferredSource))
  }
}
