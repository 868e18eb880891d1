import BabelCore
import BabelKernel
import BabelWire

/// The uplinks that are probed: when each is asked, what is known of it, and what follows for the
/// routes through it. Nobody waits for an answer.
final class GatewayWatch {
  /// A gateway and what is known of it.
  private struct Row {
    var gateway: Gateway
    var judge = GatewayJudge()
    var round: GatewayRound?
    /// When the next round begins.
    var due: Instant
    var account: GatewayAccount
  }

  private var rows: [Row] = []

  /// Microseconds by which the first rounds of several gateways lie apart.
  private static let stagger: Int64 = 20_000

  /// Nothing is probed.
  init() {}

  // MARK: Which there are

  /// Takes other gateways. Of those that keep name and interface all that is known stays.
  func set(_ gateways: [Gateway], at now: Instant) {
    var new: [Row] = []
    for (index, gateway) in gateways.enumerated() {
      if var row = rows.first(where: { Self.isSame($0.gateway, gateway) }) {
        if !row.gateway.saysTheSame(as: gateway) {
          row.gateway = gateway
          row.round = nil
          row.due = now + Int64(index) * Self.stagger
        }
        new.append(row)
      } else {
        new.append(
          Row(
            gateway: gateway, due: now + Int64(index) * Self.stagger,
            account: GatewayAccount(since: now)))
      }
    }
    rows = new
  }

  private static func isSame(_ one: Gateway, _ other: Gateway) -> Bool {
    one.name == other.name && one.interface == other.interface
  }

  /// Goes on with what an earlier life knew of gateways that are there now.
  func restore(_ records: [GatewayRecord], at now: Instant) {
    for record in records {
      guard
        let index = rows.firstIndex(where: {
          $0.gateway.name == record.name && $0.gateway.interface == record.interface
        })
      else { continue }
      rows[index].judge = GatewayJudge(isUp: record.isUp, flaps: record.flaps, at: now)
      if !record.isUp { rows[index].account.noteFormerFault() }
    }
  }

  /// Takes uplinks of which nothing is known yet for good, where an earlier life announced one of
  /// their destinations: that is not taken back before the uplink is known to be dead.
  func presume(_ announced: [Prefix], at now: Instant) {
    for index in rows.indices where rows[index].judge.verdict == .pending {
      guard rows[index].gateway.prefixes.contains(where: { announced.contains($0) }) else {
        continue
      }
      rows[index].judge = GatewayJudge(isUp: true, flaps: 0, at: now)
    }
  }

  /// What a next life has to know.
  var records: [GatewayRecord] {
    rows.filter { $0.judge.verdict != .pending }.map {
      GatewayRecord(
        name: $0.gateway.name, interface: $0.gateway.interface, isUp: $0.judge.verdict == .up,
        flaps: $0.judge.flaps)
    }
  }

  /// What the gateways mean for routes.
  var rules: [GatewayRule] { rows.map { Self.rule($0.gateway, $0.judge) } }

  /// What other gateways would mean for routes, if they came now.
  func rules(of gateways: [Gateway]) -> [GatewayRule] {
    gateways.map { gateway in
      Self.rule(
        gateway, rows.first { Self.isSame($0.gateway, gateway) }?.judge ?? GatewayJudge())
    }
  }

  private static func rule(_ gateway: Gateway, _ judge: GatewayJudge) -> GatewayRule {
    switch judge.verdict {
    case .pending: GatewayRule(gateway, .pending)
    case .up: GatewayRule(gateway, .none)
    case .down: GatewayRule(gateway, gateway.penalty.map { .penalty($0) } ?? .withdrawn)
    }
  }

  /// How it stands with each gateway.
  func reports(at now: Instant) -> [GatewayReport] {
    rows.map {
      GatewayReport(
        $0.gateway, $0.judge, $0.account, Self.rule($0.gateway, $0.judge), at: now)
    }
  }

  // MARK: Rounds

  /// When something is to be done without an answer, in microseconds; nil if never.
  var deadline: Int64? {
    rows.map { ($0.round?.due ?? $0.due).microseconds }.min()
  }

  /// Lets the loop wait for answers.
  func addInterests(to poll: inout PollSet) {
    for row in rows { row.round?.addInterests(to: &poll) }
  }

  /// Reads answers, ends rounds that are over, and begins those that are due. Returns the gateways
  /// of which something else is true now.
  func serve(_ poll: borrowing PollSet, at now: Instant) -> [GatewayChange] {
    var changes: [GatewayChange] = []
    for index in rows.indices {
      rows[index].round?.serve(poll, at: now)
      if rows[index].round == nil, rows[index].due <= now { begin(index, at: now) }
      // A new round may have its verdict at once, where there is no way at all.
      guard let round = rows[index].round, let isGood = round.verdict(at: now) else { continue }
      if let change = finish(index, round, isGood: isGood, at: now) { changes.append(change) }
    }
    return changes
  }

  private func begin(_ index: Int, at now: Instant) {
    let gateway = rows[index].gateway
    do throws(KernelError) {
      rows[index].round = try GatewayRound(gateway, at: now)
    } catch {
      // It says nothing about the uplink, so what is known stays.
      rows[index].account.noteUnable(error.description)
      rows[index].due = now + Int64(gateway.interval) * 1000
    }
  }

  private func finish(
    _ index: Int, _ round: GatewayRound, isGood: Bool, at now: Instant
  ) -> GatewayChange? {
    let gateway = rows[index].gateway
    let terms = GatewayJudge.Terms(gateway)
    rows[index].round = nil
    rows[index].account.note(isGood: isGood, round)
    let former = rows[index].judge.verdict
    let hasChanged = rows[index].judge.take(isGood: isGood, terms, at: now)
    rows[index].due = rows[index].judge.nextRound(after: round.begin, endingAt: now, terms)
    guard hasChanged else { return nil }
    let lasted = now - rows[index].account.since
    rows[index].account.noteChange(at: now)
    return GatewayChange(
      gateway: gateway, former: former, verdict: rows[index].judge.verdict,
      cause: rows[index].account.fault, lasted: lasted,
      waiting: rows[index].judge.waitingTime(terms))
  }
}
