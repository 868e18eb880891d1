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
}
