import BabelCore
import BabelKernel
import BabelWire

// Uplinks are probed, and the node is told what that means for the routes through them.
extension Daemon {
  /// Begins to probe before anything is announced, with what an earlier life knew.
  func startGateways(after former: SavedLife?, at now: Instant) {
    gateways.set(settings.configuration.gateways, at: now)
    if let former, former.canBeResumed(boot: LifeFile.boot) {
      gateways.restore(former.gateways, at: now)
      let own = former.sources.filter { $0.routerID == former.routerID }
      gateways.presume(own.map { $0.destination }, at: now)
      for report in gateways.reports(at: now) where report.isDead {
        log.write(
          .warning, .routes,
          "gateway \(report.gateway.title): the uplink through \(report.gateway.interface) was "
            + "dead before the restart, and counts as dead until it answers")
      }
    }
    node.setGateways(gateways.rules, at: now, into: &actions)
  }

  /// Takes over the gateways of other settings. What is announced stays so until a new gateway is
  /// known to be dead.
  func changeGateways(at now: Instant) {
    gateways.set(settings.configuration.gateways, at: now)
    node.setGateways(gateways.rules, at: now, into: &actions)
    carryOut(at: now)
  }

  /// Reads answers, and begins rounds that are due.
  func serveGateways(_ poll: borrowing PollSet) {
    let now = Instant.now
    let changes = gateways.serve(poll, at: now)
    guard !changes.isEmpty else { return }
    node.setGateways(gateways.rules, at: now, into: &actions)
    carryOut(at: now)
    for change in changes { tell(change) }
  }

  /// Tells of a change. It is not copied into the loop, where an idle daemon would have it in
  /// memory.
  @inline(never)
  private func tell(_ change: GatewayChange) {
    let title = change.gateway.title
    let isUp = change.verdict == .up
    let text: String
    if isUp {
      let past =
        change.former == .down
        ? ", after \(HumanTime.text(UInt32(clamping: change.lasted / 1_000_000)))" : ""
      text = "gateway \(title): the uplink through \(change.gateway.interface) works\(past)"
    } else {
      let effect =
        change.gateway.penalty.map { "get \($0) more as metric" } ?? "are withdrawn"
      text =
        "gateway \(title): the uplink through \(change.gateway.interface) is dead, its routes "
        + "\(effect) until it has answered for "
        + "\(HumanTime.text(UInt32(clamping: change.waiting / 1_000_000))): \(change.cause)"
    }
    log.write(isUp ? .notice : .warning, .routes, text)
    remember(change)
    runHooks(on: change)
  }

  // MARK: Problems

  /// Uplinks that are dead, or cannot be probed.
  func findGateways(at now: Instant, _ list: inout ProblemList) {
    for report in gateways.reports(at: now) {
      let gateway = report.gateway
      let subject = Problem.Subject.gateway(gateway.name)
      if let obstacle = report.account.obstacle {
        list.add(.gatewayUnprobed, .partial, subject) {
          (
            "gateway \(gateway.title): it cannot be probed: \(obstacle)",
            "What is known of it stays until then. A probe needs CAP_NET_RAW, or for icmp the "
              + "group of net.ipv4.ping_group_range, and a descriptor (ulimit -n)."
          )
        }
      }
      guard report.isDead else { continue }
      // Without another way out everybody behind us is cut off.
      let isAlone = gateway.prefixes.contains { !node.hasSelectedRoute(to: $0) }
      let effect = gateway.penalty == nil ? "withdrawn" : "made dearer"
      list.add(.gatewayDown, isAlone ? .serious : .partial, subject) {
        (
          "gateway \(gateway.title): the uplink through \(gateway.interface) is dead, "
            + "\(report.prefixes) is \(effect): \(report.account.fault)",
          (report.account.lacksInterface
            ? "Look for what should make the interface, or correct its name in the configuration. "
            : "Look at the uplink: \(Self.trial(gateway)). ")
            + "It counts again when it has answered for \(HumanTime.text(report.waiting))."
        )
      }
    }
  }

  /// A command that does about the same as the first probe.
  private static func trial(_ gateway: Gateway) -> String {
    guard let probe = gateway.probes.first else { return "" }
    let name = gateway.interface.shellWord
    let mark = gateway.mark > 0 ? " -m \(gateway.mark)" : ""
    switch probe.kind {
    case .icmp: return "ping -I \(name)\(mark) \(probe.address)"
    case .tcp(let port): return "nc -z -v \(probe.address) \(port)"
    case .http:
      let url = String(decoding: probe.text.dropFirst(5), as: UTF8.self)
      return "curl --interface \(name) \(ShellWord.text(url))"
    case .dns(let domain):
      return "dig @\(probe.address) \(String(decoding: domain, as: UTF8.self))"
    }
  }

  // MARK: Explanations

  /// What gateways have to do with a prefix; empty if nothing.
  func gatewayText(_ prefix: Prefix, at now: Instant) -> String {
    var text = ""
    for report in gateways.reports(at: now) where report.gateway.prefixes.contains(prefix) {
      let gateway = report.gateway
      let way = "through \(gateway.interface)"
      let words: String
      switch report.state {
      case .pending:
        words = "the first probes are not answered yet, so nothing new \(way) is announced."
      case .up: words = "the uplink \(way) works, so its routes are announced as the rules say."
      case .failing:
        words =
          "the uplink \(way) fails to answer: \(report.account.fault). Its routes are still "
          + "announced."
      case .down, .recovering:
        let kept =
          gateway.penalty.map { "get \($0) more as metric" } ?? "are not announced"
        let hope =
          report.left.map { "It answers again, and counts in \(HumanTime.text($0))." }
          ?? "It counts again when it has answered for \(HumanTime.text(report.waiting))."
        words = "the uplink \(way) is dead, so its routes \(kept): \(report.account.fault). \(hope)"
      }
      text += Paragraph.text("Gateway \(gateway.title): \(words)", indent: 0)
    }
    return text
  }

  // MARK: The table

  /// Writes a line for each gateway.
  func appendGateways(_ query: ShowQuery, at now: Instant, to text: inout [UInt8]) {
    let writer = TableWriter(
      [
        TableColumn("NAME", "name", 10), TableColumn("STATE", "state", 10),
        TableColumn("FOR", "age", 6, isRight: true), TableColumn("IF", "interface", 8),
        TableColumn("PREFIXES", "prefixes", 10), TableColumn("ROUTES", "routes", 6, isRight: true),
        TableColumn("RTT", "rtt_us", 5, isRight: true),
        TableColumn("LEFT", "seconds_left", 5, isRight: true),
        TableColumn("LAST FAULT", "last_fault", 12),
        TableColumn("EFFECT", "effect", 13, isWide: true),
        TableColumn("FLAPS", "flaps", 5, isRight: true, isWide: true),
        TableColumn("GOOD", "good_rounds", 8, isRight: true, isWide: true),
        TableColumn("BAD", "bad_rounds", 8, isRight: true, isWide: true),
        TableColumn("CHANGES", "changes", 7, isRight: true, isWide: true),
        TableColumn("OBSTACLE", "obstacle", 10, isWide: true),
      ], query.form)
    writer.appendTitles(to: &text)
    for report in gateways.reports(at: now)
    where query.interface.map({ $0 == report.gateway.interface }) ?? true {
      let account = report.account
      writer.append(
        [
          .text(report.gateway.title), .text(report.state.word), .seconds(report.age),
          .text(report.gateway.interface.description), .text(report.prefixes),
          .number(node.routeCount(of: report.rule)),
          account.time.map { .microseconds(UInt32(clamping: $0)) } ?? .none,
          report.left.map { .seconds($0) } ?? .none,
          account.fault.utf8.isEmpty ? .none : .text(account.fault), .text(report.effect),
          .number(report.flaps),
          .count(account.goodRounds), .count(account.badRounds), .count(account.changes),
          account.obstacle.map { .text($0) } ?? .none,
        ], to: &text)
    }
  }
}
