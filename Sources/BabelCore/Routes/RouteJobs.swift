import BabelWire

/// Neighbours whose routes have to be looked at, in order: losing a neighbour with 100,000 routes
/// only marks it.
struct RouteJobs {
  private var queue: [NeighbourID] = []
  /// When the last row of a retraction was worked on.
  private(set) var retractionDoneAt: Instant?

  var isEmpty: Bool { queue.isEmpty }

  /// The neighbour whose turn it is.
  var first: NeighbourID? { queue.first }

  /// Whether some neighbour that waits fulfils a condition.
  func contains(where condition: (NeighbourID) -> Bool) -> Bool { queue.contains(where: condition) }

  mutating func append(_ id: NeighbourID) { queue.append(id) }

  /// The first neighbour's routes have been looked at.
  mutating func removeFirst() { queue.removeFirst() }

  /// A retraction is worked on in full.
  mutating func retractionDone(at now: Instant) { retractionDoneAt = now }
}

extension BabelNode {
  /// Has all routes of a neighbour judged anew, a budget at a time.
  mutating func judgeRoutes(of id: NeighbourID) {
    guard neighbours[id].routes.count > 0 else { return }
    if !neighbours[id].routes.hasJob {
      let cost = neighbours[id].cost
      neighbours[routes: id].spread(from: cost)
    }
    beginJob(id)
  }

  /// All routes are looked at again, a budget at a time.
  mutating func judgeAllRoutes() {
    for id in links.order {
      for neighbour in interface(id)?.neighbours ?? [] { judgeRoutes(of: neighbour) }
    }
  }

  /// The cost of the link to a neighbour was `former`: its routes are judged anew.
  mutating func spreadCost(of id: NeighbourID, from former: Metric) {
    guard neighbours[id].routes.count > 0 else { return }
    neighbours[routes: id].spread(from: former)
    beginJob(id)
  }

  /// A wildcard retraction: every route of the neighbour is retracted (§4.6.9). The new epoch does
  /// it at once for all decisions; a job brings the rows up to date.
  mutating func retractRoutes(of id: NeighbourID) {
    guard neighbours[id].routes.count > 0 else { return }
    neighbours[routes: id].retractAll()
    judgeRoutes(of: id)
  }

  /// A neighbour has left: its routes are removed, a budget at a time, and then its row.
  mutating func removeRoutes(of id: NeighbourID) { beginJob(id) }

  private mutating func beginJob(_ id: NeighbourID) {
    table.routes.awaitJob(&neighbours[routes: id])
    if neighbours[routes: id].beginJob() { jobs.append(id) }
  }

  /// Looks at the next route of the neighbours whose cost changed, that retracted everything or
  /// that are leaving. Returns what became of it; nil if no job is left.
  mutating func nextOfJobs(_ now: Instant) -> RouteChange? {
    guard let id = jobs.first else { return nil }
    if let number = table.routes.nextOfJob(&neighbours[routes: id]) {
      return neighbours[id].isLeaving ? .leaving(number) : refresh(number, of: id, now)
    }
    jobs.removeFirst()
    let hasRetracted = neighbours[routes: id].endJob()
    if hasRetracted || neighbours[id].isLeaving { jobs.retractionDone(at: now) }
    if neighbours[id].isLeaving { neighbours.remove(id) }
    return .jobDone(id)
  }

  /// One row of a job: the route is judged anew.
  private mutating func refresh(
    _ number: RouteRow, of id: NeighbourID, _ now: Instant
  ) -> RouteChange {
    let state = neighbours[id].routes
    let route = table.routes[number]
    let former = route.advertisedMetric.adding(state.formerCost).adding(route.filterMetric)
    if state.jobRestartsSmoothing {
      table.routes[number].restartSmoothing(metric(of: number), at: now)
    } else {
      table.routes[number].metricChanged(
        from: former, timeConstant: timeConstant(number), at: now)
    }
    if route.epoch != state.epoch { table.routes[number].overtaken(by: state.epoch) }
    var before = visible(number)
    before?.metric = former
    before?.advertisedMetric = route.advertisedMetric
    return .costChanged(number, from: before, isNewWay: former.isInfinite)
  }
}
