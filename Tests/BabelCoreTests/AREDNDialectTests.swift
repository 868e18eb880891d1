import BabelWire
import Testing

@testable import BabelCore

@Suite struct `AREDN's dialect of the configuration` {
  private func subject(
    _ prefix: String, by kernelProtocol: UInt8? = nil, isLocal: Bool = false
  ) throws -> FilterSubject {
    let parts = prefix.split(separator: "/").map(String.init)
    let destination = Example.prefix(parts[0], try #require(Int(parts[1])))
    var subject = FilterSubject(destination: destination, source: .any(destination.family))
    subject.kernelProtocol = kernelProtocol
    subject.isLocalAddress = isLocal
    return subject
  }

  @Test func `anyproto matches local addresses and every protocol`() throws {
    let rule = try parse("redistribute anyproto ip 10.0.0.0/8 ge 24 metric 7").filters.redistribute
      .rules[0]
    for number: UInt8 in [2, 3, 4, 16, 186] {
      #expect(rule.matches(try subject("10.1.2.0/24", by: number)), "protocol \(number)")
    }
    #expect(rule.matches(try subject("10.1.2.3/32", isLocal: true)))
    #expect(!rule.matches(try subject("10.1.0.0/16", by: 4)))
    #expect(rule.metric == Metric(7))
  }

  @Test func `anyproto changes nothing where no kernel route is judged`() throws {
    let deny = try parse("in anyproto neigh fe80::1 deny").filters.input.rules[0]
    var subject = try subject("10.1.2.0/24")
    #expect(!deny.matches(subject))
    subject.neighbour = IPAddress(octets: octets("fe80::1"))
    #expect(deny.matches(subject))
  }

  @Test(arguments: [
    ("redistribute anyproto local allow", "\"local\" replaces \"anyproto\""),
    ("redistribute proto 3 anyproto", "\"anyproto\" replaces \"proto\""),
    ("redistribute anyproto\nredistribute local deny", "test.conf:1 matches all"),
    ("redistribute anyproto ip ::/0\nredistribute proto 3 ip fd00::/8", "test.conf:1 matches all"),
  ])
  func `what anyproto makes useless is told`(text: String, remark: String) throws {
    let configuration = try parse(text)
    let found = try warnings(of: text) + configuration.review()
    #expect(found.contains { $0.message.contains(remark) }, "\(found)")
  }

  @Test func `a rule without anyproto does not cover one with it`() throws {
    let found = try parse("redistribute ip ::/0\nredistribute anyproto ip ::/0 deny").review()
    #expect(!found.contains { $0.message.contains("matches all") }, "\(found)")
  }

  @Test(arguments: [
    "redistribute anyproto deny", "max-update-retry 0", "max-update-retry 4",
    "protocol-buffer-size 65535",
  ])
  func `its statements are taken, with a remark that babeld refuses them`(text: String) throws {
    #expect(try warnings(of: text).contains { $0.message.contains("AREDN's fork") })
    let configuration = try parse(text)
    let again = try parse(configuration.explanation())
    #expect(statements(again) == statements(configuration))
  }

  /// The explanation without its comments, because those name places.
  private func statements(_ configuration: Configuration) -> [Substring] {
    configuration.explanation().split(separator: "\n").map { $0.prefix { $0 != "#" } }
  }

  @Test(arguments: ["max-update-retry", "max-update-retry -1", "protocol-buffer-size x"])
  func `numbers that the fork refuses are refused`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test func `max-update-retry bounds the copies of an Update`() throws {
    let configuration = try parse("max-update-retry 1")
    let id = RouterID(0x0200_0000_0000_0001)
    #expect(configuration.nodeParameters(routerID: id, seqno: Seqno(1), seed: 1).copyLimit == 1)
    #expect(
      Configuration().nodeParameters(routerID: id, seqno: Seqno(1), seed: 1).copyLimit == .max)
  }

  @Test func `the socket takes redistribute rules as the fork does`() throws {
    let line = "redistribute anyproto if wg1 deny"
    guard case .configuration = request(line) else {
      Issue.record("not taken as a statement")
      return
    }
    let running = try parse("socket-dialect aredn")
    guard case .redistribute(let rule) = request(line, running: running) else {
      Issue.record("not taken: \(request(line, running: running))")
      return
    }
    #expect(rule.metric.isInfinite && rule.origin == .any)
    #expect(!request(line, running: running).isReadOnly)
    guard case .bad = request("redistribute nonsense", running: running) else {
      Issue.record("nonsense was taken")
      return
    }
  }

  @Test func `a rule that is there already is not kept twice, and the chain has a limit`() throws {
    var running = try parse("socket-dialect aredn\nredistribute deny")
    for name in ["wg1", "wg2", "wg1", "wg1"] {
      let line = "redistribute anyproto if \(name) deny"
      guard case .redistribute(let rule) = request(line, running: running) else { continue }
      let isTaken = running.appendFromSocket(rule)
      #expect(isTaken)
    }
    let rules = running.filters.redistribute.rules
    #expect(rules.count == 4, "one of the file, two of the socket, the implicit one")
    #expect(rules.last?.origin == .local)
    #expect(running.explanation().contains("redistribute if wg2 anyproto deny  # local socket"))
    var refused = 0
    for number in 0..<1100 {
      let line = "redistribute proto \(number % 250) ip 10.0.0.0/8 metric \(number + 1)"
      guard case .redistribute(let rule) = request(line, running: running) else { continue }
      if !running.appendFromSocket(rule) { refused += 1 }
    }
    #expect(refused == 104)
  }
}

@Suite struct `Words of forks and of old versions` {
  /// The rows of the table at the end of docs/configuration.md: old words, what to write instead.
  private func rows() throws -> [(words: [String], cure: String)] {
    let page = try documentation("configuration.md")
    let table = try #require(page.components(separatedBy: "| Old | Instead |").last)
    return table.split(separator: "\n").compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 2, !cells[0].hasPrefix("--") else { return nil }
      let words = backquoted(cells[0])
      return (words, cells[1])
    }
  }

  private func backquoted(_ text: String) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  @Test func `each one is refused with the cure that the documentation promises`() throws {
    let rows = try rows()
    #expect(rows.count >= 10)
    for (words, cure) in rows {
      let wanted = backquoted(cure)
      for word in words {
        let lines = word.split(separator: " ").count > 1 ? [word] : [word + " true", word + " 4"]
        for line in lines {
          let filled = line.replacing("key …", with: "key id k").replacing("ID", with: "k")
          let error = try #require(refusal(of: filled), "\(filled) is taken")
          let isCured = wanted.isEmpty || wanted.contains { error.detail.contains($0) }
          #expect(isCured, "\(filled): \(error.detail)")
          #expect(error.hint != nil || error.suggestion != nil, "\(filled): \(error.detail)")
        }
      }
    }
  }

  @Test(arguments: ["v4-over-v6", "v4viav6"])
  func `v4-over-v6 is answered with v4-via-v6 wherever it stands`(word: String) throws {
    for line in ["\(word) true", "default \(word) true", "interface wg0 \(word) true"] {
      let error = try #require(refusal(of: line))
      #expect(error.hint?.contains("v4-via-v6") == true, "\(line): \(error.detail)")
    }
  }
}
