import BabelCore
import BabelKernel
import BabelWire

// Problems are searched for every few seconds, and operators are told of those that last.
extension Daemon {
  /// Looks for problems if it is time to.
  func watchProblems(at now: Instant) {
    problems.lookAtRoutes(of: node, at: now)
    guard problems.isSearchDue(at: now) else { return }
    watchWireGuard(at: now)
    let found = foundProblems(problems.survey, at: now)
    for news in problems.take(found, at: now) { tell(news) }
  }

  private func tell(_ news: ProblemNews) {
    switch news {
    case .found(let problem):
      remember(problem, lasted: nil, at: .now)
      runHooks(on: .problemFound, problem)
      guard !problem.kind.isInLogAlready else { return }
      log.write(
        problem.logKind, subject: .problem(problem.kind),
        level: problem.severity == .doubtful ? .notice : .warning,
        state: LogState(.problem(problem.kind, problem.subject), .problemFound),
        "\(problem.text). \(problem.remedy)")
    case .over(let problem, let lasted, let end):
      remember(problem, lasted: lasted, at: end)
      runHooks(on: .problemOver, problem)
      guard !problem.kind.isInLogAlready else { return }
      log.write(
        problem.logKind, subject: .problem(problem.kind), level: .notice,
        state: LogState(.problem(problem.kind, problem.subject), .problemOver),
        "over after \(HumanTime.text(UInt32(clamping: lasted / 1_000_000))): \(problem.text)")
    }
  }

  /// What is wrong now, the worst first.
  func currentProblems(_ survey: RouteSurvey, at now: Instant) -> (all: [Problem], count: Int) {
    let found = foundProblems(survey, at: now)
    return (found.sorted, found.count)
  }

  private func foundProblems(_ survey: RouteSurvey, at now: Instant) -> ProblemList {
    var list = ProblemList()
    let accounts = node.neighbourAccounts(survey, at: now)
    let keys = node.authenticationStatus()
    findInterfaces(accounts, keys, at: now, &list)
    findNeighbours(accounts, keys, at: now, &list)
    findFlapping(at: now, &list)
    findKeys(accounts, keys, at: now, &list)
    findRoutes(survey, at: now, &list)
    findTables(at: now, &list)
    findDeadRules(&list)
    findForwarding(accounts, &list)
    findGateways(at: now, &list)
    return list
  }

  // MARK: Interfaces

  private func findInterfaces(
    _ accounts: [NeighbourAccount], _ keys: [AuthenticationStatus], at now: Instant,
    _ list: inout ProblemList
  ) {
    var heard: Set<InterfaceName> = []
    var usable: Set<InterfaceName> = []
    for account in accounts {
      heard.insert(account.status.interface)
      // A tunnel that works by unicast alone may have no way for the group.
      if !account.status.cost.isInfinite, !account.missesGroup {
        usable.insert(account.status.interface)
      }
    }
    for row in interfaces.all {
      let name = row.name
      let isExplained =
        row.isUp && !usable.contains(name) && findWireGuard(name, at: now, &list)
      if let obstacle = obstacle(to: row) {
        list.add(obstacle.kind, .partial, .interface(name)) {
          ("interface \(name): \(obstacle.reason)", obstacle.remedy(name))
        }
      } else if findAddressTwice(row, at: now, &list) {
        continue
      } else if !heard.contains(name) {
        // Whoever is refused for lack of a key is heard.
        let isRefusing = keys.contains {
          $0.interface == name && !Self.offenders($0, accounts, at: now).isEmpty
        }
        guard !isRefusing, !isExplained else { continue }
        list.add(.nobodyHeard, .doubtful, .interface(name)) {
          (
            "interface \(name): nobody is heard",
            "Does a Babel router run on the other end, and does a firewall let UDP port "
              + "\(settings.configuration.protocolPort) and group "
              + "\(settings.configuration.protocolGroup) pass? swabelctl explain interface "
              + "\(name.shellWord) says more."
          )
        }
      }
    }
  }

  // MARK: Keys

  /// Senders whose packets failed for lack of a key, and lately.
  static func offenders(
    _ status: AuthenticationStatus, _ accounts: [NeighbourAccount], at now: Instant
  ) -> [Offender] {
    status.offenders.filter { offender in
      let silence = now - offender.latest
      guard silence < 60_000_000 else { return false }
      // Who can be used, and has not failed for some Hellos, has got the key.
      let mended = accounts.first {
        $0.status.address == offender.address && $0.status.interface == status.interface
          && !$0.status.cost.isInfinite
      }
      return mended.map { silence < max(10_000_000, 3000 * Int64($0.helloInterval)) } ?? true
    }
  }

  private func findKeys(
    _ accounts: [NeighbourAccount], _ keys: [AuthenticationStatus], at now: Instant,
    _ list: inout ProblemList
  ) {
    for status in keys {
      let name = status.interface
      let recent = Self.offenders(status, accounts, at: now)
      guard !recent.isEmpty else { continue }
      let isAlone = !accounts.contains {
        $0.status.interface == name && !$0.status.cost.isInfinite
      }
      let severity: Problem.Severity =
        status.isStrict ? (isAlone ? .serious : .partial) : .doubtful
      let wrong = recent.filter { $0.reason == .wrongMAC }
      if !wrong.isEmpty {
        list.add(.wrongKey, severity, .interface(name)) {
          (
            "interface \(name): packets of \(Self.names(wrong)) are signed with none of our keys",
            "Compare the keys of both sides: swabelctl show config --secrets."
          )
        }
      }
      let unsigned = recent.filter { $0.reason == .unsigned }
      if !unsigned.isEmpty {
        list.add(.unsigned, severity, .interface(name)) {
          (
            "interface \(name): packets of \(Self.names(unsigned)) are not signed, though a key "
              + "is demanded here",
            "Give the sender the key, or take it from this interface."
          )
        }
      }
    }
  }

  /// A few addresses.
  static func names(_ offenders: [Offender]) -> String {
    let text = offenders.prefix(3).map { "\($0.address)" }.joined(separator: ", ")
    return offenders.count > 3 ? "\(text) and others" : text
  }

  // MARK: Tables and rules

  private func findTables(at now: Instant, _ list: inout ProblemList) {
    for account in node.limitAccounts()
    where problems.refuses(account.limit, account.refused, at: now) {
      let severity: Problem.Severity = account.used >= account.most ? .serious : .doubtful
      list.add(.limit, severity, .table(account.limit)) {
        (
          "limit of \(account.limit): \(account.refused) newcomers were refused",
          "Raise it with a limit statement, or find out who announces so much."
        )
      }
    }
  }

  private func findDeadRules(_ list: inout ProblemList) {
    for warning in problems.deadRules(of: settings.configuration, reloading.generation) {
      // What clients said has no lines: the text tells which rule it is.
      let place = warning.line == 0 ? warning.message : warning.place
      list.add(.deadRule, .doubtful, .place(Array(place.utf8))) {
        (warning.logLine, "Remove it, or put it before the rule that takes its routes.")
      }
    }
  }
}

extension Problem {
  /// Which lines of the log those about it are counted with.
  var logKind: LogKind {
    switch kind {
    case .interfaceDown, .noSuchInterface, .nobodyHeard, .addressTwice, .wireguardAllowedIPs,
      .wireguardNoHandshake:
      .interfaceProblem
    case .oneWay, .notHeard, .mtuHole, .flapping, .missesGroup, .wrongKey, .unsigned:
      .neighbourProblem
    case .routesRefused, .starving, .unfeasible, .limit, .ownAddress, .routerIDTwice,
      .twoOriginators, .gatewayDown, .gatewayUnprobed:
      .routeProblem
    case .notInstalled, .shadowed, .forwardingOff: .kernelProblem
    case .deadRule: .configurationProblem
    }
  }
}
