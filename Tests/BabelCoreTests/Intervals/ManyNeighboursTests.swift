import BabelCore
import BabelWire
import Testing

/// How soon many neighbours of one link become usable.
@Suite struct `Many neighbours` {
  /// A neighbour that sends a Hello every 4 s. In its IHUs it says by 2-out-of-3 whether it hears
  /// us.
  private struct Listener {
    let peer: Peer
    var due: Int64
    var heard = 0
    var usableAt: Int64?
  }

  /// Lets neighbours begin at given times (microseconds); returns when each was usable, in
  /// seconds after it began, and the Hellos we sent meanwhile.
  private func usable(_ beginnings: [Int64], for seconds: Double) throws
    -> (delays: [Double], hellos: Int)
  {
    let bench = try Bench()
    // By now the interface has sent its own first Hellos.
    bench.run(10)
    bench.forget()
    let start = bench.now
    var listeners: [Listener] = []
    for (number, beginning) in beginnings.enumerated() {
      let peer = bench.peer(0x1000 + UInt64(number), warm: false)
      listeners.append(Listener(peer: peer, due: start + beginning))
    }
    var seen = 0
    while bench.seconds < Double(start) / 1e6 + seconds {
      bench.run(0.05)
      let hellos = bench.sent[seen...].filter { $0.isMulticast }.flatMap { $0.hellos }.count
      seen = bench.sent.count
      for i in listeners.indices where bench.now >= start + beginnings[i] {
        listeners[i].heard += hellos
        guard bench.now >= listeners[i].due else { continue }
        listeners[i].due += 4_000_000
        listeners[i].peer.rxcost = listeners[i].heard >= 2 ? 96 : 65535
        listeners[i].peer.say()
      }
      let usable = Set(
        bench.node.neighbours(at: bench.clock).filter { !$0.cost.isInfinite }.map { $0.address })
      for i in listeners.indices where listeners[i].usableAt == nil {
        if usable.contains(listeners[i].peer.address) { listeners[i].usableAt = bench.now }
      }
    }
    let delays = zip(listeners, beginnings).map { listener, beginning in
      listener.usableAt.map { Double($0 - start - beginning) / 1e6 } ?? .infinity
    }
    return (delays, bench.sent.flatMap { $0.hellos }.count)
  }

  @Test(arguments: [0, 1_000_000, 4_000_000] as [Int64])
  func `500 that greet once every 4 s are usable with their second Hello`(span: Int64) throws {
    let beginnings = (0..<500).map { Int64($0) * span / 500 }
    let (delays, hellos) = try usable(beginnings, for: Double(span) / 1e6 + 9)
    let slowest = delays.max() ?? .infinity
    print("500 neighbours within \(span / 1000) ms: usable after \(slowest) s, \(hellos) Hellos")
    #expect(slowest <= 4.15)
    // That is few Hellos for 500 neighbours that want them.
    #expect(hellos <= 40)
  }
}
