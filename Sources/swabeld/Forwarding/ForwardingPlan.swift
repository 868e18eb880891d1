import BabelCore
import BabelWire

/// A forwarding entry as the kernel keeps it: what tells it from others.
///
/// Linux identifies a route by table, destination, source and metric; gateway and interface are
/// its value.
struct KernelSlot: Hashable {
  /// Destination, source and table.
  let key: ForwardingKey
  /// Metric as the kernel holds it, after its own defaults.
  let metric: UInt32

  /// Linux takes 0 for 1024 in IPv6 (IP6_RT_PRIO_USER).
  static func effectiveMetric(_ metric: UInt32, _ family: AddressFamily) -> UInt32 {
    metric == 0 && family == .ipv6 ? 1024 : metric
  }

  /// The metric of unreachable entries, so that any other route is preferred; babeld's.
  static let unreachableMetric = UInt32.max
}

/// One kernel operation on a route.
enum KernelStep: Equatable {
  /// Create; the slot must be free.
  case add(ForwardingKey, ForwardingTarget)
  /// Change in place; ours must be the only route in the slot.
  case replace(ForwardingKey, from: ForwardingTarget, to: ForwardingTarget)
  /// Remove exactly this one.
  case delete(ForwardingKey, ForwardingTarget)
}

/// How a change of one entry is done with operations of the kernel such that packets always
/// have a way, and a route of somebody else is never touched.
enum ForwardingPlan {
  /// The steps from `old` to `new`, in order. `isShared` tells whether somebody else has a
  /// route in a slot.
  static func steps(
    _ key: ForwardingKey, from old: ForwardingTarget, to new: ForwardingTarget,
    isShared: (KernelSlot) -> Bool
  ) -> [KernelStep] {
    let before = installable(key, old)
    let after = installable(key, new)
    if before == after { return [] }
    guard let slotBefore = slot(key, before) else { return [.add(key, after)] }
    guard let slotAfter = slot(key, after) else { return [.delete(key, before)] }
    if slotBefore != slotAfter {
      // Two slots can be filled at once: no packet finds the prefix without an entry.
      return [.add(key, after), .delete(key, before)]
    }
    if isShared(slotBefore) {
      // Replacing would hit whichever route the kernel finds first in the slot.
      return [.delete(key, before), .add(key, after)]
    }
    return [.replace(key, from: before, to: after)]
  }

  /// What of `target` goes into the kernel: an unreachable default route never does, because it
  /// would cut off the machine rather than prevent a loop (babeld treats it as done).
  static func installable(_ key: ForwardingKey, _ target: ForwardingTarget) -> ForwardingTarget {
    if case .unreachable = target, key.destination.isDefault, key.source.isDefault {
      return .absent
    }
    return target
  }

  /// The slot an entry fills; nil for an absent one.
  static func slot(_ key: ForwardingKey, _ target: ForwardingTarget) -> KernelSlot? {
    switch target {
    case .absent: return nil
    case .unreachable: return KernelSlot(key: key, metric: KernelSlot.unreachableMetric)
    case .via(let path):
      let metric = KernelSlot.effectiveMetric(path.kernelMetric, key.destination.family)
      return KernelSlot(key: key, metric: metric)
    }
  }
}
