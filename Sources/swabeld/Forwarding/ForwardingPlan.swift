import BabelKernel
import BabelWire

/// One operation on the kernel's tables.
struct RouteStep: Equatable {
  /// What is done.
  let change: RouteChange
  /// To which route.
  let route: KernelRoute
}

/// How one entry is changed by operations of the kernel such that packets always have a way, and
/// a route of somebody else is never touched.
enum ForwardingPlan {
  /// The steps from `old` to `new` (nil: no entry), in order.
  ///
  /// - Parameters:
  ///   - isServed: Somebody else's route at the place of `new` leads to the same end.
  ///   - isLeftOver: At the place of `new` an unknown route of ours is still there, because the
  ///     kernel refused to replace it.
  ///   - isShared: Whether somebody else has a route at a place.
  static func steps(
    from old: KernelRoute?, to new: KernelRoute?, isServed: Bool = false,
    isLeftOver: Bool = false, isShared: (KernelRouteKey) -> Bool
  ) -> [RouteStep] {
    if let new, isServed { return served(from: old, to: new) }
    guard let old else {
      let change: RouteChange = isLeftOver ? .replace : .add
      return new.map { [RouteStep(change: change, route: $0)] } ?? []
    }
    guard let new else { return [RouteStep(change: .delete, route: old)] }
    if old.key != new.key {
      // Both places can be filled at once: no packet finds the prefix without an entry.
      return [RouteStep(change: .add, route: new), RouteStep(change: .delete, route: old)]
    }
    if old.forwardsLike(new) { return [] }
    if isShared(old.key) {
      // Replacing would hit whichever route the kernel finds first at this place.
      return [RouteStep(change: .delete, route: old), RouteStep(change: .add, route: new)]
    }
    return [RouteStep(change: .replace, route: new)]
  }

  /// Packets find the right way whether ours is there or not. Where the kernel can keep two
  /// routes at one place, ours stands behind, and takes over when the other one goes.
  private static func served(from old: KernelRoute?, to new: KernelRoute) -> [RouteStep] {
    var steps: [RouteStep] = []
    if let old {
      if old.key == new.key, old.forwardsLike(new) { return [] }
      steps.append(RouteStep(change: .delete, route: old))
    }
    if new.destination.family == .ipv4 { steps.append(RouteStep(change: .append, route: new)) }
    return steps
  }
}
