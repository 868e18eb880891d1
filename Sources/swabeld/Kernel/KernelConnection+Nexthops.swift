import BabelCore
import BabelKernel
import BabelWire

// Next-hop objects that routes share (`kernel-nexthops`); see NexthopObjects.
extension KernelConnection {
  /// Numbers that are tried for one object: somebody else may have some.
  private static let attemptLimit = 16
  /// A bit of the tag of a change that was refused once and is sent in another form.
  private static let secondForm: UInt64 = 2

  /// Objects of ours, for the operator.
  var nexthops: NexthopObjects { mirror.ledger.nexthops }

  /// Whether routes share objects from now on. Those in the kernel follow by the next reading.
  func setSharesNexthops(_ isWanted: Bool, at now: Instant) {
    mirror.setSharesNexthops(isWanted, at: now)
  }

  /// Gathers a change, in the form that the kernel is to get.
  func send(_ step: RouteStep, tag: UInt64) throws(KernelError) {
    let step = mirror.ledger.nexthops.isActive ? formed(step) : step
    try writer.enqueue(step.change, step.route, tag: tag)
  }

  /// A change in its form, for which an object may have to be made.
  private func formed(_ step: RouteStep) -> RouteStep {
    for _ in 0..<Self.attemptLimit {
      switch mirror.ledger.nexthops.form(step) {
      case .ready(let step): return step
      case .needs(let object): make(object)
      }
    }
    var step = step
    step.route.nexthopID = 0
    return step
  }

  private func make(_ object: KernelNexthop) {
    do throws(KernelError) {
      try writer.make(object)
      mirror.ledger.nexthops.made(object)
    } catch {
      guard mirror.ledger.nexthops.refused(object, error) else { return }
      log.write(
        .routeRefused, subject: .error(number: error.errno),
        "kernel-nexthops: plain routes through "
          + (object.gateway.map { "\($0)" } ?? "") + ": \(error.reason)")
    }
  }

  /// Takes a refusal. What has to do with objects is sent again in another form; nil then. Otherwise
  /// the refusal as the mirror is to know it.
  func retried(
    _ failure: RouteFailure, _ node: borrowing BabelNode, at now: Instant
  ) -> RouteFailure? {
    guard mirror.ledger.nexthops.isActive || failure.route?.nexthopID ?? 0 != 0 else {
      return failure
    }
    var failure = failure
    let isSecond = failure.tag & Self.secondForm != 0
    failure.tag &= ~Self.secondForm
    guard var route = failure.route else { return failure }
    mirror.ledger.nexthops.resolve(&route)
    failure.route = route
    if let step = mirror.retry(failure, isSecond: isSecond, node) {
      if isSecond, failure.change != .delete {
        log.write(
          .routeRefused, subject: .error(number: failure.error.errno),
          "kernel-nexthops: plain routes through "
            + (route.gateway.map { "\($0)" } ?? "") + ": \(failure.error.reason)")
      }
      do throws(KernelError) {
        try send(step, tag: failure.tag | Self.secondForm)
        return nil
      } catch {
        mirror.requestReading(at: now)
      }
    }
    failure.route?.nexthopID = 0
    return failure
  }

  /// Notes which objects have more routes or fewer by a change.
  func count(_ change: ForwardingChange) {
    guard mirror.countMove(change) else { return }
    mirror.requestReading(at: .now + NexthopObjects.idlePatience)
  }

  /// Reads the kernel's objects, before its routes are read. At the start this happens in any case:
  /// a former process may have left some.
  func readNexthops(atStart isStart: Bool = false) {
    guard isStart || mirror.ledger.nexthops.isActive else { return }
    do throws(KernelError) {
      mirror.take(try reader.nexthops())
    } catch {
      // A kernel that has none says so when one is to be made.
      guard error.errno != ErrorNumber.notSupported else { return }
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
    }
  }

  /// A reading has ended: objects without routes go.
  func removeIdleNexthops(_ node: borrowing BabelNode, at now: Instant) {
    for object in mirror.removableNexthops(node, at: now) { remove(object) }
  }

  /// Removes all objects of ours, at the end, when the routes are gone.
  func removeNexthops() {
    for object in mirror.ledger.nexthops.all() { remove(object) }
  }

  private func remove(_ object: KernelNexthop) {
    do throws(KernelError) {
      try writer.remove(object)
    } catch {
      guard error.errno == ErrorNumber.noEntry else {
        return log.write(
          .routeRefused, subject: .error(number: error.errno),
          "kernel-nexthops: object \(object.id) stays: \(error.reason)")
      }
    }
    mirror.ledger.nexthops.removed(object)
  }
}
