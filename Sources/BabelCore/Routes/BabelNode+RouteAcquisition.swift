import BabelWire

// Before editing, read RFC 8966 §3.5.3 and §3.5.4.

extension BabelNode {
  /// An Update arrived (§3.5.3).
  mutating func receiveUpdate(
    _ update: Update, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let isEcho = isEcho(update)
    var refusal = isEcho ? nil : refusal(of: update, from: id)
    var filterMetric = Metric.zero
    var filterRule: UInt16 = 0
    // A retraction can only concern a route that filters let in, and its router-id means nothing
    // (§4.6.9).
    if refusal == nil, !isEcho, !update.isRetraction, !filters.input.rules.isEmpty {
      if let passed = passInput(update, from: id) {
        (filterMetric, filterRule) = passed
      } else {
        refusal = .filter
      }
    }
    if let refusal { counters.count(refusal) }
    // Whatever is refused, the neighbour does not have its former route any more.
    let isGone = refusal != nil || isEcho || update.isRetraction
    if let row = table.find(update.destination, update.source),
      let route = table.route(row, id)
    {
      if isGone {
        retract(route, of: id, isDenied: refusal == .filter, now, &buffer)
      } else {
        change(route, update, filterMetric, filterRule, now, &buffer)
      }
    } else if isGone {
      retractAdopted(update, from: id, now, &buffer)
    } else {
      addRoute(update, from: id, filterMetric, filterRule, now, &buffer)
    }
  }

  private mutating func addRoute(
    _ update: Update, from id: NeighbourID, _ filterMetric: Metric, _ filterRule: UInt16,
    _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let routerID = update.routerID, let gateway = update.nextHop else { return }
    guard table.routes.count < parameters.routeLimit else {
      counters.countFull(.routes)
      return
    }
    guard neighbours[id].routes.count < parameters.neighbourRouteLimit else {
      counters.countFull(.neighbourRoutes)
      return
    }
    guard let row = table.findOrInsert(update.destination, update.source) else { return }
    let neighbour = neighbours[id]
    let metric = update.metric.adding(neighbour.cost).adding(filterMetric)
    var route = Route(
      destination: row,
      nextHop: table.nextHops.retain(id, neighbour.interface, gateway: gateway),
      routerID: table.routerIDs.retain(routerID),
      smoothed: SmoothedMetric(metric, at: now), seqno: update.seqno,
      advertisedMetric: update.metric, interval: update.interval, epoch: neighbour.routes.epoch)
    route.filterMetric = filterMetric
    route.filterRule = filterRule
    route.updatedAt = Tick(now)
    presumeAnnounced(row, route.routerID, update.seqno, now)
    keepSource(row, route.routerID, asLongAs: update.interval, now)
    let number = table.insert(route)
    table.setAttributes(acceptedAttributes(update, from: id), of: number)
    link(number, to: id)
    restartHoldTime(number, now)
    routeArrived(number, now, &buffer)
  }

  /// An Update for a route we have.
  private mutating func change(
    _ number: RouteRow, _ update: Update, _ filterMetric: Metric, _ filterRule: UInt16,
    _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let old = table.routes[number]
    let row = old.destination
    let id = table.nextHops[old.nextHop].neighbour
    let isSelected = table.destinations[row].selected == number
    let before = visible(number)
    guard let routerID = update.routerID, let gateway = update.nextHop else { return }
    let router = table.routerIDs.retain(routerID)
    presumeAnnounced(row, router, update.seqno, now)
    if router != old.routerID || update.interval > old.interval {
      keepSource(row, router, asLongAs: update.interval, now)
    }
    let distance = FeasibilityDistance(seqno: update.seqno, metric: update.metric)
    let isFeasible = FeasibilityDistance.isFeasible(
      distance, against: table.distance(row, router: router, at: now))
    if isSelected, !isFeasible, router == old.routerID {
      // The selected route stays as it is, unrefreshed, until a newer seqno arrives (§3.5.3).
      table.routerIDs.release(router)
      askForSeqno(row, router, from: [id], repeats: 0, now)
      return
    }
    let formerPrice = table.attributes[number]?.price
    let hasNewAttributes = table.setAttributes(acceptedAttributes(update, from: id), of: number)
    if !hasNewAttributes, repeats(old, update, router, filterMetric),
      isSelected || (old.reason == .worse && table.destinations[row].selected != .none)
    {
      // A mere refresh changes no decision; most Updates of a quiet network are of this kind.
      table.routerIDs.release(router)
      table.routes[number].updated(at: now)
      restartHoldTime(number, now)
      return
    }
    // An Update that says the same again is no change: a metric may stand still for long.
    let former = metric(of: number)
    if update.metric.adding(neighbours[id].cost).adding(filterMetric) != former {
      table.routes[number].smoothed.changed(
        from: former, timeConstant: timeConstant(number), at: now)
    }
    table.routerIDs.release(old.routerID)
    table.routes[number].routerID = router
    if table.nextHops[old.nextHop].gateway != gateway || table.nextHops[old.nextHop].isLostByKernel
    {
      let interface = neighbours[id].interface
      table.routes[number].nextHop = table.nextHops.retain(id, interface, gateway: gateway)
      table.nextHops.release(old.nextHop)
    }
    table.routes[number].seqno = update.seqno
    table.routes[number].advertisedMetric = update.metric
    table.routes[number].interval = update.interval
    table.routes[number].filterMetric = filterMetric
    table.routes[number].filterRule = filterRule
    table.routes[number].epoch = neighbours[id].routes.epoch
    table.routes[number].updated(at: now)
    restartHoldTime(number, now)
    routeChanged(
      number, from: before, formerPrice: formerPrice, isNewWay: former.isInfinite, now, &buffer)
  }

  /// A retraction of a route we have, or news that amount to one.
  private mutating func retract(
    _ number: RouteRow, of id: NeighbourID, isDenied: Bool, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    guard !table.routes[number].advertisedMetric.isInfinite else { return }
    let before = visible(number)
    table.routes[number].smoothed.changed(
      from: metric(of: number), timeConstant: timeConstant(number), at: now)
    table.routes[number].retracted(isDenied: isDenied)
    table.routes[number].epoch = neighbours[id].routes.epoch
    routeLost(number, from: before, now, &buffer)
  }

  /// Whether an Update says nothing that the row does not say already.
  private func repeats(
    _ route: Route, _ update: Update, _ router: RouterRow, _ filterMetric: Metric
  ) -> Bool {
    let nextHop = table.nextHops[route.nextHop]
    return route.seqno == update.seqno && route.advertisedMetric == update.metric
      && route.routerID == router && route.interval == update.interval
      && route.filterMetric == filterMetric && nextHop.gateway == update.nextHop
      && !nextHop.isLostByKernel && route.flags.isSubset(of: .refreshAsked)
      && route.epoch == neighbours[nextHop.neighbour].routes.epoch
  }

  /// A wildcard retraction: every route of the neighbour is retracted (§4.6.9). The new epoch does
  /// it at once for all decisions; a job brings the rows up to date.
  mutating func receiveWildcardRetraction(from id: NeighbourID) {
    revokeAdopted(of: id)
    guard neighbours[id].routes.count > 0 else { return }
    neighbours[routes: id].epoch &+= 1
    neighbours[routes: id].jobRetracts = true
    judgeRoutes(of: id)
  }

  // MARK: Rows of a neighbour

  /// Appends a route to its neighbour's list.
  private mutating func link(_ number: RouteRow, to id: NeighbourID) {
    let last = neighbours[id].routes.last
    table.routes[number].previousOfNeighbour = last
    table.routes[number].nextOfNeighbour = .none
    if last == .none {
      neighbours[routes: id].first = number
    } else {
      table.routes[last].nextOfNeighbour = number
    }
    neighbours[routes: id].last = number
    neighbours[routes: id].count += 1
  }

  private mutating func unlink(_ number: RouteRow, from id: NeighbourID) {
    let previous = table.routes[number].previousOfNeighbour
    let next = table.routes[number].nextOfNeighbour
    if previous == .none {
      neighbours[routes: id].first = next
    } else {
      table.routes[previous].nextOfNeighbour = next
    }
    if next == .none {
      neighbours[routes: id].last = previous
    } else {
      table.routes[next].previousOfNeighbour = previous
    }
    neighbours[routes: id].count -= 1
  }

  /// Removes a route from all lists and frees it.
  private mutating func removeRoute(
    _ number: RouteRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    let id = table.nextHops[table.routes[number].nextHop].neighbour
    if table.destinations[row].selected == number {
      table.routes[number].advertisedMetric = .infinity
      reselect(row, now, &buffer)
    }
    reportRoute(.flush, number, now, &buffer)
    unlink(number, from: id)
    table.remove(number)
    table.removeIfUnused(row)
  }

  /// Has all routes of a neighbour judged anew, a budget at a time.
  mutating func judgeRoutes(of id: NeighbourID) {
    guard neighbours[id].routes.count > 0 else { return }
    if neighbours[id].routes.jobRemaining == nil {
      neighbours[routes: id].formerCost = neighbours[id].cost
    }
    beginJob(id)
  }

  /// The cost of the link to a neighbour was `former`: its routes are judged anew.
  mutating func spreadCost(of id: NeighbourID, from former: Metric) {
    guard neighbours[id].routes.count > 0 else { return }
    neighbours[routes: id].formerCost = former
    beginJob(id)
  }

  /// A neighbour has left: its routes are removed, a budget at a time, and then its row.
  mutating func removeRoutes(of id: NeighbourID) { beginJob(id) }

  private mutating func beginJob(_ id: NeighbourID) {
    if neighbours[id].routes.jobRemaining == nil { jobs.append(id) }
    neighbours[routes: id].jobRemaining = neighbours[id].routes.count
  }

  /// Looks at the routes of neighbours whose cost changed, that retracted everything or that are
  /// leaving; at most `budget` rows. Returns how many.
  mutating func runJobs(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    var work = 0
    while work < budget, let id = jobs.first {
      guard let remaining = neighbours[id].routes.jobRemaining, remaining > 0,
        neighbours[id].routes.first != .none
      else {
        jobs.removeFirst()
        neighbours[routes: id].jobRemaining = nil
        neighbours[routes: id].jobRestartsSmoothing = false
        if neighbours[id].routes.jobRetracts || neighbours[id].isLeaving {
          neighbours[routes: id].jobRetracts = false
          retractionDoneAt = now
        }
        if neighbours[id].isLeaving { neighbours.remove(id) }
        continue
      }
      work += 1
      neighbours[routes: id].jobRemaining = remaining - 1
      let number = neighbours[id].routes.first
      if neighbours[id].isLeaving {
        removeRoute(number, now, &buffer)
      } else {
        refresh(number, of: id, now, &buffer)
      }
    }
    return work
  }

  /// One row of a job: the route moves to the end of the list and is judged anew.
  private mutating func refresh(
    _ number: RouteRow, of id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    unlink(number, from: id)
    link(number, to: id)
    let neighbour = neighbours[id]
    let route = table.routes[number]
    let former = route.advertisedMetric.adding(neighbour.routes.formerCost).adding(
      route.filterMetric)
    if neighbour.routes.jobRestartsSmoothing {
      table.routes[number].smoothed = SmoothedMetric(metric(of: number), at: now)
    } else {
      table.routes[number].smoothed.changed(
        from: former, timeConstant: timeConstant(number), at: now)
    }
    if route.epoch != neighbour.routes.epoch {
      table.routes[number].epoch = neighbour.routes.epoch
      table.routes[number].advertisedMetric = .infinity
    }
    var before = visible(number)
    before?.metric = former
    before?.advertisedMetric = route.advertisedMetric
    routeCostChanged(number, from: before, isNewWay: former.isInfinite, now, &buffer)
  }

  // MARK: Expiry

  /// Sets when a route is looked at next: first to ask for a refresh, then to expire (§3.5.3).
  private mutating func setDeadline(
    _ number: RouteRow, from since: Instant, halves: Int64, _ now: Instant
  ) {
    let deadline = since + table.routes[number].interval.microseconds * halves / 2
    let isEarlier = deadline < table.routes[number].deadline.instant(near: now)
    table.routes[number].deadline = Tick(deadline)
    // Rows that are refreshed stay in their slot; the wheel puts them back when it comes up.
    if table.routeWheel.contains(number) {
      guard isEarlier else { return }
      table.routeWheel.remove(number)
    }
    table.routeWheel.add(number, deadline, now: now)
  }

  /// A finite Update arrived: the hold time starts anew.
  private mutating func restartHoldTime(_ number: RouteRow, _ now: Instant) {
    table.routes[number].smoothed.keepTellable(metric(of: number), at: now)
    setDeadline(number, from: now, halves: ProtocolParameters.routeRefreshHalves, now)
  }

  /// Asks for refreshes, expires and removes routes whose time has come.
  mutating func expireRoutes(
    _ now: Instant, budget: Int, _ buffer: inout ActionBuffer
  ) -> Int {
    var work = 0
    while work < budget, let number = table.routeWheel.popDue(at: now) {
      work += 1
      let route = table.routes[number]
      guard route.deadline.isDue(at: now) else {
        table.routeWheel.add(number, route.deadline.instant(near: now), now: now)
        continue
      }
      if !route.flags.contains(.refreshAsked) {
        table.routes[number].refreshAsked()
        if table.destinations[route.destination].selected == number { askForRefresh(number, now) }
        let since = route.updatedAt.instant(near: now)
        setDeadline(number, from: since, halves: ProtocolParameters.routeHoldHalves, now)
      } else if route.advertisedMetric.isInfinite {
        removeRoute(number, now, &buffer)
      } else {
        let before = visible(number)
        table.routes[number].expired()
        routeLost(number, from: before, now, &buffer)
        setDeadline(number, from: now, halves: ProtocolParameters.routeHoldHalves, now)
      }
    }
    return work
  }

  /// Shortly before a selected route expires its neighbour is asked to repeat it (§3.8.2.3).
  private mutating func askForRefresh(_ number: RouteRow, _ now: Instant) {
    let route = table.routes[number]
    let request = RouteRequest(
      destination: table.destinations[route.destination].prefix,
      source: table.sourcePrefix(route.destination))
    let id = table.nextHops[route.nextHop].neighbour
    guard let interface = interface(neighbours[id].interface) else { return }
    enqueue(.routeRequest(request), to: id, by: now + normalDelay(interface))
  }
}
