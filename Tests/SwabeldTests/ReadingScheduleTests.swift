import BabelCore
import Testing

@testable import swabeld

@Suite struct `When the kernel's tables are read` {
  private func at(_ milliseconds: Int64) -> Instant {
    Instant(microseconds: 100_000_000 + milliseconds * 1000)
  }

  @Test func `a reading does not fulfil a wish for a later one`() {
    var schedule = ReadingSchedule()
    schedule.request(at: at(0))
    schedule.request(at: at(1000))
    #expect(schedule.due == at(0))
    schedule.begin(at: at(0), nextCheck: .distantFuture)
    #expect(schedule.due == at(1000))
    schedule.begin(at: at(1000), nextCheck: .distantFuture)
    #expect(schedule.due == .distantFuture)
  }

  @Test func `a wish that is left over keeps its distance from the reading before`() {
    var schedule = ReadingSchedule()
    schedule.request(at: at(0))
    schedule.request(at: at(50))
    schedule.begin(at: at(0), nextCheck: .distantFuture)
    #expect(schedule.due == at(200))
  }

  @Test func `wishes close together are one, which the last of them decides`() {
    var schedule = ReadingSchedule()
    for time in 0..<10 { schedule.request(at: at(300 + Int64(time))) }
    schedule.begin(at: at(305), nextCheck: .distantFuture)
    #expect(schedule.due == at(505))
    schedule.begin(at: at(505), nextCheck: .distantFuture)
    #expect(schedule.due == .distantFuture)
  }

  @Test func `of too many wishes the last is kept, and the next check comes all the same`() {
    var schedule = ReadingSchedule()
    for time in 1...1000 { schedule.request(at: at(Int64(time) * 1000)) }
    schedule.begin(at: at(999_000), nextCheck: .distantFuture)
    #expect(schedule.due == at(1_000_000))
    schedule.begin(at: at(999_500), nextCheck: at(999_900))
    #expect(schedule.due == at(999_900))
  }
}
