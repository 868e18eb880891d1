import BabelWire

// Before editing, read RFC 8966 §3.2.5 and §3.7.3. The source entry of the router-id that a
// destination was last announced with lives in the destination's own row.

extension RouteTable {
  /// All source entries: those in the rows, those beside them, and presumed ones.
  var sourceCount: Int { sourcesInRows + furtherSources.count + presumptions.count }

  /// When the next source entry may have to go.
  var firstSourceDeadline: Instant? {
    var first = Instant.distantFuture
    if let deadline = sourceWheel.firstDeadline { first = min(first, deadline) }
    if let deadline = furtherSources.firstDeadline { first = min(first, deadline) }
    if let deadline = presumptions.firstDeadline { first = min(first, deadline) }
    return first == .distantFuture ? nil : first
  }

  /// The feasibility distance of (destination, router), nil if we keep none.
  func distance(_ row: DestinationRow, router: RouterRow, at now: Instant) -> FeasibilityDistance? {
    if destinations[row].sourceRouter == router {
      return destinations[row].sourceExpiry.isDue(at: now)
        ? nil : destinations[row].sourceDistance
    }
    guard destinations[row].flags.contains(.moreSources) else { return nil }
    return furtherSources.distance(row, router, at: now)
  }

  /// Whether there would be one more source entry if the destination were announced with `router`
  /// now. False if the new entry would replace one whose time has passed.
  func needsSource(_ row: DestinationRow, _ router: RouterRow, at now: Instant) -> Bool {
    let former = destinations[row]
    guard former.sourceRouter != router else { return false }
    guard former.sourceRouter == .none || !former.sourceExpiry.isDue(at: now) else { return false }
    return !former.flags.contains(.moreSources)
      || furtherSources.distance(row, router, at: now) == nil
  }

  /// Notes that a finite Update is being sent: creates or improves the source entry and restarts
  /// its garbage collection (§3.7.3). The entry is kept for ``sourceLifetime`` microseconds, or for
  /// `lifetime` if that is given, and for longer if a longer time was promised before.
  mutating func announced(
    _ row: DestinationRow, router: RouterRow, _ distance: FeasibilityDistance,
    lifetime: Int64? = nil, at now: Instant
  ) {
    if destinations[row].sourceRouter != router { takeOver(row, router: router, at: now) }
    let former = destinations[row].sourceDistance
    let expired = destinations[row].sourceExpiry.isDue(at: now)
    if expired || former.metric.isInfinite {
      destinations[row].sourceDistance = distance
    } else {
      destinations[row].sourceDistance.announced(distance)
    }
    if destinations[row].sourceDistance != former { judgeFeasibility(row, of: router) }
    let expiry = now + (lifetime ?? sourceLifetime)
    if expiry > destinations[row].sourceExpiry.instant(near: now) {
      destinations[row].sourceExpiry = Tick(expiry)
    }
    if !sourceWheel.contains(row) { sourceWheel.add(row, expiry, now: now) }
  }

  /// Routes that were only worse than the selected one may not be feasible any more, now that we
  /// have announced something better.
  private mutating func judgeFeasibility(_ row: DestinationRow, of router: RouterRow) {
    let distance = destinations[row].sourceDistance
    var walk = routes(of: row)
    while let number = walk.next(in: self) {
      let route = routes[number]
      guard route.routerID == router, number != destinations[row].selected,
        !FeasibilityDistance.isFeasible(route.distance, against: distance)
      else { continue }
      switch route.reason {
      case .worse, .settling, .withinMargin, .awaitingFormer:
        routes[number].judge(.unfeasible)
      case .selected, .retracted, .expired, .linkUnusable, .metricInfinite, .unfeasible,
        .redistributedHere, .ownAddress, .deniedByFilter, .notInstallable, .awaitingSeqno:
        break
      }
    }
  }

  /// A neighbour announced (destination, router) and will repeat that only after `interval`. It may
  /// have the route from us, and use it all that time. So our source entry, if there is one, is
  /// kept for at least as long.
  mutating func keepSource(
    _ row: DestinationRow, router: RouterRow, asLongAs interval: Interval, at now: Instant
  ) {
    let lifetime = ProtocolParameters.sourceLifetime(interval.microseconds)
    guard lifetime > ProtocolParameters.sourceGarbageCollection else { return }
    let expiry = now + lifetime
    if destinations[row].sourceRouter == router {
      guard !destinations[row].sourceExpiry.isDue(at: now),
        expiry > destinations[row].sourceExpiry.instant(near: now)
      else { return }
      destinations[row].sourceExpiry = Tick(expiry)
    } else if destinations[row].flags.contains(.moreSources) {
      furtherSources.keep(row, router, until: expiry, at: now)
    }
  }

  /// The longest Update interval of our interfaces is now `longest` microseconds. If it has grown,
  /// all source entries are prolonged by the difference of the lifetimes, at most to the new
  /// lifetime from now, because the next Updates of the same routes name the new interval.
  mutating func setLongestInterval(_ longest: Int64, at now: Instant) {
    let former = sourceLifetime
    sourceLifetime = ProtocolParameters.sourceLifetime(longest)
    let time = sourceLifetime - former
    guard time > 0 else { return }
    keepSources(for: time, until: now + sourceLifetime, at: now)
  }

  private mutating func keepSources(for time: Int64, until latest: Instant, at now: Instant) {
    for row in destinations.indexes
    where isLive(row) && destinations[row].sourceRouter != .none {
      let expiry = destinations[row].sourceExpiry.instant(near: now)
      destinations[row].sourceExpiry = Tick(max(expiry, min(expiry + time, latest)))
    }
    furtherSources.keepAll(for: time, until: latest, at: now)
    presumptions.keepAll(for: time, until: latest, at: now)
  }

  /// Passes on router-id, distance and expiry of all entries of a destination, presumed ones
  /// included.
  func forEachSource(
    of row: DestinationRow, _ body: (RouterRow, FeasibilityDistance, Tick) -> Void
  ) {
    let destination = destinations[row]
    if destination.sourceRouter != .none {
      body(destination.sourceRouter, destination.sourceDistance, destination.sourceExpiry)
    }
    guard destination.flags.contains(.moreSources) else { return }
    furtherSources.forEach(of: row, body)
    presumptions.forEach(of: row, body)
  }

  /// Enters what an earlier life had announced; the better distance stays if there is one.
  mutating func restore(
    _ row: DestinationRow, router: RouterRow, _ distance: FeasibilityDistance, expiry: Instant,
    at now: Instant
  ) {
    let former = destinations[row]
    announced(row, router: router, distance, lifetime: 0, at: now)
    let isLater =
      former.sourceRouter == router && former.sourceExpiry.instant(near: now) > expiry
    destinations[row].sourceExpiry = isLater ? former.sourceExpiry : Tick(expiry)
  }

  // MARK: What an earlier life of which nothing was saved may have announced

  /// Presumes that an earlier life, of which nothing was saved, announced (destination, router)
  /// with this seqno and the metric 0. It counts until `expiry`; an earlier presumption is
  /// replaced.
  mutating func presume(
    _ row: DestinationRow, router: RouterRow, _ seqno: Seqno, until expiry: Instant, at now: Instant
  ) {
    if presumptions.remove(row, router) == nil { routerIDs.retain(number: router) }
    presumptions.insert(
      row, router, FeasibilityDistance(seqno: seqno, metric: .zero), expiry: Tick(expiry), at: now)
    destinations[row].setMoreSources(true)
  }

  /// The newest seqno with which an earlier life, of which nothing was saved, may have announced
  /// (destination, router); nil if nothing is presumed.
  func presumedSeqno(_ row: DestinationRow, router: RouterRow, at now: Instant) -> Seqno? {
    guard destinations[row].flags.contains(.moreSources) else { return nil }
    return presumptions.distance(row, router, at: now)?.seqno
  }

  /// Makes `router` the one whose entry the row holds; the former one moves to the side table.
  private mutating func takeOver(_ row: DestinationRow, router: RouterRow, at now: Instant) {
    let former = destinations[row]
    if former.sourceRouter != .none {
      if former.sourceExpiry.isDue(at: now) {
        routerIDs.release(former.sourceRouter)
      } else {
        furtherSources.insert(
          row, former.sourceRouter, former.sourceDistance, expiry: former.sourceExpiry, at: now)
      }
    }
    if former.flags.contains(.moreSources), let entry = furtherSources.remove(row, router) {
      destinations[row].sourceDistance = entry.distance
      destinations[row].sourceExpiry = entry.expiry
    } else {
      routerIDs.retain(number: router)
      destinations[row].sourceDistance = FeasibilityDistance(seqno: Seqno(0), metric: .infinity)
      destinations[row].sourceExpiry = Tick(now)
    }
    if former.sourceRouter == .none { sourcesInRows += 1 }
    destinations[row].sourceRouter = router
    updateMoreSources(row)
  }

  private mutating func updateMoreSources(_ row: DestinationRow) {
    destinations[row].setMoreSources(furtherSources.hasEntries(row) || presumptions.hasEntries(row))
  }

  /// Deletes source entries whose garbage-collection time has passed. Looks at `budget` entries at
  /// most, and returns at how many it looked.
  mutating func collectSources(at now: Instant, budget: Int) -> Int {
    var work = 0
    while work < budget, let row = sourceWheel.popDue(at: now) {
      work += 1
      let expiry = destinations[row].sourceExpiry
      guard expiry.isDue(at: now) else {
        sourceWheel.add(row, expiry.instant(near: now), now: now)
        continue
      }
      routerIDs.release(destinations[row].sourceRouter)
      destinations[row].sourceRouter = .none
      sourcesInRows -= 1
      destinations[row].forgetAnnouncement()
      removeIfUnused(row)
    }
    while work < budget,
      let entry = furtherSources.popExpired(at: now) ?? presumptions.popExpired(at: now)
    {
      work += 1
      routerIDs.release(entry.router)
      updateMoreSources(entry.destination)
      removeIfUnused(entry.destination)
    }
    return work
  }
}
