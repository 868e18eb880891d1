import BabelCore
import BabelWire

// A neighbour that was never usable may be a router that cannot talk to us yet, or a stranger who
// sent one packet, and there may be thousands of these. None of them hides a neighbour that was in
// use.
extension Daemon {
  /// What is wrong with neighbours: first those that were usable, then the others.
  func findNeighbours(
    _ accounts: [NeighbourAccount], _ keys: [AuthenticationStatus], at now: Instant,
    _ list: inout ProblemList
  ) {
    for account in accounts where account.wasUsable {
      find(account, refusal(of: account, accounts, keys, at: now), &list)
    }
    var found = ProblemList()
    var interface: InterfaceName?
    for account in accounts where !account.wasUsable {
      if let former = interface, former != account.status.interface {
        list.add(newcomers: found, on: former)
        found = ProblemList()
      }
      interface = account.status.interface
      find(account, refusal(of: account, accounts, keys, at: now), &found)
    }
    if let interface { list.add(newcomers: found, on: interface) }
  }
}

extension ProblemList {
  /// So many newcomers on an interface get a problem each.
  static let newcomerLimit = 3

  /// Adds what is wrong with neighbours on an interface that were never usable. They rank below
  /// those that were, and many are counted together.
  mutating func add(newcomers found: ProblemList, on interface: InterfaceName) {
    for kind in ProblemKind.allCases {
      let count = found.count(of: kind)
      let alike = found.all.filter { $0.kind == kind }
      guard count > Self.newcomerLimit else {
        for problem in alike {
          // Whoever is heard probably wants to be a neighbour.
          add(
            kind, kind == .notHeard ? .doubtful : .partial, problem.subject,
            patience: problem.patience
          ) { (problem.text, problem.remedy) }
        }
        continue
      }
      let patience = alike.reduce(0) { max($0, $1.patience) }
      add(kind, .doubtful, .interface(interface), patience: patience) {
        var examples: [String] = []
        for problem in alike.prefix(Self.newcomerLimit) {
          if case .neighbour(let address, _) = problem.subject { examples.append("\(address)") }
        }
        return (
          "interface \(interface): \(count) neighbours that were never usable "
            + "\(kind.newcomerWords), for example \(examples.joined(separator: ", "))",
          "If they are no routers of yours, somebody floods the link; swabelctl explain neighbour "
            + "ADDRESS says more of one of them."
        )
      }
    }
  }
}

extension ProblemKind {
  /// What is said of many newcomers.
  fileprivate var newcomerWords: String {
    switch self {
    case .notHeard: "are not heard any more"
    case .oneWay: "are one-way: they are heard, but do not hear us"
    case .mtuHole: "are heard by their short packets only"
    case .unsigned: "sign their packets, and there is no key here"
    case .missesGroup: "do not receive what goes to the group"
    case .routesRefused: "announce routes that are all refused"
    case .interfaceDown, .noSuchInterface, .nobodyHeard, .flapping, .addressTwice, .forwardingOff,
      .wrongKey, .notInstalled, .shadowed, .starving, .unfeasible, .limit, .ownAddress,
      .routerIDTwice, .twoOriginators, .deadRule, .wireguardAllowedIPs, .wireguardNoHandshake,
      .gatewayDown, .gatewayUnprobed:
      "have a problem (\(word))"
    }
  }
}
