import BabelWire

// Before editing, read RFC 8966 Appendix A.1.

/// The Hellos of one kind (multicast or unicast) heard from one neighbour.
struct HelloHistory: Equatable {
  /// The last sixteen expected Hellos, the newest in the most significant bit; 1 means heard.
  private(set) var bits: UInt16 = 0
  /// The seqno the next Hello should carry; nil before the first.
  private(set) var expected: Seqno?
  /// Interval of the last scheduled Hello.
  private(set) var interval = Interval(centiseconds: 0)
  /// When the next scheduled Hello counts as missed.
  private(set) var deadline: Instant?
  /// When a Hello came or was missed the last time.
  private var changedAt = Instant(microseconds: 0)
  /// It is an earlier life's, and none was heard in this one.
  private var isOfEarlierLife = false

  /// Nothing was heard yet.
  init() {}

  /// What an earlier life of ours had heard when, at the time `since`, a Hello came or was missed
  /// the last time. Hellos that came while nobody listened are no misses, unless the silence was so
  /// long that a neighbour which says nothing would be lost. From now on Hellos are expected.
  init(_ record: HelloRecord, unchangedSince since: Instant, at now: Instant) {
    expected = record.expected
    interval = Interval(centiseconds: record.interval)
    isOfEarlierLife = true
    bits = record.bits
    changedAt = since
    let length = interval.microseconds
    guard length > 0 else { return }
    let pause = max(0, now - since)
    if pause > length * ProtocolParameters.lossHalves / 2 {
      // Nothing is left of a history that is shifted by its length.
      bits >>= UInt16(min(pause / length, Int64(ProtocolParameters.helloHistory)))
      changedAt = now
    }
    deadline = now + length * ProtocolParameters.helloHoldHalves / 2
  }

  /// Milliseconds since a Hello came or was missed.
  func silence(at now: Instant) -> UInt32 { Self.milliseconds(from: changedAt, to: now) }

  /// Milliseconds between two times; the most that the type holds if they are further apart.
  static func milliseconds(from start: Instant, to end: Instant) -> UInt32 {
    UInt32(clamping: (end - start) / 1000)
  }

  /// What a Hello means for the neighbour.
  enum Outcome: Equatable {
    /// It was entered.
    case entered
    /// The seqno jumped too far: the neighbour restarted and its entry is to be made anew.
    case restarted
  }

  /// Enters a Hello. An unscheduled one (interval 0) leaves the timer alone (§3.4.1). If the
  /// history `mayBeginAnew`, a seqno that jumped too far says no more than that.
  mutating func heard(
    _ seqno: Seqno, interval: Interval, mayBeginAnew: Bool = false, at now: Instant
  ) -> Outcome {
    if let expected {
      let ahead = seqno.distance(from: expected)
      if ahead > ProtocolParameters.helloJump || ahead < -ProtocolParameters.helloJump {
        guard mayBeginAnew else { return .restarted }
        bits = 0
      } else if !isOfEarlierLife || ahead < 0 {
        bits = ahead >= 0 ? bits >> UInt16(ahead) : bits << UInt16(-ahead)
      }
      isOfEarlierLife = false
    }
    bits = bits >> 1 | 0x8000
    changedAt = now
    expected = seqno.next
    if interval.centiseconds != 0 {
      self.interval = interval
      deadline = now + interval.microseconds * ProtocolParameters.helloHoldHalves / 2
    }
    return .entered
  }

  /// Enters the misses whose time has come; the next Hello is expected one interval after each.
  /// Returns whether there was one.
  mutating func expire(at now: Instant) -> Bool {
    guard let first = deadline, first <= now, interval.microseconds > 0 else { return false }
    var next = first
    var misses = 0
    // After so many misses nothing is left to forget, however late we are called.
    while next <= now, misses < ProtocolParameters.helloHistory {
      bits >>= 1
      expected = expected?.next
      next = next + interval.microseconds
      misses += 1
    }
    changedAt = now
    deadline = bits == 0 ? nil : max(next, now + 1)
    return true
  }

  /// Whether a Hello promised a next one, so that misses are noticed.
  var isScheduled: Bool { interval.centiseconds != 0 }

  /// Whether at least four of the last sixteen expected Hellos arrived: k-out-of-j of A.2.1 for
  /// Hellos that come many times as often as it is made for, so that two lost ones say nothing.
  var fourOfSixteen: Bool { bits.nonzeroBitCount >= 4 }

  /// Whether at least one of the last eight expected Hellos arrived.
  var oneOfEight: Bool { bits >> 8 != 0 }

  /// Whether these are quick Hellos beside others: they come at least twice as often.
  func isQuick(beside other: HelloHistory) -> Bool {
    isScheduled && other.isScheduled
      && 2 * UInt32(interval.centiseconds) <= UInt32(other.interval.centiseconds)
  }

  /// Whether at least two of the last three expected Hellos arrived (A.2.1).
  var twoOfThree: Bool { (bits >> 13).nonzeroBitCount >= 2 }
}
