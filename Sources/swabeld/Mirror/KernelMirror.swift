import BabelCore
import BabelKernel
import BabelWire

/// What is known of the kernel: its links and addresses, the routes at our places, and what has to
/// be done so that it forwards what the node wants and the node knows what there is to
/// redistribute.
///
/// A value without any access to the kernel or to the node. What the kernel tells, what is read of
/// its tables, what it refuses and what the node wants go in, with the time; orders come out
/// (``MirrorOrder``). The daemon carries them between the mirror, the netlink sockets and the node.
struct KernelMirror {
  /// Microseconds after which a route that the kernel refused to delete is looked for.
  private static let deletionRetry: Int64 = 1_000_000

  private var scope: MirrorScope
  private var watch: LinkWatch
  private(set) var ledger: ForwardingLedger
  private(set) var owners = RouteOwners()
  private(set) var readings: KernelReadings
  /// What the kernel has told and was not worked on yet.
  private var notifications: [KernelEvent] = []

  init(_ scope: MirrorScope, links: LinkTable, sources: SourcePrefixTables? = nil) {
    self.scope = scope
    watch = LinkWatch(links, preferredSources: scope.preferredSources)
    readings = KernelReadings(scope)
    ledger = ForwardingLedger(scope.places, sources: sources)
    for link in links.links() { ledger.setPointToPoint(link.isPointToPoint, link.ifindex) }
  }

  // MARK: Questions

  /// Links and addresses.
  var links: LinkTable { watch.links }
  /// Events that were heard and not worked on yet.
  var notificationCount: Int { notifications.count }
  /// When the tables are to be read.
  var readingDue: Instant { readings.due }
  /// When links and addresses are to be read; nil if they need not be.
  var linksDue: Instant? { readings.linksDue }
  /// How the reading goes on; nil if there is none.
  var phase: KernelReading.Phase? { readings.phase }
  /// When ``retryRefused(at:into:)`` has something to do.
  mutating func retryDeadline() -> Instant? { ledger.retryDeadline() }
  /// Whether ``closeIdleSource()`` has something to do.
  var hasIdleSources: Bool { ledger.hasIdleSources }

  /// The tables to read. Those of sources may come and go.
  var tablesToRead: [UInt32] {
    var tables = scope.exportTables
    let others = ledger.sources.map { $0.numbers + [KernelRoute.mainTable] } ?? []
    for table in scope.importTables + others where !tables.contains(table) { tables.append(table) }
    return tables
  }

  /// The tables that routes of an earlier life may be in.
  var tablesOfOurs: [UInt32] { scope.exportTables + (ledger.sources?.numbers ?? []) }

  /// Other parts of the tables concern us from now on. Until they are read, somebody may be there.
  mutating func setScope(_ scope: MirrorScope, at now: Instant) {
    readingAbandoned(at: now)
    self.scope = scope
    watch.setPreferredSources(scope.preferredSources)
    readings.setScope(scope)
    ledger.setPlaces(scope.places)
    readings.request(at: now)
  }

  /// Asks for a reading of the tables.
  mutating func requestReading(at time: Instant) { readings.request(at: time) }

  // MARK: Interfaces

  /// Notes whether another Babel daemon lives in this network namespace, on another port.
  mutating func setSharesKernel(_ isShared: Bool) { owners.setSharesKernel(isShared) }

  /// An interface is bound to a link, or to none, with a number that the node gave it.
  mutating func bind(
    _ name: InterfaceName, _ id: InterfaceID, to ifindex: Int32?, isShared: Bool
  ) {
    owners.bind(name, id, to: ifindex, isShared: isShared)
    if ifindex != nil { readings.expectLeftovers() }
    ledger.setIndex(ifindex, of: id)
  }

  /// We run on an interface no longer.
  mutating func leave(_ name: InterfaceName) { owners.leave(name) }
  /// The number of an interface in the node is about to go, or the interface itself. Its routes
  /// are found in the kernel by the link it was bound to, as long as that exists and has routes.
  mutating func depart(_ id: InterfaceID, hasRoutes: Bool, at now: Instant) {
    forgetDeparture(of: id)
    guard hasRoutes, let departure = owners.departure(of: id, at: now),
      watch.links.link(departure.ifindex) != nil
    else { return }
    ledger.setIndex(departure.ifindex, of: id)
    owners.note(departure)
    readings.expectDeparture(at: now)
  }

  /// An earlier life ran on a link and we do not: its routes there are taken back.
  mutating func inheritDeparture(from ifindex: Int32, at now: Instant) {
    owners.note(Departure(id: .nobody, ifindex: ifindex, isShared: false, since: now))
    readings.expectDeparture(at: now)
  }

  /// A number in the node stands for no link any more, or for another one.
  mutating func forgetDeparture(of id: InterfaceID) {
    ledger.setIndex(nil, of: id)
    owners.forgetDeparture(of: id)
  }

  // MARK: Wishes and refusals

  /// Finds out whether an entry of a key can be made; see ``ForwardingLedger/makeRoom(for:)``.
  mutating func makeRoom(for key: ForwardingKey) -> ForwardingLedger.Room {
    ledger.makeRoom(for: key)
  }

  /// The node wants a change.
  mutating func take(_ change: ForwardingChange, into orders: inout [MirrorOrder]) {
    readings.note(change, ledger)
    ledger.take(change, into: &orders)
  }

  /// The kernel refused a change.
  mutating func refused<Wishes: ForwardingWishes & ~Copyable>(
    _ failure: RouteFailure, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) {
    switch ledger.refused(failure, wishes, at: now, into: &orders) {
    case .nothing: break
    case .reading: readings.request(at: now)
    case .laterReading: readings.request(at: now + Self.deletionRetry)
    }
  }

  /// The node was told that an entry failed, and may want another one now.
  mutating func verdictGiven<Wishes: ForwardingWishes & ~Copyable>(
    _ key: ForwardingKey, _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) {
    ledger.verdictGiven(key, wishes, into: &orders)
  }

  /// Lets the node ask once more for what was refused for a reason that may have passed.
  mutating func retryRefused(at now: Instant, into orders: inout [MirrorOrder]) {
    ledger.retryRefused(at: now, into: &orders)
  }

  // MARK: Notifications

  /// Hears of an event. Where others have routes is noted at once; the rest waits.
  mutating func hear(_ event: KernelEvent, at now: Instant, into orders: inout [MirrorOrder]) {
    notifications.append(event)
    switch event {
    case .routeAdded(let route, let isReplacing):
      guard route.kernelProtocol != KernelRoute.babelProtocol else { break }
      ledger.noteLookedUpLater(route, into: &orders)
      let route = ledger.logical(route)
      ledger.othersAdded(route, isReplacing: isReplacing)
      readings.heardAdded(route, replacing: isReplacing)
    case .routeRemoved(let route):
      if route.destination.family == .ipv6 { readings.disturb() }
      guard route.kernelProtocol != KernelRoute.babelProtocol else { break }
      let mattered = ledger.knowsForeign(route.destination)
      let route = ledger.logical(route)
      let isClear = ledger.othersRemoved(route)
      readings.heardRemoved(route)
      if !isClear || mattered { readings.requestWhenCalm(after: now) }
    case .overflow:
      ledger.othersUnknown()
      readings.outdate()
    case .linkChanged, .linkRemoved, .addressRemoved:
      // Routes may go with it, and the kernel can be told to be silent about those.
      readings.disturb()
    case .routeUseChanged, .nexthopChanged: readings.disturb()  // Routes go without a word.
    case .addressChanged: break
    }
  }

  /// Takes the oldest events that were heard, for ``work(on:_:at:into:)``.
  mutating func takeNotifications(limit: Int) -> [KernelEvent] {
    let events = Array(notifications.prefix(limit))
    notifications.removeFirst(events.count)
    return events
  }

  /// Works on an event that was heard. True if our interfaces must be compared with their links.
  mutating func work<Wishes: ForwardingWishes & ~Copyable>(
    on event: KernelEvent, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) -> Bool {
    switch event {
    case .linkChanged, .linkRemoved, .addressChanged, .addressRemoved:
      if watch.work(on: event, &ledger, &owners, into: &orders) {
        readings.requestWhenCalm(after: now)
      }
      return true
    case .overflow:
      orders.append(.remark(.notificationsLost))
      readings.requestWithLinks(at: now)
      return true
    case .routeAdded(let route, let isReplacing):
      added(route, isReplacing, wishes, at: now, into: &orders)
    case .routeRemoved(let route):
      removed(route, wishes, at: now, into: &orders)
    case .routeUseChanged, .nexthopChanged: readings.requestWhenCalm(after: now)
    }
    return false
  }

  private mutating func added<Wishes: ForwardingWishes & ~Copyable>(
    _ route: KernelRoute, _ isReplacing: Bool, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) {
    if isReplacing || route.isMultipath, scope.importTables.contains(route.table) {
      // What was replaced is not told, nor which legs an IPv6 route had before.
      readings.requestWhenCalm(after: now)
    }
    if route.kernelProtocol != KernelRoute.babelProtocol {
      let change = isReplacing ? ForwardingLedger.PlaceChange.replaced : .added
      if ledger.placeChanged(ledger.logical(route), change, wishes, into: &orders) {
        readings.requestWhenCalm(after: now)
      }
    }
    offered(route, at: now, into: &orders)
  }

  /// Somebody has a route in the kernel: it is to be redistributed while the kernel uses it.
  private mutating func offered(
    _ route: KernelRoute, at now: Instant, into orders: inout [MirrorOrder]
  ) {
    guard let offer = scope.offer(route, watch.links) else { return }
    if route.isDead {
      orders.append(.offerRemoved(offer, asksBack: false))
      return
    }
    orders.append(.offerAdded(offer))
    // The kernel ceases to use it then, and tells half a minute later.
    if let lifetime = route.lifetime { readings.requestWhenCalm(after: now + lifetime) }
  }

  private mutating func removed<Wishes: ForwardingWishes & ~Copyable>(
    _ gone: KernelRoute, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) {
    let route = ledger.logical(gone)
    if ledger.isException(gone) {
      readings.requestWhenCalm(after: now)
    } else if route.kernelProtocol == KernelRoute.babelProtocol {
      // Our own changes are not told, so this was somebody else: put it back if it is wanted.
      if wishes.desiredForwarding(route.forwardingKey) != .absent {
        readings.requestWhenCalm(after: now)
      }
    } else if ledger.placeChanged(route, .removed, wishes, into: &orders) {
      readings.requestWhenCalm(after: now)
    }
    if let offer = scope.offer(gone, watch.links) {
      orders.append(.offerRemoved(offer, asksBack: true))
    }
  }

  /// The node does not know an offer that was removed, and knows others for the same prefix. For
  /// IPv6 it was one leg of several: the kernel does not tell which are left.
  mutating func removalWasUnclear(_ offer: KernelOffer, at now: Instant) {
    if offer.destination.family == .ipv6 { readings.requestWhenCalm(after: now) }
  }

  // MARK: Readings of the tables

  /// A reading is about to begin: what was heard must be worked on before ``startReading(into:)``.
  mutating func beginReading(at now: Instant, nextCheck: Instant) {
    readings.begin(at: now, nextCheck: nextCheck)
  }

  /// The reading begins. Everything there is to redistribute is offered once more.
  mutating func startReading(into orders: inout [MirrorOrder]) {
    readings.start(&ledger)
    orders.append(.snapshotBegins)
    for offer in watch.links.offers() { orders.append(.offerAdded(offer)) }
  }

  /// The kernel's tables could not be read.
  mutating func readingFailed(at now: Instant) { readings.fail(at: now) }
  /// The reading under way is given up for another task of its socket.
  mutating func readingAbandoned(at now: Instant) { readings.abandon(at: now) }
  /// A route was read.
  mutating func read<Wishes: ForwardingWishes & ~Copyable>(
    _ route: KernelRoute, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) {
    guard readings.read(route, &ledger, owners, wishes, into: &orders) else { return }
    offered(route, at: now, into: &orders)
  }

  /// The kernel has told all routes. True if it calls that inconsistent and is to be asked again.
  mutating func mustRepeat(isConsistent: Bool) -> Bool {
    readings.mustRepeat(isConsistent: isConsistent)
  }

  /// All routes were read, and what the kernel had to tell up to now was heard.
  mutating func routesRead<Wishes: ForwardingWishes & ~Copyable>(
    isConsistent: Bool, _ wishes: borrowing Wishes
  ) {
    readings.endRoutes(isConsistent: isConsistent, ledger, wishes)
  }

  /// Decides on some routes of others that were not read. `lookUp` asks the kernel for the route
  /// that leads into a prefix.
  mutating func judgeDoubtful<Wishes: ForwardingWishes & ~Copyable>(
    _ offers: [KernelOffer], _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder], lookUp: (Prefix) -> KernelRoute?
  ) {
    // What was heard meanwhile comes first: it is newer.
    guard notifications.isEmpty else { return }
    readings.judgeDoubtful(
      offers, &ledger, watch.links, wishes, at: now, into: &orders, lookUp: lookUp)
  }

  /// Looks for some entries that should be in the kernel and are not. True if that was the last
  /// slice: rules and exceptions are to be repaired, and then the reading ends.
  mutating func lookForMissing<Wishes: ForwardingWishes & ~Copyable>(
    from position: UInt32, _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) -> Bool {
    readings.lookForMissing(from: position, &ledger, wishes, into: &orders)
  }

  /// The reading has ended.
  mutating func endReading<Wishes: ForwardingWishes & ~Copyable>(
    _ wishes: borrowing Wishes, at now: Instant
  ) {
    readings.end(&ledger, &owners, wishes, at: now)
  }

  /// Links and addresses are about to be read, and what was heard was worked on.
  mutating func beginLinks(at now: Instant) { readings.beginLinks(at: now) }
  /// They could not be read. Those known stay.
  mutating func linksFailed(at now: Instant) { readings.failLinks(at: now) }
  /// They were read.
  mutating func linksRead(
    _ links: [KernelLink], _ addresses: [KernelAddress], at now: Instant,
    into orders: inout [MirrorOrder]
  ) {
    watch.replace(links, addresses, &ledger, &owners, into: &orders)
    readings.endLinks(at: now)
  }

  // MARK: What an earlier life left

  /// Judges a route that was in the kernel before us. Nil if it is one of our exceptions, not ours,
  /// or what the node wants already.
  func heirloom<Wishes: ForwardingWishes & ~Copyable>(
    _ physical: KernelRoute, _ wishes: borrowing Wishes
  ) -> Heirloom? {
    guard !ledger.isException(physical) else { return nil }
    let route = ledger.logical(physical)
    guard owners.isMadeByUs(route) else { return nil }
    if case .wanted = ledger.standing(route, wishes) { return nil }
    return Heirloom(route: route, key: route.forwardingKey, target: owners.target(route))
  }

  /// Removes a route of an earlier life that nobody can use.
  mutating func remove(_ heirloom: Heirloom, into orders: inout [MirrorOrder]) {
    ledger.write(RouteStep(change: .delete, route: heirloom.route), .first, into: &orders)
  }

  // MARK: Tables of sources

  /// Whether there are tables for source-specific routes.
  var hasSources: Bool { ledger.sources != nil }
  /// Takes the table of a source prefix back: the kernel refused its rule.
  mutating func closeRoom(of source: Prefix) { ledger.closeRoom(of: source) }
  /// Takes over the rules of a former process. Returns those of ours that are to be removed.
  mutating func adoptRules(_ found: [KernelRule]) -> [KernelRule] { ledger.adoptRules(found) }

  /// Makes exceptions what they should be, at the end of a reading.
  mutating func repairExceptions<Wishes: ForwardingWishes & ~Copyable>(
    _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) {
    guard hasSources, var inventory = readings.inventory else { return }
    _ = wishes.forEachDesiredForwarding(from: 0, limit: .max) { key, _ in
      inventory.wanted.append(key)
    }
    ledger.repairExceptions(inventory, into: &orders)
  }

  /// The rules that the kernel lacks, and those of ours that it should not have.
  func ruleDifferences(_ found: [KernelRule]) -> (missing: [KernelRule], useless: [KernelRule]) {
    ledger.ruleDifferences(found)
  }

  /// Takes back the table of one source prefix that holds nothing any more. Returns its rule,
  /// which is to be removed; nil if there is no such table.
  mutating func closeIdleSource() -> KernelRule? { ledger.closeIdleSource() }
  /// Removes all exceptions, at the end. All tables count as empty then.
  mutating func dissolveSources(into orders: inout [MirrorOrder]) {
    ledger.dissolveSources(into: &orders)
  }
}
