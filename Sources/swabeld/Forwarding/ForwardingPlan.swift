import BabelKernel

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
  /// The steps from `old` to `new` (nil: no entry), in order. `isShared` tells whether somebody
  /// else has a route at a place.
  static func steps(
    from old: KernelRoute?, to new: KernelRoute?, isShared: (KernelRouteKey) -> Bool
  ) -> [RouteStep] {
    guard let old else { return new.map { [RouteStep(change: .add, route: $0)] } ?? [] }
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
}
