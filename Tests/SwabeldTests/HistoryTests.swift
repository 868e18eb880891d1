import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

@Suite struct `The history` {
  private let name: InterfaceName

  init() throws { name = try #require(InterfaceName("wg0")) }

  /// A time some seconds after the beginning.
  private func at(_ seconds: Int64) -> EventTime {
    EventTime(wall: 1_796_000_000_000_000 + seconds * 1_000_000, monotonic: seconds * 1_000_000)
  }

  private func lines(
    _ history: History, _ filter: EventFilter = .all, at seconds: Int64 = 0
  ) -> [String] {
    history.lines(filter, at: at(seconds)).split(separator: 0x0A).map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  @Test func `an interface that comes and goes is an event each time, and its outages count`() {
    var history = History()
    _ = history.interface(name, was: nil, now: "up", isUp: true, at: at(0))
    _ = history.interface(name, was: "up", now: "no-carrier", isUp: false, at: at(10))
    let line = history.interface(name, was: "no-carrier", now: "up", isUp: true, at: at(12))
    let text = String(decoding: line, as: UTF8.self)
    #expect(text.hasPrefix("event 3 \(WallClock.stamp(microseconds: at(12).wall)) interface wg0 "))
    #expect(text.hasSuffix(" was no-carrier now up\n"))
    _ = history.interface(name, was: "up", now: "link-down", isUp: false, at: at(20))
    let found = lines(history, at: 25)
    #expect(found.count == 5)
    #expect(found.last == "outages interface wg0 count 2 seconds 7.0 now down")
  }

  @Test func `what flaps without end does not push out all else, and takes little memory`() throws {
    var history = History()
    let other = try #require(InterfaceName("eth0"))
    _ = history.interface(other, was: nil, now: "up", isUp: true, at: at(0))
    for number in 0..<100_000 {
      let isUp = number % 2 == 0
      _ = history.interface(
        name, was: isUp ? "link-down" : "up", now: isUp ? "up" : "link-down", isUp: isUp,
        at: at(Int64(number / 10_000)))
    }
    #expect(history.count == History.eventsPerMinute)
    #expect(history.leftOut == 100_001 - History.eventsPerMinute)
    #expect(lines(history, .interface(other)).count == 2)
    #expect(lines(history, at: 10).last?.hasPrefix("outages interface wg0 count 50000 ") == true)
  }

  @Test func `the oldest events are forgotten`() {
    var history = History()
    for minute in 0..<Int64(100) {
      for _ in 0..<60 {
        _ = history.interface(name, was: "up", now: "refused", isUp: false, at: at(minute * 60))
      }
    }
    #expect(history.count == History.eventLimit)
    #expect(lines(history).first?.hasPrefix("event 5001 ") == true)
  }

  @Test func `outages are counted for so many neighbours and interfaces only`() throws {
    var history = History()
    for number in 0..<Int64(1000) {
      let other = try #require(InterfaceName("i\(number)"))
      _ = history.interface(other, was: nil, now: "up", isUp: true, at: at(number))
    }
    #expect(lines(history).filter { $0.hasPrefix("outages") }.count == History.outageLimit)
    #expect(lines(history).contains { $0.hasPrefix("outages interface i999 ") })
  }

  @Test func `an interface that is lost three times within ten minutes flaps`() {
    var history = History()
    for number in Int64(0)..<3 {
      _ = history.interface(name, was: nil, now: "up", isUp: true, at: at(number * 200))
      #expect(history.flapping(at: at(number * 200).monotonic).isEmpty)
      _ = history.interface(name, was: "up", now: "link-down", isUp: false, at: at(number * 200))
    }
    #expect(history.flapping(at: at(400).monotonic).map(\.count) == [3])
    #expect(history.flapping(at: at(600).monotonic).map(\.count) == [3])
    #expect(history.flapping(at: at(601).monotonic).isEmpty)
  }

  @Test func `a problem is an event of what it is about`() throws {
    var history = History()
    let address = try #require(IPAddress("fe80::2"))
    let problem = Problem(
      kind: .oneWay, severity: .serious, subject: .neighbour(address, name), text: "it is deaf",
      remedy: "Speak up.", patience: 0)
    let line = history.problem(problem, lasted: nil, at: at(0))
    #expect(
      String(decoding: line, as: UTF8.self).hasSuffix(
        " problem one-way neighbour fe80::2 if wg0 was none now serious cause it is deaf\n"))
    _ = history.problem(problem, lasted: 4_200_000, at: at(5))
    #expect(lines(history, .neighbour(address)).count == 2)
    #expect(lines(history, .interface(name)).count == 2)
    #expect(
      lines(history).last?.hasSuffix(
        " problem one-way neighbour fe80::2 if wg0 was serious now none seconds 4.2") == true)
    let other = try #require(InterfaceName("eth0"))
    #expect(lines(history, .interface(other)).isEmpty)
  }

  /// What happens to a neighbour.
  private func change(
    _ number: UInt64, to state: NeighbourUse, at seconds: Int64, wasUsable: Bool = true,
    lost: Int = 0
  ) -> Notice {
    let time = Instant(microseconds: at(seconds).monotonic)
    let address = IPAddress(high: 0xFE80 << 48, low: number)
    var routes = RouteNews()
    for index in 0..<lost {
      routes.count(.lost, .linkUnusable, at: time)
      let prefix = Prefix.any(.ipv6)
      if index == 0 {
        routes.keep(
          RouteShift(
            kind: .lost, destination: prefix, source: prefix, former: nil, selected: nil,
            reason: .linkUnusable, time: time))
      }
    }
    return .neighbourChanged(
      NeighbourChange(
        address: address, interface: name, from: state == .usable ? .unheard : .usable, to: state,
        cause: .silent, silence: nil, cost: Metric(96), time: time, wasUsable: wasUsable,
        routes: routes))
  }

  @Test func `strangers and finds leave room for losses, and what is left out is said`() {
    var history = History()
    for number in 0..<5000 as Range<UInt64> {
      _ = history.take(change(number, to: .unheard, at: 0, wasUsable: false), at: at(0))
    }
    for number in 10_000..<10_100 as Range<UInt64> {
      _ = history.take(change(number, to: .usable, at: 1), at: at(1))
    }
    for number in 10_000..<10_050 as Range<UInt64> {
      _ = history.take(change(number, to: .unheard, at: 18), at: at(18))
    }
    #expect(lines(history).filter { $0.contains("was usable now unheard") }.count == 60 + 20)
    #expect(history.deadline == at(10).monotonic)
    var told = history.settle(at: at(28))
    let marks = String(decoding: told, as: UTF8.self).split(separator: "\n")
    #expect(
      marks.map { $0.split(separator: " ").dropFirst(3).joined(separator: " ") } == [
        "left-out 90 neighbours", "left-out 4940 newcomers",
      ])
    #expect(lines(history, .neighbour(IPAddress(high: 0, low: 1))).count == 2)
    // The last states come when there is room again: losses before finds.
    told = history.settle(at: at(61))
    let late = String(decoding: told, as: UTF8.self)
    #expect(late.split(separator: "\n").count == EventWindows.heldLimit)
    #expect(late.contains("neighbour fe80::2741 if wg0 was usable now unheard"))
    #expect(!late.contains("now usable"))
    #expect(history.deadline == nil)
  }

  @Test func `the last event about what flaps is its state, with the time when it happened`() {
    var history = History()
    for number in 0..<1001 {
      let isUp = number % 2 == 0
      _ = history.interface(
        name, was: isUp ? "link-down" : "up", now: isUp ? "up" : "link-down", isUp: isUp,
        at: at(Int64(number / 100)))
    }
    #expect(lines(history, at: 10).dropLast().last?.hasSuffix(" now link-down") == true)
    _ = history.settle(at: at(20))
    _ = history.settle(at: at(60))
    let last = lines(history, at: 60).dropLast().last
    #expect(last?.contains(" \(WallClock.stamp(microseconds: at(10).wall)) ") == true)
    #expect(last?.hasSuffix(" was link-down now up") == true)
  }

  @Test func `routes of many neighbours that are lost at a time are one event`() {
    var history = History()
    for number in 0..<50 as Range<UInt64> {
      _ = history.take(change(number, to: .unheard, at: 3, lost: 1), at: at(3))
    }
    #expect(!lines(history).contains { $0.contains("change lost") })
    #expect(history.deadline == at(3).monotonic + History.pause)
    let told = String(decoding: history.settle(at: at(4)), as: UTF8.self)
    #expect(told.contains(" \(WallClock.stamp(microseconds: at(3).wall)) prefixes 50 change lost "))
    #expect(told.split(separator: "\n").count == 1)
  }

  @Test func `a short outage has the times when it began and ended`() {
    var history = History()
    var news = RouteNews()
    let start = Instant(microseconds: at(5).monotonic)
    let prefix = Prefix.any(.ipv6)
    for (kind, time) in [(RouteShift.Kind.lost, start), (.regained, start + 11_000)] {
      news.count(kind, .retracted, at: time)
      news.keep(
        RouteShift(
          kind: kind, destination: prefix, source: prefix, former: nil, selected: nil,
          reason: .retracted, time: time))
    }
    _ = history.take(.routesChanged(news), at: at(6))
    let told = String(decoding: history.settle(at: at(7)), as: UTF8.self).split(separator: "\n")
    let stamps = told.map { String($0.split(separator: " ")[2]) }
    #expect(
      stamps == [0, 11_000].map { WallClock.stamp(microseconds: at(5).wall + $0) })
    #expect(news.description.contains("within 11 ms; lost ::/0, regained ::/0"))
  }

  @Test func `requests are read word by word`() throws {
    func request(_ text: String) -> EventsRequest? { EventsRequest(Array(text.utf8)) }
    #expect(request("show events") == .show(.all))
    #expect(request(" events  --follow # now") == .follow)
    #expect(request("show events interface wg0") == .show(.interface(name)))
    #expect(
      request("show events neighbour fe80::1")
        == .show(.neighbour(try #require(IPAddress("fe80::1")))))
    #expect(
      request("show events prefix 10.0.0.0/8")
        == .show(.prefix(try #require(Prefix("10.0.0.0/8")))))
    for wrong in ["events", "show events all", "show events prefix 10", "show events interface"] {
      #expect(request(wrong) == nil)
    }
  }
}
