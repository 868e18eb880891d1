/// A deadline in a table row: 10 ms units in 32 bits, compared modulo 2^32.
///
/// Deadlines in rows lie at most two hours ahead (``ProtocolParameters/longestSourceLifetime``),
/// and times of past changes at most about two days back (``SmoothedMetric/keepTellable(_:at:)``):
/// far below the 248 days that can be told apart.
struct Tick: Hashable {
  let rawValue: UInt32

  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The first tick that is not before `instant`.
  init(_ instant: Instant) {
    rawValue = UInt32(truncatingIfNeeded: (instant + 9_999).microseconds / 10_000)
  }

  /// The instant this tick stands for, given that it is within 248 days of `now`.
  func instant(near now: Instant) -> Instant {
    let nowTick = now.microseconds / 10_000
    let distance = Int32(bitPattern: rawValue &- UInt32(truncatingIfNeeded: nowTick))
    return Instant(microseconds: (nowTick + Int64(distance)) * 10_000)
  }

  /// Half of so many ticks later, rounded up.
  func advanced(byHalves halves: Int64) -> Tick {
    Tick(rawValue: rawValue &+ UInt32(truncatingIfNeeded: (halves + 1) >> 1))
  }

  /// Whether it comes before another one, less than 248 days away.
  func isBefore(_ other: Tick) -> Bool { Int32(bitPattern: rawValue &- other.rawValue) < 0 }

  /// Whether the tick's time has come.
  func isDue(at now: Instant) -> Bool { instant(near: now) <= now }
}
