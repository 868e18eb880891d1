import BabelCore
import BabelKernel

/// When datagrams are read. Where hundreds of neighbours say their Hellos one after another, each
/// would wake us for itself, and waking costs more than a Hello does. So there datagrams wait a
/// little, and several are read at once.
///
/// Nothing waits while there are few neighbours, while routes change, or while more comes than one
/// call of the kernel delivers.
struct ReadingPace {
  /// Most microseconds that a datagram waits. That is a fifth of what RFC 8966 (appendix B) lets
  /// pass before something urgent leaves. None of our own Hellos is late for it.
  static let longestPause: Int64 = 40_000
  /// Microseconds for which datagrams are counted.
  static let window: Int64 = 500_000
  /// So many datagrams within that time are many.
  static let many = 50
  /// Microseconds after a change of a route in which nothing waits: more may follow.
  static let unrest: Int64 = 1_000_000

  private var windowBegan = Instant(microseconds: 0)
  private var count = 0
  /// Microseconds between two readings, 0 if there are few datagrams.
  private var pause: Int64 = 0
  private var changedAt: Instant?
  /// When datagrams are read again; nil if they are read as they come.
  private(set) var resumesAt: Instant?

  /// Notes how many datagrams were read, and decides when the next ones are. `shortest` tells the
  /// shortest time between two Hellos of a neighbour, in microseconds: a Hello counts as missed
  /// when half as much again has passed, and must not have waited for most of that.
  mutating func read(_ number: Int, at now: Instant, shortest: () -> Int64) {
    count += number
    let elapsed = now - windowBegan
    if elapsed >= Self.window {
      let isBusy = Int64(count) * Self.window >= Int64(Self.many) * elapsed
      // So short that one call will deliver what comes meanwhile.
      let filled = isBusy ? elapsed * Int64(ReceiveBatch.size) / Int64(count) : 0
      pause = isBusy ? min(Self.longestPause, filled, shortest() / 8) : 0
      windowBegan = now
      count = 0
    }
    let isCalm = changedAt.map { now - $0 >= Self.unrest } ?? true
    // Where nothing came meanwhile, the next one is read as it comes.
    let waits = pause > 0 && isCalm && number > 0 && number < ReceiveBatch.size
    resumesAt = waits ? now + pause : nil
  }

  /// Notes that a route changed: what follows is read at once.
  mutating func routeChanged(at now: Instant) {
    changedAt = now
    resumesAt = nil
  }
}
