import BabelCore
import BabelWire

/// What happened to neighbours, interfaces and routes, the latest events only, and how often
/// neighbours and interfaces were lost.
struct History {
  /// Most events that are kept.
  static let eventLimit = 1000
  /// Most octets that they take.
  static let octetLimit = 256 << 10
  /// Most events of one kind in a minute. Whatever flaps without end must not push out all others.
  static let eventsPerMinute = 60
  /// Most neighbours and interfaces whose losses are counted.
  static let outageLimit = 256
  /// So many losses within so many microseconds make something flap.
  static let flapLimit = 3
  static let flapTime: Int64 = 600_000_000

  /// Events of one kind in a minute.
  private struct Window {
    var start: Int64
    var count = 0
  }

  /// The events, the oldest first. Those before `first` are forgotten.
  private var events: [HistoryEvent] = []
  private var first = 0
  private var octets = 0
  private var nextNumber: UInt64 = 1
  private var windows: [HistoryEvent.Kind: Window] = [:]
  private var outages: [Outages] = []
  /// Events that were left out because there were too many of their kind.
  private(set) var leftOut = 0

  /// How many events there are.
  var count: Int { events.count - first }

  // MARK: What happened

  /// Takes what the node tells. Returns the lines of new events.
  mutating func take(_ notice: Notice, at now: EventTime) -> [UInt8] {
    switch notice {
    case .neighbourChanged(let change): return take(change, at: now)
    case .neighbourHealed(let step, let address, let interface):
      let text = EventText(step, of: address, on: interface)
      return append(.neighbour, .neighbour(address, interface), text, at: now)
    case .routesChanged(let tally): return take(tally, at: now)
    case .interface, .neighbour, .originated, .route, .packetDropped, .packetUnverified,
      .senderAuthenticated, .tlvIgnored, .neighbourRestarted, .limitReached, .seqnoIncreased,
      .recovered, .starving:
      return []
    }
  }

  private mutating func take(_ change: NeighbourChange, at now: EventTime) -> [UInt8] {
    let subject = HistoryEvent.Subject.neighbour(change.address, change.interface)
    if change.from == .usable || change.to == .usable {
      note(subject, isUp: change.to == .usable, at: now)
    }
    var lines = append(.neighbour, subject, EventText(change), at: now)
    lines += take(change.routes, at: now)
    return lines
  }

  /// A few changes are an event each; many are one for each kind and cause.
  private mutating func take(_ tally: RouteNews, at now: EventTime) -> [UInt8] {
    var lines: [UInt8] = []
    if tally.count <= tally.examples.count {
      for shift in tally.examples {
        lines += append(.route, .prefix(shift), EventText(shift), at: now)
      }
      return lines
    }
    for loss in tally.losses {
      lines += append(.route, .prefixes, EventText(loss.count, .lost, loss.reason), at: now)
    }
    for (count, kind) in [
      (tally.regained, RouteShift.Kind.regained), (tally.found, .found), (tally.moved, .moved),
    ] where count > 0 {
      lines += append(.route, .prefixes, EventText(count, kind, nil), at: now)
    }
    return lines
  }

  /// An interface is in another state. Returns the line of the event.
  mutating func interface(
    _ name: InterfaceName, was former: String?, now state: String, isUp: Bool, at now: EventTime
  ) -> [UInt8] {
    let subject = HistoryEvent.Subject.interface(name)
    if isUp || former?.utf8.elementsEqual("up".utf8) == true {
      note(subject, isUp: isUp, at: now)
    }
    return append(.interface, subject, EventText(name, was: former, now: state), at: now)
  }

  /// A problem was found; or one is over that lasted for so many microseconds.
  mutating func problem(_ problem: Problem, lasted: Int64?, at now: EventTime) -> [UInt8] {
    append(
      .problem, .problem(problem.kind, problem.subject), EventText(problem, lasted: lasted), at: now
    )
  }

  private mutating func append(
    _ kind: HistoryEvent.Kind, _ subject: HistoryEvent.Subject, _ text: EventText,
    at now: EventTime
  ) -> [UInt8] {
    guard admits(kind, at: now) else {
      leftOut += 1
      return []
    }
    let event = HistoryEvent(number: nextNumber, time: now, subject: subject, text: text.octets)
    nextNumber += 1
    octets += event.size
    events.append(event)
    while count > Self.eventLimit || octets > Self.octetLimit { forgetFirst() }
    return event.line
  }

  private mutating func forgetFirst() {
    octets -= events[first].size
    events[first].forget()
    first += 1
    guard first * 2 > events.count else { return }
    events.removeSubrange(0..<first)
    first = 0
  }

  private mutating func admits(_ kind: HistoryEvent.Kind, at now: EventTime) -> Bool {
    var window = windows[kind] ?? Window(start: now.monotonic)
    defer { windows[kind] = window }
    if now.monotonic - window.start >= 60_000_000 { window = Window(start: now.monotonic) }
    window.count += 1
    return window.count <= Self.eventsPerMinute
  }

  // MARK: Outages

  /// A neighbour or an interface can be used from now on, or not any more.
  private mutating func note(
    _ subject: HistoryEvent.Subject, isUp: Bool, at now: EventTime
  ) {
    guard let index = outages.firstIndex(where: { $0.subject == subject }) else {
      // The first thing is that it can be used. That is no outage.
      if outages.count >= Self.outageLimit {
        let oldest = outages.indices.min { outages[$0].changed < outages[$1].changed }
        if let oldest { outages.remove(at: oldest) }
      }
      var new = Outages(subject)
      new.note(isUp: isUp, at: now)
      outages.append(new)
      return
    }
    outages[index].note(isUp: isUp, at: now)
  }

  /// Neighbours and interfaces that were lost ``flapLimit`` times or more within ``flapTime``, and
  /// how often.
  func flapping(at now: Int64) -> [(subject: HistoryEvent.Subject, count: Int)] {
    var result: [(subject: HistoryEvent.Subject, count: Int)] = []
    for row in outages {
      let count = row.losses(since: now - Self.flapTime)
      if count >= Self.flapLimit { result.append((row.subject, count)) }
    }
    return result
  }

  // MARK: What is asked

  /// The events that pass a filter, the oldest first, and the outages, a line each.
  func lines(_ filter: EventFilter, at now: EventTime) -> [UInt8] {
    var text: [UInt8] = []
    for event in events[first...] where filter.admits(event.subject) { text += event.line }
    for row in outages where filter.admits(row.subject) { text += row.line(at: now) }
    return text
  }
}

/// How often something could not be used, and for how long.
private struct Outages {
  let subject: HistoryEvent.Subject
  private var count = 0
  private var total: Int64 = 0
  private var downSince: Int64?
  /// When it was lost, the latest few times.
  private var losses: [Int64] = []
  /// When it changed last.
  private(set) var changed: Int64 = 0

  init(_ subject: HistoryEvent.Subject) { self.subject = subject }

  mutating func note(isUp: Bool, at now: EventTime) {
    changed = now.monotonic
    if isUp {
      if let downSince { total += now.monotonic - downSince }
      downSince = nil
    } else if downSince == nil {
      count += 1
      downSince = now.monotonic
      if losses.count >= Self.lossLimit { losses.removeFirst() }
      losses.append(now.monotonic)
    }
  }

  private static let lossLimit = 10

  /// How often it was lost since then; at most as often as is remembered.
  func losses(since: Int64) -> Int { losses.reduce(0) { $0 + ($1 >= since ? 1 : 0) } }

  func line(at now: EventTime) -> [UInt8] {
    let time = total + (downSince.map { now.monotonic - $0 } ?? 0)
    let state = downSince == nil ? "up" : "down"
    let text =
      "outages \(subject.name) count \(count) seconds \(EventText.seconds(time)) now \(state)\n"
    return Array(text.utf8)
  }
}
