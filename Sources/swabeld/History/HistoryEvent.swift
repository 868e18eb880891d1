import BabelCore
import BabelKernel
import BabelWire

/// When something happened.
struct EventTime {
  /// Microseconds since 1970, for people.
  let wall: Int64
  /// Microseconds of the clock that never jumps, for durations.
  let monotonic: Int64

  /// The time now.
  static var now: EventTime {
    EventTime(
      wall: MonotonicClock.wallMicroseconds(), monotonic: MonotonicClock.microseconds())
  }

  /// The time of something that was told only now.
  func back(to instant: Instant) -> EventTime {
    EventTime(
      wall: wall - (monotonic - instant.microseconds), monotonic: instant.microseconds)
  }
}

/// One thing that happened.
struct HistoryEvent {
  /// What it is about, in general.
  enum Kind: UInt8, Hashable {
    case neighbour, interface, route, problem, gateway
    /// Neighbours that were never usable. They may be strangers, and many.
    case newcomer

    /// The word for several.
    var words: String {
      switch self {
      case .neighbour: "neighbours"
      case .interface: "interfaces"
      case .route: "routes"
      case .problem: "problems"
      case .gateway: "gateways"
      case .newcomer: "newcomers"
      }
    }
  }

  /// What it is about.
  enum Subject: Equatable {
    /// A neighbour, on an interface.
    case neighbour(IPAddress, InterfaceName)
    /// An interface.
    case interface(InterfaceName)
    /// The way to one destination.
    case prefix(RouteShift)
    /// The ways to many destinations.
    case prefixes
    /// A problem.
    case problem(ProblemKind, Problem.Subject)
    /// A gateway, by its name.
    case gateway([UInt8])
    /// Events of a kind that were left out.
    case leftOut(Kind)

    /// Whether an event about it tells the latest state of the same thing.
    func isSame(as other: Subject) -> Bool {
      switch (self, other) {
      case (.prefix(let one), .prefix(let other)):
        one.destination == other.destination && one.source == other.source
      case (.prefixes, .prefixes): false
      default: self == other
      }
    }

    /// The words for it in a line.
    var name: String {
      switch self {
      case .neighbour(let address, let interface): "neighbour \(address) if \(interface)"
      case .interface(let name): "interface \(name)"
      case .prefix(let shift): "prefix \(shift.destination) from \(shift.source)"
      case .prefixes: "prefixes"
      case .problem(let kind, let subject): "problem \(kind.word) \(subject.name)"
      case .gateway(let name): "gateway \(String(decoding: name, as: UTF8.self))"
      case .leftOut(let kind): "left-out \(kind.words)"
      }
    }
  }

  /// Its number, from 1.
  let number: UInt64
  private let time: EventTime
  /// What it is about.
  let subject: Subject
  private var text: [UInt8]

  init(number: UInt64, time: EventTime, subject: Subject, text: [UInt8]) {
    self.number = number
    self.time = time
    self.subject = subject
    self.text = text
  }

  /// How many octets it takes, about.
  var size: Int { MemoryLayout<HistoryEvent>.size + text.count + 32 }

  /// Its place is free for another one.
  mutating func forget() { text = [] }

  /// Its line, with the newline.
  var line: [UInt8] {
    let stamp = WallClock.stamp(microseconds: time.wall)
    return Array("event \(number) \(stamp) ".utf8) + text + [0x0A]
  }
}

/// Which events are asked for.
enum EventFilter: Equatable {
  /// All of them.
  case all
  /// Those of a neighbour, and of routes that led or lead through it.
  case neighbour(IPAddress)
  /// Those of an interface, and of neighbours on it.
  case interface(InterfaceName)
  /// Those of a destination, and those that may concern it.
  case prefix(Prefix)

  /// Whether an event, or a row of outages, is asked for.
  func admits(_ subject: HistoryEvent.Subject) -> Bool {
    switch (self, subject) {
    case (.all, _), (.prefix, .prefixes), (.prefix, .leftOut(.route)): true
    case (.neighbour, .leftOut(let kind)): kind == .neighbour || kind == .newcomer
    case (.interface, .leftOut(let kind)): kind != .route && kind != .problem && kind != .gateway
    case (.neighbour(let wanted), .neighbour(let address, _)): wanted == address
    case (.neighbour(let wanted), .prefix(let shift)):
      shift.former?.neighbour == wanted || shift.selected?.neighbour == wanted
    case (.interface(let wanted), .neighbour(_, let name)): wanted == name
    case (.interface(let wanted), .interface(let name)): wanted == name
    case (.interface(let wanted), .prefix(let shift)):
      shift.former?.interface == wanted || shift.selected?.interface == wanted
    case (.prefix(let wanted), .prefix(let shift)): wanted == shift.destination
    case (.neighbour(let wanted), .problem(_, .neighbour(let address, _))): wanted == address
    case (.interface(let wanted), .problem(_, .neighbour(_, let name))): wanted == name
    case (.interface(let wanted), .problem(_, .interface(let name))): wanted == name
    case (.prefix(let wanted), .problem(_, .prefix(let prefix))): wanted == prefix
    case (.prefix, .problem(_, .routes)), (.prefix, .problem(_, .kernel)): true
    case (.neighbour, _), (.interface, _), (.prefix, _): false
    }
  }
}

/// The text of an event: pairs of a word and its value, the cause last.
struct EventText {
  /// The line without number and time.
  let octets: [UInt8]

  private init(_ text: String) { octets = Array(text.utf8) }

  init(_ change: NeighbourChange) {
    var text = HistoryEvent.Subject.neighbour(change.address, change.interface).name
    text += " was \(change.from.word) now \(change.to.word)"
    if change.to == .usable { text += " cost \(change.cost)" }
    if !change.routes.isEmpty {
      text += " moved \(change.routes.moved) unreachable \(change.routes.lost)"
    }
    if let silence = change.silence, change.cause == .silent {
      text += " silence \(Self.seconds(silence))"
    }
    self.init(text + " cause \(change.cause)")
  }

  init(_ step: HealingStep, of address: IPAddress, on interface: InterfaceName) {
    self.init(
      HistoryEvent.Subject.neighbour(address, interface).name + " healing \(step.word)")
  }

  init(_ shift: RouteShift) {
    self.init(
      HistoryEvent.Subject.prefix(shift).name + " change \(shift.kind.word) was "
        + Self.way(shift.former) + " now " + Self.way(shift.selected)
        + Self.cause(shift.former == nil ? nil : shift.reason))
  }

  init(_ count: Int, _ kind: RouteShift.Kind, _ reason: RouteReason?) {
    self.init("prefixes \(count) change \(kind.word)" + Self.cause(reason))
  }

  init(_ count: Int, leftOutOf kind: HistoryEvent.Kind) {
    self.init("left-out \(count) \(kind.words)")
  }

  init(_ interface: InterfaceName, was former: String?, now state: String) {
    self.init("interface \(interface) was \(former ?? "none") now \(state)")
  }

  init(_ change: GatewayChange) {
    func word(_ verdict: GatewayJudge.Verdict) -> String {
      verdict == .up ? "up" : verdict == .down ? "down" : "pending"
    }
    let subject = HistoryEvent.Subject.gateway(change.gateway.name).name
    let cause = change.verdict == .down ? " cause \(change.cause)" : ""
    self.init(
      "\(subject) if \(change.gateway.interface) was \(word(change.former)) now "
        + "\(word(change.verdict))\(cause)")
  }

  init(_ problem: Problem, lasted: Int64?) {
    let name = HistoryEvent.Subject.problem(problem.kind, problem.subject).name
    if let lasted {
      self.init("\(name) was \(problem.severity.word) now none seconds \(Self.seconds(lasted))")
    } else {
      self.init("\(name) was none now \(problem.severity.word) cause \(problem.text)")
    }
  }

  private static func way(_ way: RouteShift.Way?) -> String {
    way.map { "\($0.neighbour) if \($0.interface)" } ?? "none"
  }

  private static func cause(_ reason: RouteReason?) -> String {
    reason.map { " cause \($0)" } ?? ""
  }

  /// Microseconds as seconds with one decimal.
  static func seconds(_ microseconds: Int64) -> String {
    let tenths = (max(microseconds, 0) + 50_000) / 100_000
    return "\(tenths / 10).\(tenths % 10)"
  }
}

extension Problem.Subject {
  /// The words for it in a line.
  fileprivate var name: String {
    switch self {
    case .interface(let name): "interface \(name)"
    case .neighbour(let address, let interface): "neighbour \(address) if \(interface)"
    case .prefix(let prefix): "prefix \(prefix)"
    case .routes: "routes"
    case .kernel: "kernel"
    case .table(let limit): "limit \(limit)"
    case .place(let octets): "place \(String(decoding: octets, as: UTF8.self))"
    case .gateway(let octets): "gateway \(String(decoding: octets, as: UTF8.self))"
    case .setting(let octets): "setting \(String(decoding: octets, as: UTF8.self))"
    }
  }
}

extension NeighbourUse {
  /// One word that no other state has.
  fileprivate var word: String {
    switch self {
    case .new: "new"
    case .usable: "usable"
    case .deaf: "deaf"
    case .unheard: "unheard"
    case .gone: "gone"
    }
  }
}

extension HealingStep {
  fileprivate var word: String {
    switch self {
    case .asked: "asked"
    case .greetedByUnicast: "unicast-hellos"
    case .hearsGroup: "hears-group"
    case .relapsed: "relapsed"
    case .renewed: "renewed"
    }
  }
}

extension RouteShift.Kind {
  fileprivate var word: String {
    switch self {
    case .lost: "lost"
    case .regained: "regained"
    case .found: "found"
    case .moved: "moved"
    }
  }
}
