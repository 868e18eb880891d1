import BabelCore
import BabelWire

/// The state of something that a line of the log tells.
struct LogState {
  /// What it is the state of.
  enum Subject: Hashable {
    /// A neighbour, on an interface.
    case neighbour(IPAddress, InterfaceName)
    /// An interface.
    case interface(InterfaceName)
    /// A problem.
    case problem(ProblemKind, Problem.Subject)
    /// The ways to all destinations.
    case routes

    /// A few words.
    var description: String {
      switch self {
      case .neighbour(let address, let interface): "\(address) on \(interface)"
      case .interface(let name): "\(name)"
      case .problem(let kind, let subject): "\(kind.word) of \(subject.description)"
      case .routes: "routes"
      }
    }
  }

  /// What the state is, in general; bad ones come first.
  enum Outcome: UInt8, CaseIterable {
    case neighbourLost, neighbourOneWay, interfaceUnused, problemFound, problemOver
    case neighbourUsable, interfaceUp, routesChanged

    /// Whether something works again. Such lines come after those about losses.
    var isGood: Bool {
      switch self {
      case .neighbourUsable, .interfaceUp, .problemOver: true
      case .neighbourLost, .neighbourOneWay, .interfaceUnused, .problemFound, .routesChanged: false
      }
    }

    /// So many subjects are in this state.
    func words(_ count: Int) -> String {
      switch self {
      case .neighbourLost: "\(count) neighbours lost"
      case .neighbourOneWay: "\(count) neighbours are one-way"
      case .neighbourUsable: "\(count) neighbours are usable"
      case .interfaceUnused: "\(count) interfaces are not used"
      case .interfaceUp: "\(count) interfaces are up"
      case .problemFound: "\(count) problems"
      case .problemOver: "\(count) problems are over"
      case .routesChanged: "\(count) changes of routes"
      }
    }
  }

  let subject: Subject
  let outcome: Outcome
  /// What became of routes with it.
  private(set) var routes = RouteNews()

  init(_ subject: Subject, _ outcome: Outcome) {
    self.subject = subject
    self.outcome = outcome
  }

  /// What a notice says of a neighbour or of routes; nil if it is about something else.
  init?(_ notice: Notice) {
    switch notice {
    case .neighbourChanged(let change):
      let outcome: Outcome
      switch change.to {
      case .usable: outcome = .neighbourUsable
      case .new, .deaf: outcome = .neighbourOneWay
      case .unheard, .gone: outcome = change.wasUsable ? .neighbourLost : .neighbourOneWay
      }
      self.init(.neighbour(change.address, change.interface), outcome)
      routes = change.routes
    case .routesChanged(let tally):
      self.init(.routes, .routesChanged)
      routes = tally
    case .interface, .neighbour, .originated, .route, .packetDropped, .packetUnverified,
      .senderAuthenticated, .tlvIgnored, .neighbourRestarted, .neighbourHealed, .limitReached,
      .seqnoIncreased, .recovered, .starving:
      return nil
    }
  }

  /// Takes what was left out of the same thing before. Only changes of routes are added up.
  fileprivate mutating func follow(_ former: LogState) {
    guard outcome == .routesChanged else { return }
    var sum = former.routes
    sum.add(routes)
    routes = sum
  }
}

/// A line for the log, with what is counted together with it.
struct LogLine {
  let kind: LogKind
  let subject: LogSubject
  let level: NoticeLevel
  /// The state that it tells; nil if it tells of something that happened, and that is all.
  var state: LogState?
  var text: String
}

/// Which lines are written when many come, and what is told later of those that were left out: the
/// last line about each thing is never a state that has passed.
struct LogBudget {
  /// Most subjects whose states are remembered. Others are only counted.
  static let heldLimit = 512
  /// So many subjects get a line each when they are told late; more of them get one line for all
  /// that are in one state.
  static let singleLimit = 10
  /// Subjects that such a line names.
  private static let namedLimit = 3

  private struct Held {
    var line: LogLine
    let since: Int64
    var due: Int64
    /// In which order they are told.
    let number: UInt64
  }

  private var limiter = LogLimiter()
  private var held: [LogState.Subject: Held] = [:]
  private var nextNumber: UInt64 = 0
  /// The second in which something that was left out may have to be told; nil if there is nothing.
  private(set) var deadline: Int64?
  /// Lines about further subjects.
  private var uncounted: [LogKind: Int] = [:]

  /// Whether a line that tells no state would be written.
  mutating func isOpen(_ kind: LogKind, _ subject: LogSubject, at second: Int64) -> Bool {
    limiter.isOpen(kind, subject: subject, at: second)
  }

  /// Takes a line. Returns it as it is to be written; nil if it is left out for now.
  mutating func take(_ line: LogLine, at second: Int64) -> String? {
    var line = line
    if let state = line.state, let former = held.removeValue(forKey: state.subject) {
      line.state?.follow(former.line.state ?? state)
      if state.outcome == .routesChanged, let sum = line.state?.routes {
        line.text = sum.description
      }
    }
    let isGood = line.state?.outcome.isGood ?? false
    switch limiter.admit(line.kind, subject: line.subject, isGood: isGood, at: second) {
    case .suppressed(let end):
      hold(line, at: second, until: end)
      return nil
    case .admitted(let suppressed):
      return suppressed == 0 ? line.text : line.text + " (\(suppressed) similar lines suppressed)"
    }
  }

  /// Keeps a line that could not be written; it is tried again later.
  mutating func hold(_ line: LogLine, at second: Int64) {
    hold(line, at: second, until: second + LostLines.spacing)
  }

  private mutating func hold(_ line: LogLine, at second: Int64, until end: Int64) {
    guard let subject = line.state?.subject else { return }
    guard held.count < Self.heldLimit || held[subject] != nil else {
      uncounted[line.kind, default: 0] += 1
      return
    }
    held[subject] = Held(line: line, since: second, due: end, number: nextNumber)
    deadline = min(deadline ?? end, end)
    nextNumber += 1
  }

  /// Forgets what was left out of something.
  mutating func forget(_ subject: LogState.Subject) {
    if !held.isEmpty { held[subject] = nil }
  }

  /// The lines that are to be told late now: all of them if it is the last time.
  mutating func settle(at second: Int64, isLast: Bool = false) -> [LogLine] {
    var due = held.values.filter { isLast || $0.due <= second }
    due = due.ordered { $0.number < $1.number }
    for row in due { if let state = row.line.state { held[state.subject] = nil } }
    deadline = nil
    for row in held.values { deadline = min(deadline ?? row.due, row.due) }
    var lines: [LogLine] = []
    while let kind = due.first?.line.kind {
      let alike = due.filter { $0.line.kind == kind }
      due.removeAll { $0.line.kind == kind }
      settle(alike, of: kind, at: second, &lines)
    }
    return lines
  }

  private mutating func settle(
    _ rows: [Held], of kind: LogKind, at second: Int64, _ lines: inout [LogLine]
  ) {
    let others = uncounted.removeValue(forKey: kind) ?? 0
    if rows.count <= Self.singleLimit, others == 0 {
      for row in rows {
        var line = row.line
        // It was counted as suppressed itself.
        var suppressed = 0
        if case .admitted(let count) = limiter.admit(kind, subject: line.subject, at: second) {
          suppressed = count - 1
        }
        let age = second - row.since
        let remark = suppressed > 0 ? "; \(suppressed) similar lines suppressed" : ""
        line.text += " (\(age) s ago\(remark))"
        lines.append(line)
      }
      return
    }
    for outcome in LogState.Outcome.allCases {
      let alike = rows.filter { $0.line.state?.outcome == outcome }
      if let last = alike.last { lines.append(Self.sum(alike, outcome, last.line)) }
    }
    guard others > 0, var line = rows.last?.line else { return }
    line.text = "\(others) further lines of this kind were left out"
    lines.append(line)
  }

  /// One line for many subjects in one state.
  private static func sum(
    _ rows: [Held], _ outcome: LogState.Outcome, _ last: LogLine
  ) -> LogLine {
    var line = last
    guard rows.count > 1 else { return line }
    var routes = RouteNews()
    for row in rows { if let state = row.line.state { routes.add(state.routes) } }
    line.text = outcome.words(rows.count) + ", among them "
    for (index, row) in rows.prefix(namedLimit).enumerated() {
      line.text += (index > 0 ? ", " : "") + (row.line.state?.subject.description ?? "")
    }
    if routes.moved > 0 { line.text += "; routes moved elsewhere: \(routes.moved)" }
    if routes.lost > 0 { line.text += "; prefixes unreachable now: \(routes.lost)" }
    return line
  }
}
