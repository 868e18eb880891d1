import TestSupport
import Testing

@testable import BabelCore

@Suite struct `Gateways: the verdict on an uplink` {
  private static let second: Int64 = 1_000_000

  private let terms = GatewayJudge.Terms(
    interval: 2 * second, failures: 3, recovery: 20 * second, longestRecovery: 100 * second)

  /// Takes rounds two seconds apart, `g` for good and `b` for bad ones; returns the time after.
  private func take(
    _ rounds: String, _ judge: inout GatewayJudge, from start: Int64 = 0
  ) -> Int64 {
    var now = start
    for round in rounds {
      _ = judge.take(isGood: round == "g", terms, at: Instant(microseconds: now))
      now += terms.interval
    }
    return now
  }

  @Test func `the first good round makes it work, and three bad ones make it dead`() {
    var judge = GatewayJudge()
    _ = take("bb", &judge)
    #expect(judge.verdict == .pending)
    _ = take("g", &judge)
    #expect(judge.verdict == .up)
    _ = take("bbgbb", &judge)
    #expect(judge.verdict == .up)
    _ = take("b", &judge)
    #expect(judge.verdict == .down && judge.flaps == 1)
    var other = GatewayJudge()
    _ = take("bbb", &other)
    #expect(other.verdict == .down)
  }

  @Test func `each failure doubles the time that it takes to come back, up to a limit`() {
    var judge = GatewayJudge()
    var now = take("g", &judge)
    var waits: [Int64] = []
    for _ in 0..<5 {
      now = take("bbb", &judge, from: now)
      let begin = now
      while judge.verdict == .down { now = take("g", &judge, from: now) }
      waits.append((now - terms.interval - begin) / Self.second)
    }
    #expect(waits == [20, 40, 80, 100, 100])
  }

  @Test func `failures are forgiven one by one`() {
    var judge = GatewayJudge(isUp: true, flaps: 3, at: Instant(microseconds: 0))
    _ = take(String(repeating: "g", count: 151), &judge)
    #expect(judge.flaps == 0)
  }

  @Test func `one bad round does not undo a recovery, a run of them does`() {
    var judge = GatewayJudge(isUp: false, flaps: 1, at: Instant(microseconds: 0))
    let now = take("gggbggbgggg", &judge)
    #expect(judge.verdict == .up)
    var other = GatewayJudge(isUp: false, flaps: 1, at: Instant(microseconds: 0))
    _ = take("gggggbbbggggg", &other, from: now)
    #expect(other.verdict == .down)
  }

  @Test(arguments: 0..<200)
  func `bounds hold in random histories`(seed: UInt64) {
    var chance = Chance(seed: seed)
    let interval = chance.between(100_000, 5_000_000)
    let recovery = chance.between(0, 60_000_000)
    let terms = GatewayJudge.Terms(
      interval: interval, failures: 1 + chance.below(5), recovery: recovery,
      longestRecovery: recovery + chance.between(0, 600_000_000))
    var judge = GatewayJudge()
    var now: Int64 = 0
    var (bad, goodSince, quality) = (0, Int64?.none, 500)
    for _ in 0..<2000 {
      if chance.oneIn(50) { quality = chance.pick([0, 20, 500, 950, 1000]) }
      let isGood = chance.happens(permille: quality)
      let before = judge
      let hasChanged = judge.take(isGood: isGood, terms, at: Instant(microseconds: now))
      #expect(hasChanged == (before.verdict != judge.verdict))
      bad = isGood ? 0 : bad + 1
      if bad >= terms.failures { goodSince = nil } else if isGood { goodSince = goodSince ?? now }
      // Dead is what has failed so often in a row, and nothing else becomes dead.
      if bad >= terms.failures { #expect(judge.verdict == .down) }
      if judge.verdict == .down, before.verdict != .down { #expect(bad == terms.failures) }
      // It comes back when it has been good for the time, and not before.
      if before.verdict == .down {
        let isDue = isGood && goodSince.map { now - $0 >= before.waitingTime(terms) } ?? false
        #expect((judge.verdict == .up) == isDue)
      }
      #expect((0...GatewayJudge.failureLimit).contains(judge.flaps))
      #expect(judge.flaps > 0 || judge.verdict != .down)
      let wait = judge.waitingTime(terms)
      #expect(wait >= terms.recovery && wait <= terms.longestRecovery)
      #expect(judge.timeLeft(terms, at: Instant(microseconds: now)).map { $0 >= 0 } ?? true)
      let end = now + chance.between(0, interval / 2)
      let next = judge.nextRound(
        after: Instant(microseconds: now), endingAt: Instant(microseconds: end), terms)
      #expect(next.microseconds >= max(end, now + interval / 4))
      #expect(next.microseconds <= max(end, now + interval))
      now = next.microseconds
    }
  }

  @Test func `with the defaults three intervals are enough to notice`() {
    let usual = GatewayJudge.Terms(
      interval: 2_000_000, failures: 3, recovery: 20_000_000, longestRecovery: 600_000_000)
    let patience: Int64 = 1_000_000
    var judge = GatewayJudge(isUp: true, flaps: 0, at: Instant(microseconds: 0))
    // It dies right after it has answered at 0.
    var begin = judge.nextRound(
      after: Instant(microseconds: 0), endingAt: Instant(microseconds: 1), usual)
    var end = begin
    while judge.verdict == .up {
      end = begin + patience
      _ = judge.take(isGood: false, usual, at: end)
      begin = judge.nextRound(after: begin, endingAt: end, usual)
    }
    #expect(end.microseconds == 5_000_000)
  }
}
