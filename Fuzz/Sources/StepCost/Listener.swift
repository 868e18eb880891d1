import BabelCore
import BabelWire

/// A node on one link that hears from two neighbours what is made up here.
struct Listener: ~Copyable {
  /// The addresses of the neighbours.
  static let near = IPAddress(high: 0xFE80_0000_0000_0000, low: 2)
  static let far = IPAddress(high: 0xFE80_0000_0000_0000, low: 3)
  private static let own = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)
  private static let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)

  private var node: BabelNode
  private var buffer = ActionBuffer()
  private var now = Instant(microseconds: 1_000_000)
  private var link = InterfaceID(0)
  /// Changes of forwarding entries that lead to ``far``.
  private var movedFar = 0

  init() {
    let parameters = NodeParameters(routerID: RouterID(7), seqno: Seqno(1), seed: 7)
    node = BabelNode(parameters, filters: FilterSet())
    guard let name = InterfaceName("l0"),
      let id = node.addInterface(name, InterfaceParameters(), at: now, into: &buffer)
    else { StepCost.fail("there is no interface") }
    link = id
    node.interfaceChanged(
      id, LinkState(isUp: true, mtu: 1500, linkLocals: [Self.own], ipv4: nil),
      kernelRoutesLost: false, at: now, into: &buffer)
    for seqno in 1...3 {
      for neighbour in [Self.near, Self.far] {
        var encoder = PacketEncoder(limit: 1452)
        let interval = Interval(centiseconds: 6000)
        _ = encoder.append(
          Hello(
            isUnicast: false, seqno: Seqno(UInt16(seqno)), interval: interval,
            transmitTimestamp: nil))
        _ = encoder.append(
          IHU(address: Self.own, rxcost: Metric(96), interval: interval, timestamps: nil))
        hear([encoder.bytes], from: neighbour)
      }
      settle(seconds: 1)
    }
    settle(seconds: 5)
  }

  // MARK: What happens

  private mutating func hear(_ packets: [[UInt8]], from neighbour: IPAddress) {
    for packet in packets {
      node.receive(
        packet.span, on: link, from: neighbour, port: 6696, to: Self.group, at: now, into: &buffer)
      carryOut()
    }
  }

  /// Does what is due now and within so many seconds.
  private mutating func settle(seconds: Int64) {
    let end = now + seconds * 1_000_000
    while true {
      while node.advance(to: now, budget: 2000, into: &buffer) { carryOut() }
      carryOut()
      guard let due = node.nextDeadline, due < end else { break }
      now = max(due, now)
    }
    now = end
  }

  private mutating func carryOut() {
    for action in buffer.actions {
      if case .forward(let change) = action, case .via(let path) = change.new,
        path.gateway == Self.far
      {
        movedFar += 1
      }
    }
    buffer.removeAll()
  }

  /// How many routes there are.
  private func expect(_ count: Int) {
    let found = node.routeCensus().forwarded
    guard found == count else { StepCost.fail("\(found) routes instead of \(count)") }
  }

  // MARK: What is measured

  /// Updates that say what is known.
  static func hearTheSame() {
    var listener = Listener()
    let packets = Codec.packets(StepCost.count, metric: 96)
    listener.hear(packets, from: near)
    listener.settle(seconds: 10)
    listener.expect(StepCost.count)
    StepCost.measure(StepCost.count) { listener.hear(packets, from: near) }
    listener.expect(StepCost.count)
  }

  /// Updates with a better metric, and what comes of them within a second: this node says it, too.
  static func hearOtherMetrics() {
    var listener = Listener()
    listener.hear(Codec.packets(StepCost.count, metric: 192), from: near)
    listener.settle(seconds: 10)
    let packets = Codec.packets(StepCost.count, metric: 96)
    StepCost.measure(StepCost.count) {
      listener.hear(packets, from: near)
      listener.settle(seconds: 1)
    }
    for i in 0..<StepCost.count {
      let route = listener.node.selectedRoute(to: StepCost.destination(i), at: listener.now)
      guard route?.advertisedMetric == Metric(96) else { StepCost.fail("a metric is the old one") }
    }
  }

  /// One neighbour retracts its routes, and those of the other one are taken.
  static func switchRoutes() {
    var listener = Listener()
    listener.hear(Codec.packets(StepCost.count, metric: 96), from: near)
    listener.hear(Codec.packets(StepCost.count, metric: 191), from: far)
    listener.settle(seconds: 10)
    let packets = Codec.packets(StepCost.count, metric: 0xFFFF)
    listener.movedFar = 0
    StepCost.measure(StepCost.count) {
      listener.hear(packets, from: near)
      listener.settle(seconds: 1)
    }
    guard listener.movedFar == StepCost.count else {
      StepCost.fail("\(listener.movedFar) routes were switched")
    }
  }

  /// The lines that `dump` of the local socket has for routes.
  static func dump() {
    var listener = Listener()
    listener.hear(Codec.packets(StepCost.count, metric: 96), from: near)
    listener.settle(seconds: 10)
    var text: [UInt8] = []
    text.reserveCapacity(200 * StepCost.count)
    StepCost.measure(StepCost.count) {
      for handle in listener.node.destinationOrder() {
        for status in listener.node.routes(ofDestination: handle, at: listener.now) {
          StatusLine.append(.add, status, to: &text)
        }
      }
    }
    let lines = text.count { $0 == UInt8(ascii: "\n") }
    guard lines == StepCost.count else { StepCost.fail("\(lines) lines were written") }
  }
}
