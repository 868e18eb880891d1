import BabelWire
import Testing

@testable import BabelCore

/// When a better route replaces a usable one (RFC 8966 §A.3): `switch-margin` and `switch-dwell`.
@Suite struct `Switching for a better metric` {
  static func rule(margin: UInt16? = nil, dwell: Int64? = nil, measured: Bool = true) -> SwitchRule
  {
    SwitchRule(configuredMargin: margin, configuredDwell: dwell, isMeasured: measured)
  }

  /// A metric, its average if that is another, and what is known of it.
  static func standing(
    _ metric: UInt16, _ smoothed: UInt16? = nil, calm: Bool = false, awaits: Bool = false
  ) -> MetricStanding {
    MetricStanding(
      metric: Metric(metric), smoothed: Metric(smoothed ?? metric), isFirst: smoothed == nil,
      unchangedTime: calm ? 15_000_000 : 14_000_000, awaitsRoundTripTime: awaits)
  }

  static let verdicts:
    [(SwitchRule, MetricStanding, MetricStanding, seconds: Int64, SwitchRule.Verdict)] = [
      // Costs are not measured and nothing is configured, so the averages alone decide.
      (rule(measured: false), standing(199), standing(200), 0, .wins),
      (rule(measured: false), standing(100, 250), standing(200), 9, .settles),
      (rule(measured: false), standing(100, 199), standing(200), 0, .wins),
      // Costs are measured: a route must be better by 12 for four seconds, also on average.
      (rule(), standing(189, 190), standing(200, 205), 60, .isTooClose),
      (rule(), standing(188, 180), standing(200, 192), 4, .wins),
      (rule(), standing(188, 180), standing(200, 192), 3, .settles),
      (rule(), standing(188, 181), standing(200, 192), 60, .settles),
      // A new route that is better is taken at once, if the other metric is steady or falls.
      (rule(), standing(150), standing(200), 0, .wins),
      (rule(), standing(150), standing(200, 220), 0, .wins),
      (rule(), standing(150), standing(200, 180), 0, .settles),
      (rule(), standing(150, awaits: true), standing(200), 0, .settles),
      (rule(), standing(150, awaits: true), standing(200), 4, .wins),
      // If both metrics have not changed for long, no margin is needed.
      (rule(), standing(199, calm: true), standing(200, calm: true), 0, .wins),
      (rule(), standing(199, calm: true), standing(200), 0, .isTooClose),
      (rule(), standing(199), standing(200, calm: true), 0, .isTooClose),
      (rule(margin: 5), standing(199, calm: true), standing(200, calm: true), 0, .isTooClose),
      // If margin and dwell are configured, they hold without exceptions.
      (rule(margin: 50), standing(151), standing(200), 60, .isTooClose),
      (rule(margin: 50, measured: false), standing(151), standing(200), 60, .isTooClose),
      (rule(margin: 50, measured: false), standing(150), standing(200), 0, .wins),
      (rule(margin: 0), standing(199, 197), standing(200), 4, .wins),
      (rule(dwell: 30_000_000), standing(100), standing(200), 29, .settles),
      (rule(dwell: 30_000_000, measured: false), standing(100), standing(200), 29, .settles),
      (rule(dwell: 30_000_000), standing(100), standing(200), 30, .wins),
      (rule(dwell: 0), standing(188, 186), standing(200), 0, .wins),
    ]

  @Test(arguments: verdicts.indices)
  func `a better route wins, settles or is too close`(row: Int) {
    let (rule, route, selected, seconds, expected) = Self.verdicts[row]
    #expect(rule.verdict(route, over: selected, for: seconds * 1_000_000) == expected)
  }

  /// A node with two neighbours that announce the same prefix; the first one's route is selected.
  struct Choice {
    let bench: Bench
    let first: Peer
    let second: Peer

    init(margin: UInt16?, dwell: UInt32?) throws {
      bench = try Bench {
        $0.switchMargin = margin
        $0.switchDwell = dwell
        $0.smoothingHalfLife = 0
      }
      first = bench.peer(0xB1)
      second = bench.peer(0xB2)
      first.announce(Example.x, metric: 100, interval: 65534)
      second.announce(Example.x, metric: 180, interval: 65534)
      bench.run(30)
    }

    var isFirst: Bool { bench.selected(Example.x)?.neighbour == first.address }

    /// Changes the metric that the second neighbour announces.
    func improve(to metric: UInt16) { second.announce(Example.x, metric: metric, interval: 65534) }
  }

  @Test func `switch-dwell: a better route is taken when it has been better for so long`() throws {
    let choice = try Choice(margin: nil, dwell: 10_000)
    choice.improve(to: 20)
    choice.bench.run(9)
    #expect(choice.isFirst)
    #expect(choice.bench.route(Example.x, choice.second)?.reason == .settling)
    choice.bench.run(3)
    #expect(!choice.isFirst)
  }

  @Test func `switch-dwell: the time begins anew when the route is worse in between`() throws {
    let choice = try Choice(margin: nil, dwell: 10_000)
    for _ in 0..<5 {
      choice.improve(to: 20)
      choice.bench.run(8)
      choice.improve(to: 180)
      choice.bench.run(1)
    }
    #expect(choice.isFirst)
    choice.improve(to: 20)
    choice.bench.run(12.5)
    #expect(!choice.isFirst)
  }

  @Test func `switch-margin: less than that is not enough, ever`() throws {
    let choice = try Choice(margin: 50, dwell: nil)
    choice.improve(to: 51)
    choice.bench.run(300)
    #expect(choice.isFirst)
    #expect(choice.bench.route(Example.x, choice.second)?.reason == .withinMargin)
    choice.improve(to: 50)
    #expect(!choice.isFirst)
  }

  @Test func `a small difference counts once both metrics stand still, Updates or not`() throws {
    var measured = InterfaceParameters()
    measured.linkSensing = .etx
    let bench = try Bench(measured)
    let first = bench.peer(0xB1)
    let second = bench.peer(0xB2)
    first.announce(Example.x, metric: 100)
    second.announce(Example.x, metric: 180)
    bench.run(40)
    for _ in 0..<10 {
      first.announce(Example.x, metric: 100)
      second.announce(Example.x, metric: 92)
      bench.run(4)
    }
    #expect(bench.selected(Example.x)?.neighbour == second.address)
  }

  @Test func `failures wait neither for a margin nor for a time`() throws {
    let failures: [(String, (Choice) -> Void)] = [
      ("retraction", { $0.first.retract(Example.x) }),
      (
        "infinite metric",
        { $0.first.announce(Example.x, seqno: 11, metric: 65500, interval: 65534) }
      ),
      (
        "unfeasible under another router-id",
        {
          $0.first.announce(Example.x, metric: 90, from: Example.otherOrigin, interval: 65534)
          $0.first.retract(Example.x)
        }
      ),
      (
        "the link says that it does not hear us",
        {
          $0.first.rxcost = 65535
          $0.first.say()
        }
      ),
      (
        "the neighbour is silent",
        {
          $0.first.isTalking = false
          $0.bench.run(10.5)
        }
      ),
    ]
    for (what, fail) in failures {
      let choice = try Choice(margin: 1000, dwell: 3_600_000)
      fail(choice)
      choice.bench.run(0.01)
      #expect(
        choice.bench.selected(Example.x)?.neighbour == choice.second.address, "\(what)")
    }
  }

  @Test func `a prefix that is held and comes back is not kept waiting`() throws {
    let choice = try Choice(margin: 10, dwell: 10_000)
    choice.improve(to: 20)
    choice.bench.run(5)
    choice.first.retract(Example.x)
    choice.second.retract(Example.x)
    choice.bench.run(1)
    #expect(choice.bench.target(Example.x) == .unreachable)
    choice.bench.run(300)
    #expect(choice.bench.target(Example.x) == .absent)
    choice.first.announce(Example.x, metric: 100, interval: 65534)
    #expect(choice.isFirst)
  }

  @Test func `the first round-trip time is no change of the metric`() throws {
    let tunnel = `RFC 9616 §3 Round-trip times`.tunnel()
    let talk = try `RFC 9616 §3 Round-trip times`.Talk(tunnel)
    let other = talk.bench.peer(0xB2, hello: 100, rxcost: 142)
    let hellos = 3
    for _ in 0..<hellos {
      talk.bench.run(1)
      talk.peer.say()
    }
    talk.peer.announce(Example.x, metric: 0, interval: 65534)
    other.announce(Example.x, metric: 50, interval: 65534)
    talk.bench.run(1)
    #expect(talk.bench.selected(Example.x)?.neighbour == talk.peer.address)
    // 218 against 192.
    talk.say(rtt: 100_000)
    talk.bench.run(0.01)
    #expect(talk.bench.selected(Example.x)?.neighbour == other.address)
  }
}
