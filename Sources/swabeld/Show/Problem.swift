import BabelCore
import BabelKernel
import BabelWire

/// Something that an operator should know of, with what to do about it.
struct Problem {
  /// How bad it is; the worst comes first.
  enum Severity: Int {
    /// Traffic is lost, or would be.
    case serious = 0
    /// Something that was asked for does not work.
    case partial = 1
    /// It may be as it should be.
    case doubtful = 2

    var word: String {
      switch self {
      case .serious: "serious"
      case .partial: "partial"
      case .doubtful: "doubtful"
      }
    }
  }

  let severity: Severity
  /// A short name for scripts, which does not change.
  let kind: String
  /// What it is about: an interface, a neighbour, a prefix.
  let subject: String
  /// What is wrong.
  let text: String
  /// What to do.
  let remedy: String
}

extension Daemon {
  /// What is wrong now, the worst first.
  func problems(at now: Instant) -> [Problem] {
    let accounts = node.neighbourAccounts(at: now)
    var found = interfaceProblems(accounts)
    for account in accounts { found += problems(of: account) }
    found += keyProblems(accounts)
    found += tableProblems()
    // In the order in which they were found, where they are equally bad.
    var sorted: [Problem] = []
    for severity in [Problem.Severity.serious, .partial, .doubtful] {
      sorted += found.filter { $0.severity == severity }
    }
    return sorted
  }

  private func interfaceProblems(_ accounts: [NeighbourAccount]) -> [Problem] {
    var found: [Problem] = []
    for row in interfaces.all {
      if let obstacle = obstacle(to: row) {
        found.append(
          Problem(
            severity: .partial, kind: "interface-down", subject: row.name.description,
            text: "interface \(row.name): \(obstacle.reason)",
            remedy: obstacle.remedy(row.name)))
      } else if !accounts.contains(where: { $0.status.interface == row.name }) {
        found.append(
          Problem(
            severity: .doubtful, kind: "nobody-heard", subject: row.name.description,
            text: "interface \(row.name): nobody is heard",
            remedy: "swabelctl explain interface \(row.name) says what to look at."))
      }
    }
    return found
  }

  private func problems(of account: NeighbourAccount) -> [Problem] {
    let status = account.status
    let name = "\(status.address) on \(status.interface)"
    var found: [Problem] = []
    func add(_ severity: Problem.Severity, _ kind: String, _ text: String, _ remedy: String) {
      found.append(
        Problem(
          severity: severity, kind: kind, subject: name, text: "neighbour \(name) \(text)",
          remedy: remedy))
    }
    switch NeighbourState(account) {
    case .usable:
      if account.routeCount > 0, account.refusedCount == account.routeCount {
        add(
          .partial, "routes-refused",
          "announces \(account.routeCount) routes, and none of them may be used",
          "swabelctl show routes --neighbour \(status.address) says why.")
      }
    case .doesNotHearUs where account.knownFor < 3 * max(account.helloInterval / 1000, 1):
      break  // It may just not have had the time to say so.
    case .doesNotHearUs:
      add(
        .serious, "one-way",
        account.ihuLeft == nil
          ? "is heard, but says nothing of hearing us"
          : "is heard, but says that it does not hear us",
        "Packets from here do not arrive there: look at its firewall (UDP port 6696, ff02::1:6), "
          + "its keys, allowed-ips of WireGuard, and the MTU.")
    case .isNotHeard, .lost:
      add(
        .serious, "not-heard", "is not heard any more",
        "Its Hellos do not arrive: look at the link and at the firewall here (UDP port 6696).")
    }
    return found
  }

  private func keyProblems(_ accounts: [NeighbourAccount]) -> [Problem] {
    var found: [Problem] = []
    for status in node.authenticationStatus() {
      let counters = status.counters
      let name = status.interface.description
      let isAlone = !accounts.contains { $0.status.interface == status.interface }
      func add(_ kind: String, _ text: String, _ remedy: String) {
        found.append(
          Problem(
            severity: isAlone && status.isStrict ? .serious : .doubtful, kind: kind, subject: name,
            text: "interface \(name): \(text)", remedy: remedy))
      }
      if counters.wrongMAC > 0 {
        add(
          "wrong-key", "\(counters.wrongMAC) packets were signed with none of our keys",
          "Compare the keys of both sides: swabelctl show config --secrets.")
      }
      if counters.unsigned > 0 {
        add(
          "unsigned", "\(counters.unsigned) packets were not signed, though a key is demanded here",
          "Give the sender the key, or take it from this interface.")
      }
    }
    return found
  }

  private func tableProblems() -> [Problem] {
    var found: [Problem] = []
    let tally = node.routeTally()
    if tally[.notInstallable] > 0 {
      found.append(
        Problem(
          severity: .serious, kind: "not-installed", subject: "kernel",
          text: "\(tally[.notInstallable]) routes cannot be installed",
          remedy: "swabelctl explain PREFIX says what the kernel or the install filter has against "
            + "it; so does the log."))
    }
    if tally.starving > 0 {
      found.append(
        Problem(
          severity: .serious, kind: "starving", subject: "routes",
          text: "\(tally.starving) prefixes have only routes that may lead back to us",
          remedy: "Their routers were asked for newer seqnos; if this lasts, look at them."))
    }
    for account in node.limitAccounts() where account.refused > 0 {
      found.append(
        Problem(
          severity: account.used >= account.most ? .serious : .doubtful, kind: "limit",
          subject: account.limit.description,
          text: "limit of \(account.limit): \(account.refused) newcomers were refused",
          remedy: "Raise it with a limit statement, or find out who announces so much."))
    }
    return found
  }
}
