import BabelCore
import BabelKernel
import BabelWire

// What happens in the network becomes errands for the programs of hooks.
extension Daemon {
  /// Looks at a notice for what hooks are about. The compiler would copy this to all that report.
  @inline(never)
  func noteForHooks(_ notice: Notice) {
    switch notice {
    case .neighbour(let event, let status):
      let isUp = event != .flush && !status.cost.isInfinite
      guard hooks.setNeighbour(status.id, isUp: isUp) else { return }
      var facts = [
        fact("INTERFACE", status.interface.octets), fact("ADDRESS", status.address.description),
      ]
      if isUp { facts.append(fact("COST", status.cost.description)) }
      if isUp, let time = status.roundTripTime {
        facts.append(fact("RTT", MetricText.decimal(Int64(time), places: 3)))
      }
      let subject = "neighbour \(status.address) \(status.interface)"
      run(isUp ? .neighbourUp : .neighbourDown, about: subject, facts)
    case .interface(let event, let status):
      let isUp = event != .flush && status.isUp
      guard hooks.setInterface(status.name.octets, isUp: isUp) else { return }
      var facts = [fact("INTERFACE", status.name.octets)]
      if let address = status.linkLocal { facts.append(fact("ADDRESS", address.description)) }
      run(isUp ? .interfaceUp : .interfaceDown, about: "interface \(status.name)", facts)
    case .originated, .route, .packetDropped, .packetUnverified, .senderAuthenticated,
      .tlvIgnored, .neighbourRestarted, .limitReached, .seqnoIncreased, .recovered, .starving,
      .neighbourChanged, .neighbourHealed, .routesChanged:
      break
    }
  }

  /// Runs programs because a problem lasts, or because one that was told is over.
  func runHooks(on event: HookEvent, _ problem: Problem) {
    let subject = problem.subject.description
    run(
      event, about: "problem \(problem.kind.word) \(subject)",
      [
        fact("PROBLEM", problem.kind.word), fact("SEVERITY", problem.severity.word),
        fact("SUBJECT", subject), fact("TEXT", problem.text), fact("REMEDY", problem.remedy),
      ])
  }

  /// Runs programs because the uplink of a gateway died, or works.
  func runHooks(on change: GatewayChange) {
    let gateway = change.gateway
    var facts = [
      fact("GATEWAY", gateway.name), fact("INTERFACE", gateway.interface.octets),
      fact("PREFIX", gateway.prefixes.map { $0.description }.joined(separator: " ")),
    ]
    if change.verdict == .down { facts.append(fact("CAUSE", change.cause)) }
    run(
      change.verdict == .up ? .gatewayUp : .gatewayDown, about: "gateway \(gateway.title)", facts)
  }

  /// Looks for default routes that came or went, and runs the programs whose turn it is.
  func runHooks(at now: Instant) {
    lookAtDefault(.ipv4, at: now)
    lookAtDefault(.ipv6, at: now)
    tell(hooks.run(at: now.microseconds))
  }

  private func lookAtDefault(_ family: AddressFamily, at now: Instant) {
    let prefix = Prefix.any(family)
    guard
      hooks.setDefault(isIPv4: family == .ipv4, isThere: node.hasSelectedRoute(to: prefix))
    else { return }
    var facts = [
      fact("FAMILY", family == .ipv4 ? "ipv4" : "ipv6"), fact("PREFIX", prefix.description),
    ]
    let route = node.selectedRoute(to: prefix, at: now)
    if let route {
      facts += [
        fact("INTERFACE", route.interface.octets), fact("NEXT_HOP", route.nextHop.description),
        fact("NEIGHBOUR", route.neighbour.description),
        fact("ROUTER_ID", route.routerID.description), fact("METRIC", route.metric.description),
      ]
    }
    run(
      route == nil ? .defaultRouteLost : .defaultRouteGained, about: "default \(prefix)", facts)
  }

  /// Takes note of programs that have ended.
  func reapHooks() { tell(hooks.reap()) }

  private func fact(_ name: String, _ value: String) -> [UInt8] { fact(name, Array(value.utf8)) }

  @inline(never)
  private func fact(_ name: String, _ value: [UInt8]) -> [UInt8] {
    Array("SWABELD_\(name)=".utf8) + value
  }

  private func run(_ event: HookEvent, about subject: String, _ facts: [[UInt8]]) {
    let subject = Array(subject.utf8)
    let account = hooks.note(subject, isLoss: event.isLoss, at: MonotonicClock.microseconds())
    var always = [
      fact("EVENT", event.word), fact("MY_ID", node.routerID.description),
      fact("LOSSES", account.losses.description),
    ]
    if let lasted = account.lasted { always.append(fact("LASTED", lasted.description)) }
    for hook in settings.configuration.hooks where hook.event == event {
      let errand = HookErrand(
        program: hook.program, event: event.word, subject: subject, facts: always + facts)
      if let remark = hooks.add(errand) { tell([remark]) }
    }
  }

  private func tell(_ remarks: [HookRunner.Remark]) {
    for remark in remarks { log.write(.otherNotice, subject: .any, remark.description) }
  }
}

extension HookRunner.Remark: CustomStringConvertible {
  /// A line for the log.
  var description: String {
    switch self {
    case .notStarted(let program, let error): "hook \(Self.name(program)): \(error)"
    case .failed(let program, ChildProcess.notExecuted):
      "hook \(Self.name(program)): it cannot be executed, or ended with status 127"
    case .failed(let program, let status):
      "hook \(Self.name(program)) ended with status \(status)"
    case .killed(let program, let signal):
      "hook \(Self.name(program)) was ended by signal \(signal); "
        + "we send 9 after \(HookRunner.patience / 1_000_000) seconds"
    case .dropped(let program):
      "hook \(Self.name(program)) is not run for all that happens: "
        + "\(HookRunner.waitingLimit) other things wait to be told"
    }
  }

  private static func name(_ program: [UInt8]) -> String {
    String(decoding: program, as: UTF8.self)
  }
}

extension Check {
  /// A remark for each hook whose program cannot be executed. It may be there when it is needed, so
  /// the daemon starts all the same.
  static func hooksWithoutProgram(_ configuration: Configuration) -> [String] {
    var remarks: [String] = []
    for hook in configuration.hooks {
      let program = String(decoding: hook.program, as: UTF8.self)
      if !FileSystem.canExecute(program) {
        remarks.append("warning: hook \(hook.event.word): \(program) cannot be executed")
      }
    }
    return remarks
  }
}
