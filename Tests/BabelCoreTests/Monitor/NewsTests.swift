import BabelWire
import Testing

@testable import BabelCore

/// What operators are told of neighbours and routes without having asked for more.
@Suite struct `News for operators` {
  private func lines(_ bench: Bench, atLeast level: NoticeLevel = .notice) -> [String] {
    bench.notices.filter { $0.level >= level }.map { $0.description }
  }

  @Test func `a neighbour is found when it is usable, and lost when it falls silent`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 100, interval: 65534)
    peer.announce(Example.y, metric: 100, interval: 65534)
    bench.run(1)
    #expect(lines(bench) == ["neighbour fe80::b1 on p0 found, cost 96"])
    bench.forget()
    peer.isTalking = false
    bench.run(12)
    #expect(
      lines(bench) == [
        "neighbour fe80::b1 on p0 lost: silent for 10.0 s; prefixes unreachable now: 2"
      ])
    bench.forget()
    // The end of its row is for those who want to know more.
    bench.run(300)
    #expect(lines(bench) == [])
  }

  @Test func `routes that have another way are told as moved`() throws {
    let bench = try Bench()
    let (first, second) = (bench.peer(0xB1), bench.peer(0xB2))
    first.announce(Example.x, metric: 100, interval: 65534)
    second.announce(Example.x, metric: 101, interval: 65534)
    bench.run(5)
    bench.forget()
    first.isTalking = false
    bench.run(12)
    let lost = try #require(lines(bench).first)
    #expect(lost.hasPrefix("neighbour fe80::b1 on p0 lost: silent for "))
    #expect(lost.hasSuffix("; routes moved elsewhere: 1"))
    let change = bench.notices.compactMap { notice in
      if case .neighbourChanged(let change) = notice { change } else { nil }
    }.first
    #expect(change?.routes.examples.first?.selected?.neighbour == IPAddress("fe80::b2"))
  }

  @Test func `a newcomer that does not hear us is told of after a while, and once`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, rxcost: 65535, warm: false)
    peer.isTalking = true
    bench.run(13)
    #expect(lines(bench) == [])
    bench.run(60)
    #expect(
      lines(bench) == ["neighbour fe80::b1 on p0 is one-way: it says that it does not hear us"])
  }

  @Test func `a link that goes down is named as the cause`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 100, interval: 65534)
    bench.run(3)
    bench.forget()
    bench.setLink(bench.interface, isUp: false)
    bench.run(1)
    #expect(
      lines(bench) == [
        "neighbour fe80::b1 on p0 lost: the interface went down; prefixes unreachable now: 1"
      ])
  }

  @Test func `a route that the kernel refuses is neither found nor lost, whenever it is tried`()
    throws
  {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let key = ForwardingKey(destination: Example.x, source: .ipv6Default, table: 254)
    peer.announce(Example.x, metric: 100, interval: 65534)
    for _ in 0..<3 {
      bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
      bench.run(2)
      bench.input { $0.forwardingMayWork(Example.x, at: $1, into: &$2) }
    }
    #expect(lines(bench, atLeast: .info).filter { $0.contains("prefixes") } == [])
    bench.run(2)
    let found = lines(bench, atLeast: .info).filter { $0.contains("prefixes new: 1;") }
    #expect(found.count == 1)
    // One that was in use is lost.
    bench.forget()
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    bench.run(2)
    #expect(
      lines(bench).filter { $0.contains("prefixes lost: 1 (cannot be installed)") }.count == 1)
  }

  @Test func `each rule that denies something is told once, with what it denied first`() throws {
    var rule = FilterRule()
    rule.metric = .infinity
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    filters.input.rules = [rule]
    filters.output.rules = [rule]
    let bench = try Bench(filters: filters)
    let peer = bench.peer(0xB1)
    for prefix in [Example.x, Example.y] { peer.announce(prefix, metric: 0) }
    bench.offer(Example.own)
    func denials() -> [RuleDenial] {
      var result: [RuleDenial] = []
      bench.input { node, _, _ in result = node.takeRuleDenials() }
      return result
    }
    bench.run(30)
    let told = denials()
    #expect(told.map { $0.chain } == [.input, .output])
    #expect(told.map { $0.destination } == [Example.x, Example.own])
    #expect(told.map { $0.neighbour } == [peer.address, nil])
    peer.announce(Example.x, seqno: 11, metric: 0)
    bench.run(30)
    #expect(denials() == [])
  }

  @Test func `prefixes that are lost and come back in one burst take one line`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let prefixes = (0..<1000).map { Example.prefix("10.\($0 / 200).\($0 % 200).0", 24) }
    for prefix in prefixes { peer.announce(prefix, metric: 100, interval: 65534) }
    bench.run(3)
    #expect(lines(bench, atLeast: .info).last?.hasPrefix("prefixes new: 1000") == true)
    bench.forget()
    for prefix in prefixes { peer.announce(prefix, metric: 65535, interval: 65534) }
    bench.run(3)
    let lost = lines(bench)
    #expect(lost.count == 1)
    #expect(
      lost[0].hasPrefix(
        "prefixes lost: 1000 (retracted by the neighbour); among them 10.0.0.0/24 via fe80::b1"))
    bench.forget()
    for prefix in prefixes { peer.announce(prefix, seqno: 11, metric: 100, interval: 65534) }
    bench.run(3)
    #expect(lines(bench).count == 1)
    #expect(lines(bench).first?.hasPrefix("prefixes regained: 1000") == true)
  }
}

@Suite struct `log-level` {
  @Test func `sets the level of one topic, or of all`() throws {
    #expect(try parse("log-level routes debug").logLevels[.routes] == .debug)
    #expect(try parse("log-level routes debug").logLevels[.neighbours] == nil)
    let all = try parse("log-level all warning\nlog-level kernel auto").logLevels
    #expect(all[.kernel] == nil && all[.socket] == .warning && all[.process] == .warning)
    #expect(try parse("log-level all error\nlog-level all auto") == parse("log-level all auto"))
  }

  @Test func `names the words that it takes`() throws {
    let topic = #expect(throws: ConfigurationError.self) { try parse("log-level route debug") }
    #expect(topic?.suggestion == "routes")
    let level = #expect(throws: ConfigurationError.self) { try parse("log-level routes loud") }
    #expect(level?.expected == "debug, info, notice, warning, error or auto")
  }
}
