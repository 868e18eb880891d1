import BabelCore
import BabelKernel
import BabelWire

/// What is known of the kernel's tables at the places of our routes, and by which changes the
/// kernel comes to have what the node wants there.
///
/// Everything here is in the words of the export table; what goes to the kernel is translated last
/// (``SourcePrefixTables``).
struct ForwardingLedger {
  /// Routes of others in our places.
  private(set) var foreign: ForeignRoutes
  /// Where our interfaces are at present.
  private var ifindices: [InterfaceID: Int32] = [:]
  /// Tables for source-specific routes, if there are to be some.
  private var tables: SourcePrefixTables?
  /// IPv6 routes that the kernel was asked to delete so far: a dump that goes on meanwhile may
  /// leave others out.
  private(set) var ipv6Deletions: UInt64 = 0
  /// Places where a route of somebody else does what ours is to do.
  private var served: Set<KernelRouteKey> = []
  /// Places where a route of ours is still there because the kernel refused to replace it.
  private var leftovers: Set<KernelRouteKey> = []
  /// Replacements that the kernel refused, of which the node has not said what it wants instead.
  private var refusedReplacements: [ForwardingKey: KernelRoute] = [:]
  /// Interfaces that have only one other end.
  private var pointToPoint: Set<Int32> = []
  /// What the kernel refused for a reason that may pass.
  private var refusedEntries = RefusedEntries()

  init(_ places: ForeignRoutes.Places, sources: SourcePrefixTables? = nil) {
    foreign = ForeignRoutes(places)
    tables = sources
  }

  /// Our routes may be put elsewhere from now on; who is there is not known.
  mutating func setPlaces(_ places: ForeignRoutes.Places) {
    foreign = ForeignRoutes(places)
    foreign.isUncertain = true
  }

  // MARK: What the node wants

  /// Notes where an interface is; nil when it does not exist.
  mutating func setIndex(_ ifindex: Int32?, of interface: InterfaceID) {
    ifindices[interface] = ifindex
  }

  /// Notes whether an interface has only one other end.
  mutating func setPointToPoint(_ isPointToPoint: Bool, _ ifindex: Int32) {
    if isPointToPoint { pointToPoint.insert(ifindex) } else { pointToPoint.remove(ifindex) }
  }

  /// The kernel's form of a target; nil if there is to be no entry.
  func route(_ key: ForwardingKey, _ target: ForwardingTarget) -> KernelRoute? {
    KernelRoute(key, target) { ifindices[$0] }
  }

  /// How a route of the kernel stands to what the node wants now.
  func standing<Wishes: ForwardingWishes & ~Copyable>(
    _ route: KernelRoute, _ wishes: borrowing Wishes
  ) -> RouteStanding {
    let key = route.forwardingKey
    return RouteStanding(route, wanted: self.route(key, wishes.desiredForwarding(key)))
  }

  /// Asks the kernel for a change.
  mutating func take(_ change: ForwardingChange, into orders: inout [MirrorOrder]) {
    let old = route(change.key, change.old)
    let new = route(change.key, change.new)
    let (before, after) = exceptions(change.key, exists: new != nil)
    writePhysical(before, into: &orders)
    for step in plan(from: old, to: new) { write(step, .first, into: &orders) }
    writePhysical(after, into: &orders)
  }

  /// Makes what the kernel has (`actual`) what it should have. A refusal is final: the tables
  /// were just read.
  mutating func repair(
    from actual: KernelRoute?, to wanted: KernelRoute?, into orders: inout [MirrorOrder]
  ) {
    for step in plan(from: actual, to: wanted) { write(step, .again, into: &orders) }
  }

  private mutating func plan(from old: KernelRoute?, to new: KernelRoute?) -> [RouteStep] {
    if let old { served.remove(old.key) }
    var isServed = false
    var isLeftOver = false
    if let new {
      if case .serving = occupancy(new) { isServed = true }
      isLeftOver = leftovers.remove(new.key) != nil
      if isServed { served.insert(new.key) } else { served.remove(new.key) }
    }
    return ForwardingPlan.steps(
      from: old, to: new, isServed: isServed, isLeftOver: isLeftOver
    ) { foreign.mayOccupy($0) }
  }

  // MARK: Places

  /// Who else is at the place of a route.
  func occupancy(_ route: KernelRoute) -> PlaceOccupancy {
    occupancy(route, foreign.occupants(route.key))
  }

  /// What some routes of others at the place of a route mean for it.
  func occupancy(_ route: KernelRoute, _ others: [KernelRoute]) -> PlaceOccupancy {
    PlaceOccupancy.judge(route, others) { pointToPoint.contains($0) }
  }

  /// A route of somebody else came, or changed.
  mutating func othersAdded(_ route: KernelRoute, isReplacing: Bool) {
    foreign.insert(route, replacing: isReplacing)
  }

  /// A route of somebody else went. False if nobody knows what is left at its place.
  mutating func othersRemoved(_ route: KernelRoute) -> Bool { foreign.remove(route) }

  /// Changes of others' routes were not heard of.
  mutating func othersUnknown() { foreign.isUncertain = true }

  /// Takes over what a reading has found out about others in our places. `isFreed`: one of them is
  /// gone, or may have been there and is not. `isDoubtful`: one was not read and is believed to be
  /// there all the same.
  mutating func takeOver(_ reading: KernelReading) -> (isFreed: Bool, isDoubtful: Bool) {
    var found = reading.foreign
    let isDoubtful = found.keep(from: foreign) { reading.mayLack($0) }
    // Who stood in our way may have gone unheard.
    let isFreed = foreign.mayBeFreed(by: found)
    foreign = found
    if reading.isOutdated { foreign.isUncertain = true }
    return (isFreed, isDoubtful)
  }

  /// Whether a route of somebody else is believed to do what ours at this place is to do.
  func isServed(_ place: KernelRouteKey) -> Bool { served.contains(place) }

  /// Notes that it does not any more.
  mutating func endService(at place: KernelRouteKey) { served.remove(place) }

  /// A route of somebody else came, changed or went at a place that may be one of ours: what
  /// counts as installed follows. True if the tables must be read to know it.
  mutating func placeChanged<Wishes: ForwardingWishes & ~Copyable>(
    _ other: KernelRoute, _ change: PlaceChange, _ wishes: borrowing Wishes,
    into orders: inout [MirrorOrder]
  ) -> Bool {
    guard foreign.places.contains(other) else { return false }
    guard let wanted = standing(other, wishes).wantedHere else {
      // What was refused there may work now: the place is free, or its route leads our way.
      served.remove(other.key)
      orders.append(.mayWork(other.destination, source: other.source))
      return false
    }
    let isServed = served.contains(other.key)
    switch occupancy(wanted) {
    case .serving: break
    case .free: if isServed { repair(from: nil, to: wanted, into: &orders) }
    case .blocked(let occupant):
      guard isServed else { break }
      repair(from: wanted.anyLeg, to: nil, into: &orders)
      block(wanted, by: occupant, into: &orders)
    }
    // A better way that was refused here may work now.
    if change != .added { orders.append(.mayWork(other.destination, source: other.source)) }
    // Where nobody did the work of ours, it is there, or was replaced; the kernel does not tell
    // which of two it prefers.
    return !isServed && change != .removed
  }

  /// Somebody else's route, which leads elsewhere, is where ours would be.
  mutating func block(
    _ wanted: KernelRoute, by occupant: KernelRoute, into orders: inout [MirrorOrder]
  ) {
    served.remove(wanted.key)
    orders.append(.remark(.blocked(wanted, by: occupant)))
    refuse(wanted.forwardingKey, into: &orders)
  }

  // MARK: Refusals

  /// The kernel refused an entry: it is not there.
  private mutating func refuse(_ key: ForwardingKey, into orders: inout [MirrorOrder]) {
    let (before, after) = exceptions(key, exists: false)
    writePhysical(before + after, into: &orders)
    orders.append(.failed(key))
  }

  /// The kernel refused a change. What that means depends on what the node wants by now.
  mutating func refused<Wishes: ForwardingWishes & ~Copyable>(
    _ failure: RouteFailure, _ wishes: borrowing Wishes, at now: Instant,
    into orders: inout [MirrorOrder]
  ) -> Sequel {
    guard let physical = failure.route else { return .reading }
    let route = logical(physical)
    // An exception that is there already, or gone, is what we want.
    if route.type == .throw { return .nothing }
    if failure.change == .delete {
      // A route that is gone already, with its link or by somebody else's hand, is what we want.
      // But if we did not know that, another one of ours may be in its place.
      guard failure.error.errno != ErrorNumber.noSuchProcess else {
        return failure.tag == RouteAttempt.first.rawValue ? .laterReading : .nothing
      }
      complain(failure, route, into: &orders)
      // One that is still there and should not be is found by reading.
      return RefusalVerdict.mayPass(failure.error.errno) ? .laterReading : .nothing
    }
    // Otherwise a later change stands.
    guard case .wanted(let wanted) = standing(route, wishes) else { return .nothing }
    let occupancy = occupancy(wanted)
    let verdict = RefusalVerdict.judge(
      failure.change, failure.error.errno, occupancy,
      isFirst: failure.tag == RouteAttempt.first.rawValue)
    switch verdict {
    case .fulfilled:
      if case .serving = occupancy { served.insert(route.key) }
    case .addInstead:
      let attempt = RouteAttempt(rawValue: failure.tag) ?? .again
      write(RouteStep(change: .add, route: route), attempt, into: &orders)
    case .readTables: return .reading
    case .unusable(let mayPass):
      complain(failure, route, into: &orders)
      let key = route.forwardingKey
      if mayPass { refusedEntries.note(key, at: now) }
      if failure.change == .replace { refusedReplacements[key] = route }
      refuse(key, into: &orders)
      // Where a repair was refused, a route of ours may be there all the same.
      if mayPass, failure.tag != RouteAttempt.first.rawValue { return .laterReading }
    }
    return .nothing
  }

  /// The node knows that an entry failed and may want another one. What the kernel refused to
  /// replace is replaced by that if it is at the same place; if not, it goes.
  mutating func verdictGiven<Wishes: ForwardingWishes & ~Copyable>(
    _ key: ForwardingKey, _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) {
    guard let route = refusedReplacements.removeValue(forKey: key) else { return }
    if standing(route, wishes) == .unwanted {
      write(RouteStep(change: .delete, route: route.anyLeg), .first, into: &orders)
    } else {
      leftovers.insert(route.key)
    }
  }

  private func complain(
    _ failure: RouteFailure, _ route: KernelRoute, into orders: inout [MirrorOrder]
  ) {
    let isTaken = failure.error.errno == ErrorNumber.exists
    let occupant = isTaken ? foreign.occupant(route.key) : nil
    orders.append(.remark(.refused(failure, route, occupant: occupant)))
  }

  /// When something that was refused is to be tried again.
  mutating func retryDeadline() -> Instant? { refusedEntries.deadline() }

  /// Lets the node ask once more for what was refused for a reason that may have passed.
  mutating func retryRefused(at now: Instant, into orders: inout [MirrorOrder]) {
    for key in refusedEntries.takeDue(at: now) {
      orders.append(.mayWork(key.destination, source: key.source))
    }
  }

  // MARK: Writing

  /// Orders one change.
  mutating func write(
    _ step: RouteStep, _ attempt: RouteAttempt, into orders: inout [MirrorOrder]
  ) {
    var step = step
    if let tables {
      // A source without a table has no routes either.
      guard let route = tables.physical(step.route) else { return }
      step = RouteStep(change: step.change, route: route)
    }
    if step.change == .delete, step.route.destination.family == .ipv6 { ipv6Deletions &+= 1 }
    orders.append(.write(step, attempt))
  }

  /// Orders changes that are in the kernel's words already.
  private mutating func writePhysical(_ steps: [RouteStep], into orders: inout [MirrorOrder]) {
    for step in steps {
      if step.change == .delete, step.route.destination.family == .ipv6 { ipv6Deletions &+= 1 }
      orders.append(.write(step, .again))
    }
  }
}

// MARK: - Tables of sources

// Routes that only packets from one prefix take, in tables of their own; see SourcePrefixTables.
extension ForwardingLedger {
  /// The tables; nil if there are to be none.
  var sources: SourcePrefixTables? { tables }

  /// A route of the kernel as if it were in the export table.
  func logical(_ route: KernelRoute) -> KernelRoute { tables?.logical(route) ?? route }

  /// Whether a route, as the kernel tells it, is one of our exceptions.
  func isException(_ route: KernelRoute) -> Bool { tables?.isException(route) ?? false }

  /// Whether somebody else's route to a destination counts when exceptions are made.
  func knowsForeign(_ destination: Prefix) -> Bool { tables?.knowsForeign(destination) ?? false }

  /// Whether there is room for an entry.
  enum Room: Equatable {
    /// It can be made.
    case ready
    /// It cannot be made.
    case none
    /// It can be made once the kernel has a rule.
    case needsRule(KernelRule)
  }

  /// Finds out whether an entry of a key can be made: a source prefix may need a table, which is
  /// given to it here, and the rule of the table.
  mutating func makeRoom(for key: ForwardingKey) -> Room {
    guard !key.source.isDefault, tables?.handles(key.destination.family) == true else {
      return .ready
    }
    guard key.table == tables?.exportTable else { return .none }
    if tables?.hasTable(key.source) == true { return .ready }
    return tables?.open(key.source).map { .needsRule($0) } ?? .none
  }

  /// Takes the table of a source prefix back.
  mutating func closeRoom(of source: Prefix) { tables?.close(source) }

  /// The steps around a change of an entry that keep lookups going on where they must.
  private mutating func exceptions(
    _ key: ForwardingKey, exists: Bool
  ) -> (before: [RouteStep], after: [RouteStep]) {
    tables?.note(key, exists: exists) ?? ([], [])
  }

  /// Notes a route of somebody else that is looked up after our tables.
  mutating func noteLookedUpLater(_ route: KernelRoute, into orders: inout [MirrorOrder]) {
    writePhysical(tables?.noteForeign(route) ?? [], into: &orders)
  }

  /// Takes over the rules of a former process. Returns those that look like ours and that nobody
  /// needs.
  mutating func adoptRules(_ found: [KernelRule]) -> [KernelRule] {
    var useless: [KernelRule] = []
    for rule in found where tables?.bearsOurMarks(rule) == true {
      if tables?.adopt(rule) != true { useless.append(rule) }
    }
    return useless
  }

  /// The tables are read from now on.
  mutating func beginComparison() { tables?.beginComparison() }

  /// Makes exceptions what they should be, after the tables were read.
  mutating func repairExceptions(
    _ inventory: SourceInventory, into orders: inout [MirrorOrder]
  ) {
    guard let known = tables?.foreign else { return }
    var others = inventory.foreign
    others.formUnion(known.filter { inventory.mayLack($0.family) })
    let steps =
      tables?.replaceAll(
        foreign: others, wanted: inventory.wanted, exceptions: inventory.exceptions) ?? []
    writePhysical(steps, into: &orders)
  }

  /// The rules that the kernel lacks, and those of ours that it should not have.
  func ruleDifferences(
    _ found: [KernelRule]
  ) -> (missing: [KernelRule], useless: [KernelRule]) {
    guard let tables else { return ([], []) }
    let wanted = tables.rules
    return (
      wanted.filter { !found.contains($0) },
      found.filter { tables.bearsOurMarks($0) && !wanted.contains($0) }
    )
  }

  /// Orders that all exceptions are removed; the rules of the tables, which then count as empty,
  /// are to follow.
  mutating func dissolveSources(into orders: inout [MirrorOrder]) {
    writePhysical(tables?.dissolve() ?? [], into: &orders)
  }

  /// Whether the table of a source prefix holds nothing any more.
  var hasIdleSources: Bool { tables?.idleSources.isEmpty == false }

  /// Takes the table of one source prefix back that holds nothing any more. Returns its rule; nil
  /// if there is no such table.
  mutating func closeIdleSource() -> KernelRule? {
    guard let source = tables?.idleSources.first else { return nil }
    let rule = tables?.rule(source)
    tables?.close(source)
    return rule
  }
}
