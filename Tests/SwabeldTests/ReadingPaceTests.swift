import BabelCore
import BabelKernel
import Testing

@testable import swabeld

@Suite struct `When datagrams are read` {
  private func at(_ microseconds: Int64) -> Instant {
    Instant(microseconds: 100_000_000 + microseconds)
  }

  /// What neighbours say of their Hellos.
  private var shortest: Int64 = 4_000_000

  /// Lets a datagram come every so many microseconds for a while. Returns how often some were read,
  /// and how long the last one of any of them waited at most.
  private func run(
    every spacing: Int64, from start: Int64 = 0, for time: Int64, _ pace: inout ReadingPace
  ) -> (readings: Int, longest: Int64) {
    var waiting: [Int64] = []
    var (readings, longest) = (0, Int64(0))
    func read(_ now: Int64, _ pace: inout ReadingPace) {
      readings += 1
      for arrival in waiting { longest = max(longest, now - arrival) }
      pace.read(waiting.count, at: at(now)) { shortest }
      waiting = []
    }
    for arrival in stride(from: start, to: start + time, by: Int(spacing)) {
      while let due = pace.resumesAt, due <= at(arrival) { read(due - at(0), &pace) }
      waiting.append(arrival)
      if pace.resumesAt == nil { read(arrival, &pace) }
    }
    return (readings, longest)
  }

  @Test func `those of few neighbours are read as they come`() {
    var pace = ReadingPace()
    let (readings, longest) = run(every: 20_000, for: 5_000_000, &pace)
    #expect(readings == 250 && longest == 0)
  }

  @Test func `those of many neighbours are read together`() {
    var pace = ReadingPace()
    _ = run(every: 8000, for: 1_000_000, &pace)
    let (readings, longest) = run(every: 8000, from: 1_000_000, for: 4_000_000, &pace)
    #expect((50...110).contains(readings), "500 datagrams")
    #expect(longest <= ReadingPace.longestPause)
  }

  @Test func `no more of them wait than one call delivers`() {
    var pace = ReadingPace()
    _ = run(every: 500, for: 1_000_000, &pace)
    let (readings, longest) = run(every: 500, from: 1_000_000, for: 1_000_000, &pace)
    #expect((120...300).contains(readings), "2,000 datagrams")
    #expect(longest <= 8500)
  }

  @Test func `after a change of a route nothing waits for a second`() throws {
    var pace = ReadingPace()
    _ = run(every: 8000, for: 2_000_000, &pace)
    pace.read(1, at: at(2_000_000)) { shortest }
    #expect(try #require(pace.resumesAt) > at(2_000_000))
    pace.routeChanged(at: at(2_001_000))
    #expect(pace.resumesAt == nil)
    let (readings, longest) = run(every: 8000, from: 2_001_000, for: 990_000, &pace)
    #expect(readings == 124 && longest == 0)
    #expect(run(every: 8000, from: 3_010_000, for: 990_000, &pace).readings < 40)
  }

  @Test mutating func `quick Hellos wait for a small part of their interval`() {
    shortest = 80_000
    var pace = ReadingPace()
    let (_, longest) = run(every: 2000, for: 3_000_000, &pace)
    #expect((1...10_000).contains(longest))
  }

  @Test func `a burst does not wait, nor what comes after a silence`() {
    var pace = ReadingPace()
    _ = run(every: 8000, for: 2_000_000, &pace)
    pace.read(ReceiveBatch.size, at: at(2_000_000)) { shortest }
    #expect(pace.resumesAt == nil, "more is likely to be there")
    pace.read(0, at: at(2_010_000)) { shortest }
    #expect(pace.resumesAt == nil, "the next one is read as it comes")
    pace.read(1, at: at(9_000_000)) { shortest }
    #expect(pace.resumesAt == nil, "they are few now")
  }
}
