import BabelCore
import BabelWire

/// Entries that the kernel refused for a reason which may pass, and when each is tried again: after
/// a quarter of a second, then after twice as long each time, up to about a minute.
struct RefusedEntries {
  private struct Entry {
    /// Microseconds waited before the next trial.
    var delay: Int64
    /// When it is tried; after that, when it is forgotten unless it was refused again.
    var due: Instant
    /// It was tried and not refused again so far.
    var isOnTrial = false
  }

  /// Microseconds before the first new trial.
  static let firstDelay: Int64 = 250_000
  /// Microseconds between trials at most.
  static let longestDelay: Int64 = 64_000_000
  /// Most entries that are followed; what is refused beyond waits for its neighbour's next Update.
  static let limit = 65_536

  private var entries: [ForwardingKey: Entry] = [:]
  /// The earliest of all entries; nil if there is none. Computed when it is asked for.
  private var earliest: Instant?
  private var isKnown = true

  /// Makes an empty list.
  init() {}

  /// How many are followed.
  var count: Int { entries.count }

  /// Notes a refusal.
  mutating func note(_ key: ForwardingKey, at now: Instant) {
    let known = entries[key]
    guard known != nil || entries.count < Self.limit else { return }
    let delay = known.map { min($0.delay * 2, Self.longestDelay) } ?? Self.firstDelay
    entries[key] = Entry(delay: delay, due: now + delay)
    isKnown = false
  }

  /// When ``takeDue(at:)`` has something to do.
  mutating func deadline() -> Instant? {
    if isKnown { return earliest }
    earliest = nil
    for entry in entries.values { earliest = min(earliest ?? entry.due, entry.due) }
    isKnown = true
    return earliest
  }

  /// The entries that are to be tried again now, in a fixed order; those that were tried and not
  /// refused since are forgotten.
  mutating func takeDue(at now: Instant) -> [ForwardingKey] {
    guard let deadline = deadline(), deadline <= now else { return [] }
    isKnown = false
    var due: [ForwardingKey] = []
    for (key, entry) in entries where entry.due <= now {
      if entry.isOnTrial {
        entries[key] = nil
      } else {
        due.append(key)
        entries[key]?.isOnTrial = true
        // Answers of the kernel come at once, or a moment later.
        entries[key]?.due = now + max(entry.delay, Self.firstDelay)
      }
    }
    return due.ordered { ($0.destination, $0.source) < ($1.destination, $1.source) }
  }
}
