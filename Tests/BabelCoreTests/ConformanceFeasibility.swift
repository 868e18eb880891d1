import BabelCore
import BabelWire
import Testing

/// RFC 8966 §3.2.1, §3.5.1, §3.7.3: seqnos and feasibility distances.
///
/// The source table is looked at from outside: a probe neighbour announces a distance, and the
/// status of its route tells whether that is feasible.
@Suite struct `RFC 8966 §3.5.1 Seqnos and feasibility` {
  /// A node that has announced `x` with (137, 96), its announcer and a probe.
  static func announced(
    filters: FilterSet? = nil, metric: UInt16 = 0
  ) throws -> (Bench, announcer: Peer, probe: Peer) {
    let bench = try Bench(filters: filters)
    let announcer = bench.peer(0xB1)
    // The probe's link costs so much that its route is never selected.
    let probe = bench.peer(0xB2, rxcost: 2000)
    announcer.announce(Example.x, seqno: 137, metric: metric, interval: 65534)
    bench.run(5)
    return (bench, announcer, probe)
  }

  /// Whether a distance from the probe would be feasible now.
  static func isFeasible(
    _ bench: Bench, _ probe: Peer, _ seqno: UInt16, _ metric: UInt16,
    from origin: RouterID = Example.origin
  ) throws -> Bool {
    probe.announce(Example.x, seqno: seqno, metric: metric, from: origin)
    return try #require(bench.route(Example.x, probe)).isFeasible
  }

  @Test func `§3.2.1 seqnos are compared and added modulo 65536`() {
    func less(_ a: UInt16, _ b: UInt16) -> Bool { Seqno(b).isNewer(than: Seqno(a)) }
    #expect(less(65535, 0) && !less(0, 65535) && less(0, 32767) && less(40000, 7000))
    #expect(!less(0, 32768) && !less(32768, 0) && !less(5, 5))
    #expect(Seqno(65535).next == Seqno(0))
  }

  /// Distances against (137, 96).
  static let distances: [(seqno: UInt16, metric: UInt16, isFeasible: Bool)] = [
    (137, 95, true), (137, 96, false), (137, 97, false), (138, 60000, true), (136, 0, false),
    (32905, 0, false),
  ]

  @Test(arguments: distances.indices)
  func `§3.5.1 only a strictly better distance is feasible`(row: Int) throws {
    let (bench, _, probe) = try Self.announced()
    let (seqno, metric, expected) = Self.distances[row]
    #expect(try Self.isFeasible(bench, probe, seqno, metric) == expected)
  }

  @Test func `§3.5.1 §3.2.5 another router-id has another entry, or none`() throws {
    let (bench, _, probe) = try Self.announced()
    #expect(try Self.isFeasible(bench, probe, 1, 60000, from: Example.otherOrigin))
    #expect(try !Self.isFeasible(bench, probe, 137, 96))
  }

  @Test func `§3.5.1 the advertised metric is compared, not the one with the cost`() throws {
    let (bench, _, probe) = try Self.announced()
    probe.rxcost = 5000
    probe.say()
    #expect(try Self.isFeasible(bench, probe, 137, 95))
    probe.rxcost = 10
    probe.say()
    #expect(bench.route(Example.x, probe)?.isFeasible == true)
  }

  @Test func `§3.7.3 announcing lowers the metric of the entry and never raises it`() throws {
    let (bench, announcer, probe) = try Self.announced(metric: 104)
    #expect(try !Self.isFeasible(bench, probe, 137, 200))
    #expect(try Self.isFeasible(bench, probe, 137, 199))
    probe.retract(Example.x)
    // The link costs more now: (137, 304) is announced, and (137, 200) stays in the source table.
    announcer.rxcost = 200
    announcer.say()
    bench.run(40)
    #expect(bench.updates(Example.x).last?.update.metric == Metric(304))
    #expect(try Self.isFeasible(bench, probe, 137, 199))
    #expect(try !Self.isFeasible(bench, probe, 137, 200))
    probe.retract(Example.x)
    // The link costs less now: (137, 150) is announced and stays in the source table.
    announcer.rxcost = 46
    announcer.say()
    bench.run(40)
    #expect(try !Self.isFeasible(bench, probe, 137, 150))
    #expect(try Self.isFeasible(bench, probe, 137, 149))
    probe.retract(Example.x)
    // A newer seqno replaces the entry, whatever its metric was.
    announcer.announce(Example.x, seqno: 138, metric: 354, interval: 65534)
    bench.run(40)
    #expect(try Self.isFeasible(bench, probe, 138, 399))
    #expect(try !Self.isFeasible(bench, probe, 138, 400))
    #expect(try !Self.isFeasible(bench, probe, 137, 0))
  }

  @Test func `§3.7.3 an entry lives as long as it is announced`() throws {
    let (bench, _, probe) = try Self.announced()
    bench.run(600)
    #expect(try !Self.isFeasible(bench, probe, 137, 96))
    #expect(try !Self.isFeasible(bench, probe, 136, 0))
  }

  @Test func `§3.7.3 an entry is forgotten 180 s after the last finite update`() throws {
    let (bench, announcer, probe) = try Self.announced()
    bench.run(60)
    announcer.retract(Example.x)
    let last = try #require(
      bench.updates(Example.x).last { !$0.update.metric.isInfinite })
    bench.run(last.seconds + 175 - bench.seconds)
    #expect(try !Self.isFeasible(bench, probe, 137, 500))
    bench.run(10)
    #expect(try Self.isFeasible(bench, probe, 137, 500))
  }

  @Test func `§3.7.3 the metric that counts is the one on the wire`() throws {
    var filters = FilterSet()
    var rule = FilterRule()
    rule.metric = Metric(50)
    filters.output.rules = [rule]
    let (bench, _, probe) = try Self.announced(filters: filters)
    #expect(bench.updates(Example.x).last?.update.metric == Metric(146))
    #expect(try Self.isFeasible(bench, probe, 137, 145))
    #expect(try !Self.isFeasible(bench, probe, 137, 146))
  }

  @Test func `§3.7.3 what an output filter denies leaves no entry`() throws {
    var filters = FilterSet()
    var rule = FilterRule()
    rule.metric = .infinity
    filters.output.rules = [rule]
    let (bench, _, probe) = try Self.announced(filters: filters)
    #expect(bench.updates(Example.x).allSatisfy { $0.update.metric.isInfinite })
    #expect(try Self.isFeasible(bench, probe, 136, 60000))
  }

  @Test func `§3.5.1 a stored route may become unfeasible by what we announce`() throws {
    let (bench, announcer, probe) = try Self.announced(metric: 100)
    #expect(try Self.isFeasible(bench, probe, 137, 150))
    announcer.announce(Example.x, seqno: 137, metric: 20, interval: 65534)
    bench.run(30)
    #expect(bench.updates(Example.x).last?.update.metric == Metric(116))
    #expect(bench.route(Example.x, probe)?.isFeasible == false)
    bench.forget()
    announcer.retract(Example.x)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.target(Example.x) == .unreachable)
    bench.run(0.3)
    #expect(!bench.seqnoRequests.isEmpty)
  }
}

/// RFC 8966 §3.5.2 and Appendix C: metrics.
@Suite struct `RFC 8966 §3.5.2 Metrics` {
  @Test func `§3.5.2 metrics add up, saturate and never shrink`() {
    let samples: [UInt16] = [0, 1, 95, 96, 255, 256, 4000, 32768, 65000, 65438, 65439, 65534]
    for cost in samples where cost > 0 {
      #expect(Metric(cost).adding(.infinity).isInfinite)
      var last = Metric.zero
      for metric in samples {
        let sum = Metric(metric).adding(Metric(cost))
        #expect(sum > Metric(metric))
        #expect(sum >= last)
        last = sum
      }
    }
    #expect(Metric(65000).adding(Metric(600)) == .infinity)
    #expect(Metric(65438).adding(Metric(96)) == Metric(65534))
    #expect(Metric(65439).adding(Metric(96)) == .infinity)
  }

  @Test func `§3.5.2 a sum that reaches infinity is a route that cannot be used`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 65438)
    #expect(bench.selected(Example.x)?.metric == Metric(65534))
    peer.announce(Example.y, metric: 65439)
    #expect(bench.selected(Example.y) == nil)
    #expect(bench.routes(Example.y).first?.metric == .infinity)
  }

  @Test func `§C an input filter adds to the metric or denies`() throws {
    var filters = FilterSet()
    var dear = FilterRule()
    dear.destination = Example.x
    dear.metric = Metric(1000)
    var denied = FilterRule()
    denied.destination = Example.y
    denied.metric = .infinity
    filters.input.rules = [dear, denied]
    let bench = try Bench(filters: filters)
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, metric: 10)
    #expect(bench.selected(Example.x)?.metric == Metric(1106))
    #expect(bench.selected(Example.y) == nil)
    #expect(bench.target(Example.y) == .absent)
  }

  @Test func `§C martian prefixes are rejected, default routes are not`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    let martians = [
      Example.prefix("fe80::", 64), Example.prefix("fe80::1", 128), Example.prefix("ff02::", 16),
      Example.prefix("127.0.0.1", 32), Example.prefix("0.0.0.0", 32),
      Example.prefix("224.0.0.0", 8), Example.prefix("::1", 128),
    ]
    for martian in martians { peer.announce(martian, metric: 0) }
    #expect(bench.forwarding.isEmpty)
    #expect(martians.allSatisfy { bench.routes($0).isEmpty })
    for prefix in [Prefix.ipv6Default, .ipv4Default] {
      peer.announce(prefix, metric: 0)
      #expect(bench.selected(prefix) != nil)
    }
  }
}
