import BabelCore
import BabelKernel
import BabelWire

/// Routes of others in our tables, at places that are not ours, for operators: the kernel may
/// prefer one of them to ours. Those that the kernel makes for addresses of links are left out,
/// since whoever gives a link an address means that.
struct Rivals {
  /// Most destinations that are remembered; most routes to each.
  static let limit = 1024
  static let limitOfKey = 4

  /// RTPROT_KERNEL.
  private static let kernelProtocol: UInt8 = 2

  private var routes: [ForwardingKey: [KernelRoute]] = [:]

  /// A route was seen; hearing of it twice does no harm. It may have replaced another one at its
  /// place, of which the kernel says nothing.
  mutating func insert(_ route: KernelRoute, tables: [UInt32], replacing: Bool = false) {
    if replacing { vacate(route) }
    guard tables.contains(route.table), route.kernelProtocol != KernelRoute.babelProtocol,
      route.kernelProtocol != Self.kernelProtocol, !route.isDead, route.typeOfService == 0,
      route.storedMetric != .max, !route.isCloned
    else { return }
    let key = route.forwardingKey
    if let known = routes[key] {
      guard known.count < Self.limitOfKey, !known.contains(where: { Self.areSame($0, route) })
      else { return }
      routes[key]?.append(route)
    } else if routes.count < Self.limit {
      routes[key] = [route]
    }
  }

  private mutating func vacate(_ route: KernelRoute) {
    guard let known = routes[route.forwardingKey] else { return }
    let rest = known.filter { $0.key != route.key }
    routes[route.forwardingKey] = rest.isEmpty ? nil : rest
  }

  /// A route is gone.
  mutating func remove(_ route: KernelRoute) {
    guard !routes.isEmpty else { return }
    let key = route.forwardingKey
    guard let known = routes[key] else { return }
    let rest = known.filter { !Self.areSame($0, route) }
    routes[key] = rest.isEmpty ? nil : rest
  }

  private static func areSame(_ a: KernelRoute, _ b: KernelRoute) -> Bool {
    a.key == b.key && a.kernelProtocol == b.kernelProtocol && a.gateway == b.gateway
      && a.ifindex == b.ifindex
  }

  /// What they lead to.
  var keys: [ForwardingKey] { Array(routes.keys) }

  /// Routes that the kernel prefers to ours and that lead elsewhere, by destination.
  ///
  /// - Parameter wanted: What the node wants for a key, in the kernel's form; nil if it wants
  ///   nothing.
  func preferred(over wanted: (ForwardingKey) -> KernelRoute?) -> [KernelRoute] {
    var result: [KernelRoute] = []
    for (key, known) in routes {
      guard let ours = wanted(key), ours.type == .unicast else { continue }
      let better = known.filter { $0.storedMetric < ours.storedMetric }
      guard let best = better.min(by: { $0.storedMetric < $1.storedMetric }),
        best.ifindex != ours.ifindex || best.gateway != ours.gateway
      else { continue }
      result.append(best)
    }
    return result.ordered { $0.comesBefore($1) }
  }
}

extension KernelRoute {
  /// By destination, source, table and metric.
  fileprivate func comesBefore(_ other: KernelRoute) -> Bool {
    if destination != other.destination { return destination < other.destination }
    if source != other.source { return source < other.source }
    return (table, storedMetric) < (other.table, other.storedMetric)
  }
}

extension KernelMirror {
  /// Routes of others that the kernel prefers to what the node wants.
  func rivals<Wishes: ForwardingWishes & ~Copyable>(
    _ wishes: borrowing Wishes
  ) -> [KernelRoute] {
    // A closure must not hold on to the node, so wishes are looked up first.
    var wanted: [ForwardingKey: KernelRoute] = [:]
    for key in readings.rivals.keys {
      wanted[key] = ledger.route(key, wishes.desiredForwarding(key))
    }
    return readings.rivals.preferred { wanted[$0] }
  }
}
