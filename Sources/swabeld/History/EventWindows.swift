import BabelCore
import BabelWire

/// An event that there may be no room for.
struct HeldEvent {
  let kind: HistoryEvent.Kind
  let subject: HistoryEvent.Subject
  let text: EventText
  /// When it happened.
  let time: EventTime
  /// It tells that something works.
  let isGood: Bool
}

/// How many events of each kind there were in a minute, and what was left out: how many, and the
/// last one about each thing.
struct EventWindows {
  /// Microseconds of a window, and from the first event that is left out to when that is told.
  static let length: Int64 = 60_000_000
  static let patience: Int64 = 10_000_000
  /// Most things of a kind whose last event is kept.
  static let heldLimit = 30

  private struct Window {
    let start: Int64
    var count = 0
    /// Left out and not told of yet.
    var leftOut = 0
    var markDue: Int64?
    var held: [HeldEvent] = []
    var heldDue: Int64?
  }

  private var windows: [HistoryEvent.Kind: Window] = [:]
  /// Events that were left out in all; 32 bits would be full after days of a flood.
  private(set) var leftOut: UInt64
  /// When something is to be told, in microseconds; nil if nothing is.
  private(set) var deadline: Int64?

  /// Nothing was told yet, but so many events were left out.
  init(leftOut: UInt64 = 0) { self.leftOut = leftOut }

  /// Whether there is room for an event. If not, it is counted, and kept as the last one about a
  /// neighbour, interface, destination or problem; losses push out others.
  mutating func admits(_ event: HeldEvent, at now: Int64) -> Bool {
    var window = windows.removeValue(forKey: event.kind) ?? Window(start: now)
    defer {
      windows[event.kind] = window
      note(window)
    }
    if now - window.start >= Self.length {
      let former = window
      window = Window(start: now)
      (window.leftOut, window.markDue) = (former.leftOut, former.markDue)
      (window.held, window.heldDue) = (former.held, former.heldDue)
    }
    if !window.held.isEmpty { window.held.removeAll { $0.subject.isSame(as: event.subject) } }
    let limit = event.isGood ? History.goodEventsPerMinute : History.eventsPerMinute
    guard window.count >= limit else {
      window.count += 1
      return true
    }
    leftOut += 1
    window.leftOut += 1
    if window.markDue == nil { window.markDue = now + Self.patience }
    // Strangers are only counted.
    guard event.kind != .newcomer else { return false }
    if window.held.count >= Self.heldLimit {
      guard !event.isGood, let index = window.held.firstIndex(where: { $0.isGood }) else {
        return false
      }
      window.held.remove(at: index)
    }
    window.held.append(event)
    if window.heldDue == nil { window.heldDue = window.start + Self.length }
    return false
  }

  private mutating func note(_ window: Window) {
    let due = min(window.markDue ?? .max, window.heldDue ?? .max)
    if due < .max { deadline = min(deadline ?? due, due) }
  }

  private mutating func findDeadline() {
    deadline = nil
    for window in windows.values { note(window) }
  }

  private static let kinds: [HistoryEvent.Kind] = [
    .interface, .neighbour, .newcomer, .route, .problem, .gateway,
  ]

  /// How many events of which kinds were left out, if that is to be told now.
  mutating func takeMarks(at now: Int64) -> [(kind: HistoryEvent.Kind, count: Int)] {
    var marks: [(kind: HistoryEvent.Kind, count: Int)] = []
    for kind in Self.kinds {
      guard let window = windows[kind], let due = window.markDue, due <= now else { continue }
      marks.append((kind, window.leftOut))
      windows[kind]?.leftOut = 0
      windows[kind]?.markDue = nil
    }
    findDeadline()
    return marks
  }

  /// The last events about things for which there was no room, if there is room again.
  mutating func takeHeld(at now: Int64) -> [HeldEvent] {
    var events: [HeldEvent] = []
    for kind in Self.kinds {
      guard let window = windows[kind], let due = window.heldDue, due <= now else { continue }
      events += window.held
      windows[kind]?.held = []
      windows[kind]?.heldDue = nil
    }
    findDeadline()
    return events
  }
}
