import BabelCore
import BabelKernel
import BabelWire

// Where the words of BabelCore and of BabelKernel meet.

extension KernelRoute {
  /// The kernel's form of a forwarding target; nil if there is to be no entry, or the interface
  /// is not there (the kernel has dropped its routes then).
  ///
  /// An unreachable default route is never made: it would cut off the machine rather than
  /// prevent a loop (babeld takes it as done).
  init?(
    _ key: ForwardingKey, _ target: ForwardingTarget, ifindex: (InterfaceID) -> Int32?
  ) {
    switch target {
    case .absent: return nil
    case .unreachable:
      if key.destination.isDefault, key.source.isDefault { return nil }
      self.init(
        destination: key.destination, source: key.source, table: key.table,
        metric: ForeignRoutes.Places.unreachableMetric, type: .unreachable)
    case .via(let path):
      guard let index = ifindex(path.interface) else { return nil }
      self.init(
        destination: key.destination, source: key.source, table: key.table,
        metric: path.kernelMetric, gateway: path.gateway, ifindex: index,
        preferredSource: path.preferredSource, isOnlink: true)
    }
  }

  /// The key of the node's entry this route may belong to.
  var forwardingKey: ForwardingKey {
    ForwardingKey(destination: destination, source: source, table: table)
  }

  /// The route as something to redistribute; nil if babeld would not look at it: our own, cache
  /// entries, martians, and the unreachable IPv6 default route that the kernel makes.
  func offer(interfaceName: (Int32) -> InterfaceName?) -> KernelOffer? {
    guard kernelProtocol != Self.babelProtocol, !isCloned, !destination.isMartian,
      source.isDefault || !source.isMartian
    else { return nil }
    if destination == .ipv6Default, metric >= 65535 { return nil }
    return KernelOffer(
      destination: destination, source: source, kernelProtocol: kernelProtocol,
      interface: ifindex.flatMap { interfaceName($0) }, table: table, kernelMetric: storedMetric,
      gateway: gateway, typeOfService: typeOfService)
  }
}

extension KernelAddress {
  /// The address as something to redistribute; nil for link-local ones and martians.
  func offer(interfaceName: (Int32) -> InterfaceName?) -> KernelOffer? {
    let host = Prefix(mapped: address, mappedLength: 128)
    guard !host.isMartian, !isDuplicate else { return nil }
    return KernelOffer(
      destination: host, source: Prefix.any(address.family), kernelProtocol: nil,
      interface: interfaceName(ifindex))
  }
}

extension Instant {
  /// Now.
  static var now: Instant { Instant(microseconds: MonotonicClock.microseconds()) }
}
