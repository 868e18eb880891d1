import BabelCore
import BabelKernel
import BabelWire

// Reads the kernel's tables in slices, for the mirror.
extension Daemon {
  /// Asks for a reading of the kernel's tables.
  func requestReading(at time: Instant) { kernel.requestReading(at: time) }

  /// Reads links and addresses. If that fails, those known stay, and it is tried again.
  func readLinks(at now: Instant) {
    // What was heard before is older than what is read now.
    catchUp()
    guard kernel.readLinks(at: now) else { return }
    followOrders(at: now)
    checkInterfaces(at: now)
  }

  /// Begins a reading.
  func beginReading(at now: Instant) {
    // First this: what is heard now may ask for another reading, after this one.
    kernel.beginReading(at: now, nextCheck: nextCheck(after: now))
    catchUp()
    kernel.readNexthops()
    kernel.startReading()
    followOrders(at: now)
    carryOut(at: now)
  }

  /// Reads a slice.
  func continueReading(at now: Instant) {
    guard let phase = kernel.phase else { return }
    switch phase {
    case .routes: readRoutes(at: now)
    case .doubtful(let offers):
      kernel.judgeDoubtful(offers, node, at: now)
      followOrders(at: now)
    case .missing(let position):
      let isLast = kernel.lookForMissing(from: position, node)
      followOrders(at: now)
      if isLast { endReading(at: now) }
    }
    carryOut(at: now)
  }

  /// Reads everything in one go, before the loop begins.
  func readAtOnce(at now: Instant) {
    beginReading(at: now)
    while kernel.phase != nil {
      continueReading(at: now)
      if kernel.notificationCount > 0 { receiveEvents() }
    }
  }

  /// The periodic check, spread by a quarter of its interval.
  private func nextCheck(after now: Instant) -> Instant {
    let seconds = Int64(settings.configuration.kernelCheckInterval)
    guard seconds > 0 else { return .distantFuture }
    let interval = seconds * 1_000_000
    return now + (interval - interval / 4 + Int64(Entropy.uint64() % UInt64(interval / 2)))
  }

  private func readRoutes(at now: Instant) {
    var routes: [KernelRoute] = []
    guard let progress = kernel.nextRoutes(into: &routes, at: now) else { return }
    for route in routes {
      kernel.read(kernel.resolved(route, node), node, at: now)
      followOrders(at: now)
    }
    // What was heard and skipped above must be worked on before the list counts as complete.
    guard case .finished(let isConsistent) = progress, kernel.notificationCount == 0 else { return }
    if kernel.repeatsReading(isConsistent: isConsistent) { return }
    // What was removed up to now may have made the kernel leave others out.
    hearNotifications()
    kernel.routesRead(isConsistent: isConsistent, node)
  }

  private func endReading(at now: Instant) {
    if kernel.hasSources {
      kernel.repairExceptions(node)
      followOrders(at: now)
      kernel.repairRules()
    }
    kernel.removeIdleNexthops(node, at: .now)
    kernel.endReading(node, at: .now)
    do throws(KernelError) { try life.restoreLate() } catch { log.write("\(error)") }
  }
}
