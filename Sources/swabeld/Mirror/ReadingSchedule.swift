import BabelCore

/// When the kernel's tables are read, and its links and addresses. Readings are held apart, so that
/// whoever changes routes without a pause cannot keep us busy.
struct ReadingSchedule {
  /// Least microseconds between the beginnings of two readings.
  private static let leastDistance: Int64 = 200_000
  /// Readings take at most one part of so many of the time, unless notifications were lost.
  private static let share: Int64 = 4
  /// Microseconds until the next reading after one that failed.
  private static let retry: Int64 = 5_000_000
  /// Least microseconds between two readings of links and addresses.
  private static let linkDistance: Int64 = 100_000
  /// Microseconds until they are read again when that failed.
  private static let linkRetry: Int64 = 1_000_000
  /// Wishes for times that lie closer together, in microseconds, are kept as one.
  private static let resolution: Int64 = 20_000
  /// How many wishes are kept.
  private static let wishLimit = 32

  /// When the tables are read next, unless that is asked for before.
  private(set) var due = Instant.distantFuture
  /// When the last reading began.
  private(set) var began = Instant(microseconds: 0)
  /// When links and addresses are to be read again, because notifications were lost.
  private(set) var linksDue: Instant?
  /// From when on readings are wanted, in ascending order. A reading that begins before such a time
  /// does not show what it was wanted for.
  private var wishes: [Instant] = []
  /// Microseconds the last reading took.
  private var took: Int64 = 0
  /// When links and addresses were read last.
  private var linksRead = Instant(microseconds: 0)

  /// Asks for a reading of the tables.
  mutating func request(at time: Instant) {
    request(at: time, distance: max(Self.leastDistance, took * Self.share))
  }

  /// Asks for a reading of links and addresses, and of the tables after it.
  mutating func requestWithLinks(at time: Instant) {
    linksDue = min(linksDue ?? .distantFuture, max(time, linksRead + Self.linkDistance))
    request(at: time, distance: Self.leastDistance)
  }

  private mutating func request(at time: Instant, distance: Int64) {
    due = min(due, max(time, began + distance))
    keep(time)
  }

  /// Keeps a wish until a reading begins at its time or later.
  private mutating func keep(_ time: Instant) {
    let place = wishes.firstIndex { $0 >= time } ?? wishes.count
    // The reading that is wanted a little later shows the same.
    if place < wishes.count, wishes[place] - time < Self.resolution { return }
    if place > 0, time - wishes[place - 1] < Self.resolution {
      wishes[place - 1] = time
    } else if wishes.count < Self.wishLimit {
      wishes.insert(time, at: place)
    } else if place == wishes.count {
      wishes[place - 1] = time
    }
  }

  /// A reading begins; the next one is due at `nextCheck` if nobody asks for it before, or has done
  /// so already.
  mutating func begin(at now: Instant, nextCheck: Instant) {
    began = now
    due = nextCheck
    wishes.removeAll { $0 <= now }
    if let wish = wishes.first {
      due = min(due, max(wish, now + max(Self.leastDistance, took * Self.share)))
    }
  }

  /// The reading has ended.
  mutating func end(at now: Instant) { took = now - began }

  /// The reading failed.
  mutating func fail(at now: Instant) { due = min(due, now + Self.retry) }

  /// Links and addresses are read now.
  mutating func beginLinks(at now: Instant) { linksRead = now }

  /// They were read.
  mutating func endLinks() { linksDue = nil }

  /// They could not be read.
  mutating func failLinks(at now: Instant) { linksDue = now + Self.linkRetry }
}
