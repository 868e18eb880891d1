import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

/// Whatever is left out of the log, the last line about something is no state that has passed.
@Suite struct `The last word of the log` {
  private let name: InterfaceName

  init() throws { name = try #require(InterfaceName("wg0")) }

  private func line(
    _ number: UInt64, _ outcome: LogState.Outcome, _ text: String, _ kind: LogKind = .neighbourNews
  ) -> LogLine {
    let address = IPAddress(high: 0xFE80 << 48, low: number)
    return LogLine(
      kind: kind, subject: .neighbour(address, on: name), level: .notice,
      state: LogState(.neighbour(address, name), outcome), text: text)
  }

  @Test func `a neighbour that flapped is told as usable when there is room again`() {
    var budget = LogBudget()
    var written: [String] = []
    for second in 0..<Int64(8) {
      let isUp = second % 2 == 1
      let text = isUp ? "up \(second)" : "lost \(second)"
      let news = line(1, isUp ? .neighbourUsable : .neighbourLost, text)
      if let text = budget.take(news, at: 100 + second) { written.append(text) }
    }
    #expect(written == ["lost 0", "up 1", "lost 2", "up 3", "lost 4"])
    #expect(budget.deadline == 160)
    #expect(budget.settle(at: 159).isEmpty)
    #expect(
      budget.settle(at: 160).map { $0.text } == ["up 7 (53 s ago; 2 similar lines suppressed)"])
    #expect(budget.deadline == nil && budget.settle(at: 300).isEmpty)
  }

  @Test func `what is newer takes the place of what was left out`() {
    var budget = LogBudget()
    for number in 0..<9 { _ = budget.take(line(1, .neighbourLost, "lost \(number)"), at: 100) }
    #expect(
      budget.take(line(1, .neighbourUsable, "up"), at: 160) == "up (4 similar lines suppressed)")
    #expect(budget.settle(at: 1000).isEmpty)
    for number in 0..<9 { _ = budget.take(line(2, .neighbourLost, "lost \(number)"), at: 1000) }
    budget.forget(.neighbour(IPAddress(high: 0xFE80 << 48, low: 2), name))
    #expect(budget.settle(at: 2000).isEmpty)
  }

  @Test func `losses come before finds, and one line sums up what there is no room for`() throws {
    var budget = LogBudget()
    var found = 0
    for number in 0..<100 as Range<UInt64> {
      found += budget.take(line(number, .neighbourUsable, "found"), at: 0) == nil ? 0 : 1
    }
    #expect(found == LogLimiter.linesPerKind / 2)
    #expect(budget.settle(at: 10).map { $0.text.prefix(25) } == ["85 neighbours are usable,"])
    var lost = 0
    for number in 0..<50 as Range<UInt64> {
      lost += budget.take(line(number, .neighbourLost, "lost"), at: 18) == nil ? 0 : 1
    }
    #expect(lost == LogLimiter.linesPerKind - found)
    #expect(budget.deadline == 28)
    let sum = budget.settle(at: 28)
    #expect(
      sum.map { $0.text } == [
        "35 neighbours lost, among them fe80::f on wg0, fe80::10 on wg0, fe80::11 on wg0"
      ])
  }

  @Test func `strangers have lines of their own, and what is remembered of them is limited`() {
    var budget = LogBudget()
    for number in 0..<100_000 as Range<UInt64> {
      _ = budget.take(line(number, .neighbourOneWay, "one-way", .newcomerNews), at: 0)
    }
    #expect(budget.take(line(7, .neighbourLost, "lost"), at: 0) == "lost")
    let told = budget.settle(at: 10)
    #expect(told.count == 2 && told.last?.text.hasSuffix(" were left out") == true)
  }

  @Test func `changes of routes that were left out are added up`() {
    var budget = LogBudget()
    var texts: [String] = []
    for second in 0..<Int64(10) {
      var news = RouteNews()
      let time = Instant(microseconds: second * 1_000_000)
      news.count(second % 2 == 0 ? .lost : .regained, .retracted, at: time)
      let notice = Notice.routesChanged(news)
      let line = LogLine(
        kind: .routeNews, subject: .any, level: .notice, state: LogState(notice),
        text: notice.description)
      if let text = budget.take(line, at: second) { texts.append(text) }
    }
    #expect(texts.count == LogLimiter.linesPerSubject)
    let late = budget.settle(at: 60).map { $0.text }
    #expect(late.count == 1)
    #expect(late.first?.contains("lost: 2") == true && late.first?.contains("regained: 3") == true)
  }

  @Test func `lines that a full disk lost are counted once there is room`() throws {
    let full = try FileSystem.openForUpdating("/dev/full")
    let path = "/tmp/swabeld-log-\(OwnProcess.id)"
    let log = Log(descriptor: full.rawValue)
    for number in 0..<3 { log.write(.notice, "line \(number)") }
    #expect(log.deadline != nil)
    let file = try FileSystem.openForAppending(path)
    defer { try? FileSystem.remove(path) }
    log.redirect(to: file.rawValue)
    log.settle(at: .max)
    log.write(.notice, "more")
    let text = String(decoding: try FileSystem.read(path), as: UTF8.self)
    #expect(text.contains("3 lines of the log are lost"))
    #expect(text.hasSuffix("more\n") && log.deadline == nil)
  }
}
