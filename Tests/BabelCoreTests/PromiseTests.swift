import BabelCore
import BabelWire
import Testing

/// What was promised on a link ends with the link, because nobody waits for it any more.
@Suite struct `Promises` {
  /// Virtual seconds from a withdrawal to its retraction, at ten moments.
  private static func delays(_ bench: Bench, on interface: InterfaceID) -> [Double] {
    var delays: [Double] = []
    for _ in 0..<10 {
      bench.forget()
      let start = bench.seconds
      bench.withdraw(Example.own)
      bench.run(33.3)
      let first = bench.updates(Example.own).first {
        $0.update.metric.isInfinite && $0.packet.interface == interface
      }
      delays.append((first?.seconds ?? .infinity) - start)
      bench.offer(Example.own)
      bench.run(33.3)
    }
    return delays
  }

  @Test func `changes are told at once after the only link went down with one pending`() throws {
    let bench = try Bench()
    _ = bench.peer(0xB1)
    bench.run(30)
    // The change must leave within 100 ms.
    bench.offer(Example.own)
    bench.setLink(bench.interface, isUp: false)
    bench.run(1)
    bench.setLink(bench.interface, isUp: true)
    bench.run(40)
    let delays = Self.delays(bench, on: bench.interface)
    #expect(delays.allSatisfy { $0 <= 0.2 }, "\(delays)")
  }

  @Test func `a long list of changes does not hold up the next one`() throws {
    let bench = try Bench()
    _ = bench.peer(0xB1)
    bench.offer(Example.own)
    bench.run(30)
    for i: UInt64 in 0..<20_000 {
      let address = IPAddress(high: 0x2001_0DB8_0100_0000 + i, low: 0)
      bench.offer(Prefix(mapped: address, mappedLength: 64))
    }
    bench.run(3)
    let delay = bench.retraction(of: Example.own, within: 1) { bench.withdraw(Example.own) }
    #expect(try #require(delay) <= 0.2)
    #expect(bench.updates(Example.own).first?.update.metric.isInfinite == true)
  }

  @Test func `changes are told at once after an interface with one pending was removed`() throws {
    let bench = try Bench()
    _ = bench.peer(0xB1)
    bench.run(30)
    bench.offer(Example.own)
    bench.input { $0.removeInterface(bench.interface, at: $1, into: &$2) }
    bench.run(1)
    let second = try bench.addInterface("p1")
    _ = bench.peer(0xB2, on: second)
    bench.run(30)
    let delays = Self.delays(bench, on: second)
    #expect(delays.allSatisfy { $0 <= 0.2 }, "\(delays)")
  }

  @Test func `an interface that comes up while a change waits is told of the next one`() throws {
    for pause in stride(from: 0.0, through: 0.1, by: 0.002) {
      let bench = try Bench()
      _ = bench.peer(0xB1)
      let second = try bench.addInterface("p1")
      bench.run(20)
      bench.setLink(second, isUp: false)
      bench.run(1)
      bench.offer(Example.x)
      bench.setLink(second, isUp: true)
      bench.run(pause)
      bench.forget()
      bench.offer(Example.own)
      let start = bench.seconds
      bench.run(0.5)
      let first = bench.updates(Example.own).first { $0.packet.interface == second }
      #expect((first?.seconds ?? .infinity) - start <= 0.2, "after \(pause) s")
    }
  }

  @Test func `a neighbour that comes back after a flap is greeted at once`() throws {
    let bench = try Bench()
    bench.run(20)
    let peer = bench.peer(0xB1, warm: false)
    peer.say()
    bench.run(0.5)
    bench.setLink(bench.interface, isUp: false)
    bench.run(0.1)
    bench.setLink(bench.interface, isUp: true)
    bench.run(1)
    bench.forget()
    // This is within a Hello interval of the first greeting, which was lost with the link.
    peer.say()
    bench.run(0.2)
    #expect(bench.sent.filter { !$0.hellos.isEmpty }.count >= 2)
  }

  @Test func `answers to a neighbour do not hold up its full update`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let count = 4000
    for i in 0..<count {
      bench.offer(
        Prefix(
          mapped: IPAddress(high: 0x2001_0DB8_1000_0000 | UInt64(i) << 8, low: 0),
          mappedLength: 64))
    }
    bench.run(30)
    bench.forget()
    let start = bench.seconds
    peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    for _ in 0..<100 {
      // Its answer may take up to a second.
      peer.request(Example.y)
      bench.run(0.02)
    }
    let told = Set(
      bench.sent.filter { !$0.isMulticast }.flatMap { packet in
        packet.updates.map { $0.destination }
      })
    #expect(told.count >= count)
    let last = bench.sent.last { !$0.isMulticast && $0.updates.count > 1 }
    #expect(Double(last?.time ?? .max) / 1_000_000 - start <= 0.5)
  }
}
