import BabelWire
import Testing

@testable import BabelCore

/// Losses and jitter together with the round-trip time, of which RFC 9616 says nothing.
extension `RFC 9616 §3 Round-trip times` {
  @Test func `loss and delay of one link add up`() throws {
    var parameters = Self.tunnel()
    parameters.linkSensing = .etx
    let talk = try Talk(parameters)
    for _ in 0..<12 { talk.say(rtt: 65_000) }
    #expect(talk.bench.neighbour(talk.peer)?.cost == Metric(96 + 75))
    // Every other Hello is lost, so receiving costs twice as much.
    for _ in 0..<12 {
      _ = talk.peer.nextHello()
      talk.say(rtt: 65_000, after: 2)
    }
    let neighbour = try #require(talk.bench.neighbour(talk.peer))
    #expect(neighbour.rxcost == Metric(192))
    #expect(neighbour.cost == Metric(192 + 75))
  }

  @Test func `jitter is the mean deviation of RFC 6298, from the second sample on`() {
    var times = RoundTripTime()
    var values: [UInt32?] = []
    for (second, sample) in [UInt32(20_000), 30_000, 20_000, 20_000].enumerated() {
      let now = Instant(microseconds: Int64(second) * 1_000_000)
      times.take(sample, decay: 32, at: now)
      values.append(times.jitter(at: now))
    }
    // 10,000; then 3/4 of it and 1/4 of 1250; then of 1093.
    #expect(values == [nil, 10_000, 7812, 6132])
    #expect(times.jitter(at: Instant(microseconds: 200_000_000)) == nil)
  }

  @Test func `a bad time is remembered and fades, a change to another time is none`() {
    var times = RoundTripTime()
    var second: Int64 = 0
    func now() -> Instant { Instant(microseconds: second * 1_000_000) }
    func take(_ samples: [UInt32]) {
      for sample in samples {
        second += 4
        times.take(sample, decay: 42, at: now())
      }
    }
    take(Array(repeating: 20_000, count: 12) + [80_000, 20_000, 80_000, 20_000, 80_000])
    let worst = times.jitter(at: now()) ?? 0
    let counted = times.rememberedJitter(at: now()) ?? 0
    #expect(worst > 25_000 && counted >= worst * 3 / 4 && counted <= worst * 5 / 4)
    take(Array(repeating: 30_000, count: 39))
    let later = times.rememberedJitter(at: now()) ?? 0
    #expect(times.jitter(at: now()) ?? .max < 5_000)
    #expect((worst * 2 / 5...worst * 7 / 10).contains(later), "about half after 156 s: \(later)")
    take(Array(repeating: 30_000, count: 300))
    #expect(times.rememberedJitter(at: now()) ?? .max < 2_000)
    // It lies elsewhere: when that is known nothing is left of the deviations that told so.
    take(Array(repeating: 120_000, count: 30))
    #expect(times.rememberedJitter(at: now()) ?? .max < 3_000)
  }

  @Test func `jitter costs only what the interface says`() throws {
    for (penalty, least, most) in [(UInt16(0), UInt16(0), UInt16(0)), (200, 20, 60)] {
      var parameters = Self.tunnel(penalty: 0)
      parameters.maxJitterPenalty = Metric(penalty)
      let talk = try Talk(parameters)
      for i in 0..<30 { talk.say(rtt: i % 2 == 0 ? 40_000 : 60_000) }
      let neighbour = try #require(talk.bench.neighbour(talk.peer))
      #expect(neighbour.jitter.map { $0 > 9_000 && $0 < 16_000 } == true)
      #expect(neighbour.jitterCost >= Metric(least) && neighbour.jitterCost <= Metric(most))
      #expect(neighbour.cost == Metric(96).adding(neighbour.jitterCost))
    }
  }
}
