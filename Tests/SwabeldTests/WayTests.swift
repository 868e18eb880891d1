import BabelCore
import BabelWire
import Testing

@testable import swabeld

/// What `path` and `ping` take, and what they print.
@Suite struct `path and ping` {
  private static func query(_ line: String) -> PathQuery? {
    guard case .query(let query) = PathQuery.read(Array(line.utf8)) else { return nil }
    return query
  }

  private static func lines(_ query: String, _ news: [PathNews]) throws -> [String] {
    var text = PathText(try #require(Self.query(query)))
    var octets: [UInt8] = []
    for one in news { text.append(one, to: &octets) }
    return String(decoding: octets, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static func hop(
    _ number: Int, _ status: PathStatus = .forwarded, to nextHop: String? = "fe80::2"
  ) -> PathHop {
    PathHop(
      number: number, routerID: RouterID(0x0200_0000_0000_0001),
      step: PathStep(
        status: status, metric: Metric(192), linkCost: Metric(96), roundTripTime: 12_345,
        history: 0xFFF7, prefixLength: 24, nextHop: nextHop.flatMap { IPAddress($0) }),
      interface: number == 0 ? InterfaceName("wg0") : nil)
  }

  @Test func `a request is an address, perhaps with a source and a form`() {
    #expect(Self.query("path 10.0.0.1")?.form == .aligned)
    #expect(Self.query("path --json 2001:db8::1")?.form == .json)
    #expect(Self.query("path 2001:db8::1 -w from 2001:db8::2")?.source.length == 128)
    for line in [
      "path", "path x", "path 10.0.0.1 10.0.0.2", "path fe80::1", "path 127.0.0.1",
      "path 10.0.0.1 from", "path 10.0.0.1 from 2001:db8::1", "path 10.0.0.1 --nonsense",
    ] {
      guard case .mistake(let reason) = PathQuery.read(Array(line.utf8)) else {
        Issue.record("\(line) is taken")
        continue
      }
      #expect(!reason.isEmpty)
    }
    if case .other = PathQuery.read(Array("paths".utf8)) {
    } else {
      Issue.record("another request is taken")
    }
  }

  @Test func `a way is a table, and a sentence for its end`() throws {
    let lines = try Self.lines(
      "path 10.9.0.1",
      [.hop(Self.hop(0)), .hop(Self.hop(2)), .hop(Self.hop(3, .originated, to: nil))])
    #expect(
      lines == [
        "To 10.9.0.1, by the route to 10.9.0.0/24, out of wg0:",
        "HOP ROUTER-ID               NEXT HOP                   COST METRIC   RTT LOSS",
        "  0 02:00:00:00:00:00:00:01 fe80::2                      96    192  12.3   6%",
        "  1 (no answer)",
        "  2 02:00:00:00:00:00:00:01 fe80::2                      96    192  12.3   6%",
        "  3 02:00:00:00:00:00:00:01 -                             -    192  12.3    -",
        "10.9.0.0/24 is announced by the node at hop 3 as its own: there packets leave",
        "  the Babel network.",
      ])
  }

  @Test(arguments: PathStatus.allCases) func `each end has words of its own`(_ status: PathStatus)
    throws
  {
    for number in [0, 3] {
      let lines = try Self.lines("path 10.9.0.1", [.hop(Self.hop(number, status))])
      #expect(status.isEnd == (lines.last?.hasSuffix(".") == true), "\(lines)")
    }
    let json = try Self.lines("path 10.9.0.1 --json", [.hop(Self.hop(1, status))])
    #expect(json.count == (status.isEnd ? 2 : 1) && json[0].contains("\"hop\":1,"))
    if status.isEnd {
      #expect(json[1].hasPrefix("{\"end\":\"\(status.word)\",\"hop\":1,\"text\":"))
    }
  }

  @Test func `silence is told with the address that was asked`() throws {
    let lines = try Self.lines("path 10.9.0.1", [.silence(behind: Self.hop(0))])
    #expect(lines.contains { $0.hasPrefix("Nobody answers at hop 1 (fe80::2 on wg0)") })
    #expect(lines.allSatisfy { $0.utf8.count <= 80 })
  }

  @Test func `ping takes an address and a count`() {
    func request(_ line: String) -> PingRequest? { PingRequest(Array(line.utf8)) }
    #expect(request("ping 10.0.0.1")?.count == nil && request("ping 10.0.0.1") != nil)
    #expect(request("ping 2001:db8::1 count 5")?.count == 5)
    for line in ["ping", "ping x", "ping fe80::1", "ping 10.0.0.1 5", "ping 10.0.0.1 count 0"] {
      #expect(request(line) == nil, "\(line)")
    }
  }

  @Test func `answers are counted once`() {
    var tally = PingTally()
    #expect(!tally.isWaiting && tally.summary == "0 sent, 0 answered, 0% lost\n")
    let (one, two) = (tally.send(), tally.send())
    var taken = [tally.take(one, after: 1500), tally.take(one, after: 1), tally.take(9, after: 1)]
    #expect(taken == [true, false, false] && tally.isWaiting)
    taken = [tally.take(two, after: 2500)]
    #expect(taken == [true] && !tally.isWaiting)
    #expect(
      tally.summary == "2 sent, 2 answered, 0% lost\nround trip min/avg/max 1.50/2.00/2.50 ms\n")
    for _ in 0..<100 { _ = tally.send() }
    #expect(tally.summary.contains("102 sent, 2 answered, 98% lost"))
  }

  @Test func `a way is shown again if nodes or next hops are others, not for its costs`() {
    var way = WayWatch()
    func answer(_ lines: [String]) -> String {
      way.ask(at: 0)
      var text: [UInt8] = []
      for line in lines { text += way.take(Array(line.utf8)) }
      return String(decoding: text, as: UTF8.self)
    }
    #expect(answer(["  0 02:01 fe80::2 96 1", "end", "ok"]) == "  0 02:01 fe80::2 96 1\nend\n")
    #expect(answer(["  0 02:01 fe80::2 99 2", "end", "ok"]).isEmpty)
    #expect(answer(["  0 02:01 fe80::3 96 1", "end", "ok"]).hasPrefix("The way is another one:\n"))
    #expect(answer(["no reason"]).contains("The way is not known: reason"))
    #expect(!way.isAsking && way.askDue == 10_000_000)
    way.hurry(at: 5)
    #expect(way.askDue == 1_000_000)
  }
}
