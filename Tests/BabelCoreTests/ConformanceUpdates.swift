import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.7: updates.
@Suite struct `RFC 8966 §3.7 Updates` {
  @Test func `§3.7.2 a new router-id is announced urgently, two to five times`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 0, interval: 65534)
    second.announce(Example.x, metric: 10, from: Example.otherOrigin, interval: 65534)
    bench.run(20)
    bench.forget()
    let changed = bench.seconds
    first.retract(Example.x)
    bench.run(9)
    let updates = bench.updates(Example.x).filter {
      $0.update.routerID == Example.otherOrigin && !$0.update.metric.isInfinite
    }
    #expect(try #require(updates.first).seconds - changed <= 0.2)
    #expect(updates.count >= 2 || !bench.sent.flatMap(\.acknowledgmentRequests).isEmpty)
    #expect(updates.count <= 5)
  }

  @Test func `§3.7.2 a retraction is announced at once and more than once`() throws {
    let bench = try Bench()
    let first = bench.peer(0xB1)
    _ = bench.peer(0xB2)
    first.announce(Example.x, metric: 0)
    bench.run(20)
    let delay = bench.retraction(of: Example.x, within: 9) { first.retract(Example.x) }
    #expect(try #require(delay) <= 0.2)
    let retractions = bench.updates(Example.x).filter { $0.update.metric.isInfinite }
    #expect(retractions.count >= 2 || !bench.sent.flatMap(\.acknowledgmentRequests).isEmpty)
    #expect(retractions.count <= 5)
  }

  /// Updates for `x` at other times than the periodic ones within 10 s after `change`.
  private func triggered(_ change: (Peer) -> Void) throws -> Int {
    var counts: [Int] = []
    for isChanged in [true, false] {
      let bench = try Bench()
      let peer = bench.peer(0xB1)
      peer.announce(Example.x, metric: 100, interval: 65534)
      bench.run(40)
      bench.forget()
      if isChanged { change(peer) }
      bench.run(10)
      counts.append(bench.updates(Example.x).count)
    }
    return counts[0] - counts[1]
  }

  @Test func `§3.7.2 small changes of metric and new seqnos trigger nothing`() throws {
    #expect(try triggered { $0.announce(Example.x, metric: 99, interval: 65534) } <= 0)
    #expect(
      try triggered { $0.announce(Example.x, seqno: 11, metric: 101, interval: 65534) } <= 0)
    #expect(
      try triggered { $0.announce(Example.x, seqno: 11, metric: 100, interval: 65534) } <= 0)
  }

  @Test func `§3.7.1 every selected route is announced on every interface each interval`() throws {
    let bench = try Bench()
    let second = try bench.addInterface("p1")
    bench.offer(Example.own)
    let peer = bench.peer(0xB1)
    _ = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0, interval: 65534)
    bench.run(20)
    bench.forget()
    bench.run(3 * 16)
    for prefix in [Example.x, Example.own] {
      for interface in [bench.interface, second] {
        let times = bench.updates(prefix).filter { $0.packet.interface == interface }.map(\.seconds)
        #expect(times.count >= 3, "\(prefix.address)")
        for (a, b) in zip(times, times.dropFirst()) { #expect(b - a <= 16) }
      }
    }
  }

  @Test func `§3.7 own routes carry our router-id and seqno`() throws {
    let bench = try Bench(seqno: 4711)
    bench.offer(Example.own)
    _ = bench.peer(0xB1)
    bench.run(20)
    let updates = bench.updates(Example.own)
    #expect(!updates.isEmpty)
    #expect(
      updates.allSatisfy {
        $0.update.routerID == Example.ownRouterID && $0.update.seqno == Seqno(4711)
          && $0.update.metric == .zero
      })
  }

  @Test func `§3.7 learned routes keep router-id and seqno`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, seqno: 77, metric: 33)
    bench.run(20)
    let update = try #require(bench.updates(Example.x).last).update
    #expect(update.routerID == Example.origin && update.seqno == Seqno(77))
    #expect(update.metric == Metric(129))
  }

  @Test(arguments: [true, false])
  func `§3.7.4 split horizon holds back updates only where it is set`(isSet: Bool) throws {
    var parameters = InterfaceParameters()
    parameters.splitHorizon = isSet
    let bench = try Bench(parameters)
    let second = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    _ = bench.peer(0xB2, on: second)
    peer.announce(Example.x, metric: 0)
    bench.run(50)
    let updates = bench.updates(Example.x).filter { !$0.update.metric.isInfinite }
    #expect(updates.contains { $0.packet.interface == second })
    #expect(updates.contains { $0.packet.interface == bench.interface } == !isSet)
  }

  @Test func `§3.7.4 split horizon suppresses neither answers nor retractions`() throws {
    var parameters = InterfaceParameters()
    parameters.splitHorizon = true
    let bench = try Bench(parameters)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(5)
    bench.forget()
    peer.request(Example.x)
    bench.run(2.1)
    #expect(bench.updates(Example.x).contains { !$0.update.metric.isInfinite })
    bench.forget()
    peer.retract(Example.x)
    bench.run(1)
    #expect(bench.updates(Example.x).contains { $0.update.metric.isInfinite })
  }

  @Test func `§4.6.9 every packet stands alone and every update is well-formed`() throws {
    let bench = try Bench(ipv4: IPAddress("192.0.2.1"))
    let peer = bench.peer(0xB1)
    for i in 0..<300 {
      bench.offer(Example.prefix("2001:db8:\(i):\(i / 7)::", 48 + i % 17))
      bench.offer(Example.prefix("10.\(i / 200).\(i % 200).0", 24))
      peer.announce(
        Example.prefix("2001:db8:f\(i):\(i / 5)::", 64), metric: UInt16(i),
        from: RouterID(UInt64(1 + i / 10)))
    }
    bench.run(1)
    peer.retract(Example.prefix("2001:db8:f7:1::", 64))
    bench.run(40)
    var prefixes: Set<Prefix> = []
    for packet in bench.sent {
      for tlv in packet.tlvs {
        if case .ignored(let type, let fault) = tlv { Issue.record("TLV \(type): \(fault)") }
      }
      for update in packet.updates {
        prefixes.insert(update.destination)
        #expect(update.interval.centiseconds != 0)
        #expect(update.metric.isInfinite || update.routerID != nil)
        #expect(update.metric.isInfinite || update.nextHop != nil)
        if update.destination.family == .ipv4, !update.metric.isInfinite {
          #expect(update.nextHop == IPAddress("192.0.2.1"))
        }
      }
    }
    #expect(prefixes.count == 900)
  }

  @Test func `§3.2.2 the own seqno stays as it is`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    _ = bench.peer(0xB1)
    bench.run(600)
    #expect(bench.seqno == 100)
  }

  @Test func `§3.7 a node greets with wildcard request and retraction`() throws {
    let bench = try Bench()
    bench.run(2)
    let tlvs = bench.sent.flatMap(\.tlvs)
    #expect(tlvs.contains(.tlv(.wildcardRequest)))
    #expect(tlvs.contains(.tlv(.wildcardRetraction)))
  }

  @Test func `§3.7 a node that stops says so`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 0)
    bench.run(20)
    bench.forget()
    bench.input { $0.shutDown(keepingForwarding: false, at: $1, into: &$2) }
    let tlvs = bench.sent.flatMap(\.tlvs)
    #expect(tlvs.contains(.tlv(.wildcardRetraction)))
    let hello = try #require(bench.sent.flatMap(\.hellos).last)
    #expect(hello.isScheduled && hello.interval.centiseconds <= 100)
    #expect(bench.forwarding.isEmpty)
  }

  @Test func `a metric from a filter of redistribution is announced`() throws {
    var filters = FilterSet()
    var rule = FilterRule()
    rule.metric = Metric(512)
    filters.redistribute.rules = [rule]
    let bench = try Bench(filters: filters)
    bench.offer(Example.own)
    _ = bench.peer(0xB1)
    bench.run(20)
    #expect(bench.updates(Example.own).last?.update.metric == Metric(512))
  }
}
