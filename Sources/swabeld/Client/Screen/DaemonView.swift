import BabelKernel

/// What a screen knows of the daemon: the last answers, and the last events.
struct DaemonView {
  /// A request whose answers are shown.
  enum Question: Equatable {
    case follow, events, status, neighbours, load

    /// The line for the daemon.
    var line: [UInt8] {
      switch self {
      case .follow: Array("events --follow".utf8)
      case .events: Array("show events".utf8)
      case .status: Array("status --json".utf8)
      case .neighbours: Array("show neighbours --json".utf8)
      case .load: Array("show load --json".utf8)
      }
    }
  }

  /// Most events that are kept, as the daemon does.
  private static let eventLimit = 1000
  /// Most neighbours and problems that are kept; a screen has fewer rows.
  private static let rowLimit = 2000

  /// The daemon in numbers; nil as long as it has not answered.
  private(set) var head: FlatObject?
  /// What is wrong, the worst first.
  private(set) var problems: [FlatObject] = []
  /// The neighbours.
  private(set) var neighbours: [FlatObject] = []
  /// The last events, the oldest first.
  private(set) var events: [HistoryLine] = []
  /// What was counted between the last two answers; nil before the second one.
  private(set) var rates: LoadRates?
  /// Resident octets; nil if they are not known.
  private(set) var memory: Int?
  /// Set by an event: what the daemon is asked seldom may have changed.
  private(set) var hasNews = true
  /// `12:34:56 UTC`, since when the daemon does not answer; nil if it does.
  private(set) var goneSince: [UInt8]?
  private var load: (at: Int64, counters: FlatObject)?

  // What is being received of an answer.
  private var newHead: FlatObject?
  private var rows: [FlatObject] = []

  /// Takes a line of an answer, or one about an event, which may come at any time.
  mutating func take(_ line: [UInt8], of question: Question) {
    if let event = HistoryLine(line) { return take(event) }
    guard let object = FlatObject(line) else { return }
    if question == .status, newHead == nil {
      newHead = object
    } else if rows.count < Self.rowLimit {
      rows.append(object)
    }
  }

  /// An answer is complete.
  mutating func end(_ question: Question, at now: Int64) {
    defer {
      newHead = nil
      rows = []
    }
    switch question {
    case .status:
      head = newHead
      problems = rows
      goneSince = nil
      hasNews = false
    case .neighbours: neighbours = rows
    case .load:
      guard let counters = rows.first else { return }
      memory = counters.number("memory")
      if let load { rates = LoadRates(from: load.counters, to: counters, in: now - load.at) }
      load = (now, counters)
    case .follow, .events: break
    }
  }

  /// The daemon does not answer any more: what is known of it is of the past.
  mutating func lose() { if goneSince == nil { goneSince = PageParts.clock } }

  /// Forgets what only counts for one life of the daemon.
  mutating func beginAgain() {
    (load, rates, newHead) = (nil, nil, nil)
    rows = []
    events = []
    hasNews = true
  }

  private mutating func take(_ event: HistoryLine) {
    hasNews = true
    if let last = events.last, event.number <= last.number {
      // Those that came while the list was asked for are known, or come before the list.
      guard !events.contains(where: { $0.number == event.number }) else { return }
      let place = events.firstIndex { $0.number > event.number } ?? events.count
      events.insert(event, at: place)
    } else {
      events.append(event)
    }
    if events.count > Self.eventLimit { events.removeFirst(events.count - Self.eventLimit) }
  }
}

/// An event as the daemon writes it.
struct HistoryLine {
  /// Its number.
  let number: Int64
  /// `2026-11-21T12:34:56.789Z`.
  let stamp: [UInt8]
  /// What happened.
  let text: [UInt8]

  /// Reads a line; nil if it is another one.
  init?(_ line: [UInt8]) {
    guard line.starts(with: "event ".utf8) else { return nil }
    let parts = line.split(separator: 0x20, maxSplits: 3)
    guard parts.count == 4, parts[2].count >= 19, parts[1].count <= 18 else { return nil }
    var number: Int64 = 0
    for octet in parts[1] {
      guard octet >= 0x30, octet <= 0x39 else { return nil }
      number = number * 10 + Int64(octet - 0x30)
    }
    self.number = number
    stamp = Array(parts[2])
    text = Array(parts[3])
  }

  /// `11-21 12:34:56`.
  var shortStamp: [UInt8] { Array(stamp[5..<10]) + [0x20] + Array(stamp[11..<19]) }

  /// The prefix whose selected route changed, and what is said of it; nil for other events.
  var routeChange: (prefix: [UInt8], what: [UInt8])? {
    let words = text.split(separator: 0x20, maxSplits: 4)
    guard words.count == 5, words[0].elementsEqual("prefix".utf8) else { return nil }
    return (Array(words[1]), Array(words[4]))
  }
}

/// What was counted in a time, for one second of it.
struct LoadRates {
  /// Hundredths of a percent of a processor.
  let processor: Int
  /// Tenths of packets that were received, sent, dropped, and could not be sent.
  let received: Int
  let sent: Int
  let dropped: Int
  let unsent: Int

  init(from old: FlatObject, to new: FlatObject, in time: Int64) {
    func rate(_ key: String, _ factor: Int64) -> Int {
      // So much more does not fit into one look; it is left out so that the product fits.
      let more = min(max(0, new.count(key)) - max(0, min(old.count(key), new.count(key))), 1 << 38)
      return Int(clamping: (max(0, more) * factor + max(time, 1) / 2) / max(time, 1))
    }
    processor = rate("cpu_us", 10_000)
    received = rate("received", 10_000_000)
    sent = rate("sent", 10_000_000)
    dropped = rate("dropped", 10_000_000)
    unsent = rate("unsent", 10_000_000)
  }
}
