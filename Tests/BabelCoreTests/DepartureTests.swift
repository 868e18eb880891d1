import BabelCore
import BabelWire
import Testing

@Suite struct `Leaving an interface` {
  @Test func `§3.7 everything is retracted there, and no other Hello is promised`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    _ = bench.peer(0xB1)
    bench.run(20)
    bench.forget()
    let interface = bench.interface
    bench.input { $0.sayGoodbye(on: interface, at: $1, into: &$2) }
    let tlvs = bench.sent.flatMap(\.tlvs)
    #expect(tlvs.contains(.tlv(.wildcardRetraction)))
    let hello = try #require(bench.sent.flatMap(\.hellos).last)
    #expect(hello.isScheduled && hello.interval.centiseconds == 10)
    bench.input { $0.removeInterface(interface, at: $1, into: &$2) }
    bench.forget()
    bench.run(20)
    #expect(bench.sent.isEmpty)
  }

  @Test func `nothing is said on an interface that is down`() throws {
    let bench = try Bench()
    let interface = bench.interface
    bench.setLink(interface, isUp: false)
    bench.forget()
    bench.input { $0.sayGoodbye(on: interface, at: $1, into: &$2) }
    #expect(bench.sent.isEmpty)
  }

  @Test func `a removed interface is in use until the last of its routes is withdrawn`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    for number in UInt64(0)..<50 {
      peer.announce(Example.prefix("2001:db8:\(number)::", 64), metric: 0)
    }
    let interface = bench.interface
    #expect(bench.node.usesInterface(interface) && bench.forwarding.count == 50)
    bench.input(advancing: false) { $0.removeInterface(interface, at: $1, into: &$2) }
    var slices = 0
    while bench.node.usesInterface(interface), slices < 100 {
      bench.run(0.001, budget: 7)
      slices += 1
    }
    #expect(slices > 1 && slices < 100)
    let ways = bench.forwarding.values.filter { if case .via = $0 { true } else { false } }
    #expect(ways.isEmpty)
  }
}
