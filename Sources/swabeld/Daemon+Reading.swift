import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Destinations compared in one turn of the loop.
  private static let destinationsPerTurn = 512
  /// Least microseconds between the beginnings of two readings.
  private static let leastDistance: Int64 = 200_000
  /// Readings take at most one part of so many of the time, unless notifications were lost.
  private static let share: Int64 = 4

  /// Asks for a reading of the kernel's tables. With `includingLinks`, links and addresses are
  /// read, too, at once.
  func requestReading(at time: Instant, includingLinks: Bool = false) {
    if includingLinks { readLinks() }
    let distance =
      includingLinks ? Self.leastDistance : max(Self.leastDistance, readingTook * Self.share)
    readingDue = min(readingDue, max(time, readingBegan + distance))
  }

  private func readLinks() {
    do throws(KernelError) {
      let all = try reader.links()
      let addresses = try reader.addresses()
      let wereUp = links.links().filter { $0.isUp }
      links.removeAll()
      for link in all { links.update(link) }
      for address in addresses { links.update(address) }
      for link in wereUp where !all.contains(where: { $0.ifindex == link.ifindex && $0.isUp }) {
        lostRoutes(link.ifindex)
      }
    } catch {
      log.write(.overflow, subject: 2, "netlink: \(error)")
    }
  }

  /// Begins a reading.
  func beginReading(at now: Instant) {
    readingBegan = now
    readingDue = nextCheck(after: now)
    reading = KernelReading(settings.places)
    node.kernelSnapshotBegins()
    for offer in links.offers() { node.kernelOfferAdded(offer, at: now, into: &actions) }
    reader.startRoutes(tables: tablesToRead)
    apply(at: now)
  }

  /// Reads a slice.
  func continueReading(at now: Instant) {
    guard let phase = reading?.phase else { return }
    switch phase {
    case .routes: readRoutes(at: now)
    case .missing(let position): findMissing(from: position, at: now)
    }
    apply(at: now)
  }

  /// Reads everything in one go, before the loop begins.
  func readAtOnce(at now: Instant) {
    beginReading(at: now)
    while reading != nil { continueReading(at: now) }
  }

  /// The periodic check, spread by a quarter of its interval.
  private func nextCheck(after now: Instant) -> Instant {
    let seconds = Int64(settings.configuration.kernelCheckInterval)
    guard seconds > 0 else { return .distantFuture }
    let interval = seconds * 1_000_000
    return now + (interval - interval / 4 + Int64(Entropy.uint64() % UInt64(interval / 2)))
  }

  /// Tables of sources may come and go.
  private var tablesToRead: [UInt32] {
    var tables = settings.allTables
    guard let sources = forwarding.sources else { return tables }
    for table in sources.numbers + [KernelRoute.mainTable] where !tables.contains(table) {
      tables.append(table)
    }
    return tables
  }

  private func readRoutes(at now: Instant) {
    var routes: [KernelRoute] = []
    let progress: KernelReader.Progress
    do throws(KernelError) {
      progress = try reader.continueRoutes(into: &routes)
    } catch {
      log.write(.overflow, subject: 3, "netlink: \(error)")
      reading = nil
      readingDue = min(readingDue, now + 5_000_000)
      return
    }
    for read in routes {
      if reading?.noteForSources(read, forwarding.sources) == true { continue }
      let route = forwarding.sources?.logical(read) ?? read
      if route.kernelProtocol == KernelRoute.babelProtocol {
        compare(route)
      } else {
        if reading?.hasHeard(of: route) == true { continue }
        reading?.noteForeign(route)
        guard let offer = offer(read) else { continue }
        node.kernelOfferAdded(offer, at: now, into: &actions)
      }
    }
    // What was heard and skipped above must be worked on before the list counts as complete.
    guard case .finished(let isConsistent) = progress, news.isEmpty else { return }
    if !isConsistent, let attempt = reading?.attempt, attempt < KernelReading.attemptLimit {
      reading?.attempt += 1
      reader.startRoutes(tables: tablesToRead)
      return
    }
    node.kernelSnapshotEnded(at: now, into: &actions)
    if let reading {
      // Who stood in our way may have gone unheard.
      let isFreed = forwarding.foreign.mayBeFreed(by: reading.foreign)
      forwarding.foreign = reading.foreign
      forwarding.foreign.isUncertain = reading.isOutdated
      if isFreed { node.forwardingMayWork(nil, at: now, into: &actions) }
    }
    reading?.prepareLookup()
    reading?.phase = .missing(position: 0)
  }

  /// One route with our protocol number: is it what the node wants?
  private func compare(_ route: KernelRoute) {
    guard settings.exportTables.contains(route.table) else { return }
    let key = route.forwardingKey
    if route.isMultipath {
      // We make no such routes: somebody has put another leg beside ours.
      reading?.noteForeign(route)
      reading?.noteFound(key)
      return
    }
    if reading?.hasChanged(key) == true { return }
    let wanted = forwarding.route(key, node.desiredForwarding(key))
    if let wanted, wanted.key == route.key {
      reading?.noteFound(key)
      if wanted.forwardsLike(route) { return }
    } else if !isOurs(route) {
      return
    }
    differ("spurious", route)
    forwarding.repair(from: route, to: wanted?.key == route.key ? wanted : nil)
  }

  /// Looks for entries that should be in the kernel and are not, those held as unreachable
  /// included.
  private func findMissing(from position: UInt32, at now: Instant) {
    var missing: [(ForwardingKey, KernelRoute)] = []
    let next = node.forEachDesiredForwarding(from: position, limit: Self.destinationsPerTurn) {
      guard settings.exportTables.contains($0.table), reading?.hasSeen($0) == false,
        let wanted = forwarding.route($0, $1)
      else { return }
      missing.append(($0, wanted))
    }
    for (key, wanted) in missing {
      if let occupant = forwarding.foreign.occupant(wanted.key) {
        log.write(
          .routeRefused, subject: 0, "kernel_route(add): \(wanted): there is \(occupant)")
        node.forwardingFailed(key, at: now, into: &actions)
      } else {
        differ("missing", wanted)
        forwarding.repair(from: nil, to: wanted)
      }
    }
    if let next {
      reading?.phase = .missing(position: next)
    } else {
      if let inventory = reading?.inventory { repairSources(inventory) }
      endReading()
    }
  }

  private func differ(_ word: String, _ route: KernelRoute) {
    reading?.differences += 1
    log.write(.kernelDifference, subject: 0, "Warning: \(word) kernel route: \(route)")
  }

  private func endReading() {
    reading = nil
    readingTook = Instant.now - readingBegan
    endDepartures(at: .now)
  }
}
