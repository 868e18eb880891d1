import BabelCore
import BabelKernel
import Testing

@testable import swabeld

@Suite struct `Programs of hooks` {
  private func errand(_ program: String, _ subject: String) -> HookErrand {
    HookErrand(
      program: Array(program.utf8), event: "neighbour-up", subject: Array(subject.utf8),
      facts: [])
  }

  @Test func `an errand that is overtaken by later news leaves its place`() {
    let hooks = HookRunner()
    for _ in 0..<1000 { #expect(hooks.add(errand("/bin/true", "one")) == nil) }
    for i in 1..<HookRunner.waitingLimit {
      #expect(hooks.add(errand("/bin/true", "\(i)")) == nil)
    }
    #expect(
      hooks.add(errand("/bin/true", "more")) == .dropped(program: Array("/bin/true".utf8)))
    #expect(hooks.add(errand("/bin/true", "one")) == nil, "it has a place already")
  }

  @Test func `many things that come and go wait each with its latest state, in turn`() {
    let hooks = HookRunner()
    for _ in 0..<30 {
      for number in 0..<100 { #expect(hooks.add(errand("/bin/true", "\(number)")) == nil) }
    }
    #expect(hooks.waitingCount == 100)
    // What changes all the time keeps its turn.
    #expect(hooks.add(errand("/bin/false", "0")) == nil)
    #expect(hooks.waitingCount == 101)
  }

  @Test func `nothing is due while nothing waits or runs`() {
    let hooks = HookRunner()
    #expect(hooks.deadline == nil)
    #expect(hooks.run(at: 0) == [])
    #expect(hooks.deadline == nil)
  }

  @Test func `only what is new is told`() {
    let hooks = HookRunner()
    #expect(!hooks.setNeighbour(1, isUp: false))
    #expect(hooks.setNeighbour(1, isUp: true))
    #expect(!hooks.setNeighbour(1, isUp: true))
    #expect(hooks.setNeighbour(2, isUp: true))
    #expect(hooks.setNeighbour(1, isUp: false))
    #expect(!hooks.setDefault(isIPv4: true, isThere: false))
    #expect(hooks.setDefault(isIPv4: true, isThere: true))
    #expect(!hooks.setDefault(isIPv4: false, isThere: false))
    #expect(hooks.setInterface([0x61], isUp: true))
    #expect(!hooks.setInterface([0x61], isUp: true))
  }

  @Test func `how long a state lasted is told from the second change on`() {
    var past = HookPast()
    #expect(past.note([1], isLoss: false, at: 5) == .init(lasted: nil, losses: 0))
    #expect(past.note([2], isLoss: true, at: 5) == .init(lasted: nil, losses: 1))
    #expect(past.note([1], isLoss: true, at: 90_000_005) == .init(lasted: 90, losses: 1))
    #expect(past.note([1], isLoss: false, at: 91_500_005) == .init(lasted: 1, losses: 1))
  }

  @Test func `the words of losses are known`() {
    let losses = HookEvent.allCases.filter(\.isLoss)
    let words = Set(losses.map(\.word))
    #expect(words.isSuperset(of: ["neighbour-down", "interface-down", "default-route-lost"]))
    #expect(words.contains("problem-found"))
    // Each loss has its end.
    #expect(losses.count * 2 == HookEvent.allCases.count)
  }

  @Test func `losses count for an hour, and up to a limit`() {
    var past = HookPast()
    _ = past.note([1], isLoss: true, at: 0)
    _ = past.note([1], isLoss: true, at: 1)
    #expect(past.note([1], isLoss: false, at: HookPast.window - 1).losses == 2)
    #expect(past.note([1], isLoss: false, at: HookPast.window).losses == 1)
    #expect(past.note([1], isLoss: false, at: HookPast.window + 1).losses == 0)
    for time in 0..<1000 {
      #expect(past.note([2], isLoss: true, at: Int64(time)).losses <= HookPast.lossLimit)
    }
    #expect(past.note([2], isLoss: false, at: 1000).losses == HookPast.lossLimit)
  }

  @Test func `of too many things the one that has not changed for longest is forgotten`() {
    var past = HookPast()
    for number in 0..<HookPast.limit { _ = past.note([UInt8(number)], isLoss: true, at: 0) }
    _ = past.note([0], isLoss: false, at: 1)
    _ = past.note([1, 1], isLoss: true, at: 2)
    #expect(past.count == HookPast.limit)
    #expect(past.note([0], isLoss: true, at: 3).losses == 2, "it has changed since")
    #expect(past.note([1], isLoss: true, at: 3).losses == 1, "it was forgotten")
  }
}
