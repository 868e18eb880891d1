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
  /// Of these, how many may tell that something works. The others are kept for losses.
  static let goodEventsPerMinute = 40
  /// Most neighbours and interfaces whose losses are counted.
  static let outageLimit = 256
  /// So many losses within so many microseconds make something flap.
  static let flapLimit = 3
  static let flapTime: Int64 = 600_000_000

  /// Microseconds in which routes that change are counted together.
  static let pause: Int64 = 1_000_000

  /// The events, the oldest first. Those before `first` are forgotten.
  private var events: [HistoryEvent] = []
  private var first = 0
  private var octets = 0
  private var nextNumber: UInt64 = 1
  private var windows = EventWindows()
  /// What became of routes and is to be told soon.
  private var routes = RouteNews()
  private var routesDue: Int64?
  private var outages: [Outages] = []
  /// Events that were left out because there were too many of their kind.
  var leftOut: UInt64 { windows.leftOut }

  /// How many events there are.
  var count: Int { events.count - first }

  // MARK: What happened

  /// Takes what the node tells. Returns the lines of new events.
  mutating func take(_ notice: Notice, at now: EventTime) -> [UInt8] {
    switch notice {
    case .neighbourChanged(let change): return take(change, at: now)
    case .neighbourHealed(let step, let address, let interface):
      let text = EventText(step, of: address, on: interface)
      return append(.newcomer, .neighbour(address, interface), text, at: now)
    case .routesChanged(let tally):
      wait(for: tally, at: now)
      return []
    case .interface, .neighbour, .originated, .route, .packetDropped, .packetUnverified,
      .senderAuthenticated, .tlvIgnored, .neighbourRestarted, .limitReached, .seqnoIncreased,
      .recovered, .starving:
      return []
    }
  }

  private mutating func take(_ change: NeighbourChange, at now: EventTime) -> [UInt8] {
    let subject = HistoryEvent.Subject.neighbour(change.address, change.interface)
    let time = now.back(to: change.time)
    let isUp = change.to == .usable
    if change.from == .usable || isUp { note(subject, isUp: isUp, at: time) }
    wait(for: change.routes, at: now)
    return append(
      change.wasUsable ? .neighbour : .newcomer, subject, EventText(change), isGood: isUp,
      at: time, told: now)
  }

  /// What happens to routes is told a little later, because it may be more: when many neighbours
  /// are lost at a time, the routes of each of them are few.
  private mutating func wait(for news: RouteNews, at now: EventTime) {
    guard !news.isEmpty else { return }
    routes.add(news)
    if routesDue == nil { routesDue = now.monotonic + Self.pause }
  }

  /// A few changes are an event each; many are one for each kind and cause.
  mutating func tellRoutes(at now: EventTime) -> [UInt8] {
    let tally = routes
    (routes, routesDue) = (RouteNews(), nil)
    var lines: [UInt8] = []
    if tally.count <= tally.examples.count {
      for shift in tally.examples {
        lines += append(
          .route, .prefix(shift), EventText(shift), isGood: shift.kind != .lost,
          at: now.back(to: shift.time), told: now)
      }
      return lines
    }
    let time = now.back(to: tally.first)
    for loss in tally.losses where loss.count > 0 {
      let text = EventText(loss.count, .lost, loss.reason)
      lines += append(.route, .prefixes, text, at: time, told: now)
    }
    for (count, kind) in [
      (tally.regained, RouteShift.Kind.regained), (tally.found, .found), (tally.moved, .moved),
    ] where count > 0 {
      let text = EventText(count, kind, nil)
      lines += append(.route, .prefixes, text, isGood: true, at: time, told: now)
    }
    return lines
  }

  /// When ``settle(at:)`` has something to tell, in microseconds of the monotonic clock.
  var deadline: Int64? {
    let due = min(routesDue ?? .max, windows.deadline ?? .max)
    return due == .max ? nil : due
  }

  /// Tells what waits: routes, how many events were left out, and after a minute the last state of
  /// what they were about. Returns the lines of new events.
  mutating func settle(at now: EventTime) -> [UInt8] {
    guard let deadline, deadline <= now.monotonic else { return [] }
    var lines: [UInt8] = []
    if let routesDue, routesDue <= now.monotonic { lines += tellRoutes(at: now) }
    for (kind, count) in windows.takeMarks(at: now.monotonic) {
      lines += add(.leftOut(kind), EventText(count, leftOutOf: kind), at: now)
    }
    for event in windows.takeHeld(at: now.monotonic) {
      lines += append(event.kind, event.subject, event.text, at: event.time, told: now)
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
    return append(
      .interface, subject, EventText(name, was: former, now: state), isGood: isUp, at: now)
  }

  /// The uplink of a gateway died, or works.
  mutating func gateway(_ change: GatewayChange, at now: EventTime) -> [UInt8] {
    append(
      .gateway, .gateway(change.gateway.name), EventText(change), isGood: change.verdict == .up,
      at: now)
  }

  /// A problem was found; or one is over that lasted for so many microseconds.
  mutating func problem(_ problem: Problem, lasted: Int64?, at now: EventTime) -> [UInt8] {
    append(
      .problem, .problem(problem.kind, problem.subject), EventText(problem, lasted: lasted),
      isGood: lasted != nil, at: now)
  }

  /// Adds an event of some time, which is told now, unless there are too many.
  private mutating func append(
    _ kind: HistoryEvent.Kind, _ subject: HistoryEvent.Subject, _ text: EventText,
    isGood: Bool = false, at time: EventTime, told now: EventTime? = nil
  ) -> [UInt8] {
    let event = HeldEvent(kind: kind, subject: subject, text: text, time: time, isGood: isGood)
    let now = now ?? time
    return windows.admits(event, at: now.monotonic) ? add(subject, text, at: time) : []
  }

  private mutating func add(
    _ subject: HistoryEvent.Subject, _ text: EventText, at time: EventTime
  ) -> [UInt8] {
    let event = HistoryEvent(number: nextNumber, time: time, subject: subject, text: text.octets)
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
