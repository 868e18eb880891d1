import BabelCore
import BabelWire
import TestSupport

/// A node in the middle of peers that announce prefixes, which gets other filters and parameters,
/// or has them from the beginning.
struct ReconfiguredNode {
  /// What a node has for its peers and for the kernel.
  struct State: Equatable {
    var entries: [String] = []
    var routes: [String] = []
    var beliefs: [String] = []
  }

  private let bench: Bench
  private var peers: [Peer] = []
  private let prefixes: [Prefix]
  /// What the change was said to lead to for the kernel and for neighbours, and what it led to.
  private(set) var forecast: [String] = []
  private(set) var effects: [String] = []
  private(set) var neighboursLost = 0

  private static let origins = [
    Example.origin, Example.otherOrigin, RouterID(0x0200_0000_0000_0003),
  ]

  init(seed: UInt64, isChanged: Bool) throws {
    var dice = Chance(seed: seed)
    prefixes = (1...8).map { Example.prefix("2001:db8:\($0)::", 48 + $0) }
    let former = Self.setting(&dice, prefixes)
    let latter = Self.setting(&dice, prefixes)
    let first = isChanged ? former : latter
    bench = try Bench(seed: seed, filters: first.filters, adjusting: first.adjust)
    let other = try bench.addInterface("p1")
    let metrics = (0..<(3 * prefixes.count)).map { _ in
      dice.oneIn(3) ? nil : UInt16(96 * Int.random(in: 0...6, using: &dice))
    }
    let own = prefixes.map { _ in dice.oneIn(4) }
    peers = [
      bench.peer(0xB1, warm: false), bench.peer(0xB2, warm: false),
      bench.peer(0xB3, on: other, warm: false),
    ]
    for peer in peers { peer.isTalking = true }
    for (prefix, isOurs) in zip(prefixes, own) where isOurs { bench.offer(prefix) }
    bench.run(13)
    for round in 0..<16 {
      announce(metrics, round)
      bench.run(8)
      if round == 4, isChanged { change(to: latter) }
    }
  }

  /// Origins count their seqnos up, so that what is not feasible becomes so with the next round.
  private func announce(_ metrics: [UInt16?], _ round: Int) {
    for (number, peer) in peers.enumerated() {
      for (place, prefix) in prefixes.enumerated() {
        guard let metric = metrics[number * prefixes.count + place] else { continue }
        peer.announce(
          // No two ways cost the same: of two that do, the one in use stays.
          prefix, seqno: UInt16(10 + round), metric: metric + UInt16(7 * number),
          from: Self.origins[place % Self.origins.count])
      }
    }
  }

  private mutating func change(to setting: Setting) {
    var parameters = NodeParameters(routerID: Example.ownRouterID, seqno: Seqno(100), seed: 1)
    setting.adjust(&parameters)
    var copy = BabelNode(copying: bench.node)
    var buffer = ActionBuffer()
    var mark = copy.announcementMark
    copy.reconfigure(parameters, setting.filters, at: bench.clock, into: &buffer)
    while copy.advance(to: bench.clock, budget: 1000, into: &buffer) {}
    forecast = Self.describe(buffer.actions, copy.announcements(since: mark))
    mark = bench.node.announcementMark
    let filters = setting.filters
    var actions: [Action] = []
    bench.input { node, now, buffer in
      node.reconfigure(parameters, filters, at: now, into: &buffer)
      while node.advance(to: now, budget: 1000, into: &buffer) {}
      actions = buffer.actions
    }
    effects = Self.describe(actions, bench.node.announcements(since: mark))
    // The kernel routes that were denied come with the next reading.
    for prefix in prefixes where bench.isOffered(prefix) { bench.offer(prefix) }
    neighboursLost =
      actions.filter {
        if case .notify(.neighbour(.flush, _)) = $0 { true } else { false }
      }.count
  }

  private static func describe(
    _ actions: [Action], _ announcements: [(destination: Prefix, source: Prefix, metric: Metric)]
  ) -> [String] {
    actions.compactMap { if case .forward(let change) = $0 { "\(change)" } else { nil } }
      + announcements.map { "\($0.destination) \($0.source) \($0.metric)" }
  }

  /// What the node has in the end.
  func state() -> State {
    var state = State()
    state.entries = bench.entries.map { "\($0.key) \($0.value)" }.sorted()
    for prefix in prefixes {
      for route in bench.routes(prefix) where route.isInstalled {
        state.routes.append("\(prefix) \(route.neighbour) \(route.metric) \(route.table)")
      }
    }
    // What is not announced on an interface need not be retracted there.
    var believed: [String: Metric] = [:]
    for packet in bench.sent {
      for update in packet.updates {
        believed["\(packet.interface.rawValue) \(update.destination)"] = update.metric
      }
    }
    state.beliefs = believed.filter { !$0.value.isInfinite }.map { "\($0.key) \($0.value)" }
      .sorted()
    return state
  }

  // MARK: Settings

  private struct Setting {
    var filters = FilterSet()
    var exportTable: UInt32 = 254
    var priority: UInt32 = 0
    var reflects = false
    var allowDuplicates: UInt16?

    func adjust(_ parameters: inout NodeParameters) {
      parameters.exportTable = exportTable
      parameters.kernelPriority = priority
      parameters.reflectsKernelMetric = reflects
      parameters.allowDuplicates = allowDuplicates
    }
  }

  private static func setting(_ dice: inout Chance, _ prefixes: [Prefix]) -> Setting {
    var setting = Setting()
    setting.filters.redistribute.rules = []
    for _ in 0..<Int.random(in: 0...3, using: &dice) {
      setting.filters.input.rules.append(rule(&dice, prefixes))
    }
    for _ in 0..<Int.random(in: 0...3, using: &dice) {
      setting.filters.output.rules.append(rule(&dice, prefixes))
    }
    for _ in 0..<Int.random(in: 0...2, using: &dice) {
      var rule = rule(&dice, prefixes)
      rule.interface = nil
      rule.neighbour = nil
      setting.filters.redistribute.rules.append(rule)
    }
    if dice.oneIn(2) { setting.filters.redistribute.rules.append(FilterRule()) }
    for _ in 0..<Int.random(in: 0...2, using: &dice) {
      var rule = rule(&dice, prefixes)
      rule.neighbour = nil
      if !rule.metric.isInfinite { rule.metric = .zero }
      for table in [77, 78, 99, 254] as [UInt32] where dice.oneIn(3) { rule.tables.append(table) }
      if dice.oneIn(3) { rule.kernelMetric = 5 }
      setting.filters.install.rules.append(rule)
    }
    if dice.oneIn(4) { setting.exportTable = 99 }
    if dice.oneIn(4) { setting.priority = 7 }
    setting.reflects = dice.oneIn(5)
    if dice.oneIn(4) { setting.allowDuplicates = 1000 }
    return setting
  }

  private static func rule(_ dice: inout Chance, _ prefixes: [Prefix]) -> FilterRule {
    var rule = FilterRule()
    if !dice.oneIn(4) { rule.destination = prefixes.randomElement(using: &dice) }
    if dice.oneIn(4) { rule.interface = InterfaceName(dice.oneIn(2) ? "p0" : "p1") }
    if dice.oneIn(4) { rule.routerID = origins.randomElement(using: &dice) }
    if dice.oneIn(5) {
      rule.neighbour = IPAddress(
        high: 0xFE80_0000_0000_0000, low: 0xB1 + UInt64.random(in: 0...2, using: &dice))
    }
    switch Int.random(in: 0...2, using: &dice) {
    case 0: rule.metric = .infinity
    case 1: rule.metric = Metric(UInt16(96 * Int.random(in: 1...4, using: &dice)))
    case _: break
    }
    return rule
  }
}
