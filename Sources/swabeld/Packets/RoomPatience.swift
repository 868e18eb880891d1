import BabelCore

/// How long the loop may stand still until send buffers have room again: a little for each
/// datagram, and a twentieth of the time for all together. Somebody who makes us send what the
/// kernel cannot get rid of, for example to addresses that do not exist, must not stop the loop.
struct RoomPatience {
  /// Microseconds for one datagram (babeld waits as long).
  static let wait: Int64 = 5000
  /// Microseconds for all datagrams of a period.
  static let waitInPeriod: Int64 = 10_000
  /// Microseconds of a period. It is short, because a Hello may be due at any time.
  static let period: Int64 = 200_000

  private var began = Instant(microseconds: 0)
  private var spent: Int64 = 0

  /// Microseconds that may be waited now; 0 if the time for waiting is used up.
  mutating func allowance(at now: Instant) -> Int64 {
    if now - began >= Self.period {
      began = now
      spent = 0
    }
    return max(0, min(Self.wait, Self.waitInPeriod - spent))
  }

  /// Notes how many microseconds were waited.
  mutating func note(_ waited: Int64) { spent += max(0, waited) }
}
