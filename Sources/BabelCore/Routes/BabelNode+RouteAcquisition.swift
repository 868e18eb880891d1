import BabelWire

// Before editing, read RFC 8966 §3.5.3 and §3.5.4.

extension BabelNode {
  /// Takes over what an Update says (§3.5.3). Returns what became of the route; the caller does
  /// what follows.
  mutating func takeOver(
    _ update: Update, from id: NeighbourID, _ now: Instant
  ) -> RouteChange {
    #if DEBUG
      trace.enter()
    #endif
    let isEcho = isEcho(update)
    let refusal = isEcho ? nil : refusal(of: update, from: id)
    if let refusal { counters.count(refusal) }
    if isEcho || refusal == .ownAddress { noteClaim(update, from: id, now) }
    noteTwin(update, isRefused: refusal == .ownRouterID, from: id, now)
    // Whatever is refused, the neighbour does not have its former route any more.
    let isGone = refusal != nil || isEcho || update.isRetraction
    // The router-id of a retraction means nothing (§4.6.9), so filters do not see one.
    let verdict = isGone ? InputVerdict() : judge(update, from: id)
    if verdict.isDenied { counters.count(.filter) }
    if verdict.rule > 0 { countInput(verdict, update.destination, from: id) }
    if let row = table.find(update.destination, update.source),
      let route = table.route(row, id)
    {
      return isGone ? retract(route, of: id, now) : change(route, update, verdict, now)
    }
    return isGone ? .unknown : addRoute(update, from: id, verdict, now)
  }

  private mutating func countInput(
    _ verdict: InputVerdict, _ destination: Prefix, from id: NeighbourID
  ) {
    let number = Int(verdict.rule) - 1
    guard ruleCounts.count(number, of: .input), verdict.isDenied else { return }
    ruleCounts.note(
      RuleDenial(
        chain: .input, number: number, destination: destination, neighbour: neighbours[id].address,
        interface: neighbours[id].interfaceName))
  }

  /// Whether another route of a neighbour may be entered. One that the filter denies is kept as
  /// long as it takes no place from others, so that it is there when the filter changes.
  private mutating func hasPlace(for verdict: InputVerdict, from id: NeighbourID) -> Bool {
    let (all, own) = (table.routes.count, neighbours[id].routes.count)
    if verdict.isDenied {
      let isKept =
        table.deniedCount < parameters.deniedRouteLimit && all < parameters.routeLimit / 2
        && own < parameters.neighbourRouteLimit / 2
      if !isKept { table.noteUnkept() }
      return isKept
    }
    guard all < parameters.routeLimit else {
      counters.countFull(.routes)
      return false
    }
    guard own < parameters.neighbourRouteLimit else {
      counters.countFull(.neighbourRoutes)
      return false
    }
    return true
  }

  private mutating func addRoute(
    _ update: Update, from id: NeighbourID, _ verdict: InputVerdict, _ now: Instant
  ) -> RouteChange {
    guard let routerID = update.routerID, let gateway = update.nextHop else { return .none }
    guard hasPlace(for: verdict, from: id) else { return verdict.isDenied ? .unknown : .none }
    guard let row = table.findOrInsert(update.destination, update.source) else { return .none }
    let neighbour = neighbours[id]
    let metric = update.metric.adding(neighbour.cost).adding(verdict.metric)
    let nextHop = table.nextHops.retain(id, neighbour.interface, gateway: gateway)
    let router = table.routerIDs.retain(routerID)
    var route = Route(
      update, to: row, via: nextHop, by: router, metric: metric, epoch: neighbour.routes.epoch,
      at: now)
    route.filtered(verdict)
    table.keepSource(row, router: router, asLongAs: update.interval, at: now)
    let number = table.insert(route, to: &neighbours[routes: id])
    table.setAttributes(acceptedAttributes(update, from: id), of: number)
    restartHoldTime(number, now)
    return .arrived(number)
  }

  /// An Update for a route we have.
  private mutating func change(
    _ number: RouteRow, _ update: Update, _ verdict: InputVerdict, _ now: Instant
  ) -> RouteChange {
    let old = table.routes[number]
    let row = old.destination
    let id = table.nextHops[old.nextHop].neighbour
    let isSelected = table.destinations[row].selected == number
    let before = visible(number)
    guard let routerID = update.routerID, let gateway = update.nextHop else { return .none }
    // Most Updates name the same router as before: then it is not counted anew.
    let isSameRouter = table.routerIDs[old.routerID] == routerID
    let router = isSameRouter ? old.routerID : table.routerIDs.retain(routerID)
    if !isSameRouter || update.interval > old.interval {
      table.keepSource(row, router: router, asLongAs: update.interval, at: now)
    }
    let distance = FeasibilityDistance(seqno: update.seqno, metric: update.metric)
    let isFeasible = FeasibilityDistance.isFeasible(
      distance, against: table.distance(row, router: router, at: now))
    if isSelected, !isFeasible, isSameRouter, !verdict.isDenied {
      // The selected route stays as it is, unrefreshed, until a newer seqno arrives (§3.5.3).
      return .unfeasible(number)
    }
    let formerPrice = table.attributes[number]?.price
    let hasNewAttributes = table.setAttributes(acceptedAttributes(update, from: id), of: number)
    if !hasNewAttributes, repeats(old, update, router, verdict),
      isSelected || verdict.isDenied
        || (old.reason == .worse && table.destinations[row].selected != .none)
    {
      // A mere refresh changes no decision; most Updates of a quiet network are of this kind.
      table.routes[number].repeated(at: now)
      restartHoldTime(number, from: old.deadline, now)
      return .repeated(number)
    }
    // An Update that says the same again is no change: a metric may stand still for long.
    let former = metric(of: number)
    if update.metric.adding(neighbours[id].cost).adding(verdict.metric) != former {
      table.routes[number].metricChanged(
        from: former, timeConstant: timeConstant(number), at: now)
    }
    if !isSameRouter { table.routerIDs.release(old.routerID) }
    var nextHop = old.nextHop
    if table.nextHops[nextHop].gateway != gateway || table.nextHops[nextHop].isLostByKernel {
      nextHop = table.nextHops.retain(id, neighbours[id].interface, gateway: gateway)
      table.nextHops.release(old.nextHop)
    }
    table.routes[number].renew(
      update, via: nextHop, by: router, epoch: neighbours[id].routes.epoch, at: now)
    table.filter(number, verdict)
    restartHoldTime(number, from: old.deadline, now)
    return .changed(
      number, from: before, formerPrice: formerPrice, isNewWay: former.isInfinite)
  }

  /// Judges a route by another `in` chain. Returns nil if nothing but the number of the rule is
  /// different.
  mutating func refilter(
    _ number: RouteRow, by chain: FilterChain, _ now: Instant
  ) -> RouteChange? {
    let verdict = judge(number, by: chain)
    let before = visible(number)
    let former = metric(of: number)
    let isSame = table.routes[number].filterMetric == verdict.metric
    table.filter(number, verdict)
    guard !isSame else { return nil }
    table.routes[number].metricChanged(from: former, timeConstant: timeConstant(number), at: now)
    return .changed(
      number, from: before, formerPrice: table.attributes[number]?.price,
      isNewWay: former.isInfinite)
  }

  /// A retraction of a route we have, or news that amount to one.
  private mutating func retract(
    _ number: RouteRow, of id: NeighbourID, _ now: Instant
  ) -> RouteChange {
    guard !table.routes[number].advertisedMetric.isInfinite else { return .none }
    let before = visible(number)
    table.routes[number].metricChanged(
      from: metric(of: number), timeConstant: timeConstant(number), at: now)
    table.routes[number].retracted(epoch: neighbours[id].routes.epoch)
    return .lost(number, from: before)
  }

  /// Whether an Update says nothing that the row does not say already.
  private func repeats(
    _ route: Route, _ update: Update, _ router: RouterRow, _ verdict: InputVerdict
  ) -> Bool {
    let nextHop = table.nextHops[route.nextHop]
    return route.seqno == update.seqno && route.advertisedMetric == update.metric
      && route.routerID == router && route.interval == update.interval
      && route.filterMetric == verdict.metric && nextHop.gateway == update.nextHop
      && !nextHop.isLostByKernel && route.flags.isSubset(of: .refreshAsked)
      && route.epoch == neighbours[nextHop.neighbour].routes.epoch
  }

  /// Takes a route out of all lists and frees it. Its destination stays.
  mutating func free(_ number: RouteRow) {
    let id = table.nextHops[table.routes[number].nextHop].neighbour
    table.remove(number, from: &neighbours[routes: id])
  }

  // MARK: Expiry

  /// A finite Update arrived: the hold time starts anew. `former` is the deadline until now.
  private mutating func restartHoldTime(
    _ number: RouteRow, from former: Tick? = nil, _ now: Instant
  ) {
    if table.routes[number].isMetricAged(at: now) {
      table.routes[number].keepTellable(metric(of: number), at: now)
    }
    table.deadlineMoved(of: number, from: former, at: now)
  }

  /// The time of a route may have come: its neighbour is asked to repeat it, or it has expired, or
  /// it is to be removed.
  mutating func expire(_ number: RouteRow, _ now: Instant) -> RouteChange {
    let route = table.routes[number]
    guard route.deadline.isDue(at: now) else {
      table.deadlineMoved(of: number, at: now)
      return .none
    }
    if !route.flags.contains(.refreshAsked) {
      table.routes[number].refreshAsked()
      table.deadlineMoved(of: number, at: now)
      return table.destinations[route.destination].selected == number ? .refreshDue(number) : .none
    }
    if route.advertisedMetric.isInfinite { return .leaving(number) }
    let before = visible(number)
    table.routes[number].expired()
    table.deadlineMoved(of: number, at: now)
    return .lost(number, from: before)
  }
}
