import BabelCore
import BabelWire
import TestSupport

@testable import BabelKernel
@testable import swabeld

/// A kernel, a node and the mirror between them, in virtual time. What the daemon does with sockets
/// is done here with values.
struct MirrorWorld {
  /// A change on its way to the kernel. Those of one `wish` lead from one way to another.
  private struct Change {
    let step: RouteStep
    let tag: UInt64
    let wish: Int?
  }

  var kernel: RouteKernel
  var node: ModelNode
  var chance: Chance
  private(set) var now = Instant(microseconds: 10_000_000)
  /// What went wrong so far.
  private(set) var faults: [String] = []
  /// One change in so many is refused for lack of memory; 0 for none.
  var refusesOneIn = 0
  let bug: PlantedBug?
  /// What happened, line by line, if that is to be told.
  private(set) var story: [String] = []
  var tellsStory = false

  var mirror: KernelMirror
  var orders: [MirrorOrder] = []
  private var gathered: [Change] = []
  private var dump = RouteKernel.Dump()
  private var staleKernel: RouteKernel?
  private var lost: Set<Int32> = []
  private var upLinks: Set<Int32>
  private var wishes = 0
  private var wish: Int?
  private var isAddingMissing = false
  /// Notifications were lost: what others have is not known before the tables were read.
  private var uncertain: Set<AddressFamily> = []
  private var isOutdated = false
  /// Routes went while IPv6 was read, so that others may have been left out.
  private var isDisturbed = false

  /// Links 2 and 3 are ours. On link 4 another Babel daemon lives; we are told to run there, too.
  /// Link 5 is nobody's.
  private(set) var interfaces: [(id: InterfaceID, ifindex: Int32, isThere: Bool)] = [
    (InterfaceID(0), 2, true), (InterfaceID(1), 3, true), (InterfaceID(2), 4, true),
  ]
  static let sharedLink: Int32 = 4
  static let places = ForeignRoutes.Places(
    tables: [KernelRoute.mainTable], metrics: [0...0, 100...200, 1024...1024])

  init(
    _ kernel: RouteKernel, _ node: ModelNode, _ chance: Chance, bug: PlantedBug?,
    sources: SourcePrefixTables? = nil
  ) {
    self.kernel = kernel
    self.node = node
    self.chance = chance
    self.bug = bug
    upLinks = Set(kernel.links.filter { $0.isUp }.map { $0.ifindex })
    var links = LinkTable()
    for link in kernel.links { links.update(link.asKernelLink) }
    let scope = MirrorScope(
      exportTables: [KernelRoute.mainTable], importTables: [KernelRoute.mainTable],
      places: Self.places, preferredSources: [])
    mirror = KernelMirror(scope, links: links, sources: sources)
    mirror.setSharesKernel(true)
    for (id, ifindex, _) in interfaces {
      guard let link = kernel.links.first(where: { $0.ifindex == ifindex }) else { continue }
      mirror.bind(
        link.name, id, to: ifindex,
        isShared: ifindex == Self.sharedLink && bug != .wrongOwner)
    }
    mirror.requestReading(at: now)
  }

  // MARK: An earlier life, and interfaces that leave

  /// Takes over what an earlier life left, on one link or on all.
  mutating func adopt(through ifindex: Int32?) {
    mirror.readingAbandoned(at: now)
    for route in kernel.routes
    where route.kernelProtocol == KernelRoute.babelProtocol
      && (ifindex == nil || ifindex == route.ifindex)
    {
      guard let heirloom = mirror.heirloom(route, node) else { continue }
      if let target = heirloom.target, node.adopt(heirloom.key, target) { continue }
      mirror.remove(heirloom, into: &orders)
      followOrders()
    }
    carryOut()
  }

  /// We leave one of our two interfaces while its link stays, or come back there.
  mutating func leaveOrJoin(_ number: Int) {
    let (id, ifindex, isThere) = interfaces[number]
    guard let link = kernel.links.first(where: { $0.ifindex == ifindex }) else { return }
    // The daemon works on what it has heard before it serves clients.
    catchUp()
    if isThere {
      mirror.depart(id, hasRoutes: !lost.contains(ifindex), at: now)
      if bug == .forgottenDeparture { mirror.forgetDeparture(of: id) }
      node.removeInterface(id)
      carryOut()
      mirror.leave(link.name)
      interfaces[number].isThere = false
      upLinks.remove(ifindex)
      lost.remove(ifindex)
    } else {
      let id = InterfaceID(id.rawValue + 3)
      mirror.forgetDeparture(of: id)
      mirror.bind(link.name, id, to: ifindex, isShared: false)
      interfaces[number] = (id, ifindex, true)
      lost.remove(ifindex)
      node.interfaceChanged(id, isUp: false, kernelRoutesLost: false)
      adopt(through: ifindex)
      checkInterfaces()
    }
  }

  mutating func tell(_ line: @autoclosure () -> String) {
    if tellsStory { story.append("\(now.microseconds / 1000) ms: \(line())") }
  }

  // MARK: The loop

  /// One turn, some time after the last one.
  mutating func turn(after microseconds: Int64) {
    now = now + microseconds
    if node.isDeparting { node.continueDeparture(1 + chance.below(3)) }
    carryOut()
    if let due = mirror.retryDeadline(), due <= now {
      mirror.retryRefused(at: now, into: &orders)
      followOrders()
      carryOut()
    }
    if let due = mirror.linksDue, due <= now { readLinks() }
    if mirror.phase == nil, mirror.readingDue <= now { beginReading() }
    if mirror.phase != nil { continueReading() }
    carryOut()
    if !chance.oneIn(3) { receiveEvents() }
  }

  /// Turns until nothing is left to do, as long as it takes. False if there is no end.
  mutating func rest() -> Bool {
    for _ in 0..<3000 {
      hearNotifications()
      let isBusy = mirror.phase != nil || mirror.notificationCount > 0 || !node.changes.isEmpty
      if isBusy {
        turn(after: 1000)
        continue
      }
      var next = mirror.readingDue
      if let due = mirror.linksDue { next = min(next, due) }
      if let due = mirror.retryDeadline() { next = min(next, due) }
      guard next != .distantFuture else { return true }
      turn(after: max(0, next - now))
    }
    return false
  }

  private mutating func carryOut() {
    for _ in 0..<32 {
      for change in node.takeChanges() {
        if gathered.isEmpty { hearNotifications() }
        guard hasRoom(for: change) else {
          node.forwardingFailed(change.key)
          continue
        }
        wishes += 1
        wish = change.old != .absent && change.new != .absent ? wishes : nil
        tell("wish \(change)")
        mirror.take(change, into: &orders)
        followOrders()
        wish = nil
      }
      let failures = flush()
      guard !failures.isEmpty || !node.changes.isEmpty else { break }
      for failure in failures {
        if bug == .forgottenRefusal, chance.oneIn(2) { continue }
        mirror.refused(failure, node, at: now, into: &orders)
        followOrders()
      }
    }
    closeIdleSources()
  }

  private mutating func hearNotifications() {
    for event in kernel.receive() {
      if event == .overflow {
        if bug == .lostNotification { continue }
        uncertain = [.ipv4, .ipv6]
        isOutdated = true
      }
      if case .routeAdded = event {} else { isDisturbed = true }
      tell("heard \(event)")
      mirror.hear(event, at: now, into: &orders)
    }
    followOrders()
  }

  private mutating func receiveEvents() {
    hearNotifications()
    var needsCheck = false
    for event in mirror.takeNotifications(limit: 1 + chance.below(8)) {
      if mirror.work(on: event, node, at: now, into: &orders) { needsCheck = true }
      followOrders()
    }
    if needsCheck { checkInterfaces() }
    carryOut()
  }

  /// What the mirror knows of links is told to the node.
  private mutating func checkInterfaces() {
    for (id, ifindex, isThere) in interfaces where isThere {
      let isUp = mirror.links.link(ifindex)?.isUp == true
      let wasUp = upLinks.contains(ifindex)
      let isLost = lost.remove(ifindex) != nil
      if wasUp, isLost || !isUp {
        node.interfaceChanged(id, isUp: false, kernelRoutesLost: isLost || !isUp)
        carryOut()
        upLinks.remove(ifindex)
      }
      if isUp, !upLinks.contains(ifindex) {
        node.interfaceChanged(id, isUp: true, kernelRoutesLost: false)
        upLinks.insert(ifindex)
        carryOut()
      }
    }
  }

  // MARK: Orders

  mutating func followOrders() {
    var done = 0
    while done < orders.count {
      let order = orders[done]
      done += 1
      follow(order)
    }
    orders = []
  }

  private mutating func follow(_ order: MirrorOrder) {
    tell("order \(order)")
    switch order {
    case .write(let step, let attempt):
      if isAddingMissing, bug == .missingReaddition, step.change == .add { return }
      if bug == .splitReplacement, step.change == .replace {
        for change in [RouteChange.delete, .add] {
          let route = change == .add ? step.route : step.route.anyLeg
          gathered.append(
            Change(
              step: RouteStep(change: change, route: route), tag: attempt.rawValue, wish: wish))
        }
        return
      }
      gathered.append(Change(step: step, tag: attempt.rawValue, wish: wish))
    case .failed(let key):
      node.forwardingFailed(key)
      mirror.verdictGiven(key, node, into: &orders)
    case .mayWork(let destination, _): node.forwardingMayWork(destination)
    case .snapshotBegins: node.snapshotBegins()
    case .offerAdded(let offer): node.offerAdded(offer)
    case .offerRemoved(let offer, let asksBack):
      if !node.offerRemoved(offer), asksBack { mirror.removalWasUnclear(offer, at: now) }
    case .routesLost(let ifindex), .linkLost(let ifindex):
      if bug != .missingReaddition { lost.insert(ifindex) }
    case .addressesLost, .remark: break
    }
  }

  /// Sends what is gathered; returns what was refused.
  private mutating func flush() -> [RouteFailure] {
    var failures: [RouteFailure] = []
    let batch = gathered
    gathered = []
    for (number, change) in batch.enumerated() {
      let step = change.step
      // Who made an unreachable one cannot be told, so what is left of those is not cleaned up.
      let isUnlucky =
        refusesOneIn > 0 && step.change != .delete && step.route.type == .unicast
        && chance.oneIn(refusesOneIn)
      let errno = isUnlucky ? ErrorNumber.noMemory : kernel.apply(step.change, step.route)
      tell("\(step.change) \(step.route): \(errno ?? 0)")
      if step.change == .delete { isDisturbed = true }
      if let errno {
        failures.append(
          RouteFailure(
            change: step.change, tag: change.tag, route: step.route,
            error: KernelError(operation: "change route", errno: errno)))
      } else if step.change == .delete, let wish = change.wish {
        lookForGap(step.route, batch[(number + 1)...].filter { $0.wish == wish })
      }
    }
    for route in kernel.takeTouched() { faults.append("touched \(route)") }
    return failures
  }

  /// A route was deleted so that another one can come: packets must have a way meanwhile, unless a
  /// route of somebody else at the place forbids to replace ours.
  private mutating func lookForGap(_ gone: KernelRoute, _ rest: [Change]) {
    // An exception for packets of other sources is no way.
    guard rest.contains(where: { $0.step.change == .add && $0.step.route.type != .throw }),
      !kernel.routes.contains(where: { $0.destination == gone.destination }),
      !uncertain.contains(gone.destination.family), !kernel.visited.contains(gone.key)
    else { return }
    faults.append("no way to \(gone.destination) for an instant")
  }

  // MARK: Readings

  private mutating func readLinks() {
    catchUp()
    mirror.beginLinks(at: now)
    mirror.linksRead(kernel.links.map { $0.asKernelLink }, [], at: now, into: &orders)
    followOrders()
    checkInterfaces()
  }

  private mutating func catchUp() {
    hearNotifications()
    while mirror.notificationCount > 0 { receiveEvents() }
  }

  private mutating func beginReading() {
    // The tables of a while ago: what was heard since then is not in them.
    if bug == .staleReading { staleKernel = staleKernel ?? kernel }
    mirror.beginReading(at: now, nextCheck: .distantFuture)
    catchUp()
    isOutdated = false
    isDisturbed = false
    tell("reading begins")
    mirror.startReading(into: &orders)
    followOrders()
    dump = RouteKernel.Dump()
    carryOut()
  }

  private mutating func continueReading() {
    switch mirror.phase {
    case .routes: readRoutes()
    case .doubtful(let offers):
      let kernel = kernel
      mirror.judgeDoubtful(offers, node, at: now, into: &orders) { kernel.lookUp($0) }
      followOrders()
    case .missing(let position):
      isAddingMissing = true
      let isLast = mirror.lookForMissing(from: position, node, into: &orders)
      followOrders()
      isAddingMissing = false
      if isLast {
        tell("reading ends")
        repairSources()
        mirror.endReading(node, at: now)
        if !isOutdated { uncertain.remove(.ipv4) }
        if !isOutdated, !isDisturbed { uncertain.remove(.ipv6) }
        staleKernel = bug == .staleReading ? kernel : nil
      }
    case nil: break
    }
  }

  private mutating func readRoutes() {
    let piece = (staleKernel ?? kernel).next(&dump)
    for var route in piece ?? [] {
      if bug == .unusedRoute { route.isDead = false }
      tell("read \(route)")
      mirror.read(route, node, at: now, into: &orders)
      followOrders()
    }
    guard piece == nil, mirror.notificationCount == 0 else { return }
    hearNotifications()
    mirror.routesRead(isConsistent: true, node)
  }
}
