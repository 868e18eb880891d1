import BabelCore
import BabelWire

/// What a life tells the next one of a gateway.
struct GatewayRecord: Equatable {
  let name: [UInt8]
  let interface: InterfaceName
  let isUp: Bool
  let flaps: Int
}

/// What is counted of a gateway.
struct GatewayAccount {
  /// Since when the verdict is as it is.
  private(set) var since: Instant
  private(set) var goodRounds: UInt64 = 0
  private(set) var badRounds: UInt64 = 0
  /// How often the uplink became dead or came back.
  private(set) var changes: UInt64 = 0
  /// Microseconds that the last good round took until its first answer; nil if there was none.
  private(set) var time: Int64?
  /// What was wrong in the last bad round; empty if there was none.
  private(set) var fault = ""
  /// Whether that was because its interface does not exist.
  private(set) var lacksInterface = false
  /// Why this machine cannot ask now; nil if it can.
  private(set) var obstacle: String?

  init(since: Instant) { self.since = since }

  mutating func note(isGood: Bool, _ round: GatewayRound) {
    obstacle = nil
    if isGood {
      goodRounds &+= 1
      time = round.firstAnswer
    } else {
      badRounds &+= 1
      (fault, lacksInterface) = (round.faults, round.lacksInterface)
    }
  }

  /// An earlier life found the uplink dead, and its cause is not known any more.
  mutating func noteFormerFault() { fault = "no answer before the restart" }

  mutating func noteUnable(_ reason: String) { obstacle = reason }

  mutating func noteChange(at now: Instant) {
    since = now
    changes &+= 1
  }
}

/// The verdict on a gateway is another one.
struct GatewayChange {
  let gateway: Gateway
  let former: GatewayJudge.Verdict
  let verdict: GatewayJudge.Verdict
  /// What was wrong last.
  let cause: String
  /// Microseconds for which the former verdict held.
  let lasted: Int64
  /// Microseconds for which the uplink has to be good to come back.
  let waiting: Int64
}

/// How it stands with a gateway.
struct GatewayReport {
  /// In one word.
  enum State {
    case pending, up, failing, down, recovering

    var word: String {
      switch self {
      case .pending: "pending"
      case .up: "up"
      case .failing: "failing"
      case .down: "down"
      case .recovering: "recovering"
      }
    }
  }

  let gateway: Gateway
  let account: GatewayAccount
  let rule: GatewayRule
  let state: State
  let flaps: Int
  /// Seconds for which the state of being up or down has held.
  let age: UInt32
  /// Seconds until it comes back, if it stays good; nil if it is not about to.
  let left: UInt32?
  /// Seconds for which it has to be good to come back.
  let waiting: UInt32

  init(
    _ gateway: Gateway, _ judge: GatewayJudge, _ account: GatewayAccount, _ rule: GatewayRule,
    at now: Instant
  ) {
    self.gateway = gateway
    self.account = account
    self.rule = rule
    let terms = GatewayJudge.Terms(gateway)
    switch judge.verdict {
    case .pending: state = .pending
    case .up: state = judge.badRounds > 0 ? .failing : .up
    case .down: state = judge.goodSince == nil ? .down : .recovering
    }
    flaps = judge.flaps
    age = UInt32(clamping: (now - account.since) / 1_000_000)
    left = judge.timeLeft(terms, at: now).map { UInt32(clamping: ($0 + 999_999) / 1_000_000) }
    waiting = UInt32(clamping: judge.waitingTime(terms) / 1_000_000)
  }

  /// Whether routes are kept back or made dearer.
  var isDead: Bool { state == .down || state == .recovering }

  /// What it does to its routes, in a word.
  var effect: String {
    switch rule.effect {
    case .none: "none"
    case .pending: "pending"
    case .penalty(let penalty): "penalty \(penalty)"
    case .withdrawn: "withdrawn"
    }
  }

  /// Its destinations.
  var prefixes: String { gateway.prefixes.map { $0.description }.joined(separator: ", ") }
}
