import BabelCore
import BabelWire

/// What is wrong, in general. The words do not change, because scripts know them.
enum ProblemKind: UInt8, Hashable, CaseIterable {
  case interfaceDown, noSuchInterface, nobodyHeard, oneWay, notHeard, mtuHole, flapping
  case missesGroup, addressTwice, forwardingOff
  case routesRefused, wrongKey, unsigned, notInstalled, shadowed, starving, unfeasible, limit
  case ownAddress, routerIDTwice, twoOriginators, deadRule
  case wireguardAllowedIPs, wireguardNoHandshake
  case gatewayDown, gatewayUnprobed

  /// A short name for scripts.
  var word: String {
    switch self {
    case .interfaceDown: "interface-down"
    case .noSuchInterface: "no-such-interface"
    case .nobodyHeard: "nobody-heard"
    case .oneWay: "one-way"
    case .notHeard: "not-heard"
    case .mtuHole: "mtu-hole"
    case .flapping: "flapping"
    case .missesGroup: "misses-group"
    case .addressTwice: "address-twice"
    case .forwardingOff: "forwarding-off"
    case .routesRefused: "routes-refused"
    case .wrongKey: "wrong-key"
    case .unsigned: "unsigned"
    case .notInstalled: "not-installed"
    case .shadowed: "shadowed"
    case .starving: "starving"
    case .unfeasible: "unfeasible"
    case .limit: "limit"
    case .ownAddress: "own-address"
    case .routerIDTwice: "router-id-twice"
    case .twoOriginators: "two-originators"
    case .deadRule: "dead-rule"
    case .wireguardAllowedIPs: "wireguard-allowed-ips"
    case .wireguardNoHandshake: "wireguard-no-handshake"
    case .gatewayDown: "gateway-down"
    case .gatewayUnprobed: "gateway-unprobed"
    }
  }

  /// Microseconds for which a problem of the kind lasts before it is told.
  var patience: Int64 {
    switch self {
    // Whoever speaks without Hellos has done so for a while when it is found.
    case .deadRule, .flapping, .limit, .mtuHole, .gatewayDown: 0
    case .wrongKey, .unsigned, .shadowed, .wireguardAllowedIPs, .forwardingOff: 4_000_000
    case .missesGroup: 2_000_000
    case .interfaceDown, .noSuchInterface, .notHeard, .routesRefused, .notInstalled,
      .starving, .unfeasible, .ownAddress, .routerIDTwice, .twoOriginators, .addressTwice,
      .gatewayUnprobed:
      10_000_000
    case .oneWay, .wireguardNoHandshake: 12_000_000
    case .nobodyHeard: 24_000_000
    }
  }

  /// Whether the log has said it already when it is found, in the words of an interface or of the
  /// configuration.
  var isInLogAlready: Bool {
    switch self {
    case .interfaceDown, .noSuchInterface, .deadRule, .gatewayDown: true
    case .nobodyHeard, .oneWay, .notHeard, .mtuHole, .flapping, .missesGroup, .addressTwice,
      .forwardingOff, .routesRefused,
      .wrongKey, .unsigned, .notInstalled, .shadowed, .starving, .unfeasible, .limit, .ownAddress,
      .routerIDTwice, .twoOriginators, .wireguardAllowedIPs, .wireguardNoHandshake,
      .gatewayUnprobed:
      false
    }
  }
}

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

  /// What it is about.
  enum Subject: Hashable {
    /// An interface.
    case interface(InterfaceName)
    /// A neighbour, on an interface.
    case neighbour(IPAddress, InterfaceName)
    /// A destination.
    case prefix(Prefix)
    /// All routes.
    case routes
    /// What the kernel has.
    case kernel
    /// A table with a limit.
    case table(Limit)
    /// A place of the configuration, by its octets.
    case place([UInt8])
    /// A gateway, by the octets of its name.
    case gateway([UInt8])
    /// A setting of the kernel, by the octets of its name as sysctl(8) knows it.
    case setting([UInt8])

    /// The words that a program is told.
    var description: String {
      switch self {
      case .interface(let name): name.description
      case .neighbour(let address, let name): "\(address) on \(name)"
      case .prefix(let prefix): prefix.description
      case .routes: "routes"
      case .kernel: "kernel"
      case .table(let limit): limit.description
      case .place(let octets), .setting(let octets), .gateway(let octets):
        String(decoding: octets, as: UTF8.self)
      }
    }
  }

  let kind: ProblemKind
  let severity: Severity
  let subject: Subject
  /// What is wrong.
  let text: String
  /// What to do, as a sentence.
  let remedy: String
  /// Microseconds for which it lasts before it is told.
  let patience: Int64

  /// Whether it is the same problem as another one, perhaps in other words.
  func isSame(as other: Problem) -> Bool { kind == other.kind && subject == other.subject }
}

/// Problems as they are found: of each kind a few, and the number of the others.
struct ProblemList {
  /// Most of one kind.
  static let limitOfKind = 16

  /// Those that were kept, in the order in which they were found.
  private(set) var all: [Problem] = []
  private var counts = [Int](repeating: 0, count: ProblemKind.allCases.count)

  /// How many there are, those that were not kept included.
  var count: Int { counts.reduce(0, +) }

  /// How many there are of a kind.
  func count(of kind: ProblemKind) -> Int { counts[Int(kind.rawValue)] }

  /// Adds one. Its words are made only if it is kept.
  @inline(never)
  mutating func add(
    _ kind: ProblemKind, _ severity: Problem.Severity, _ subject: Problem.Subject,
    patience: Int64? = nil, _ words: () -> (text: String, remedy: String)
  ) {
    let index = Int(kind.rawValue)
    counts[index] += 1
    guard counts[index] <= Self.limitOfKind else { return }
    let (text, remedy) = words()
    all.append(
      Problem(
        kind: kind, severity: severity, subject: subject, text: text, remedy: remedy,
        patience: patience ?? kind.patience))
  }

  /// The worst first; where they are equally bad, in the order in which they were found.
  var sorted: [Problem] {
    var result: [Problem] = []
    for severity in [Problem.Severity.serious, .partial, .doubtful] {
      result += all.filter { $0.severity == severity }
    }
    return result
  }
}
