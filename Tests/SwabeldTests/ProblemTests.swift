import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

/// A watch that can be asked within an expectation.
private final class Watched {
  private var watch = ProblemWatch()

  func take(_ found: ProblemList, at now: Instant) -> [ProblemNews] { watch.take(found, at: now) }
  func count(of kind: ProblemKind) -> Int { watch.count(of: kind) }
  func isSearchDue(at now: Instant) -> Bool { watch.isSearchDue(at: now) }
  var deadline: Instant { watch.deadline }
  func refuses(_ limit: Limit, _ count: UInt64, at now: Instant) -> Bool {
    watch.refuses(limit, count, at: now)
  }
  func deadRules(
    of configuration: Configuration, _ generation: Int
  ) -> [ConfigurationWarning] { watch.deadRules(of: configuration, generation) }
}

@Suite struct `Problems that operators are told of` {
  private func at(_ seconds: Double) -> Instant {
    Instant(microseconds: 1_000_000_000 + Int64(seconds * 1_000_000))
  }

  private func list(_ count: Int, _ kind: ProblemKind = .shadowed) throws -> ProblemList {
    var list = ProblemList()
    for number in 0..<count {
      let prefix = try #require(Prefix("10.0.\(number % 256).\(number / 256)/32"))
      list.add(kind, .serious, .prefix(prefix)) { ("fault \(number)", "Do something.") }
    }
    return list
  }

  private func words(_ news: [ProblemNews]) -> [String] {
    news.map {
      switch $0 {
      case .found(let problem): "\(problem.kind.word) \(problem.subject.description)"
      case .over(let problem, let lasted, _): "over \(problem.kind.word) \(lasted / 1_000_000)"
      }
    }
  }

  @Test func `one that lasts is told once, and taken back once`() throws {
    let watch = Watched()
    let one = try list(1)
    #expect(words(watch.take(one, at: at(0))).isEmpty)
    #expect(words(watch.take(one, at: at(3))).isEmpty)
    #expect(words(watch.take(one, at: at(6))) == ["shadowed 10.0.0.0/32"])
    #expect(watch.count(of: .shadowed) == 1)
    #expect(words(watch.take(one, at: at(9))).isEmpty)
    // It is missing for a moment: that is not its end.
    #expect(words(watch.take(ProblemList(), at: at(12))).isEmpty)
    #expect(words(watch.take(one, at: at(15))).isEmpty)
    #expect(words(watch.take(ProblemList(), at: at(18))).isEmpty)
    #expect(words(watch.take(ProblemList(), at: at(25))) == ["over shadowed 15"])
    #expect(watch.count(of: .shadowed) == 0)
    #expect(words(watch.take(ProblemList(), at: at(60))).isEmpty)
  }

  @Test func `an end is told with the time for which it was there, not with the wait for it`()
    throws
  {
    let watch = Watched()
    let one = try list(1)
    for second in stride(from: 0.0, through: 30, by: 3) { _ = watch.take(one, at: at(second)) }
    let news = watch.take(ProblemList(), at: at(40))
    guard case .over(_, let lasted, let end)? = news.first else {
      Issue.record("it is not over")
      return
    }
    #expect(lasted == 30_000_000 && end == at(30))
  }

  @Test func `neighbours that were never usable rank below others, and many are one problem`()
    throws
  {
    let name = try #require(InterfaceName("wg0"))
    func strangers(_ count: Int) -> ProblemList {
      var found = ProblemList()
      for number in 0..<UInt64(count) {
        let subject = Problem.Subject.neighbour(IPAddress(high: 0xFE80 << 48, low: number), name)
        found.add(.notHeard, .serious, subject) { ("stranger \(number)", "Look.") }
      }
      return found
    }
    var list = ProblemList()
    list.add(newcomers: strangers(ProblemList.newcomerLimit), on: name)
    #expect(list.all.map { $0.severity } == [.doubtful, .doubtful, .doubtful])
    list = ProblemList()
    list.add(.notHeard, .serious, .routes) { ("a neighbour that was usable", "Look.") }
    list.add(newcomers: strangers(5000), on: name)
    #expect(list.count == 2 && list.sorted.map { $0.severity } == [.serious, .doubtful])
    #expect(
      list.all.last?.text
        == "interface wg0: 5000 neighbours that were never usable are not heard any more, for "
        + "example fe80::, fe80::1, fe80::2")
  }

  @Test func `what is said of problems that are not shown is true`() {
    #expect(Daemon.rest(shown: 20, kept: 24, of: 24) == "and 4 more: swabelctl status --json")
    #expect(
      Daemon.rest(shown: 20, kept: 24, of: 80)
        == "and 60 more: swabelctl status --json shows 4; the other 56 are only counted, because "
        + "16 of a kind are kept")
    #expect(
      Daemon.rest(shown: 20, kept: 16, of: 18)
        == "and 2 more; they are only counted, because 16 of a kind are kept")
  }

  @Test func `what is drained is named with the time that is left`() throws {
    let name = try #require(InterfaceName("wg0"))
    var live = LiveCosts()
    #expect(live.drainText(at: at(0)) == nil && !live.isDrained(name))
    _ = live.drain(name, until: at(90))
    _ = live.drain(nil, until: nil)
    #expect(live.drainText(at: at(0)) == "wg0 for 1m30s more, all until undrain all")
    #expect(live.expire(at: at(89)) == nil)
    let ended = live.expire(at: at(90))
    #expect(ended?.count == 1 && ended?.first == .some(name))
    #expect(live.isDrained(name))
  }

  @Test func `one that passes is not told`() throws {
    let watch = Watched()
    let one = try list(1)
    for round in 0..<100 {
      let found = round % 2 == 0 ? one : ProblemList()
      #expect(words(watch.take(found, at: at(Double(round) * 3))).isEmpty)
    }
  }

  @Test func `one that comes back within a minute waits for its end`() throws {
    let watch = Watched()
    let one = try list(1)
    _ = watch.take(one, at: at(0))
    #expect(watch.take(one, at: at(4)).count == 1)
    #expect(words(watch.take(ProblemList(), at: at(14))) == ["over shadowed 4"])
    for second in stride(from: 17.0, to: 74, by: 3) {
      #expect(watch.take(one, at: at(second)).isEmpty, "\(second)")
    }
    #expect(words(watch.take(one, at: at(74))) == ["shadowed 10.0.0.0/32"])
  }

  @Test func `what flaps takes a line or two a minute at most`() throws {
    let watch = Watched()
    let one = try list(1)
    var told = 0
    for second in stride(from: 0.0, to: 3600, by: 3) {
      let isThere = Int(second / 15) % 2 == 0
      told += watch.take(isThere ? one : ProblemList(), at: at(second)).count
    }
    #expect(told > 20 && told <= 120)
  }

  @Test func `of many a few are followed, and all are counted`() throws {
    let watch = Watched()
    let many = try list(10_000)
    #expect(many.count == 10_000)
    #expect(many.all.count == ProblemList.limitOfKind)
    _ = watch.take(many, at: at(0))
    #expect(watch.take(many, at: at(5)).count == ProblemList.limitOfKind)
    // Other ones each time: what is remembered stays small.
    for round in 1..<50 {
      var list = ProblemList()
      for kind in ProblemKind.allCases {
        for number in 0..<20 {
          let prefix = try #require(Prefix("10.\(round).\(number).0/24"))
          list.add(kind, .doubtful, .prefix(prefix), patience: 0) { ("fault", "Cure.") }
        }
      }
      let most = ProblemWatch.limitOfKind * ProblemKind.allCases.count
      #expect(watch.take(list, at: at(5 + Double(round) * 3)).count <= most)
    }
  }

  @Test func `many of one kind do not push out one of another`() throws {
    let watch = Watched()
    for round in 0..<20 {
      var list = ProblemList()
      for number in 0..<16 {
        let prefix = try #require(Prefix("10.\(round).\(number).0/24"))
        list.add(.mtuHole, .serious, .prefix(prefix), patience: 0) { ("fault", "Cure.") }
      }
      _ = watch.take(list, at: at(Double(round) * 3))
    }
    var list = ProblemList()
    list.add(.shadowed, .serious, .kernel, patience: 0) { ("fault", "Cure.") }
    #expect(watch.take(list, at: at(63)).count == 1)
  }

  @Test func `a search is due every few seconds while one waits, and seldom otherwise`() throws {
    let watch = Watched()
    #expect(watch.isSearchDue(at: at(0)))
    _ = watch.take(ProblemList(), at: at(0))
    #expect(!watch.isSearchDue(at: at(1)) && watch.isSearchDue(at: at(3)))
    #expect(watch.deadline == at(30))
    let one = try list(1)
    _ = watch.take(one, at: at(3))
    #expect(watch.deadline == at(6))
    _ = watch.take(one, at: at(9))
    #expect(watch.deadline == at(39))
    _ = watch.take(ProblemList(), at: at(12))
    #expect(watch.deadline == at(15))
  }

  @Test func `a limit that refuses nobody for a minute is no problem any more`() {
    let watch = Watched()
    #expect(!watch.refuses(.routes, 0, at: at(0)))
    #expect(watch.refuses(.routes, 3, at: at(1)))
    #expect(watch.refuses(.routes, 3, at: at(30)))
    #expect(watch.refuses(.routes, 4, at: at(50)))
    #expect(watch.refuses(.routes, 4, at: at(100)))
    #expect(!watch.refuses(.routes, 4, at: at(111)))
  }

  @Test func `words for kinds are different and made of letters`() {
    let words = ProblemKind.allCases.map(\.word)
    #expect(Set(words).count == words.count)
    #expect(words.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
  }

  @Test func `a rule that can never match is found again when rules change`() throws {
    let text = "in ip 10.0.0.0/8 deny\nin ip 10.1.0.0/16 allow\n"
    var configuration = Configuration()
    _ = try ConfigurationParser.parse(file: Array(text.utf8), name: "file", into: &configuration)
    let watch = Watched()
    let dead = watch.deadRules(of: configuration, 1)
    #expect(dead.map(\.place) == ["file:2:1"])
    #expect(watch.deadRules(of: Configuration(), 1).isEmpty)
    #expect(watch.deadRules(of: configuration, 1).count == 1)
  }

  @Test func `refusals of the kernel are remembered, a few of them`() throws {
    var refusals = Refusals()
    func key(_ number: Int) throws -> ForwardingKey {
      let prefix = try #require(Prefix("10.0.\(number % 256).\(number / 256)/32"))
      return ForwardingKey(destination: prefix, source: .any(.ipv4), table: 254)
    }
    for number in 0..<1000 {
      refusals.note(
        Refusals.Refusal(key: try key(number), reason: "error \(number)", occupant: nil))
    }
    #expect(refusals.all.count == Refusals.limit)
    let last = try key(999)
    #expect(refusals.refusal(of: last.destination, source: last.source)?.reason == "error 999")
    refusals.forget { $0.key != last }
    #expect(refusals.all.count == 1)
  }
}

@Suite struct `Routes that stand in the way` {
  @Test(
    arguments: [
      ("10.1.0.0/16", 77, 0, "ip route del 10.1.0.0/16 table 77"),
      ("fd07::/64", 254, 5, "ip route del fd07::/64 table 254 metric 5"),
    ] as [(String, UInt32, UInt32, String)])
  func `are removed from their table`(
    prefix: String, table: UInt32, metric: UInt32, command: String
  ) throws {
    let route = KernelRoute(
      destination: try #require(Prefix(prefix)), table: table, metric: metric, kernelProtocol: 4,
      gateway: nil, ifindex: 7)
    #expect(Daemon.removal(of: route) == command)
  }
}

@Suite struct `Routes of others that the kernel prefers` {
  private func route(
    _ prefix: String, metric: UInt32, by kernelProtocol: UInt8 = 4, table: UInt32 = 254,
    ifindex: Int32 = 7, gateway: String? = nil
  ) throws -> KernelRoute {
    KernelRoute(
      destination: try #require(Prefix(prefix)), table: table, metric: metric,
      kernelProtocol: kernelProtocol, gateway: gateway.flatMap { IPAddress($0) },
      ifindex: ifindex)
  }

  @Test func `only one with a better metric that leads elsewhere counts`() throws {
    let ours = try route("fd92::/32", metric: 1024, by: 42, ifindex: 3, gateway: "fe80::2")
    func preferred(_ others: KernelRoute...) -> [UInt32] {
      var rivals = Rivals()
      for other in others { rivals.insert(other, tables: [254]) }
      return rivals.preferred { $0 == ours.forwardingKey ? ours : nil }.map(\.metric)
    }
    #expect(preferred(try route("fd92::/32", metric: 5)) == [5])
    #expect(preferred(try route("fd92::/32", metric: 7), try route("fd92::/32", metric: 5)) == [5])
    #expect(preferred(try route("fd92::/32", metric: 2000)).isEmpty)
    #expect(preferred(try route("fd92::/33", metric: 5)).isEmpty)
    #expect(preferred(try route("fd92::/32", metric: 5, table: 10)).isEmpty)
    // What the kernel makes for an address of a link, and what leads our way.
    #expect(preferred(try route("fd92::/32", metric: 5, by: 2)).isEmpty)
    #expect(
      preferred(try route("fd92::/32", metric: 5, ifindex: 3, gateway: "fe80::2")).isEmpty)
  }

  @Test func `a route that was replaced is gone, too`() throws {
    let ours = try route("fd92::/32", metric: 1024, by: 42, ifindex: 3, gateway: "fe80::2")
    var rivals = Rivals()
    rivals.insert(try route("fd92::/32", metric: 5, gateway: "fe80::7"), tables: [254])
    let next = try route("fd92::/32", metric: 5, gateway: "fe80::8")
    rivals.insert(next, tables: [254], replacing: true)
    let preferred = rivals.preferred { $0 == ours.forwardingKey ? ours : nil }
    #expect(preferred.map(\.gateway) == [IPAddress("fe80::8")])
    rivals.remove(next)
    #expect(rivals.keys.isEmpty)
  }

  @Test func `what is gone is forgotten, and what is remembered is limited`() throws {
    var rivals = Rivals()
    let one = try route("10.0.0.0/8", metric: 3)
    rivals.insert(one, tables: [254])
    rivals.insert(one, tables: [254])
    rivals.remove(one)
    #expect(rivals.keys.isEmpty)
    for number in 0..<5000 {
      rivals.insert(
        try route("10.0.\(number % 256).\(number / 256)/32", metric: 3), tables: [254])
      rivals.insert(try route("10.0.0.0/32", metric: UInt32(number)), tables: [254])
    }
    #expect(rivals.keys.count == Rivals.limit)
  }
}
