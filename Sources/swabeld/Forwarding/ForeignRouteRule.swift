import BabelKernel
import BabelWire

// The rule for kernel routes of somebody else. Ours never replaces or deletes one. A place is a
// table, a prefix, a source prefix and a metric; packets follow one route of those at a place.
// - Nobody is at the place: ours is added.
// - Somebody's route there leads where ours would: ours counts as installed.
// - Somebody's route there leads elsewhere: ours cannot be used, and the node chooses another.
// `judge` decides which of the three it is. `ForeignRoutes` remembers who is where,
// `ForwardingPlan` lists the operations that spare them, and `RefusalVerdict` says what a refusal
// of the kernel means. Routes at other places (another metric) do not count here; `Rivals` finds
// those among them that packets follow instead of ours.

/// Who is at the place of a route that the node wants.
enum PlaceOccupancy: Equatable {
  /// Nobody else.
  case free
  /// Somebody else's route that leads where ours would lead: packets go the right way, so ours
  /// counts as installed.
  case serving(KernelRoute)
  /// Somebody else's route that leads elsewhere, or whose way is not known.
  case blocked(KernelRoute)

  /// Judges the routes of others at the place of `wanted`, in the order in which the kernel
  /// prefers them.
  ///
  /// - Parameter isPointToPoint: Whether the interface of an index has only one other end, where
  ///   all gateways are the same.
  static func judge(
    _ wanted: KernelRoute, _ others: [KernelRoute], isPointToPoint: (Int32) -> Bool
  ) -> PlaceOccupancy {
    guard let first = others.first else { return .free }
    // Which of several is followed is not known for certain: all must lead to the same end.
    let otherRoute = others.first { !leadsAlike(wanted, $0, isPointToPoint) }
    return otherRoute.map { .blocked($0) } ?? .serving(first)
  }

  /// Whether packets that follow `other` arrive where `wanted` would send them: by the same
  /// interface, and there to the same gateway, or to the destination itself, which then is on the
  /// link (what the kernel makes for the peer of a tunnel).
  private static func leadsAlike(
    _ wanted: KernelRoute, _ other: KernelRoute, _ isPointToPoint: (Int32) -> Bool
  ) -> Bool {
    guard wanted.type == .unicast, other.type == .unicast, !other.isMultipath, !other.isDead,
      let ifindex = wanted.ifindex, other.ifindex == ifindex
    else { return false }
    return other.gateway == nil || other.gateway == wanted.gateway || isPointToPoint(ifindex)
  }
}
