import BabelCore
import BabelWire
import CAllocations
import Glibc

/// Makes one node install, switch and retract the routes of two neighbours to 10,000 prefixes.
///
/// `RouteCost PHASE` runs the node's work of that phase inside ``Network/measured(_:)``, so that
/// a profiler can count what is spent there alone; `RouteCost memory` prints octets per route.
@main struct RouteCost {
  static let phase = CommandLine.arguments.dropFirst().first ?? "memory"
  /// Memory is measured where the chunks of all tables are full: of others the heap counts
  /// what nothing has touched yet, too, which is not resident.
  static let count = phase == "memory" ? 16_384 : 10_000

  static func main() {
    var network = Network()
    network.greet()
    network.run("install", phase) { network in
      for i in 0..<count {
        network.offer(i, to: 0)
        network.offer(i, to: 1)
      }
    }
    network.expect(count)
    if phase == "memory" { return network.printMemory() }
    network.run("switch", phase) { network in network.loseLink(0) }
    network.expect(count)
    network.run("retract", phase) { network in
      for i in 0..<count { network.withdraw(i, from: 1) }
    }
    network.expect(0)
  }
}

/// Two neighbours, 0 and 1, each on a link of its own to the node that is measured, 2.
struct Network: ~Copyable {
  private var nodes: [Box] = []
  private var now = Instant(microseconds: 1_000_000)
  private var isMeasuring = false
  private var held = 0
  private var isCut = [false, false]

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

  init() {
    for number in 0..<3 {
      let parameters = NodeParameters(
        routerID: RouterID(UInt64(number + 1)), seqno: Seqno(1), seed: UInt64(number + 7))
      var filters = FilterSet()
      var rule = FilterRule()
      rule.metric = .zero
      filters.redistribute = FilterChain([rule])
      var node = BabelNode(parameters, filters: filters)
      var buffer = ActionBuffer()
      for link in number == 2 ? [0, 1] : [number] {
        guard let name = InterfaceName("l\(link)"),
          let id = node.addInterface(name, InterfaceParameters(), at: now, into: &buffer)
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
    if isMeasuring {
      Self.measuredLoss(box, InterfaceID(UInt16(number)), now)
    } else {
      Self.lose(box, InterfaceID(UInt16(number)), now)
    }
  }

  /// Lets the nodes get to know each other.
  mutating func greet() { settle(seconds: 30) }

  /// Does what begins a phase, and lets its consequences happen.
  mutating func run(
    _ name: String, _ measuredPhase: String, _ begin: (inout Network) -> Void
  ) {
    isMeasuring = name == measuredPhase
    begin(&self)
    settle(seconds: 20)
    isMeasuring = false
  }

  /// Ends the program if the node does not hold so many routes.
  func expect(_ count: Int) {
    guard held != count else { return }
    print("\(held) routes are held instead of \(count)")
    exit(1)
  }

  /// The heap that the measured node alone keeps.
  mutating func printMemory() {
    let before = heap_in_use()
    nodes.removeLast()
    print(Int(before - heap_in_use()) / RouteCost.count)
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
      for (number, box) in nodes.enumerated() {
        if number == 2, isMeasuring {
          Self.measuredTurn(box, now)
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
        if case .via = change.old { held -= 1 }
        if case .via = change.new { held += 1 }
      case .notify, .tellPath: break
      }
    }
    box.buffer.removeAll()
  }
}
