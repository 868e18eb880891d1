import BabelWire

/// How many routes and destinations there are of each kind.
public struct RouteTally: Equatable, Sendable {
  private var counts = [Int](repeating: 0, count: RouteReason.allCases.count)
  /// All routes.
  public private(set) var routes = 0
  /// Destinations with a selected route.
  public internal(set) var reached = 0
  /// Destinations that are held as unreachable after a loss.
  public internal(set) var held = 0
  /// Destinations that have routes, all of them unfeasible or waiting for a newer seqno.
  public internal(set) var starving = 0
  /// Prefixes that originate here.
  public internal(set) var originated = 0
  /// Routes that the kernel refused.
  public internal(set) var refusedByKernel = 0
  /// Destinations for which a route that may lead back to us is better than the selected one.
  public internal(set) var unfeasible = 0
  /// Destinations that several routers announce as their own.
  public internal(set) var shared = 0

  init() {}

  /// Routes that are selected or not for a reason.
  public subscript(_ reason: RouteReason) -> Int {
    let index = Int(reason.rawValue)
    return counts.indices.contains(index) ? counts[index] : 0
  }

  mutating func count(_ reason: RouteReason) {
    let index = Int(reason.rawValue)
    if counts.indices.contains(index) { counts[index] += 1 }
    routes += 1
  }
}

/// Routes of one neighbour, counted.
struct NeighbourTally {
  /// Which neighbour it is: rows are used again.
  let objectID: UInt64
  /// Those that are selected.
  var selected = 0
  /// Those that may not be used.
  var refused = 0
  /// Those that the `in` filter denies.
  var denied = 0
  /// Those that cannot be installed.
  var uninstallable = 0

  init(of objectID: UInt64) { self.objectID = objectID }

  mutating func count(_ reason: RouteReason) {
    switch reason {
    case .selected: selected += 1
    case .deniedByFilter:
      denied += 1
      refused += 1
    case .notInstallable:
      uninstallable += 1
      refused += 1
    case .awaitingSeqno, .metricInfinite: refused += 1
    // One that may lead back to us is normal where there is a better one; if there is none, the
    // prefix starves, and that is told.
    case .unfeasible, .retracted, .expired, .linkUnusable, .worse, .settling, .withinMargin,
      .redistributedHere, .ownAddress, .awaitingFormer:
      break
    }
  }
}

/// A walk over all destinations and their routes, in slices, that counts what operators ask for.
/// What changes behind its position meanwhile is not seen.
public struct RouteSurvey {
  /// A destination that several routers announce.
  public struct Dispute: Equatable, Sendable {
    /// The destination.
    public let destination: Prefix
    /// One of the routers; ours if the prefix originates here.
    public let one: RouterID
    /// Another one.
    public let other: RouterID
    /// The neighbour that the other one's route leads through.
    public let neighbour: IPAddress
  }

  /// Most examples of each kind.
  static let exampleLimit = 3

  /// What was counted.
  public internal(set) var tally = RouteTally()
  /// Destinations that the kernel refused, for example.
  public internal(set) var refused: [Prefix] = []
  /// Destinations that have only routes that may lead back to us, for example.
  public internal(set) var starving: [Prefix] = []
  /// Destinations whose better route may lead back to us, for example.
  public internal(set) var unfeasible: [Prefix] = []
  /// Destinations that several routers announce, for example.
  public internal(set) var disputes: [Dispute] = []
  var neighbours: [NeighbourID: NeighbourTally] = [:]
  var position: UInt32 = 0

  /// Nothing was counted.
  public init() {}

  static func keep(_ example: Prefix, in examples: inout [Prefix]) {
    if examples.count < exampleLimit { examples.append(example) }
  }
}

extension BabelNode {
  /// A number that is another one whenever routes were judged anew.
  public var routeJudgements: UInt32 { selection.judgements }

  /// Counts everything, in one walk.
  public func routeSurvey() -> RouteSurvey {
    var survey = RouteSurvey()
    _ = continueSurvey(&survey, limit: .max)
    return survey
  }

  /// Goes on with a walk, over at most `limit` destinations and routes together, and those of one
  /// destination. True if it is complete.
  public func continueSurvey(_ survey: inout RouteSurvey, limit: Int) -> Bool {
    let capacity = table.destinations.capacity
    guard survey.position < capacity else { return true }
    var left = max(limit, 1)
    while survey.position < capacity, left > 0 {
      let row = DestinationRow(survey.position)
      left -= 1
      if table.isLive(row) { left -= count(row, &survey) }
      survey.position += 1
    }
    return survey.position >= capacity
  }

  /// Counts a destination. Returns how many routes it has.
  private func count(_ row: DestinationRow, _ survey: inout RouteSurvey) -> Int {
    let destination = table.destinations[row]
    if destination.flags.contains(.originated) { survey.tally.originated += 1 }
    if destination.flags.contains(.held) { survey.tally.held += 1 }
    var best = Metric.infinity
    if destination.selected != .none {
      survey.tally.reached += 1
      best = metric(of: destination.selected)
    }
    var originator = destination.flags.contains(.originated) ? ownRouter : RouterRow.none
    var (mayComeBack, isUsable, isRefused, isBetter) = (false, false, false, false)
    var rival = RouteRow.none
    var walk = table.routes(of: row)
    var routes = 0
    while let number = walk.next(in: table) {
      routes += 1
      let route = table.routes[number]
      survey.tally.count(route.reason)
      let neighbour = table.nextHops[route.nextHop].neighbour
      let none = NeighbourTally(of: neighbours[neighbour].objectID)
      survey.neighbours[neighbour, default: none].count(route.reason)
      switch route.reason {
      case .unfeasible, .awaitingSeqno:
        mayComeBack = true
        if destination.selected != .none, metric(of: number) < best { isBetter = true }
      case .retracted, .expired, .linkUnusable, .metricInfinite, .deniedByFilter: continue
      case .notInstallable:
        isUsable = true
        if route.flags.contains(.notInstallable) {
          isRefused = true
          survey.tally.refusedByKernel += 1
        }
      case .selected, .worse, .settling, .withinMargin, .redistributedHere, .ownAddress,
        .awaitingFormer:
        isUsable = true
      }
      if originator == .none { originator = route.routerID }
      if route.routerID != originator { rival = number }
    }
    let prefix = destination.prefix
    if isRefused { RouteSurvey.keep(prefix, in: &survey.refused) }
    if mayComeBack, !isUsable {
      survey.tally.starving += 1
      RouteSurvey.keep(prefix, in: &survey.starving)
    }
    if isBetter {
      survey.tally.unfeasible += 1
      RouteSurvey.keep(prefix, in: &survey.unfeasible)
    }
    // That there are several ways out of a network is normal, and who has an address of ours is
    // told elsewhere.
    if rival != .none, !prefix.isDefault, !offers.isOwnAddress(prefix) {
      note(rival, prefix, beside: originator, &survey)
    }
    return routes
  }

  private func note(
    _ rival: RouteRow, _ prefix: Prefix, beside originator: RouterRow,
    _ survey: inout RouteSurvey
  ) {
    survey.tally.shared += 1
    guard survey.disputes.count < RouteSurvey.exampleLimit else { return }
    let route = table.routes[rival]
    survey.disputes.append(
      RouteSurvey.Dispute(
        destination: prefix, one: table.routerIDs[originator],
        other: table.routerIDs[route.routerID],
        neighbour: neighbours[table.nextHops[route.nextHop].neighbour].address))
  }
}
