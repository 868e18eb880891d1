import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Rounds of asking and being refused; each refusal can lead to other wishes of the node.
  private static let roundLimit = 32

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
      if failure.error.errno != ErrorNumber.noSuchProcess { complain(failure, route) }
      return
    }
    guard let wanted = forwarding.route(key, node.desiredForwarding(key)),
      wanted.key == route.key, wanted.forwardsLike(route)
    else { return }  // a later change stands
    let errno = failure.error.errno
    if failure.change == .replace,
      errno == ErrorNumber.noEntry || errno == ErrorNumber.noSuchProcess
    {
      forwarding.enqueue(RouteStep(change: .add, route: route), attempt: failure.tag)
      return
    }
    if failure.change == .add, errno == ErrorNumber.exists,
      !forwarding.foreign.occupy(route.key),
      failure.tag == ForwardingWriter.Attempt.first
    {
      // Somebody's, or ours without our knowing: the kernel's tables will tell.
      requestReading(at: now)
      return
    }
    complain(failure, route)
    if failure.change == .replace {
      forwarding.enqueue(RouteStep(change: .delete, route: route.anyLeg))
    }
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
