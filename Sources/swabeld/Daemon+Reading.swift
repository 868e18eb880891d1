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

  /// Least microseconds between two readings of links and addresses.
  private static let linkDistance: Int64 = 100_000
  /// Microseconds until they are read again when that failed.
  private static let linkRetry: Int64 = 1_000_000
  /// Routes of others asked for alone in one turn of the loop.
  private static let questionsPerTurn = 256

  /// Asks for a reading of the kernel's tables. With `includingLinks`, links and addresses are
  /// read, too, before.
  func requestReading(at time: Instant, includingLinks: Bool = false) {
    if includingLinks {
      linksDue = min(linksDue ?? .distantFuture, max(time, linksRead + Self.linkDistance))
    }
    let distance =
      includingLinks ? Self.leastDistance : max(Self.leastDistance, readingTook * Self.share)
    readingDue = min(readingDue, max(time, readingBegan + distance))
  }

  /// Reads links and addresses. If that fails, those known stay, and it is tried again.
  func readLinks(at now: Instant) {
    // What was heard before is older than what is read now.
    catchUp()
    linksRead = now
    do throws(KernelError) {
      let all = try reader.links()
      let addresses = try reader.addresses()
      linksDue = nil
      let former = links.links()
      links.removeAll()
      for link in all {
        links.update(link)
        forwarding.setPointToPoint(link.isPointToPoint, link.ifindex)
      }
      for address in addresses { links.update(address) }
      for old in former {
        let new = links.link(old.ifindex)
        if new == nil { lostLink(old.ifindex) }
        if old.isUp, new?.isUp != true { lostRoutes(old.ifindex) }
      }
    } catch {
      linksDue = now + Self.linkRetry
      log.write(.overflow, subject: 2, "netlink: \(error)")
      return
    }
    // A reading that went on has offered addresses that may be gone.
    if reading != nil { requestReading(at: now) }
    checkInterfaces(at: now)
  }

  /// Begins a reading.
  func beginReading(at now: Instant) {
    // First these: what is heard now may ask for another reading, after this one.
    readingBegan = now
    readingDue = nextCheck(after: now)
    catchUp()
    deletionsBefore = forwarding.ipv6Deletions
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
    case .doubtful(let offers): resolve(offers, at: now)
    case .missing(let position): findMissing(from: position, at: now)
    }
    apply(at: now)
  }

  /// Reads everything in one go, before the loop begins.
  func readAtOnce(at now: Instant) {
    beginReading(at: now)
    while reading != nil {
      continueReading(at: now)
      if !news.isEmpty { receiveEvents() }
    }
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
        compare(route, at: now)
      } else {
        if reading?.hasHeard(of: route) == true { continue }
        reading?.noteForeign(route)
        offered(read, at: now)
      }
    }
    // What was heard and skipped above must be worked on before the list counts as complete.
    guard case .finished(let isConsistent) = progress, news.isEmpty else { return }
    if !isConsistent, let attempt = reading?.attempt, attempt < KernelReading.attemptLimit {
      reading?.attempt += 1
      reader.startRoutes(tables: tablesToRead)
      return
    }
    // What was removed up to now, by others or by us, may have made the kernel leave others out.
    hearNews()
    if !isConsistent { reading?.acceptInconsistency() }
    if deletionsBefore != forwarding.ipv6Deletions { reading?.disturb() }
    reading?.phase = .doubtful(node.unconfirmedOffers())
  }

  /// Decides on routes of others that were not read: are they gone, or were they left out?
  private func resolve(_ offers: [KernelOffer], at now: Instant) {
    // What was heard meanwhile comes first: it is newer.
    guard let current = reading, news.isEmpty else { return }
    var rest = offers
    for _ in 0..<min(rest.count, Self.questionsPerTurn) {
      guard let offer = rest.popLast() else { break }
      guard node.isUnconfirmed(offer) else { continue }
      let isProof = current.isProof(for: offer.destination.family)
      let isGone = reading?.missing.isGone(offer, isProof: isProof, after: missingOffers) {
        isPresent(offer)
      }
      if isGone == true { node.kernelOfferRemoved(offer, at: now, into: &actions) }
    }
    guard rest.isEmpty else {
      reading?.phase = .doubtful(rest)
      return
    }
    if let reading {
      missingOffers = reading.missing
      if missingOffers.suspects.isEmpty {
        suspectPatience.reset()
      } else {
        requestReading(at: now + suspectPatience.next())
      }
      takeOver(reading, at: now)
    }
    reading?.prepareLookup()
    reading?.phase = .missing(position: 0)
  }

  /// Takes over what a reading has found out about routes of others in our places.
  private func takeOver(_ reading: KernelReading, at now: Instant) {
    var foreign = reading.foreign
    foreign.keep(from: forwarding.foreign) { reading.mayLack($0) }
    // Who stood in our way may have gone unheard.
    let isFreed = forwarding.foreign.mayBeFreed(by: foreign)
    forwarding.foreign = foreign
    forwarding.foreign.isUncertain = reading.isOutdated
    if isFreed { node.forwardingMayWork(nil, at: now, into: &actions) }
  }

  /// Asks the kernel for a route of somebody else alone. False also if it cannot tell.
  private func isPresent(_ offer: KernelOffer) -> Bool {
    do throws(KernelError) {
      if query == nil { query = RouteQueryBox(try RouteQuery()) }
      let address = MissingOffers.address(
        in: offer.destination, random: (Entropy.uint64(), Entropy.uint64()))
      guard let route = try query?.query.entry(to: address) else { return false }
      return !route.isDead && self.offer(route) == offer
    } catch {
      return false
    }
  }

  /// One route with our protocol number: is it what the node wants?
  private func compare(_ route: KernelRoute, at now: Instant) {
    guard settings.exportTables.contains(route.table) else { return }
    let key = route.forwardingKey
    if route.isMultipath {
      // We make no such routes: somebody has put another leg beside ours.
      reading?.noteForeign(route)
      reading?.noteFound(key)
      return
    }
    if reading?.hasChanged(key) == true { return }
    let standing = standing(route)
    if let wanted = standing.wantedHere {
      reading?.noteFound(key)
      if let occupant = reading?.obstacle(before: wanted, judge: { forwarding.occupancy($0, $1) }) {
        forwarding.repair(from: route, to: nil)
        blocked(key, wanted, by: occupant, at: now)
        return
      }
      if case .wanted = standing { return }
    } else if !isOurs(route) {
      return
    }
    differ("spurious", route)
    forwarding.repair(from: route, to: standing.wantedHere)
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
      switch forwarding.occupancy(wanted) {
      case .blocked(let occupant): blocked(key, wanted, by: occupant, at: now)
      case .serving: forwarding.repair(from: nil, to: wanted)
      case .free:
        // The kernel refuses to add what is there, and that is fine. So this asks, too.
        if reading?.isProof(for: wanted.destination.family) == true { differ("missing", wanted) }
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
    // A route that was left out may still be there.
    let isProof = reading?.isProof(for: .ipv6) ?? false
    reading = nil
    readingTook = Instant.now - readingBegan
    do throws(KernelError) { try sysctls.restoreLate() } catch { log.write("\(error)") }
    if isProof {
      departurePatience.reset()
      endDepartures(at: .now)
    } else if !departures.isEmpty {
      requestReading(at: .now + departurePatience.next())
    }
  }
}
