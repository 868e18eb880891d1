import BabelCore
import BabelKernel
import BabelWire

/// The connection to the kernel: the netlink sockets, and the mirror of what the kernel holds.
///
/// Each verb tells the mirror something. What it orders after that is handed over by
/// ``nextOrder(at:)``; requests to change routes are carried out on the way.
final class KernelConnection {
  /// Most events that wait in memory; who makes more at a time is not followed one by one.
  static let notificationLimit = 16_384

  /// For routes of others that are asked for alone.
  private final class Query {
    var socket: RouteQuery
    init(_ socket: consuming RouteQuery) { self.socket = socket }
  }

  private var monitor: NetlinkMonitor
  private var reader: KernelReader
  /// Changes of routes go through it.
  let outlet: RouteOutlet
  /// Opened when it is needed.
  private var query: Query?
  private(set) var mirror: KernelMirror
  private var orders: [MirrorOrder] = []
  /// How many of them were handed over.
  private var done = 0
  /// Changes of routes that were asked for and refused.
  private(set) var tally = KernelTally()
  let log: Log

  init(
    _ monitor: consuming NetlinkMonitor, _ reader: consuming KernelReader,
    _ writer: consuming RouteWriter, _ mirror: KernelMirror, _ log: Log
  ) {
    self.monitor = monitor
    self.reader = reader
    outlet = RouteOutlet(writer, log)
    self.mirror = mirror
    self.log = log
  }

  // MARK: Questions

  /// Links and addresses.
  var links: LinkTable { mirror.links }
  /// Lets the loop wait for changes that others make; returns the place in the poll set.
  func addNotifications(to poll: inout PollSet) -> Int { poll.add(monitor.descriptor, .read) }
  /// Lets the loop wait for the kernel's answers to our changes; nil if none is expected.
  func addAnswers(to poll: inout PollSet) -> Int? {
    outlet.unansweredCount > 0 ? outlet.addAnswers(to: &poll) : nil
  }
  /// Events that were heard and not worked on yet.
  var notificationCount: Int { mirror.notificationCount }
  /// How the reading of the tables goes on; nil if there is none.
  var phase: KernelReading.Phase? { mirror.phase }
  /// When the tables are to be read.
  var readingDue: Instant { mirror.readingDue }
  /// When links and addresses are to be read; nil if they need not be.
  var linksDue: Instant? { mirror.linksDue }
  /// Routes of others that the kernel prefers to those of the node.
  func rivals(_ node: borrowing BabelNode) -> [KernelRoute] { mirror.rivals(node) }
  /// When ``retryRefused(at:)`` has something to do.
  var retryDeadline: Instant? { mirror.retryDeadline() }
  /// Whether a batch of changes begins with the next one.
  var isBatchEmpty: Bool { outlet.gatheredCount == 0 }
  /// Whether everything was sent and answered.
  var isDone: Bool { outlet.gatheredCount == 0 && outlet.unansweredCount == 0 }

  // MARK: Orders

  /// The next order of the mirror that is for others; nil if there is nothing left to do.
  func nextOrder(at now: Instant) -> MirrorOrder? {
    while done < orders.count {
      let order = orders[done]
      done += 1
      guard case .write(let step, let attempt) = order else { return order }
      do throws(KernelError) {
        try outlet.send(step, tag: attempt.rawValue)
        tally.ask(step.change)
      } catch {
        answersLost(error, at: now)
      }
    }
    orders.removeAll(keepingCapacity: true)
    done = 0
    return nil
  }

  /// Changes could not be sent, or nobody knows which were refused: the tables must tell.
  private func answersLost(_ error: KernelError, at now: Instant) {
    log.write(.overflow, subject: .answersLost, "netlink: \(error)")
    mirror.requestReading(at: now)
  }

  /// Other parts of the kernel's tables concern us from now on.
  func setScope(_ scope: MirrorScope, at now: Instant) { mirror.setScope(scope, at: now) }

  // MARK: Interfaces

  /// Notes whether another Babel daemon lives in this network namespace, on another port.
  func setSharesKernel(_ isShared: Bool) { mirror.setSharesKernel(isShared) }

  /// An interface is bound to a link, or to none, with a number that the node gave it.
  func bind(_ interface: BabelInterface) {
    mirror.bind(
      interface.name, interface.id, to: interface.ifindex, isShared: interface.isShared)
  }

  /// We run on an interface no longer.
  func leave(_ name: InterfaceName) { mirror.leave(name) }

  /// The node is about to lose an interface, or the link that stands behind it.
  func depart(_ interface: BabelInterface, at now: Instant) {
    mirror.depart(interface.id, hasRoutes: !interface.hasLostRoutes, at: now)
  }

  /// An earlier life ran on a link and we do not: its routes there are taken back.
  func inheritDeparture(from ifindex: Int32, at now: Instant) {
    mirror.inheritDeparture(from: ifindex, at: now)
  }

  /// An `InterfaceID` of the node stands for no link any more, or for another one.
  func forgetDeparture(of id: InterfaceID) { mirror.forgetDeparture(of: id) }

  // MARK: Changes of routes

  /// The node wants a change.
  func take(_ change: ForwardingChange) { mirror.take(change, into: &orders) }

  /// Sends what is gathered and appends the refusals known so far.
  func flush(into failures: inout [RouteFailure], at now: Instant) {
    do throws(KernelError) {
      try outlet.flush()
    } catch {
      answersLost(error, at: now)
    }
    outlet.takeFailures(into: &failures)
  }

  /// The kernel refused a change.
  func refused(_ failure: RouteFailure, _ node: borrowing BabelNode, at now: Instant) {
    tally.refuse(failure.change)
    mirror.refused(failure, node, at: now, into: &orders)
  }

  /// The node was told that an entry failed, and may want another one now.
  func verdictGiven(_ key: ForwardingKey, _ node: borrowing BabelNode) {
    mirror.verdictGiven(key, node, into: &orders)
  }

  /// Asks the kernel once more for what it refused for a reason that may have passed.
  func retryRefused(at now: Instant) { mirror.retryRefused(at: now, into: &orders) }

  // MARK: Notifications

  /// Hears what the kernel has to tell. The mirror notes at once where others have routes,
  /// and the rest waits in its queue.
  func hear(limit: Int) {
    var events: [KernelEvent] = []
    do throws(KernelError) {
      let hasMore = try monitor.receive(into: &events, limit: limit)
      // Somebody changes routes faster than we can listen.
      if hasMore, limit == Self.notificationLimit { events.append(.overflow) }
    } catch {
      log.write(.overflow, subject: .monitorFailed, "netlink: \(error)")
      events.append(.overflow)
    }
    guard !events.isEmpty else { return }
    let now = Instant.now
    for event in events { mirror.hear(event, at: now, into: &orders) }
  }

  /// Takes the oldest events that were heard, for ``work(on:_:at:)``.
  func takeNotifications(limit: Int) -> [KernelEvent] { mirror.takeNotifications(limit: limit) }

  /// Works on an event that was heard. True if our interfaces must be compared with their links.
  func work(on event: KernelEvent, _ node: borrowing BabelNode, at now: Instant) -> Bool {
    mirror.work(on: event, node, at: now, into: &orders)
  }

  /// The node does not know an offer that was removed, and knows others for the same prefix.
  func removalWasUnclear(_ offer: KernelOffer, at now: Instant) {
    mirror.removalWasUnclear(offer, at: now)
  }

  // MARK: Readings

  /// Asks for a reading of the kernel's tables.
  func requestReading(at time: Instant) { mirror.requestReading(at: time) }

  /// Reads links and addresses; what was heard was worked on. If that fails, those known stay, and
  /// it is tried again. True if it succeeds.
  func readLinks(at now: Instant) -> Bool {
    mirror.beginLinks(at: now)
    do throws(KernelError) {
      let links = try reader.links()
      let addresses = try reader.addresses()
      mirror.linksRead(links, addresses, at: now, into: &orders)
      return true
    } catch {
      mirror.linksFailed(at: now)
      log.write(.overflow, subject: .linksNotRead, "netlink: \(error)")
      return false
    }
  }

  /// A reading is about to begin: what was heard must be worked on before ``startReading()``.
  func beginReading(at now: Instant, nextCheck: Instant) {
    mirror.beginReading(at: now, nextCheck: nextCheck)
  }

  /// The reading begins.
  func startReading() {
    mirror.startReading(into: &orders)
    reader.startRoutes(tables: mirror.tablesToRead)
  }

  /// Reads some routes. Nil if that fails, which ends the reading.
  func nextRoutes(
    into routes: inout [KernelRoute], at now: Instant
  ) -> KernelReader.Progress? {
    do throws(KernelError) {
      return try reader.continueRoutes(into: &routes)
    } catch {
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
      mirror.readingFailed(at: now)
      return nil
    }
  }

  /// A route was read.
  func read(_ route: KernelRoute, _ node: borrowing BabelNode, at now: Instant) {
    mirror.read(route, node, at: now, into: &orders)
  }

  /// The kernel has told all routes. True if it calls that inconsistent and is asked again.
  func repeatsReading(isConsistent: Bool) -> Bool {
    guard mirror.mustRepeat(isConsistent: isConsistent) else { return false }
    reader.startRoutes(tables: mirror.tablesToRead)
    return true
  }

  /// All routes were read, and what the kernel had to tell up to now was heard.
  func routesRead(isConsistent: Bool, _ node: borrowing BabelNode) {
    mirror.routesRead(isConsistent: isConsistent, node)
  }

  /// Decides on some routes of others that were not read.
  func judgeDoubtful(_ offers: [KernelOffer], _ node: borrowing BabelNode, at now: Instant) {
    // Asking does not need the mirror, which is at work meanwhile.
    mirror.judgeDoubtful(offers, node, at: now, into: &orders, lookUp: lookUp)
  }

  /// Asks the kernel for the route of somebody else that leads into a prefix; nil also if it
  /// cannot tell.
  func lookUp(_ destination: Prefix) -> KernelRoute? {
    do throws(KernelError) {
      if query == nil { query = Query(try RouteQuery()) }
      let address = MissingOffers.address(
        in: destination, random: (Entropy.uint64(), Entropy.uint64()))
      return try query?.socket.entry(to: address)
    } catch {
      log.write(.overflow, subject: .routeNotLookedUp, "netlink: \(error)")
      return nil
    }
  }

  /// Looks for some entries that should be in the kernel and are not. True if that was the last
  /// slice.
  func lookForMissing(from position: UInt32, _ node: borrowing BabelNode) -> Bool {
    mirror.lookForMissing(from: position, node, into: &orders)
  }

  /// The reading has ended.
  func endReading(_ node: borrowing BabelNode, at now: Instant) {
    mirror.endReading(node, at: now)
  }

  // MARK: What an earlier life left

  /// The tables that routes of an earlier life may be in.
  var tablesOfOurs: [UInt32] { mirror.tablesOfOurs }

  /// Routes with our protocol number, in some tables. What cannot be read is
  /// logged. A reading that goes on is given up, because its socket is needed.
  func routesOfEarlierLife(
    in tables: [UInt32], through ifindex: Int32?, at now: Instant
  ) -> [KernelRoute] {
    defer { mirror.readingAbandoned(at: now) }
    do throws(KernelError) {
      return try reader.routes(
        tables: tables,
        KernelReader.Selection(kernelProtocol: KernelRoute.babelProtocol, ifindex: ifindex))
    } catch {
      log.write(.overflow, subject: .earlierLifeNotRead, "netlink: \(error)")
      return []
    }
  }

  /// Judges a route that was in the kernel before us; see ``KernelMirror/heirloom(_:_:)``.
  func heirloom(_ route: KernelRoute, _ node: borrowing BabelNode) -> Heirloom? {
    mirror.heirloom(route, node)
  }

  /// Removes a route of an earlier life that nobody can use.
  func remove(_ heirloom: Heirloom) { mirror.remove(heirloom, into: &orders) }

  // MARK: Tables of source prefixes, and the kernel's rules for them

  /// Whether there are tables for source-specific routes.
  var hasSources: Bool { mirror.hasSources }
  /// Whether tables were emptied, so that ``removeIdleRules()`` has something to do.
  var hasIdleSources: Bool { mirror.hasIdleSources }

  /// Whether the kernel may take a change, as far as is known without asking it.
  func mayTake(
    _ change: ForwardingChange, withSubtrees hasSubtrees: Bool, beside foreign: ForeignRoutes?
  ) -> Bool {
    (hasSources || hasSubtrees || change.key.source.isDefault)
      && mirror.mayTake(change, beside: foreign)
  }

  /// Whether an entry of a key can be made at all: a source prefix may need a table, whose rule is
  /// made here.
  func makeRoom(for key: ForwardingKey) -> Bool {
    switch mirror.makeRoom(for: key) {
    case .ready: return true
    case .none: return false
    case .needsRule(let rule):
      do throws(KernelError) {
        try RuleRequest.add(rule)
        return true
      } catch {
        guard error.errno != ErrorNumber.exists else { return true }
        mirror.closeRoom(of: key.source)
        log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
        return false
      }
    }
  }

  /// Takes over the rules that a former process left; those of ours that nobody needs go.
  func adoptRules() {
    guard hasSources else { return }
    do throws(KernelError) {
      for rule in mirror.adoptRules(try RuleRequest.all()) { try RuleRequest.remove(rule) }
    } catch {
      log.write(.error, "\(error)")
    }
  }

  /// Makes exceptions what they should be, right after a reading.
  func repairExceptions(_ node: borrowing BabelNode) {
    mirror.repairExceptions(node, into: &orders)
  }

  /// Makes rules what they should be.
  func repairRules() {
    do throws(KernelError) {
      try removeEmptyTables()
      let (missing, useless) = mirror.ruleDifferences(try RuleRequest.all())
      for rule in missing { try RuleRequest.add(rule) }
      for rule in useless { try RuleRequest.remove(rule) }
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
    }
  }

  /// Removes the rules of tables that hold nothing any more. True unless there are none.
  func removeIdleRules() -> Bool {
    do throws(KernelError) {
      return try removeEmptyTables()
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
      return true
    }
  }

  @discardableResult
  private func removeEmptyTables() throws(KernelError) -> Bool {
    var isFreed = false
    while let rule = mirror.closeIdleSource() {
      isFreed = true
      do throws(KernelError) {
        try RuleRequest.remove(rule)
      } catch {
        guard error.errno == ErrorNumber.noEntry else { throw error }
      }
    }
    return isFreed
  }

  /// Removes all exceptions, at the end. All tables count as empty then.
  func dissolveSources() { mirror.dissolveSources(into: &orders) }
}
