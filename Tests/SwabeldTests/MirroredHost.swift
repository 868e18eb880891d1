import BabelCore
import BabelWire
import TestSupport

@testable import BabelKernel
@testable import swabeld

/// A host of a ``MirroredNetwork``: a real node, a real mirror, and a model of the kernel's table
/// that carries requests out late.
final class MirroredHost {
  /// One end of a link between two hosts.
  struct Port {
    let id: InterfaceID
    let ifindex: Int32
    let linkLocal: IPAddress
    let peer: Int
    let peerPort: Int
    /// What the node was told last.
    var isReportedUp = false
    var hasLostRoutes = false
  }
  /// A request on its way to the kernel.
  private struct Request {
    let step: RouteStep
    let tag: UInt64
    let due: Instant
  }

  /// The link of other programs' routes.
  static let outerLink: Int32 = 100
  /// The other table that routes are put into, in some networks.
  static let secondTable: UInt32 = 77
  /// The protocol of routes that the node redistributes.
  static let redistributed: UInt8 = 4

  let number: Int
  var node: BabelNode
  var kernel: RouteKernel
  private(set) var ports: [Port] = []
  private(set) var faults: [String] = []
  /// Packets that wait to be carried: the port, the destination, the octets.
  var packets: [(port: Int, destination: IPAddress, bytes: [UInt8])] = []
  /// The kernel refuses new routes until then, for lack of memory.
  var refusesUntil = Instant(microseconds: 0)
  /// A bug on purpose: that notifications were lost is not told.
  let forgetsLosses: Bool

  private var chance: Chance
  private var buffer = ActionBuffer()
  private var mirror: KernelMirror
  private var orders: [MirrorOrder] = []
  private var gathered: [(step: RouteStep, tag: UInt64)] = []
  private var requests: [Request] = []
  private var dump = RouteKernel.Dump()
  /// When the daemon next looks at what the kernel tells; nil if nothing waits.
  private var hearsAt: Instant?
  private var isBusy = false

  init(
    _ number: Int, links: [(peer: Int, peerPort: Int)], _ chance: Chance, forgetsLosses: Bool,
    tables: [UInt32], at now: Instant
  ) {
    self.number = number
    self.chance = chance
    self.forgetsLosses = forgetsLosses
    var seeded = chance
    var filters = FilterSet()
    var rule = FilterRule()
    rule.origin = .kernelProtocol(Self.redistributed)
    filters.redistribute.rules = [rule]
    filters.install.rules = [FilterRule()]
    for table in tables { filters.install.rules[0].tables.append(table) }
    node = BabelNode(
      NodeParameters(
        routerID: RouterID(0x0200_0000_0000_0000 | UInt64(number + 1)),
        seqno: Seqno(UInt16(truncatingIfNeeded: seeded.next())), seed: seeded.next()),
      filters: filters)
    var kernelLinks: [RouteKernel.Link] = []
    for ifindex in links.indices.map({ Int32($0 + 2) }) + [Self.outerLink] {
      guard let name = InterfaceName("v\(ifindex)") else { continue }
      kernelLinks.append(RouteKernel.Link(ifindex: ifindex, name: name))
    }
    kernel = RouteKernel(kernelLinks, foreignLink: -1)
    kernel.isSilentOnDown = seeded.oneIn(2)
    var table = LinkTable()
    for link in kernelLinks { table.update(link.asKernelLink) }
    mirror = KernelMirror(
      MirrorScope(
        exportTables: tables, importTables: [KernelRoute.mainTable],
        places: ForeignRoutes.Places(tables: tables, metrics: [0...0, 1024...1024]),
        preferredSources: []),
      links: table, sources: nil)
    node.begin(.clean, at: now)
    begin(links, at: now)
  }

  private func begin(_ links: [(peer: Int, peerPort: Int)], at now: Instant) {
    var parameters = InterfaceParameters()
    parameters.helloInterval = 1000
    parameters.updateInterval = 4000
    for (port, link) in links.enumerated() {
      let name = kernel.links[port].name
      guard
        let id = node.addInterface(name, parameters, helloSeqno: nil, at: now, into: &buffer)
      else { continue }
      ports.append(
        Port(
          id: id, ifindex: Int32(port + 2), linkLocal: Self.linkLocal(number, port),
          peer: link.peer, peerPort: link.peerPort))
      mirror.bind(name, id, to: Int32(port + 2), isShared: false)
    }
    mirror.requestReading(at: now)
    checkInterfaces(at: now)
  }

  static func linkLocal(_ host: Int, _ port: Int) -> IPAddress {
    IPAddress(high: 0xFE80_0000_0000_0000, low: UInt64(host + 1) << 16 | UInt64(port))
  }

  /// Whether a link is up in the kernel.
  func isUp(_ port: Int) -> Bool { kernel.links[port].isUp }

  /// Whether a request that would replace what is at a place is on its way. The daemon hears the
  /// kernel right before it asks, so in truth nobody has the time to come between.
  func isReplacing(_ key: KernelRouteKey) -> Bool {
    requests.contains { $0.step.change == .replace && $0.step.route.key == key }
  }

  /// The kernel may have something to tell. The daemon looks at it up to 100 ms later.
  func kernelChanged(at now: Instant) {
    if hearsAt == nil { hearsAt = now + chance.between(0, 100_000) }
  }

  // MARK: The loop

  /// When ``turn(at:)`` has something to do.
  func due(after now: Instant) -> Instant {
    if isBusy || mirror.notificationCount > 0 { return now + 1000 }
    var next = min(mirror.readingDue, node.nextDeadline ?? .distantFuture)
    if mirror.phase != nil, requests.isEmpty { next = min(next, now + 1000) }
    for time in [mirror.linksDue, mirror.retryDeadline(), hearsAt, requests.first?.due] {
      if let time { next = min(next, time) }
    }
    return max(next, now + 200)
  }

  /// One turn of the daemon's loop.
  func turn(at now: Instant) {
    execute(at: now)
    isBusy = node.advance(to: now, budget: 64, into: &buffer)
    carryOut(at: now)
    if let due = mirror.retryDeadline(), due <= now {
      mirror.retryRefused(at: now, into: &orders)
      followOrders(at: now)
      carryOut(at: now)
    }
    if let due = mirror.linksDue, due <= now { readLinks(at: now) }
    if mirror.phase == nil, mirror.readingDue <= now { beginReading(at: now) }
    // The kernel carries out what it was asked for before it answers.
    if mirror.phase != nil, requests.isEmpty { continueReading(at: now) }
    carryOut(at: now)
    if let time = hearsAt, time <= now {
      hearsAt = nil
      hearNotifications(at: now)
    }
    if mirror.notificationCount > 0 { workOnEvents(at: now) }
  }

  /// A packet arrives on a port.
  func receive(
    _ bytes: [UInt8], on port: Int, from source: IPAddress, to destination: IPAddress,
    at now: Instant
  ) {
    node.receive(
      bytes.span, on: ports[port].id, from: source, port: 6696, to: destination, at: now,
      into: &buffer)
    carryOut(at: now)
  }

  private func carryOut(at now: Instant) {
    for _ in 0..<32 where !buffer.isEmpty {
      let actions = buffer.actions
      for case .transmit(let datagram) in actions { transmit(datagram, at: now) }
      buffer.removeAll()
      for case .forward(let change) in actions {
        if gathered.isEmpty { hearNotifications(at: now) }
        mirror.take(change, into: &orders)
        followOrders(at: now)
      }
    }
    send(at: now)
  }

  private func transmit(_ datagram: Datagram, at now: Instant) {
    guard let port = ports.firstIndex(where: { $0.id == datagram.interface }) else { return }
    var bytes = Array(buffer.bytes[datagram.bytes])
    var destination = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)
    if case .unicast(let address) = datagram.destination { destination = address }
    guard node.seal(&bytes, datagram, from: ports[port].linkLocal, to: destination, at: now) else {
      return faults.append("a packet cannot be signed")
    }
    packets.append((port, destination, bytes))
  }

  // MARK: Requests

  /// What is gathered leaves for the kernel, which gets to it up to 50 ms later, in order.
  private func send(at now: Instant) {
    guard !gathered.isEmpty else { return }
    let due = max(now + chance.between(0, 50_000), requests.last?.due ?? now)
    for (step, tag) in gathered { requests.append(Request(step: step, tag: tag, due: due)) }
    gathered = []
  }

  /// The kernel carries out what has reached it, and tells the daemon what it refuses.
  private func execute(at now: Instant) {
    while let request = requests.first, request.due <= now {
      requests.removeFirst()
      let step = request.step
      let isRefused =
        now < refusesUntil && step.change != .delete && step.route.type == .unicast
      let errno = isRefused ? ErrorNumber.noMemory : kernel.apply(step.change, step.route)
      for route in kernel.takeTouched() { faults.append("\(step) touched \(route)") }
      guard let errno else { continue }
      let failure = RouteFailure(
        change: step.change, tag: request.tag, route: step.route,
        error: KernelError(operation: "change route", errno: errno))
      mirror.refused(failure, node, at: now, into: &orders)
      followOrders(at: now)
    }
  }

  private func followOrders(at now: Instant) {
    var done = 0
    while done < orders.count {
      let order = orders[done]
      done += 1
      follow(order, at: now)
    }
    orders = []
  }

  private func follow(_ order: MirrorOrder, at now: Instant) {
    switch order {
    case .write(let step, let attempt): gathered.append((step, attempt.rawValue))
    case .failed(let key):
      node.forwardingFailed(key, at: now, into: &buffer)
      mirror.verdictGiven(key, node, into: &orders)
    case .mayWork(let destination, let source):
      node.forwardingMayWork(destination, source: source, at: now, into: &buffer)
    case .snapshotBegins: node.kernelSnapshotBegins()
    case .offerAdded(let offer): node.kernelOfferAdded(offer, at: now, into: &buffer)
    case .offerRemoved(let offer, let asksBack):
      let isClear = node.kernelOfferRemoved(offer, at: now, into: &buffer)
      if asksBack, !isClear { mirror.removalWasUnclear(offer, at: now) }
    case .routesLost(let ifindex), .linkLost(let ifindex):
      for port in ports.indices where ports[port].ifindex == ifindex {
        ports[port].hasLostRoutes = true
      }
    case .addressesLost, .remark: break
    }
  }

  // MARK: Notifications

  private func hearNotifications(at now: Instant) {
    for event in kernel.receive() {
      if event == .overflow, forgetsLosses { continue }
      mirror.hear(event, at: now, into: &orders)
    }
    followOrders(at: now)
  }

  private func workOnEvents(at now: Instant) {
    var needsCheck = false
    for event in mirror.takeNotifications(limit: 512) {
      if mirror.work(on: event, node, at: now, into: &orders) { needsCheck = true }
      followOrders(at: now)
    }
    if needsCheck { checkInterfaces(at: now) }
    carryOut(at: now)
  }

  /// What the mirror knows of links is told to the node.
  private func checkInterfaces(at now: Instant) {
    for index in ports.indices {
      let isUp = mirror.links.link(ports[index].ifindex)?.isUp == true
      let isLost = ports[index].hasLostRoutes
      ports[index].hasLostRoutes = false
      if ports[index].isReportedUp, isLost || !isUp { tell(index, isUp: false, at: now) }
      if isUp, !ports[index].isReportedUp { tell(index, isUp: true, at: now) }
    }
  }

  private func tell(_ index: Int, isUp: Bool, at now: Instant) {
    ports[index].isReportedUp = isUp
    node.interfaceChanged(
      ports[index].id,
      LinkState(isUp: isUp, mtu: 1500, linkLocals: [ports[index].linkLocal], ipv4: nil),
      kernelRoutesLost: !isUp, at: now, into: &buffer)
    carryOut(at: now)
  }

  // MARK: Readings

  private func catchUp(at now: Instant) {
    hearNotifications(at: now)
    while mirror.notificationCount > 0 { workOnEvents(at: now) }
  }

  private func readLinks(at now: Instant) {
    catchUp(at: now)
    mirror.beginLinks(at: now)
    mirror.linksRead(kernel.links.map { $0.asKernelLink }, [], at: now, into: &orders)
    followOrders(at: now)
    checkInterfaces(at: now)
  }

  private func beginReading(at now: Instant) {
    mirror.beginReading(at: now, nextCheck: .distantFuture)
    catchUp(at: now)
    mirror.startReading(into: &orders)
    followOrders(at: now)
    dump = RouteKernel.Dump()
    carryOut(at: now)
  }

  private func continueReading(at now: Instant) {
    switch mirror.phase {
    case .routes:
      let piece = kernel.next(&dump)
      for route in piece ?? [] {
        mirror.read(route, node, at: now, into: &orders)
        followOrders(at: now)
      }
      guard piece == nil, mirror.notificationCount == 0 else { return }
      hearNotifications(at: now)
      mirror.routesRead(isConsistent: true, node)
    case .doubtful(let offers):
      let kernel = kernel
      mirror.judgeDoubtful(offers, node, at: now, into: &orders) { kernel.lookUp($0) }
      followOrders(at: now)
    case .missing(let position):
      let isLast = mirror.lookForMissing(from: position, node, into: &orders)
      followOrders(at: now)
      if isLast { mirror.endReading(node, at: now) }
    case nil: break
    }
  }
}
