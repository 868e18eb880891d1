import BabelCore
import BabelKernel
import BabelWire

// Carries orders between the mirror of the kernel, the netlink socket for changes, and the node.
extension Daemon {
  /// Rounds of asking and being refused; each refusal can lead to other wishes of the node.
  private static let roundLimit = 32

  /// Applies the node's actions in order, sends what they ask of the kernel, and tells the node
  /// what the kernel refused, until nothing is left.
  func carryOut(at now: Instant) {
    #if DEBUG
      node.trace.enter()
    #endif
    var failures: [RouteFailure] = []
    var held: Set<Prefix> = []
    for _ in 0..<Self.roundLimit {
      applyActions(at: now)
      kernel.flush(into: &failures, at: now)
      guard !failures.isEmpty || !actions.isEmpty else { break }
      for var failure in failures {
        if kernel.retries(&failure, node, at: now) { continue }
        held.formUnion(failure.undeleted)
        kernel.refused(failure, node, at: now)
        followOrders(at: now)
      }
      failures.removeAll(keepingCapacity: true)
    }
    settlePeers(except: held, at: now)
    if kernel.hasIdleSources { closeIdleSources(at: now) }
  }

  /// Reads late answers of the kernel.
  func readKernelAnswers(at now: Instant) { carryOut(at: now) }

  private func applyActions(at now: Instant) {
    guard !actions.isEmpty else { return }
    var impossible: [ForwardingKey] = []
    let withoutPeer = prepareForPeers(at: now)
    for action in actions.actions {
      reloading.observe(action)
      switch action {
      case .transmit(let datagram): transmit(datagram)
      case .forward(let change):
        if withoutPeer.contains(change.key) {
          let withdrawal = ForwardingChange(key: change.key, old: change.old, new: .absent)
          if change.old != .absent { forward(withdrawal, at: now) }
          impossible.append(change.key)
        } else if isPossible(change) {
          forward(change, at: now)
        } else {
          impossible.append(change.key)
        }
      case .notify(let notice): report(notice)
      case .tellPath(let id, let news): tellPath(id, news)
      }
    }
    actions.removeAll()
    for key in impossible { forwardingFailed(key, at: now) }
  }

  /// With `ipv6-subtrees false` (or a very old kernel) the kernel is not asked for
  /// source-specific routes, unless there are tables for them.
  private func isPossible(_ change: ForwardingChange) -> Bool {
    if change.key.source.isDefault || change.new == .absent { return true }
    return kernel.hasSources ? kernel.makeRoom(for: change.key) : settings.hasIPv6Subtrees
  }

  /// Tells the node that the kernel does not take an entry.
  func forwardingFailed(_ key: ForwardingKey, at now: Instant) {
    peers.drop(key)
    reloading.observeRefusal(of: key)
    node.forwardingFailed(key, at: now, into: &actions)
  }

  private func forward(_ change: ForwardingChange, at now: Instant) {
    // A batch begins: what others did up to now decides how ours is put in place.
    if kernel.isBatchEmpty { hearNotifications() }
    packets.routeChanged(at: now)
    kernel.countMove(change)
    kernel.take(change)
    followOrders(at: now)
  }

  /// Asks the kernel once more for what it refused for a reason that may have passed.
  func retryRefused(at now: Instant) {
    kernel.retryRefused(at: now)
    followOrders(at: now)
    carryOut(at: now)
  }

  /// Removes the rules of tables that were emptied; what was refused for lack of a table gets
  /// another chance.
  func closeIdleSources(at now: Instant) {
    guard kernel.removeIdleRules() else { return }
    node.forwardingMayWork(nil, at: now, into: &actions)
    if !actions.isEmpty { carryOut(at: now) }
  }

  // MARK: Orders

  /// Carries out what the mirror asks for, in order, until it asks for nothing more.
  func followOrders(at now: Instant) {
    while let order = kernel.nextOrder(at: now) { follow(order, at: now) }
  }

  private func follow(_ order: MirrorOrder, at now: Instant) {
    switch order {
    case .write: break  // The connection to the kernel has done so.
    case .failed(let key):
      forwardingFailed(key, at: now)
      kernel.verdictGiven(key, node)
    case .mayWork(let destination, let source):
      node.forwardingMayWork(destination, source: source, at: now, into: &actions)
    case .snapshotBegins: node.kernelSnapshotBegins()
    case .offerAdded(let offer): node.kernelOfferAdded(offer, at: now, into: &actions)
    case .offerRemoved(let offer, let asksBack):
      let isClear = node.kernelOfferRemoved(offer, at: now, into: &actions)
      if asksBack, !isClear { kernel.removalWasUnclear(offer, at: now) }
    case .routesLost(let ifindex): interfaces.lostRoutes(ifindex)
    case .linkLost(let ifindex): interfaces.lostLink(ifindex)
    case .addressesLost(let ifindex, let family): interfaces.lostAddresses(ifindex, family)
    case .remark(let remark): write(remark)
    }
  }

  /// Tells the operator.
  private func write(_ remark: MirrorRemark) {
    switch remark {
    case .refused(let failure, let route, let occupant):
      if failure.change != .delete { noteRefusal(route, failure.error, occupant: occupant) }
      let addition = occupant.map { ", there is \($0)" } ?? ""
      log.write(
        .routeRefused, subject: .error(number: failure.error.errno),
        "kernel_route(\(failure.change)): \(route): \(failure.error)\(addition)")
    case .blocked(let route, let occupant):
      noteRefusal(route, nil, occupant: occupant)
      log.write(
        .routeRefused, subject: .placeTaken, "kernel_route(add): \(route): there is \(occupant)")
    case .spurious(let route):
      log.write(.kernelDifference, subject: .any, "Warning: spurious kernel route: \(route)")
    case .missing(let route):
      log.write(.kernelDifference, subject: .any, "Warning: missing kernel route: \(route)")
    case .notificationsLost:
      log.write(
        .overflow, subject: .notificationsLost,
        "netlink: notifications were lost, reading the tables")
    }
  }
}

extension RouteFailure {
  /// The destination of a route that the kernel was to delete and has all the same.
  fileprivate var undeleted: [Prefix] {
    guard change == .delete, error.errno != ErrorNumber.noSuchProcess, let route else { return [] }
    return [route.destination]
  }
}
