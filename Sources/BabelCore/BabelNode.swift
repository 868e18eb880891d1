import BabelWire

/// A Babel node (RFC 8966): deterministic, without I/O, clock or randomness of its own.
///
/// Inputs are methods that take the time of the event; what is to be done is appended to a
/// buffer that the caller owns. Nothing happens between calls. The caller
/// 1. calls an input,
/// 2. applies the actions in order and empties the buffer,
/// 3. waits until ``nextDeadline`` or the next event, then calls ``advance(to:budget:into:)``.
/// A spurious `advance` is harmless. `now` must never go backwards.
///
/// Where to find what:
/// - §3.1 sending: `Sending/BabelNode+Transmission.swift`
/// - §3.4 neighbours: `Neighbours/`, and what follows `Consequences/…+NeighbourConsequences.swift`
/// - §3.5 routes: `Routes/BabelNode+RouteAcquisition.swift`
/// - §3.6 selection: `Selection/BabelNode+Selection.swift`
/// - §3.7 updates: `Announcing/`, own prefixes `BabelNode+Origination.swift`
/// - §3.8 requests: `Requests/BabelNode+Requests.swift`
/// - authentication (RFC 8967): `BabelNode+Authentication.swift`
/// - starting again after a crash, or on purpose: `Restart/`
/// - what follows from a new selection: `Consequences/BabelNode+Consequences.swift`
///
/// Long work is sliced: losing a neighbour with 100,000 routes only marks it; its routes are
/// looked at by `advance`, a budget at a time.
public struct BabelNode: ~Copyable {
  private let place = InPlace()
  var parameters: NodeParameters
  /// Whether selection looks at prices: some interface carries them.
  var usesPrices = false
  var filters: FilterSet
  /// How often each rule has decided something.
  var ruleCounts = RuleCounts()
  var jitter: Jitter
  /// Our router-id in the table of interned ones.
  let ownRouter: RouterRow
  /// Whether ``Notice/route(_:_:)`` is emitted.
  public var reportsRoutes: Bool
  /// See ``NodeParameters/smoothingHalfLife``; counts from the next change of a metric on.
  public var smoothingHalfLife: UInt32? {
    get { parameters.smoothingHalfLife }
    set { parameters.smoothingHalfLife = newValue }
  }

  /// Keys, and who proved to have them.
  var authentication: Authentication
  /// The interfaces.
  var links = Links()
  /// The neighbours.
  var neighbours = Neighbours()
  /// What arrived and what was refused.
  public internal(set) var counters = NodeCounters()

  var table: RouteTable
  var offers = OfferTable()
  /// Our own seqno.
  var ownSeqno: OwnSeqno
  /// What is asked of others.
  var requests = Requests()
  /// What is to be announced.
  var announcing = Announcing()
  /// Who announces addresses of ours, or has our router-id.
  var claims = Claims()
  /// Neighbours whose routes have to be looked at, in order.
  var jobs = RouteJobs()
  /// What selection has to come back to.
  var selection = Selection()
  /// What is left of an earlier life.
  var restart = Restart()
  /// What operators are to be told.
  var news = News()
  /// Who asks for the ways of packets.
  var questions = Paths()
  var hasShutDown = false
  #if DEBUG
    /// Which steps a test saw an Update take.
    package var trace = StepTrace()
  #endif

  /// Makes a node without interfaces.
  public init(_ parameters: NodeParameters, filters: FilterSet) {
    self.parameters = parameters
    self.filters = filters.prepared()
    jitter = Jitter(seed: parameters.seed)
    authentication = Authentication(entropy: parameters.entropy)
    ownSeqno = OwnSeqno(parameters.seqno)
    reportsRoutes = parameters.reportsRoutes
    table = RouteTable(hashKey: jitter.next())
    ownRouter = table.routerIDs.retain(parameters.routerID)
  }

  // MARK: Time

  /// When ``advance(to:budget:into:)`` is to be called at the latest; nil if never.
  public var nextDeadline: Instant? {
    if hasShutDown { return nil }
    if !jobs.isEmpty || restart.isWalking { return Instant(microseconds: 0) }
    var first = links.firstDeadline
    func take(_ other: Instant?) {
      if let other, other < first ?? .distantFuture { first = other }
    }
    take(neighbours.firstDeadline)
    take(table.firstDeadline)
    take(requests.firstDeadline)
    take(announcing.firstDeadline)
    take(selection.firstDeadline)
    take(restart.firstDeadline)
    take(authentication.sweepDue)
    take(news.firstDeadline)
    take(questions.firstDeadline)
    return first
  }

  /// Does what is due at `now`. At most about `budget` table rows are worked on; true means
  /// that more is due already, so that the caller can look after its sockets in between.
  public mutating func advance(
    to now: Instant, budget: Int, into buffer: inout ActionBuffer
  ) -> Bool {
    guard !hasShutDown else { return false }
    tellOfLimits(&buffer)
    // Neighbours first: what they lose changes what is sent. Hellos do not wait for the rest.
    while let id = neighbours.due(at: now) { neighbourTimerFired(id, now, &buffer) }
    checkRecovery(now, &buffer)
    authentication.sweep(now)
    var left = max(budget, 1)
    left -= runJobs(now, budget: left, &buffer)
    left -= runAdoption(now, budget: left, &buffer)
    announceWithheld(now)
    left -= expireRoutes(now, budget: left, &buffer)
    left -= runDelays(now, budget: left, &buffer)
    left -= table.collectSources(at: now, budget: max(left, 0))
    while left > 0, let row = requests.due(at: now) {
      requestDue(row, now)
      left -= 1
    }
    checkPaths(now, &buffer)
    while let id = links.due(at: now) { interfaceTimerFired(id, now, &buffer) }
    while let id = neighbours.unicastDue(at: now) { unicastTimerFired(id, now, &buffer) }
    tellOfRoutes(now, &buffer)
    announcing.trim(links)
    guard let next = nextDeadline else { return false }
    return next <= now
  }

  /// Retracts everything and says goodbye on every interface (RFC 8966 §3.7). Forwarding
  /// entries are withdrawn unless `keepingForwarding`. The node must not be used afterwards
  /// but for reading.
  public mutating func shutDown(
    keepingForwarding: Bool, at now: Instant, into buffer: inout ActionBuffer
  ) {
    for id in links.order where links[id]?.isUp == true {
      sayGoodbye(id, now, &buffer)
    }
    hasShutDown = true
    if !keepingForwarding { withdrawEverything(now, &buffer) }
  }
}
