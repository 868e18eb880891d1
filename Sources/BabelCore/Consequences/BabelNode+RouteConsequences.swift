import BabelWire

// Before editing, read RFC 8966 §3.5.3 and §3.5.4.

// What follows when a route comes, changes, expires or goes.

extension BabelNode {
  /// An Update arrived (§3.5.3).
  mutating func receiveUpdate(
    _ update: Update, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let change = takeOver(update, from: id, now)
    switch change {
    case .unknown: retractAdopted(update, from: id, now, &buffer)
    case .arrived(let number), .repeated(let number), .unfeasible(let number),
      .changed(let number, _, _, _):
      let route = table.routes[number]
      if route.isDenied {
        retractAdopted(update, from: id, now, &buffer)
      } else {
        // A source that is named may be one that an earlier life announced, too.
        presumeAnnounced(route.destination, route.routerID, update.seqno, now)
      }
    case .none, .lost, .costChanged, .refreshDue, .leaving, .jobDone: break
    }
    follow(change, now, &buffer)
  }

  /// A neighbour retracted everything (§4.6.9).
  mutating func receiveWildcardRetraction(from id: NeighbourID, _ now: Instant) {
    neighbours.noteRetraction(from: id, at: now)
    revokeAdopted(of: id)
    retractRoutes(of: id)
  }

  /// Looks at the routes of neighbours whose cost changed, that retracted everything or that are
  /// leaving; at most `budget` rows. Returns how many.
  mutating func runJobs(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    var work = 0
    while work < budget, let change = nextOfJobs(now) {
      work += 1
      follow(change, now, &buffer)
    }
    return work
  }

  /// Asks for refreshes, expires and removes routes whose time has come; at most `budget` rows are
  /// looked at. Returns how many.
  mutating func expireRoutes(
    _ now: Instant, budget: Int, _ buffer: inout ActionBuffer
  ) -> Int {
    var work = 0
    while work < budget, let number = table.routeDue(at: now) {
      work += 1
      follow(expire(number, now), now, &buffer)
    }
    return work
  }

  /// Does what follows from what became of a route.
  mutating func follow(
    _ change: RouteChange, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    switch change {
    case .none, .unknown, .repeated: break
    case .arrived(let number): routeArrived(number, now, &buffer)
    case .unfeasible(let number): routeUnfeasible(number, now)
    case .changed(let number, let before, let formerPrice, let isNewWay):
      routeChanged(
        number, from: before, formerPrice: formerPrice, isNewWay: isNewWay, now, &buffer)
    case .lost(let number, let before): routeLost(number, from: before, now, &buffer)
    case .costChanged(let number, let before, let isNewWay):
      routeCostChanged(number, from: before, isNewWay: isNewWay, now, &buffer)
    case .refreshDue(let number): askForRefresh(number, now)
    case .leaving(let number): routeLeaves(number, now, &buffer)
    case .jobDone(let id): tellLoss(of: id, &buffer)
    }
  }

  /// A route was entered. Only with its row selected, or not, is it known what is worth asking.
  private mutating func routeArrived(
    _ number: RouteRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    if !table.routes[number].isDenied { reportRoute(.add, number, now, &buffer) }
    reselect(row, now, &buffer)
    askForSeqnoIfWanted(number, isNewWay: true, now)
    passOnAnswers(row, now)
  }

  /// An Update changed a route; `before` is what monitors saw of it, and `isNewWay` says that it
  /// could not be used then.
  private mutating func routeChanged(
    _ number: RouteRow, from before: VisibleRoute?, formerPrice: UInt32?, isNewWay: Bool,
    _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    let isDenied = table.routes[number].isDenied
    if before == nil, !isDenied { reportRoute(.add, number, now, &buffer) }
    reselect(row, now, &buffer)
    if isPriceNews(of: number, formerly: formerPrice) { noteChange(row, isCritical: false, now) }
    if before != nil, isDenied {
      reportRoute(.flush, number, now, &buffer)
    } else {
      reportRoute(number, ifNot: before, now, &buffer)
    }
    askForSeqnoIfWanted(number, isNewWay: isNewWay, now)
    passOnAnswers(row, now)
  }

  /// A route was retracted, or expired.
  private mutating func routeLost(
    _ number: RouteRow, from before: VisibleRoute?, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    endKeepingIfRetracted(number)
    reselect(table.routes[number].destination, now, &buffer)
    reportRoute(number, ifNot: before, now, &buffer)
  }

  /// The cost of the link to a route's neighbour changed, and with it the metric.
  private mutating func routeCostChanged(
    _ number: RouteRow, from before: VisibleRoute?, isNewWay: Bool, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    routeLost(number, from: before, now, &buffer)
    if restart.isRecovering {
      askForSeqnoIfWanted(number, isNewWay: isNewWay, now)
    } else {
      askForSeqnoIfWanted(afterChangeOf: number, now)
    }
  }

  private mutating func passOnAnswers(_ row: DestinationRow, _ now: Instant) {
    if satisfyRequests(row, now) { noteChange(row, isCritical: false, now) }
  }

  /// The selected route stays as it is, unrefreshed, until a newer seqno arrives (§3.5.3).
  private mutating func routeUnfeasible(_ number: RouteRow, _ now: Instant) {
    let route = table.routes[number]
    let id = table.nextHops[route.nextHop].neighbour
    askForSeqno(route.destination, route.routerID, from: [id], repeats: 0, now)
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

  /// A route is removed from all lists and freed.
  private mutating func routeLeaves(
    _ number: RouteRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let row = table.routes[number].destination
    if table.destinations[row].selected == number {
      table.routes[number].leaves()
      reselect(row, now, &buffer)
    } else if table.destinations[row].flags.contains(.keepsEntry) {
      // The kernel may have lost it with the interface.
      updateForwarding(row, &buffer)
    }
    if !table.routes[number].isDenied { reportRoute(.flush, number, now, &buffer) }
    free(number)
    table.removeIfUnused(row)
  }
}

// MARK: - Parameters

extension BabelNode {
  /// What we ask for, and how prices count.
  public var pricing: Pricing { parameters.pricing }

  /// Changes what we ask for. Routes are selected anew, and announced with the new price.
  public mutating func setPricing(_ pricing: Pricing, at now: Instant) {
    guard pricing != parameters.pricing else { return }
    parameters.pricing = pricing
    guard usesPrices else { return }
    judgeAllRoutes()
    for id in links.order where interface(id)?.parameters.carriesPathAttributes == true {
      requestFullUpdate(id, now)
    }
  }

  /// Replaces the `out` chain, and tells neighbours what becomes different for them.
  mutating func setOutputFilter(_ chain: FilterChain, _ now: Instant) {
    for row in replaceOutputFilter(chain, now) { noteChange(row, isCritical: true, now) }
  }

  /// The Update intervals of our interfaces changed.
  mutating func updateSourceLifetime(_ now: Instant) {
    var longest: Int64 = 0
    for id in links.order {
      if let interface = interface(id) { longest = max(longest, interface.updateMicroseconds) }
    }
    table.setLongestInterval(longest, at: now)
  }
}
