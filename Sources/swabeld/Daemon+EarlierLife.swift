import BabelCore
import BabelKernel
import BabelWire

// What an earlier life left: its notes in our file, and its routes in the kernel.

extension Daemon {
  /// Takes over what an earlier life left, and tells the node how this one begins. Interfaces are
  /// bound to their links and still down.
  func takeOver(_ former: SavedLife?, at now: Instant) {
    var beginning = Beginning.clean
    if let former {
      let seconds = MonotonicClock.bootMicroseconds() / 1_000_000
      for record in former.sources(boot: LifeFile.boot, seconds: seconds) {
        node.restoreSource(record, at: now)
      }
      // One that stopped in good order told its neighbours, and took its routes back.
      if former.isRunning { beginning = .afterCrash }
    }
    let count = adopt(KernelReader.Selection(kernelProtocol: KernelRoute.babelProtocol), at: now)
    if count > 0 { beginning = .afterCrash }
    node.begin(beginning, at: now)
  }

  /// Takes over the routes that an earlier life left on an interface which we run on from now.
  func adoptRoutes(through ifindex: Int32, at now: Instant) {
    let selection = KernelReader.Selection(
      kernelProtocol: KernelRoute.babelProtocol, ifindex: ifindex)
    _ = adopt(selection, at: now)
  }

  /// Tells the node of routes of ours that it does not know of, and removes those that it does
  /// not take: only the one of a prefix that packets follow counts. Returns how many were ours.
  private func adopt(_ selection: KernelReader.Selection, at now: Instant) -> Int {
    var routes: [KernelRoute] = []
    do throws(KernelError) {
      let tables = settings.exportTables + (forwarding.sources?.numbers ?? [])
      for route in try reader.routes(tables: tables, selection)
      where forwarding.sources?.isException(route) != true {
        routes.append(forwarding.sources?.logical(route) ?? route)
      }
    } catch {
      log.write(.overflow, subject: 4, "netlink: \(error)")
    }
    // A reading that went on has ended with the socket's new task.
    if reading != nil {
      reading = nil
      requestReading(at: now)
    }
    var kept = 0
    var removed = 0
    for route in routes where isOurs(route) {
      if case .wanted = standing(route) { continue }
      let key = route.forwardingKey
      if let target = target(route), node.adoptForwarding(key, target, at: now) {
        kept += 1
      } else {
        removed += 1
        forwarding.enqueue(RouteStep(change: .delete, route: route))
      }
    }
    settle(at: now)
    if kept + removed > 0 {
      log.write(
        "An earlier process left \(kept + removed) routes in the kernel: \(kept) stay in use "
          + "until they are confirmed, \(removed) are removed.")
    }
    return kept + removed
  }

  /// Whether a route with our protocol number, in a table of ours, was made by us or by one who
  /// ran where we run now. Unreachable ones do not tell who made them: they are not ours while
  /// another Babel daemon, on another port, lives in this network namespace.
  func isOurs(_ route: KernelRoute) -> Bool {
    guard route.type == .unicast else { return !sharesKernel }
    guard let ifindex = route.ifindex else { return false }
    guard let row = interfaces.first(where: { $0.ifindex == ifindex }) else {
      return departures.contains { $0.ifindex == ifindex && !$0.isShared }
    }
    return !row.isShared
  }

  /// What a route does, in the node's words; nil if we would never make such a route.
  private func target(_ route: KernelRoute) -> ForwardingTarget? {
    guard !route.isMultipath, route.typeOfService == 0, route.nexthopID == 0 else { return nil }
    if route.type == .unreachable {
      let isLast = route.storedMetric == ForeignRoutes.Places.unreachableMetric
      return isLast && !(route.destination.isDefault && route.source.isDefault)
        ? .unreachable : nil
    }
    guard route.type == .unicast, let gateway = route.gateway,
      let row = interfaces.first(where: { $0.ifindex == route.ifindex })
    else { return nil }
    return .via(
      ForwardingPath(
        gateway: gateway, interface: row.id, kernelMetric: route.metric,
        preferredSource: route.preferredSource))
  }

  /// The interfaces of this network namespace on which somebody else speaks Babel. To be asked
  /// before we join there.
  func interfacesOfOthers() -> [Int32] {
    var groups = [IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)]
    if groups[0] != settings.configuration.protocolGroup {
      groups.append(settings.configuration.protocolGroup)
    }
    return GroupMembership.interfaces(of: groups)
  }
}
