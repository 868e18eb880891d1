import BabelCore
import BabelWire
import TestSupport

/// The setting of a random run: three interfaces with two peers each, and prefixes, filters and
/// options that depend on the seed.
struct RandomSetting {
  /// A destination with its source prefix.
  struct Key: Hashable {
    let destination: Prefix
    let source: Prefix
  }

  var parameters = InterfaceParameters()
  var filters = FilterSet()
  /// Router-ids that the `in` filter denies.
  var deniedRouters: Set<RouterID> = []
  /// The `out` filter denies this one.
  var hiddenRouter: RouterID?
  var isCrash = false
  let bench: Bench
  private(set) var interfaces: [InterfaceID] = []
  private(set) var peers: [Peer] = []
  let keys: [Key]

  static let routers = [
    Example.origin, Example.otherOrigin, RouterID(0x0200_0000_0000_0003), Example.ownRouterID,
  ]

  init(_ dice: inout Chance, seed: UInt64) throws {
    let subnet = Example.prefix("2001:db8:5::", 48)
    keys =
      [
        Example.x, Example.y, Example.own, Example.prefix("2001:db8:3::7", 128),
        Example.prefix("10.7.0.0", 16), Example.prefix("::", 0),
      ].map { Key(destination: $0, source: .any($0.family)) } + [
        Key(destination: Example.x, source: subnet),
        Key(destination: Example.prefix("::", 0), source: subnet),
      ]
    Self.vary(&parameters, &dice)
    filters.redistribute.rules = [FilterRule()]
    if dice.oneIn(3) {
      deniedRouters = [Example.otherOrigin]
      filters.input.rules = [Self.denial(of: Example.otherOrigin)]
    }
    if dice.oneIn(3) {
      hiddenRouter = Example.origin
      filters.output.rules = [Self.denial(of: Example.origin)]
    }
    isCrash = dice.oneIn(4)
    var adopting: [(Prefix, ForwardingTarget)] = []
    if isCrash {
      for number in 0..<3 where !dice.oneIn(3) {
        let gateway = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB0 + UInt64(number % 2))
        let path = ForwardingPath(gateway: gateway, interface: InterfaceID(0), kernelMetric: 0)
        adopting.append((keys[number].destination, .via(path)))
      }
    }
    bench = try Bench(
      parameters, seed: seed, filters: filters, ipv4: IPAddress("10.0.0.1"),
      beginning: isCrash ? .afterCrash : .clean, adopting: adopting)
    interfaces = [
      bench.interface,
      try bench.addInterface("p1", parameters, ipv4: IPAddress("10.0.1.1")),
      try bench.addInterface("p2", parameters),
    ]
    for (number, interface) in interfaces.enumerated() {
      for peer in 0..<2 {
        let low = UInt64(0xB0 + 16 * number + peer)
        peers.append(bench.peer(low, on: interface, warm: false))
        peers.last?.isTalking = true
      }
    }
    bench.run(13)
  }

  /// Changes the parameters of an interface at random.
  private static func vary(_ parameters: inout InterfaceParameters, _ dice: inout Chance) {
    switch dice.below(5) {
    case 0: parameters.splitHorizon = true
    case 1:
      parameters.linkSensing = .etx
      parameters.rxcost = Metric(256)
    case 2:
      parameters.timestamps = true
      parameters.maxRTTPenalty = Metric(96)
    default: break
    }
    if dice.oneIn(3) { parameters.unicast = true }
    if dice.oneIn(3) {
      parameters.unicastNeighbours = [IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB0)]
    }
    if dice.oneIn(8) { parameters.rfc6126Compatible = true }
    if dice.oneIn(4) {
      // Peers do not sign, the node does.
      parameters.authentication.keys = [InterfaceKey(key: Signer.key())]
      parameters.authentication.acceptsBadSignatures = true
    }
    if dice.oneIn(4) {
      let intervals: [UInt32] = [100, 1000, 60_000, 655_350]
      parameters.helloInterval = dice.pick(intervals)
      parameters.updateInterval = min(4 * parameters.helloInterval, 655_350)
    }
  }

  private static func denial(of router: RouterID) -> FilterRule {
    var rule = FilterRule()
    rule.routerID = router
    rule.metric = .infinity
    return rule
  }
}
