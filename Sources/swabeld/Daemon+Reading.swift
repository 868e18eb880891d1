import BabelCore
import BabelKernel
import BabelWire

// Reads the kernel's tables in slices, for the mirror.
extension Daemon {
  /// Asks for a reading of the kernel's tables.
  func requestReading(at time: Instant) { mirror.requestReading(at: time) }

  /// Reads links and addresses. If that fails, those known stay, and it is tried again.
  func readLinks(at now: Instant) {
    // What was heard before is older than what is read now.
    catchUp()
    mirror.beginLinks(at: now)
    do throws(KernelError) {
      let links = try reader.links()
      let addresses = try reader.addresses()
      mirror.linksRead(links, addresses, at: now, into: &orders)
    } catch {
      mirror.linksFailed(at: now)
      log.write(.overflow, subject: .linksNotRead, "netlink: \(error)")
      return
    }
    followOrders(at: now)
    checkInterfaces(at: now)
  }

  /// Begins a reading.
  func beginReading(at now: Instant) {
    // First this: what is heard now may ask for another reading, after this one.
    mirror.beginReading(at: now, nextCheck: nextCheck(after: now))
    catchUp()
    mirror.startReading(into: &orders)
    followOrders(at: now)
    reader.startRoutes(tables: mirror.tablesToRead)
    carryOut(at: now)
  }

  /// Reads a slice.
  func continueReading(at now: Instant) {
    guard let phase = mirror.phase else { return }
    switch phase {
    case .routes: readRoutes(at: now)
    case .doubtful(let offers):
      mirror.judgeDoubtful(offers, node, at: now, into: &orders, lookUp: lookUp)
      followOrders(at: now)
    case .missing(let position):
      let isLast = mirror.lookForMissing(from: position, node, into: &orders)
      followOrders(at: now)
      if isLast { endReading(at: now) }
    }
    carryOut(at: now)
  }

  /// Reads everything in one go, before the loop begins.
  func readAtOnce(at now: Instant) {
    beginReading(at: now)
    while mirror.phase != nil {
      continueReading(at: now)
      if mirror.notificationCount > 0 { receiveEvents() }
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
    let progress: KernelReader.Progress
    do throws(KernelError) {
      progress = try reader.continueRoutes(into: &routes)
    } catch {
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
      mirror.readingFailed(at: now)
      return
    }
    for route in routes {
      mirror.read(route, node, at: now, into: &orders)
      followOrders(at: now)
    }
    // What was heard and skipped above must be worked on before the list counts as complete.
    guard case .finished(let isConsistent) = progress, mirror.notificationCount == 0 else { return }
    if mirror.mustRepeat(isConsistent: isConsistent) {
      reader.startRoutes(tables: mirror.tablesToRead)
      return
    }
    // What was removed up to now may have made the kernel leave others out.
    hearNotifications()
    mirror.routesRead(isConsistent: isConsistent, node)
  }

  /// Asks the kernel for the route of somebody else that leads into a prefix; nil also if it
  /// cannot tell.
  private func lookUp(_ destination: Prefix) -> KernelRoute? {
    do throws(KernelError) {
      if query == nil { query = RouteQueryBox(try RouteQuery()) }
      let address = MissingOffers.address(
        in: destination, random: (Entropy.uint64(), Entropy.uint64()))
      return try query?.query.entry(to: address)
    } catch {
      log.write(.overflow, subject: .routeNotLookedUp, "netlink: \(error)")
      return nil
    }
  }

  private func endReading(at now: Instant) {
    repairSources(at: now)
    mirror.endReading(node, at: .now)
    do throws(KernelError) { try sysctls.restoreLate() } catch { log.write("\(error)") }
  }
}
