import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Rounds of asking and being refused; each refusal can lead to other wishes of the node.
  private static let roundLimit = 32
  /// Microseconds after which a route that the kernel refused to delete is looked for.
  private static let deletionRetry: Int64 = 1_000_000

  /// Applies the node's actions in order, sends what they ask of the kernel, and tells the node
  /// what the kernel refused, until nothing is left.
  func settle(at now: Instant) {
    var failures: [RouteFailure] = []
    for _ in 0..<Self.roundLimit {
      applyActions(at: now)
      forwarding.flush(into: &failures)
      guard !failures.isEmpty || !actions.isEmpty else { break }
      for failure in failures { refused(failure, at: now) }
      failures.removeAll(keepingCapacity: true)
    }
    if forwarding.needsReading {
      forwarding.needsReading = false
      requestReading(at: now)
    }
    if forwarding.sources?.idleSources.isEmpty == false { closeIdleSources(at: now) }
  }

  /// Reads late answers of the kernel.
  func settleForwarding(at now: Instant) { settle(at: now) }

  private func applyActions(at now: Instant) {
    guard !actions.isEmpty else { return }
    var impossible: [ForwardingKey] = []
    for action in actions.actions {
      switch action {
      case .transmit(let datagram): transmit(datagram)
      case .forward(let change):
        if isPossible(change) { forward(change) } else { impossible.append(change.key) }
      case .notify(let notice): report(notice)
      }
    }
    actions.removeAll()
    for key in impossible { node.forwardingFailed(key, at: now, into: &actions) }
  }

  /// With `ipv6-subtrees false` (or a very old kernel) the kernel is not asked for
  /// source-specific routes, unless there are tables for them.
  private func isPossible(_ change: ForwardingChange) -> Bool {
    if change.key.source.isDefault || change.new == .absent { return true }
    guard forwarding.sources != nil else { return settings.hasIPv6Subtrees }
    do throws(KernelError) {
      return try forwarding.makeRoom(for: change.key)
    } catch {
      log.write(.routeRefused, subject: UInt64(error.errno), "\(error)")
      return false
    }
  }

  private func forward(_ change: ForwardingChange) {
    // A batch begins: what others did up to now decides how ours is put in place.
    if forwarding.writer.gatheredCount == 0 { hearNews() }
    reading?.noteChange(of: change.key)
    forwarding.apply(change)
  }

  /// The kernel refused a change. What that means depends on what the node wants by now.
  private func refused(_ failure: RouteFailure, at now: Instant) {
    guard let route = failure.route else {
      forwarding.needsReading = true
      return
    }
    // An exception that is there already, or gone, is what we want.
    if route.type == .throw { return }
    let key = route.forwardingKey
    if failure.change == .delete {
      // A route that is gone already, with its link or by somebody else's hand, is what we want.
      guard failure.error.errno != ErrorNumber.noSuchProcess else { return }
      complain(failure, route)
      // One that is still there and should not be is found by reading.
      if RefusalVerdict.mayPass(failure.error.errno) {
        requestReading(at: now + Self.deletionRetry)
      }
      return
    }
    // Otherwise a later change stands.
    guard case .wanted(let wanted) = standing(route) else { return }
    let verdict = RefusalVerdict.judge(
      failure.change, failure.error.errno, forwarding.occupancy(wanted),
      isFirst: failure.tag == ForwardingWriter.Attempt.first)
    switch verdict {
    case .fulfilled:
      if case .serving = forwarding.occupancy(wanted) { forwarding.noteServed(route.key) }
    case .addInstead:
      forwarding.enqueue(RouteStep(change: .add, route: route), attempt: failure.tag)
    case .readTables:
      requestReading(at: now)
    case .unusable(let mayPass):
      complain(failure, route)
      forwarding.noteRefusal(of: key)
      if mayPass { refusedEntries.note(key, at: now) }
      node.forwardingFailed(key, at: now, into: &actions)
      if failure.change == .replace {
        forwarding.replacementFailed(route, next: node.desiredForwarding(key))
      }
    }
  }

  /// Asks the kernel once more for what it refused for a reason that may have passed.
  func retryRefused(at now: Instant) {
    for key in refusedEntries.takeDue(at: now) {
      node.forwardingMayWork(
        key.destination, source: key.source, at: now, into: &actions)
    }
    apply(at: now)
  }

  /// A route of somebody else came, changed or went at a place that may be one of ours: what
  /// counts as installed follows.
  func placeChanged(_ other: KernelRoute, isNew: Bool, at now: Instant) {
    guard forwarding.foreign.places.contains(other) else { return }
    let key = other.forwardingKey
    guard let wanted = standing(other).wantedHere else {
      // What was refused there may work now: the place is free, or its route leads our way.
      forwarding.endService(other.key)
      node.forwardingMayWork(key.destination, source: key.source, at: now, into: &actions)
      return
    }
    guard forwarding.isServed(other.key) else {
      // Ours is there, or was replaced; the kernel does not tell which of two it prefers.
      if isNew { requestReading(at: now + Self.settlingDelay) }
      return
    }
    switch forwarding.occupancy(wanted) {
    case .serving: break
    case .free:
      forwarding.repair(from: nil, to: wanted)
    case .blocked(let occupant):
      forwarding.repair(from: wanted.anyLeg, to: nil)
      blocked(key, wanted, by: occupant, at: now)
    }
  }

  /// How a route of the kernel stands to what the node wants now.
  func standing(_ route: KernelRoute) -> RouteStanding {
    forwarding.standing(route, node.desiredForwarding(route.forwardingKey))
  }

  /// Somebody else's route, which leads elsewhere, is where ours would be.
  func blocked(
    _ key: ForwardingKey, _ wanted: KernelRoute, by occupant: KernelRoute, at now: Instant
  ) {
    forwarding.endService(wanted.key)
    log.write(.routeRefused, subject: 0, "kernel_route(add): \(wanted): there is \(occupant)")
    forwarding.noteRefusal(of: key)
    node.forwardingFailed(key, at: now, into: &actions)
  }

  private func complain(_ failure: RouteFailure, _ route: KernelRoute) {
    let occupant =
      failure.error.errno == ErrorNumber.exists
      ? forwarding.foreign.occupant(route.key).map { ", there is \($0)" } ?? "" : ""
    log.write(
      .routeRefused, subject: UInt64(failure.error.errno),
      "kernel_route(\(failure.change)): \(route): \(failure.error)\(occupant)")
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
