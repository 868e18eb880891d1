import BabelCore
import BabelKernel
import BabelWire

/// Carries what the node wants forwarded into the kernel's tables.
///
/// Changes are gathered and leave in batches; the kernel's refusals come back a little later as
/// ``RouteFailure``, and the daemon decides what they mean.
struct ForwardingWriter: ~Copyable {
  /// The netlink socket, for polling.
  private(set) var writer: RouteWriter
  /// Routes of others in our places.
  var foreign: ForeignRoutes
  /// Where our interfaces are at present.
  private var ifindices: [InterfaceID: Int32] = [:]
  /// Set when answers of the kernel were lost: then the tables must be read again.
  var needsReading = false
  /// Tables for source-specific routes, if there are to be some.
  var sources: SourceTables?
  /// Changes asked of the kernel so far.
  private(set) var changeCount: UInt64 = 0
  /// IPv6 routes that the kernel was asked to delete so far: a dump that goes on meanwhile may
  /// leave others out.
  private(set) var ipv6Deletions: UInt64 = 0
  /// Places where a route of somebody else does what ours is to do.
  private var served: Set<KernelRouteKey> = []
  /// Places where a route of ours is still there because the kernel refused to replace it.
  private var leftovers: Set<KernelRouteKey> = []
  /// Interfaces that have only one other end.
  private var pointToPoint: Set<Int32> = []

  /// What goes into ``RouteWriter/enqueue(_:_:tag:)`` for a first try and for a second one.
  enum Attempt {
    static let first: UInt64 = 0
    static let again: UInt64 = 1
  }

  init(
    _ writer: consuming RouteWriter, _ places: ForeignRoutes.Places, sources: SourceTables? = nil
  ) {
    self.writer = writer
    self.sources = sources
    foreign = ForeignRoutes(places)
  }

  /// Notes where an interface is; nil when it does not exist.
  mutating func setIndex(_ ifindex: Int32?, of interface: InterfaceID) {
    ifindices[interface] = ifindex
  }

  /// Notes whether an interface has only one other end.
  mutating func setPointToPoint(_ isPointToPoint: Bool, _ ifindex: Int32) {
    if isPointToPoint { pointToPoint.insert(ifindex) } else { pointToPoint.remove(ifindex) }
  }

  /// Whether a link is one of our interfaces.
  func isOurs(_ ifindex: Int32) -> Bool { ifindices.values.contains(ifindex) }

  /// The kernel's form of a target; nil if there is to be no entry.
  func route(_ key: ForwardingKey, _ target: ForwardingTarget) -> KernelRoute? {
    KernelRoute(key, target) { ifindices[$0] }
  }

  /// How a route of the kernel stands to what the node wants for its prefix.
  func standing(_ route: KernelRoute, _ target: ForwardingTarget) -> RouteStanding {
    RouteStanding(route, wanted: self.route(route.forwardingKey, target))
  }

  /// Asks the kernel for a change.
  mutating func apply(_ change: ForwardingChange) {
    let old = route(change.key, change.old)
    let new = route(change.key, change.new)
    let (before, after) = exceptions(change.key, exists: new != nil)
    for step in before { enqueuePhysical(step, attempt: Attempt.again) }
    for step in plan(from: old, to: new) { enqueue(step) }
    for step in after { enqueuePhysical(step, attempt: Attempt.again) }
  }

  /// Makes what the kernel has (`actual`) what it should have. A refusal is final: the tables
  /// were just read.
  mutating func repair(from actual: KernelRoute?, to wanted: KernelRoute?) {
    for step in plan(from: actual, to: wanted) { enqueue(step, attempt: Attempt.again) }
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

  /// Whether a route of somebody else does what ours at this place is to do.
  func isServed(_ key: KernelRouteKey) -> Bool { served.contains(key) }

  /// Notes that a route of somebody else does what ours is to do.
  mutating func noteServed(_ key: KernelRouteKey) { served.insert(key) }

  /// Notes that it does not any more.
  mutating func endService(_ key: KernelRouteKey) { served.remove(key) }

  /// The kernel refused to replace a route of ours by another one. `next` is what the node wants
  /// now: if it is at the same place, it replaces what is there; if not, that goes.
  mutating func replacementFailed(_ route: KernelRoute, next: ForwardingTarget) {
    if standing(route, next) == .unwanted {
      enqueue(RouteStep(change: .delete, route: route.anyLeg))
    } else {
      leftovers.insert(route.key)
    }
  }

  /// Queues one operation.
  mutating func enqueue(_ step: RouteStep, attempt: UInt64 = Attempt.first) {
    guard let sources else { return enqueuePhysical(step, attempt: attempt) }
    // A source without a table has no routes either.
    guard let route = sources.physical(step.route) else { return }
    enqueuePhysical(RouteStep(change: step.change, route: route), attempt: attempt)
  }

  /// Queues one operation as it goes to the kernel.
  mutating func enqueuePhysical(_ step: RouteStep, attempt: UInt64) {
    changeCount &+= 1
    if step.change == .delete, step.route.destination.family == .ipv6 { ipv6Deletions &+= 1 }
    do throws(KernelError) {
      try writer.enqueue(step.change, step.route, tag: attempt)
    } catch {
      needsReading = true
    }
  }

  /// Sends what is gathered and appends the refusals known so far.
  mutating func flush(into failures: inout [RouteFailure]) {
    do throws(KernelError) {
      try writer.flush()
      try writer.collect()
    } catch {
      needsReading = true
    }
    let first = failures.count
    writer.takeFailures(into: &failures)
    guard let sources else { return }
    for index in first..<failures.count {
      failures[index].route = failures[index].route.map { sources.logical($0) }
    }
  }
}
