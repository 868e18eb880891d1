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
    if let new, isLeftOver {
      return instead(of: old, to: new, isServed: isServed, isShared: isShared(new.key))
    }
    if let new, isServed { return served(from: old, to: new) }
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

  /// `new` comes where a route of ours is left over that nobody knows. It is replaced in place;
  /// where somebody else has a route, too, it is deleted, by its place and our protocol number.
  private static func instead(
    of old: KernelRoute?, to new: KernelRoute, isServed: Bool, isShared: Bool
  ) -> [RouteStep] {
    let isElsewhere = old.map { $0.key != new.key } ?? false
    let last = old.flatMap { isElsewhere ? [RouteStep(change: .delete, route: $0)] : nil } ?? []
    guard isServed || isShared else { return [RouteStep(change: .replace, route: new)] + last }
    let first = RouteStep(change: .delete, route: new.anyLeg)
    if isServed { return [first] + served(from: nil, to: new) + last }
    return [first, RouteStep(change: .add, route: new)] + last
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

extension KernelRoute {
  /// The same place, whatever the way: for deleting our only route there.
  var anyLeg: KernelRoute {
    KernelRoute(
      destination: destination, source: source, table: table, metric: metric,
      kernelProtocol: kernelProtocol, type: type)
  }
}
