import BabelCore
import Testing

@testable import swabeld

@Suite struct `Patience for room in send buffers` {
  private func at(_ milliseconds: Int64) -> Instant { Instant(microseconds: milliseconds * 1000) }

  @Test func `each datagram is waited for a little, all together a twentieth of the time`() {
    var patience = RoomPatience()
    var waited: Int64 = 0
    for _ in 0..<4096 {
      let allowance = patience.allowance(at: at(10_000) + waited)
      #expect(allowance <= 5000)
      patience.note(allowance)
      waited += allowance
    }
    #expect(waited == 10_000)
    #expect(patience.allowance(at: at(10_199)) == 0)
    #expect(patience.allowance(at: at(10_200)) == 5000)
  }

  @Test func `a wait that ends early, or lasts longer than allowed, counts as it was`() {
    var patience = RoomPatience()
    for _ in 0..<8 {
      #expect(patience.allowance(at: at(0)) >= 2000)
      patience.note(1000)
    }
    #expect(patience.allowance(at: at(100)) == 2000)
    patience.note(700_000)
    #expect(patience.allowance(at: at(150)) == 0)
  }
}
