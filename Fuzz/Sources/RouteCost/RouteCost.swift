import BabelCore
import BabelWire
import CAllocations
import Glibc

/// Makes one node install, switch, retract and let expire the routes of two neighbours.
///
/// `RouteCost PHASE` does that with 10,000 prefixes, and the node's work of that phase inside
/// functions whose names contain "measured", so that a profiler can count what is spent there
/// alone. It prints the allocations and the nanoseconds of the processor that a route takes.
/// `RouteCost PHASE N` does it with N prefixes, neighbour 1 comes after 0, and nobody repeats
/// anything meanwhile, so that what a route takes can be compared between different N. `RouteCost
/// memory` prints octets per route.
@main struct RouteCost {
  static let phase = CommandLine.arguments.dropFirst().first ?? "memory"
  static let given = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) }
  /// Memory is measured where the chunks of all tables are full: of others the heap counts
  /// what nothing has touched yet, too, which is not resident.
  static let count = given ?? (phase == "memory" ? 16_384 : 10_000)

  static func main() {
    var network = Network(given.map { Pace(quietWith: $0) } ?? Pace())
    network.greet()
    network.run("install", phase) { network in
      for i in 0..<count {
        network.offer(i, to: 0)
        if given == nil { network.offer(i, to: 1) }
      }
    }
    if given != nil {
      network.run("install", phase) { network in
        for i in 0..<count { network.offer(i, to: 1) }
      }
    }
    network.expect(count)
    if phase == "memory" { return network.printMemory() }
    if phase == "expire" {
      network.run("expire", phase) { network in network.silence(0) }
      network.expect(count)
      network.expectOnlyRoutes(of: 1)
      return network.printCost()
    }
    network.run("switch", phase) { network in network.loseLink(0) }
    network.expect(count)
    network.run("retract", phase) { network in
      for i in 0..<count { network.withdraw(i, from: 1) }
    }
    network.expect(0)
    network.printCost()
  }
}

/// How often the nodes speak, and how long a phase takes.
struct Pace {
  /// Between Hellos of every node, in milliseconds.
  var hello: UInt32 = 4000
  /// Between full updates, in milliseconds: those of neighbour 0, and those of the others.
  var updates: (UInt32, others: UInt32) = (16_000, others: 16_000)
  /// How long the nodes greet each other, how long a phase takes, and after which time nothing is
  /// left of neighbour 0 when it fell silent, in seconds: an Update holds for 3.5 intervals.
  var seconds: (greeting: Int64, phase: Int64, expiry: Int64) = (30, 20, expiry: 80)

  /// The usual pace.
  init() {}

  /// Nobody repeats anything, and a phase takes as long as so many routes need on the way.
  init(quietWith count: Int) {
    hello = 20_000
    updates = (100_000, others: 600_000)
    seconds = (10, 2 + Int64(count) / 40_000, expiry: 360)
  }
}

/// Two neighbours, 0 and 1, each on a link of its own to the node that is measured, 2.
struct Network: ~Copyable {
  private var nodes: [Box] = []
  private var now = Instant(microseconds: 1_000_000)
  private var isMeasuring = false
  private var held = 0
  /// Forwarding entries that changed in the phase that is measured.
  private var changes = 0
  private var isCut = [false, false]
  private let pace: Pace
  private var allocations: UInt = 0
  private var nanoseconds = 0

  /// A node, what it wants done, and what is on its way to it.
  final class Box {
    var node: BabelNode
    var buffer = ActionBuffer()
    var inbox: [(bytes: [UInt8], from: IPAddress, on: InterfaceID)] = []

    init(_ node: consuming BabelNode) { self.node = node }
  }

  static func address(_ node: Int, _ link: Int) -> IPAddress {
    IPAddress(high: 0xFE80_0000_0000_0000, low: UInt64(node * 16 + link + 1))
  }

  static let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)

  static func destination(_ i: Int) -> Prefix {
    Prefix(mapped: IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(i), low: 0), mappedLength: 64)
  }

  init(_ pace: Pace) {
    self.pace = pace
    for number in 0..<3 {
      var parameters = NodeParameters(
        routerID: RouterID(UInt64(number + 1)), seqno: Seqno(1), seed: UInt64(number + 7))
      parameters.routeLimit = max(parameters.routeLimit, 2 * RouteCost.count)
      parameters.neighbourRouteLimit = parameters.routeLimit
      parameters.sourceLimit = parameters.routeLimit
      parameters.originatedLimit = parameters.routeLimit
      var terms = InterfaceParameters()
      terms.helloInterval = pace.hello
      terms.updateInterval = number == 0 ? pace.updates.0 : pace.updates.others
      var filters = FilterSet()
      var rule = FilterRule()
      rule.metric = .zero
      filters.redistribute = FilterChain([rule])
      var node = BabelNode(parameters, filters: filters)
      var buffer = ActionBuffer()
      for link in number == 2 ? [0, 1] : [number] {
        guard let name = InterfaceName("l\(link)"),
          let id = node.addInterface(name, terms, at: now, into: &buffer)
        else { continue }
        node.interfaceChanged(
          id,
          LinkState(
            isUp: true, mtu: 1500, linkLocals: [Self.address(number, link)], ipv4: nil),
          kernelRoutesLost: false, at: now, into: &buffer)
      }
      nodes.append(Box(node))
    }
  }

  // MARK: What happens

  func offer(_ i: Int, to number: Int) {
    let box = nodes[number]
    box.node.kernelOfferAdded(
      Self.offer(i), at: now, into: &box.buffer)
  }

  private static func offer(_ i: Int) -> KernelOffer {
    KernelOffer(
      destination: destination(i), source: .any(.ipv6), kernelProtocol: nil, interface: nil)
  }

  func withdraw(_ i: Int, from number: Int) {
    let box = nodes[number]
    box.node.kernelOfferRemoved(
      Self.offer(i), at: now, into: &box.buffer)
  }

  /// The link to neighbour `number` goes down at the measured node.
  mutating func loseLink(_ number: Int) {
    isCut[number] = true
    let box = nodes[2]
    let id = InterfaceID(UInt16(number))
    guard isMeasuring else { return Self.lose(box, id, now) }
    let now = now
    count { Self.measuredLoss(box, id, now) }
  }

  /// Neighbour `number` is not heard any more, and nobody is told.
  mutating func silence(_ number: Int) { isCut[number] = true }

  /// Lets the nodes get to know each other.
  mutating func greet() { settle(seconds: pace.seconds.greeting) }

  /// Does what begins a phase, and lets its consequences happen.
  mutating func run(
    _ name: String, _ measuredPhase: String, _ begin: (inout Network) -> Void
  ) {
    isMeasuring = name == measuredPhase
    begin(&self)
    settle(seconds: name == "expire" ? pace.seconds.expiry : pace.seconds.phase)
    isMeasuring = false
  }

  /// Ends the program if the node does not hold so many routes.
  func expect(_ count: Int) {
    guard held != count else { return }
    print("\(held) routes are held instead of \(count)")
    exit(1)
  }

  /// Ends the program if the node still has routes of another neighbour than this one.
  func expectOnlyRoutes(of number: Int) {
    let counts = nodes[2].node.neighbourRoutes(at: now).filter { $0.routeCount > 0 }
    if counts.count == 1, counts[0].neighbour.address == Self.address(number, number) { return }
    print("routes of \(counts.map { "\($0.neighbour.address)" }) are held")
    exit(1)
  }

  /// The heap that the measured node alone keeps.
  mutating func printMemory() {
    let before = heap_in_use()
    nodes.removeLast()
    print(Int(before - heap_in_use()) / RouteCost.count)
  }

  /// What the measured phase took for each route, apart from the instructions.
  func printCost() {
    guard changes == RouteCost.count else {
      print("\(changes) entries changed instead of \(RouteCost.count)")
      exit(1)
    }
    print("\(allocations / UInt(RouteCost.count)).", terminator: "")
    let hundredths = allocations * 100 / UInt(RouteCost.count) % 100
    print(hundredths < 10 ? "0\(hundredths)" : "\(hundredths)", terminator: " allocations, ")
    print("\(nanoseconds / RouteCost.count) ns")
  }

  /// Adds up what work of the measured node takes.
  private mutating func count(_ work: () -> Void) {
    let (start, before) = (Self.processorTime, allocation_count())
    work()
    allocations += allocation_count() - before
    nanoseconds += Self.processorTime - start
  }

  /// Of this process, in nanoseconds.
  private static var processorTime: Int {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }

  private mutating func settle(seconds: Int64) {
    let end = now + seconds * 1_000_000
    while now < end {
      var next = end
      for box in nodes {
        if !box.inbox.isEmpty { next = min(next, now + 1000) }
        if let due = box.node.nextDeadline { next = min(next, max(due, now)) }
      }
      now = next
      let now = now
      for (number, box) in nodes.enumerated() {
        if number == 2, isMeasuring {
          count { Self.measuredTurn(box, now) }
        } else {
          Self.turn(box, now)
        }
      }
      for number in nodes.indices { carryOut(number) }
    }
  }

  @inline(never) private static func measuredTurn(_ box: Box, _ now: Instant) { turn(box, now) }
  @inline(never) private static func measuredLoss(_ box: Box, _ id: InterfaceID, _ now: Instant) {
    lose(box, id, now)
  }

  private static func turn(_ box: Box, _ now: Instant) {
    let packets = box.inbox
    box.inbox.removeAll()
    for packet in packets {
      box.node.receive(
        packet.bytes.span, on: packet.on, from: packet.from, port: 6696, to: group, at: now,
        into: &box.buffer)
    }
    while box.node.advance(to: now, budget: 2000, into: &box.buffer) {}
  }

  private static func lose(_ box: Box, _ id: InterfaceID, _ now: Instant) {
    box.node.interfaceChanged(
      id, LinkState(isUp: false, mtu: 1500, linkLocals: [], ipv4: nil), kernelRoutesLost: false,
      at: now, into: &box.buffer)
  }

  private mutating func carryOut(_ number: Int) {
    let box = nodes[number]
    for action in box.buffer.actions {
      switch action {
      case .transmit(let datagram):
        let link = number == 2 ? Int(datagram.interface.rawValue) : number
        guard !isCut[link] else { continue }
        let to = nodes[number == 2 ? link : 2]
        to.inbox.append(
          (
            Array(box.buffer.bytes[datagram.bytes]), Self.address(number, link),
            InterfaceID(number == 2 ? 0 : UInt16(link))
          ))
      case .forward(let change):
        guard number == 2 else { continue }
        if isMeasuring { changes += 1 }
        if case .via = change.old { held -= 1 }
        if case .via = change.new { held += 1 }
      case .notify, .tellPath: break
      }
    }
    box.buffer.removeAll()
  }
}
