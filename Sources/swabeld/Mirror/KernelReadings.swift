import BabelCore
import BabelKernel
import BabelWire

/// The readings of the kernel's tables, one after another: when each begins, what its slices show,
/// and what has to be done so that the tables become what they should be.
struct KernelReadings {
  /// Microseconds between a loss that the kernel does not tell in full and a look at its tables:
  /// losses come in groups.
  private static let kernelCalmDelay: Int64 = 50_000
  /// Microseconds from a departure to a look at the kernel's tables, which must be free of its
  /// routes by then, and between further looks if they could not be.
  private static let firstLook: Int64 = 200_000
  private static let departureRetry: Int64 = 5_000_000
  /// Destinations compared in one slice.
  private static let destinationsPerSlice = 512
  /// Routes of others asked for alone in one slice.
  private static let questionsPerSlice = 256

  private var scope: MirrorScope
  private var schedule = ReadingSchedule()
  /// The reading under way.
  private var reading: KernelReading?
  /// A reading has shown all routes with our protocol number, so that none is left over unseen.
  private var hasProof = false
  /// IPv6 routes that we had deleted when the last reading began.
  private var deletionsBefore: UInt64 = 0
  /// Routes of others that the last reading did not show and that are kept all the same.
  private var missingOffers = MissingOffers()
  /// How long until the tables are read again because routes were not found, and it is not certain
  /// that they are gone.
  private var suspectPatience = Patience(first: 200_000, longest: 10_000_000)
  /// The same because it is not certain that routes through an interface that left are gone.
  private var departurePatience = Patience(first: 500_000, longest: 300_000_000)

  /// Routes of others in our tables, and those that the reading under way has found.
  private(set) var rivals = Rivals()
  private var foundRivals = Rivals()

  init(_ scope: MirrorScope) { self.scope = scope }

  /// Other parts of the tables concern us from now on; no reading is under way.
  mutating func setScope(_ scope: MirrorScope) { self.scope = scope }

  // MARK: When

  /// When the tables are to be read.
  var due: Instant { schedule.due }
  /// When links and addresses are to be read; nil if they need not be.
  var linksDue: Instant? { schedule.linksDue }
  /// How the reading under way goes on; nil if there is none.
  var phase: KernelReading.Phase? { reading?.phase }

  /// Asks for a reading.
  mutating func request(at time: Instant) { schedule.request(at: time) }
  /// Asks for a reading when the kernel has had time for what else belongs to a loss.
  mutating func requestWhenCalm(after time: Instant) {
    schedule.request(at: time + Self.kernelCalmDelay)
  }
  /// Asks for a reading of links and addresses, and of the tables after it.
  mutating func requestWithLinks(at time: Instant) { schedule.requestWithLinks(at: time) }
  /// Links and addresses are read now.
  mutating func beginLinks(at now: Instant) { schedule.beginLinks(at: now) }
  /// They could not be read.
  mutating func failLinks(at now: Instant) { schedule.failLinks(at: now) }
  /// They were read. A reading that goes on has offered addresses that may be gone.
  mutating func endLinks(at now: Instant) {
    schedule.endLinks()
    if reading != nil { request(at: now) }
  }

  /// An interface was bound to a link: what a former process left there may be ours from now on.
  mutating func expectLeftovers() { hasProof = false }

  /// An interface left: its routes are looked for in a while.
  mutating func expectDeparture(at now: Instant) {
    departurePatience.reset()
    request(at: now + Self.firstLook)
  }

  /// The reading under way is given up, if there is one, and another one is asked for.
  mutating func abandon(at now: Instant) {
    guard reading != nil else { return }
    reading = nil
    request(at: now)
  }

  // MARK: What happens meanwhile

  /// Notes that we change an entry.
  mutating func note(_ change: ForwardingChange, _ ledger: ForwardingLedger) {
    guard reading != nil else { return }
    reading?.noteChange(of: change.key)
    for target in [change.old, change.new] {
      if let route = ledger.route(change.key, target) { reading?.noteChange(at: route.key) }
    }
  }
  /// Notes that something may be left out of what is read.
  mutating func disturb() { reading?.disturb() }
  /// Notes that changes were not heard of.
  mutating func outdate() { reading?.isOutdated = true }
  /// A route of somebody else came.
  mutating func heardAdded(_ route: KernelRoute, replacing: Bool) {
    reading?.heardAdded(route, replacing: replacing)
    rivals.insert(route, tables: scope.exportTables, replacing: replacing)
    foundRivals.insert(route, tables: scope.exportTables, replacing: replacing)
  }
  /// A route of somebody else went.
  mutating func heardRemoved(_ route: KernelRoute) {
    reading?.heardRemoved(route)
    rivals.remove(route)
    foundRivals.remove(route)
  }

  // MARK: Routes are read

  /// A reading is about to begin; the next one is due at `nextCheck` if nobody asks for it before.
  mutating func begin(at now: Instant, nextCheck: Instant) {
    schedule.begin(at: now, nextCheck: nextCheck)
  }

  /// The reading begins. What was heard before it is older than what it shows.
  mutating func start(_ ledger: inout ForwardingLedger) {
    ledger.beginComparison()
    deletionsBefore = ledger.ipv6Deletions
    reading = KernelReading(scope.places)
    foundRivals = Rivals()
  }

  /// The reading failed: it is tried again in a while.
  mutating func fail(at now: Instant) {
    reading = nil
    schedule.fail(at: now)
  }

  /// A route was read. True if it is somebody else's and may be offered for redistribution.
  mutating func read<Wishes: ForwardingWishes & ~Copyable>(
    _ physical: KernelRoute, _ ledger: inout ForwardingLedger, _ owners: RouteOwners,
    _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) -> Bool {
    if reading?.noteForSources(physical, ledger.sources) == true { return false }
    let route = ledger.logical(physical)
    if route.kernelProtocol == KernelRoute.babelProtocol {
      compare(route, &ledger, owners, wishes, into: &orders)
      return false
    }
    if reading?.hasHeard(of: route) == true { return false }
    reading?.noteForeign(route)
    foundRivals.insert(route, tables: scope.exportTables)
    return true
  }

  /// One route with our protocol number: is it what the node wants?
  private mutating func compare<Wishes: ForwardingWishes & ~Copyable>(
    _ route: KernelRoute, _ ledger: inout ForwardingLedger, _ owners: RouteOwners,
    _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) {
    guard scope.exportTables.contains(route.table) else { return }
    let key = route.forwardingKey
    if route.isMultipath {
      // We make no such routes: somebody has put another leg beside ours.
      reading?.noteForeign(route)
      reading?.noteFound(key)
      return
    }
    if reading?.hasChanged(at: route.key) == true { return }
    let standing = ledger.standing(route, wishes)
    if let wanted = standing.wantedHere {
      reading?.noteFound(key)
      // Packets follow a route that was read before ours.
      let leading = reading?.leading(at: wanted.key) ?? []
      if case .blocked(let occupant) = ledger.occupancy(wanted, leading) {
        ledger.repair(from: route, to: nil, into: &orders)
        ledger.block(wanted, by: occupant, into: &orders)
        return
      }
      if case .wanted = standing { return }
    } else if !owners.isMadeByUs(route) {
      return
    }
    reading?.noteCorrection()
    orders.append(.remark(.spurious(route)))
    ledger.repair(from: route, to: standing.wantedHere, into: &orders)
  }

  /// The kernel has told all routes. True if it calls that inconsistent and is to be asked again.
  mutating func mustRepeat(isConsistent: Bool) -> Bool {
    guard !isConsistent, let attempt = reading?.attempt, attempt < KernelReading.attemptLimit
    else { return false }
    reading?.attempt += 1
    return true
  }

  /// All routes were read, and what was heard up to now is known.
  mutating func endRoutes<Wishes: ForwardingWishes & ~Copyable>(
    isConsistent: Bool, _ ledger: ForwardingLedger, _ wishes: borrowing Wishes
  ) {
    // What was removed meanwhile, by others or by us, may have made the kernel leave others out.
    if !isConsistent { reading?.acceptInconsistency() }
    if deletionsBefore != ledger.ipv6Deletions { reading?.disturb() }
    reading?.phase = .doubtful(wishes.unconfirmedOffers())
    rivals = foundRivals
  }

  // MARK: What was not read

  /// Decides on some routes of others that were not read: are they gone, or were they left out?
  ///
  /// - Parameter lookUp: Asks the kernel for a route of somebody else alone.
  mutating func judgeDoubtful<Wishes: ForwardingWishes & ~Copyable>(
    _ offers: [KernelOffer], _ ledger: inout ForwardingLedger, _ links: LinkTable,
    _ wishes: borrowing Wishes, at now: Instant, into orders: inout [MirrorOrder],
    lookUp: (Prefix) -> KernelRoute?
  ) {
    guard var missing = reading?.missing else { return }
    var rest = offers
    for _ in 0..<min(rest.count, Self.questionsPerSlice) {
      guard let offer = rest.popLast() else { break }
      guard wishes.isUnconfirmed(offer) else { continue }
      let isProof = reading?.isProof(for: offer.destination.family) ?? false
      let isGone = missing.isGone(offer, isProof: isProof, after: missingOffers) {
        guard let route = lookUp(offer.destination), !route.isDead else { return false }
        return scope.offer(route, links) == offer
      }
      if isGone { orders.append(.offerRemoved(offer, asksBack: false)) }
    }
    reading?.missing = missing
    guard rest.isEmpty else {
      reading?.phase = .doubtful(rest)
      return
    }
    missingOffers = missing
    if let reading {
      let outcome = ledger.takeOver(reading)
      if outcome.isFreed { orders.append(.mayWork(nil, source: nil)) }
      let isProof = reading.isProof(for: .ipv6)
      hasProof = hasProof || isProof
      let isDone = isProof || hasProof && !reading.hasCorrected && !outcome.isDoubtful
      if missing.suspects.isEmpty, isDone {
        suspectPatience.reset()
      } else {
        request(at: now + suspectPatience.next())
      }
    }
    reading?.prepareLookup()
    reading?.phase = .missing(position: 0)
  }

  /// Looks for entries that should be in the kernel and are not, from a position on, those held as
  /// unreachable included. True if all were looked for.
  mutating func lookForMissing<Wishes: ForwardingWishes & ~Copyable>(
    from position: UInt32, _ ledger: inout ForwardingLedger, _ wishes: borrowing Wishes,
    into orders: inout [MirrorOrder]
  ) -> Bool {
    var missing: [(route: KernelRoute, isSurelyMissing: Bool)] = []
    let next = wishes.forEachDesiredForwarding(from: position, limit: Self.destinationsPerSlice) {
      // Where somebody else's route was to do for ours, that may have been over already.
      guard scope.exportTables.contains($0.table), let wanted = ledger.route($0, $1) else { return }
      let isSurelyMissing = reading?.hasSeen($0) == false
      if isSurelyMissing || ledger.isServed(wanted.key) {
        missing.append((wanted, isSurelyMissing))
      }
    }
    for (wanted, isSurelyMissing) in missing {
      switch ledger.occupancy(wanted) {
      case .blocked(let occupant):
        if !isSurelyMissing { ledger.repair(from: wanted.anyLeg, to: nil, into: &orders) }
        ledger.block(wanted, by: occupant, into: &orders)
      case .serving: ledger.repair(from: nil, to: wanted, into: &orders)
      case .free where !isSurelyMissing:
        // What is there, if anything, was not compared: if there is something, it is read again.
        ledger.write(RouteStep(change: .add, route: wanted), .first, into: &orders)
        ledger.endService(at: wanted.key)
      case .free:
        // The kernel refuses to add what is there, and that is fine. So this asks, too.
        if reading?.isProof(for: wanted.destination.family) == true {
          orders.append(.remark(.missing(wanted)))
        }
        ledger.repair(from: nil, to: wanted, into: &orders)
      }
    }
    guard let next else { return true }
    reading?.phase = .missing(position: next)
    return false
  }

  /// Whether what the reading did not show is not there.
  var isProof: Bool {
    reading.map { $0.isProof(for: .ipv4) && $0.isProof(for: .ipv6) } ?? false
  }

  /// What the reading has found that matters for tables of sources.
  var inventory: SourceInventory? { reading?.inventory }

  /// The reading has ended.
  mutating func end<Wishes: ForwardingWishes & ~Copyable>(
    _ ledger: inout ForwardingLedger, _ owners: inout RouteOwners, _ wishes: borrowing Wishes,
    at now: Instant
  ) {
    // A route that was left out may still be there.
    let isProof = reading?.isProof(for: .ipv6) ?? false
    reading = nil
    schedule.end(at: now)
    guard isProof else {
      if !owners.departures.isEmpty { request(at: now + departurePatience.next()) }
      return
    }
    departurePatience.reset()
    // The tables were compared: departures from before that are complete.
    for departure in owners.departures
    where departure.since < schedule.began && !wishes.usesInterface(departure.id) {
      ledger.setIndex(nil, of: departure.id)
      owners.forgetDeparture(of: departure.id)
    }
    if !owners.departures.isEmpty { request(at: now + Self.departureRetry) }
  }
}
