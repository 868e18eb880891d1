import BabelWire

/// Destinations, routes and sources with their indexes: by (destination, source prefix), by
/// destination and by neighbour. Knows no policy.
struct RouteTable {
  private let place = InPlace()
  var destinations = ChunkedTable<Destination>()
  var routes = RouteRows()
  var nextHops = InternedNextHops()
  var routerIDs = InternedRouterIDs()
  var furtherSources = FurtherSources()
  /// Source entries that destination rows hold themselves.
  var sourcesInRows = 0
  /// What a lost life may have announced.
  var presumptions = FurtherSources()
  var order = AnnouncementOrder()
  /// What Updates said of their paths, by route; only where something was said.
  private(set) var attributes: [RouteRow: PathAttributes] = [:]
  /// Metrics of what we redistribute, by destination, up to the last one that was not zero: most
  /// nodes have none of these.
  private var originatedMetrics = Column(empty: Metric.zero)
  /// Routes that the `in` filter denies.
  private(set) var deniedCount = 0
  /// The `in` filter denied a route that was not kept, for lack of room.
  private(set) var lacksDenied = false
  /// Expiry of routes.
  private var routeWheel = RowWheel<Route>()
  /// Expiry of the source entries held in destination rows.
  var sourceWheel = RowWheel<Destination>()
  /// For how many microseconds a source entry is kept after we announced it (§3.7.3).
  var sourceLifetime = ProtocolParameters.sourceGarbageCollection
  private var sourcePrefixes = InternedSourcePrefixes()
  private var index: HashIndex

  init(hashKey: UInt64) { index = HashIndex(key: hashKey) }

  /// When a route or a source entry may have to be looked at.
  var firstDeadline: Instant? {
    guard let one = routeWheel.firstDeadline, let other = firstSourceDeadline else {
      return routeWheel.firstDeadline ?? firstSourceDeadline
    }
    return min(one, other)
  }

  // MARK: Destinations

  /// The row of a destination, if there is one.
  func find(_ prefix: Prefix, _ source: Prefix) -> DestinationRow? {
    sourcePrefixes.number(of: source).flatMap { find(prefix, number: $0) }
  }

  private func find(_ prefix: Prefix, number: UInt16) -> DestinationRow? {
    var row = index[bucket(prefix, number)]
    while row != .none {
      if destinations[row].equals(prefix, number) { return row }
      row = destinations[row].nextInBucket
    }
    return nil
  }

  /// The rows of a destination prefix with whatever source prefixes.
  func rows(of prefix: Prefix) -> [DestinationRow] {
    var result: [DestinationRow] = []
    sourcePrefixes.forEachNumber { number in
      if let row = find(prefix, number: number) { result.append(row) }
    }
    return result
  }

  /// The first destination that fulfils a condition, among those that packets to an address may
  /// follow: the longest destination prefix first, then the longest source prefix (RFC 9079 §4).
  /// `source` is where the packets come from; zero length if that is left open.
  func firstMatch(
    of address: IPAddress, from source: Prefix, where isMeant: (DestinationRow) -> Bool
  ) -> DestinationRow? {
    var sources: [(number: UInt16, length: UInt8)] = []
    sourcePrefixes.forEachNumber { number in
      let prefix = sourcePrefixes.prefix(number, family: address.family)
      if prefix.contains(source) { sources.append((number, prefix.mappedLength)) }
    }
    sources = sources.ordered { $0.length > $1.length }
    let shortest = address.family == .ipv4 ? 96 : 0
    for length in stride(from: 128, through: shortest, by: -1) {
      let prefix = Prefix(mapped: address, mappedLength: UInt8(length))
      for (number, _) in sources {
        if let row = find(prefix, number: number), isMeant(row) { return row }
      }
    }
    return nil
  }

  /// The row of a destination, made if there is none; nil when too many source prefixes are in
  /// use.
  mutating func findOrInsert(_ prefix: Prefix, _ source: Prefix) -> DestinationRow? {
    if let row = find(prefix, source) { return row }
    guard let number = sourcePrefixes.retain(source) else { return nil }
    if index.isCrowded(by: destinations.count + 1) { rehash() }
    // The announcement order may still name the index of a row that was freed.
    let isInOrder =
      destinations.reusedIndex.map { destinations[$0].flags.contains(.inAnnouncementOrder) }
      ?? false
    var destination = Destination(prefix, sourcePrefix: number, isInOrder: isInOrder)
    let bucket = bucket(prefix, number)
    destination.nextInBucket = index[bucket]
    let row = destinations.insert(destination)
    index[bucket] = row
    if !isInOrder {
      destinations[row].setInAnnouncementOrder(true)
      order.append(row)
    }
    return row
  }

  /// We redistribute a destination with a metric; nil if we do not.
  mutating func originate(_ row: DestinationRow, _ metric: Metric?) {
    destinations[row].setOriginated(metric != nil)
    let metric = metric ?? .zero
    if metric == .zero, row.rawValue >= originatedMetrics.count { return }
    originatedMetrics.reach(row.rawValue)
    originatedMetrics[row.rawValue] = metric
  }

  /// The metric that we redistribute a destination with, if it is ``DestinationFlags/originated``.
  func originatedMetric(_ row: DestinationRow) -> Metric {
    row.rawValue < originatedMetrics.count ? originatedMetrics[row.rawValue] : .zero
  }

  /// The source prefix of a destination; zero length if any source will do.
  func sourcePrefix(_ row: DestinationRow) -> Prefix {
    sourcePrefixes.prefix(
      destinations[row].sourcePrefix, family: destinations[row].prefix.family)
  }

  /// Frees a destination that nothing hangs on any more.
  mutating func removeIfUnused(_ row: DestinationRow) {
    let destination = destinations[row]
    guard destination.firstRoute == .none, destination.sourceRouter == .none,
      destination.forwardedNextHop == .none,
      destination.flags.isDisjoint(with: [
        .originated, .held, .forwardedUnreachable, .moreSources, .requested, .announced, .adopted,
      ]), destination.flags.contains(.live)
    else { return }
    let bucket = bucket(destination.prefix, destination.sourcePrefix)
    if index[bucket] == row {
      index[bucket] = destination.nextInBucket
    } else {
      var other = index[bucket]
      while destinations[other].nextInBucket != row { other = destinations[other].nextInBucket }
      destinations[other].nextInBucket = destination.nextInBucket
    }
    sourcePrefixes.release(destination.sourcePrefix)
    destinations[row].free()
    destinations.remove(row)
  }

  func isLive(_ row: DestinationRow) -> Bool {
    row.rawValue < destinations.capacity && destinations[row].flags.contains(.live)
  }

  private func bucket(_ prefix: Prefix, _ source: UInt16) -> Int {
    index.bucket(
      prefix.address.high, prefix.address.low,
      UInt64(prefix.mappedLength) << 16 | UInt64(source))
  }

  private mutating func rehash() {
    index.grow()
    for row in destinations.indexes where destinations[row].flags.contains(.live) {
      let bucket = bucket(destinations[row].prefix, destinations[row].sourcePrefix)
      destinations[row].nextInBucket = index[bucket]
      index[bucket] = row
    }
  }

  // MARK: Routes

  /// Notes what an Update said of its path. Returns whether that is something new.
  @discardableResult
  mutating func setAttributes(_ new: PathAttributes, of row: RouteRow) -> Bool {
    if new.isEmpty, attributes.isEmpty { return false }
    guard attributes[row] ?? PathAttributes() != new else { return false }
    attributes[row] = new.isEmpty ? nil : new
    return true
  }

  /// Notes what the `in` filter says of a route.
  mutating func filter(_ row: RouteRow, _ verdict: InputVerdict) {
    deniedCount += (verdict.isDenied ? 1 : 0) - (routes[row].isDenied ? 1 : 0)
    routes[row].filtered(verdict)
  }

  /// A route that the filter denies is not kept.
  mutating func noteUnkept() { lacksDenied = true }

  /// Neighbours are asked for all they have. Returns whether that was necessary.
  mutating func takeLack() -> Bool {
    defer { lacksDenied = false }
    return lacksDenied
  }

  /// A route has another deadline than it had. A row that is refreshed stays in its slot of the
  /// wheel, and is put back when that comes up.
  mutating func deadlineMoved(of row: RouteRow, from former: Tick? = nil, at now: Instant) {
    let deadline = routes[row].deadline
    if routeWheel.contains(row) {
      guard let former, deadline.isBefore(former) else { return }
      routeWheel.remove(row)
    }
    routeWheel.add(row, deadline.instant(near: now), now: now)
  }

  /// A route whose time may have come.
  mutating func routeDue(at now: Instant) -> RouteRow? { routeWheel.popDue(at: now) }

  /// A walk through the routes of a destination, in order of arrival. The table may change
  /// meanwhile, as long as the route that was handed out last stays in it.
  func routes(of destination: DestinationRow) -> RouteWalk {
    RouteWalk(first: destinations[destination].firstRoute)
  }

  /// The route to a destination through a neighbour.
  func route(_ destination: DestinationRow, _ neighbour: NeighbourID) -> RouteRow? {
    var walk = routes(of: destination)
    while let row = walk.next(in: self) {
      if nextHops[routes[row].nextHop].neighbour == neighbour { return row }
    }
    return nil
  }

  /// Appends a route behind the others of its destination, and adds it to those of its neighbour.
  mutating func insert(_ route: Route, to list: inout Neighbour.Routes) -> RouteRow {
    if route.isDenied { deniedCount += 1 }
    let row = routes.insert(route, to: &list)
    var last = destinations[route.destination].firstRoute
    if last == .none {
      destinations[route.destination].firstRoute = row
    } else {
      while routes[last].nextInDestination != .none { last = routes[last].nextInDestination }
      routes[last].setNext(row)
    }
    return row
  }

  /// Takes a route out of all lists and frees it with its next hop and router-id.
  mutating func remove(_ row: RouteRow, from list: inout Neighbour.Routes) {
    let route = routes[row]
    if route.isDenied { deniedCount -= 1 }
    routeWheel.remove(row)
    setAttributes(PathAttributes(), of: row)
    if destinations[route.destination].firstRoute == row {
      destinations[route.destination].firstRoute = route.nextInDestination
    } else {
      var other = destinations[route.destination].firstRoute
      while routes[other].nextInDestination != row { other = routes[other].nextInDestination }
      routes[other].setNext(route.nextInDestination)
    }
    nextHops.release(route.nextHop)
    routerIDs.release(route.routerID)
    routes.remove(row, from: &list)
  }
}

/// Where a walk through the routes of one destination stands.
struct RouteWalk {
  private var former = RouteRow.none
  private let first: RouteRow

  init(first: RouteRow) { self.first = first }

  /// The next route; nil at the end.
  mutating func next(in table: borrowing RouteTable) -> RouteRow? {
    former = former == .none ? first : table.routes[former].nextInDestination
    return former == .none ? nil : former
  }
}
