import BabelWire
import Foundation
import Testing

@testable import BabelCore

/// Manual, docs/configuration.md and docs/control-socket.md say the same as the code, and so the
/// same as one another: which statements there are, what holds by default, what the socket takes.
@Suite struct `Documents and code agree` {
  /// Cells of the rows of a page's tables, header and rule left out; `\|` does not occur.
  private func rows(of page: String) throws -> [[String]] {
    try documentation(page).split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
      line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  /// Rows that describe a statement or a parameter: name, values, default, meaning, example.
  private func described() throws -> [(name: String, cells: [String], example: String)] {
    try rows(of: "configuration.md").filter { $0.count == 5 && $0[4].hasPrefix("`") }.flatMap {
      cells in
      backquoted(cells[0]).map { ($0, cells, String(cells[4].dropFirst().dropLast())) }
    }
  }

  private func backquoted(_ text: String) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  /// All words in backquotes of the first cells of a page's rows.
  private func names(in page: String) throws -> [String] {
    var names: [String] = []
    for cells in try rows(of: page) { names += backquoted(cells[0]) }
    return names
  }

  private func firstWord(_ text: String) -> String { String(text.prefix { $0 != " " }) }

  /// One section of the manual.
  private func section(_ name: String) throws -> String {
    let page = try documentation("swabeld.8")
    let start = try #require(page.range(of: "\n.Sh \(name)\n")).upperBound
    let end = page.range(of: "\n.Sh ", range: start..<page.endIndex)?.lowerBound ?? page.endIndex
    return String(page[start..<end])
  }

  /// Words that head an item of a list in a section of the manual; with those that the item marks
  /// as taken at run time.
  private func items(in section: String) throws -> (all: Set<String>, runTime: Set<String>) {
    var all: Set<String> = []
    var runTime: Set<String> = []
    for line in try self.section(section).split(separator: "\n") where line.hasPrefix(".It Ic ") {
      for part in line.dropFirst(4).split(separator: " , ") {
        let words = part.split(separator: " ")
        for (index, word) in words.enumerated() where word == "Ic" && index + 1 < words.count {
          all.insert(String(words[index + 1]))
        }
        if words.contains("+"), words.count > 1 { runTime.insert(String(words[1])) }
      }
    }
    return (all, runTime)
  }

  private let options = OptionKeyword.words + ProcessKeyword.words

  @Test func `every statement heads an item of the manual and a row or a form of the page`() throws
  {
    let manual = try items(in: "CONFIGURATION").all
    let words =
      StatementKeyword.words + options + InterfaceKeyword.words + FilterKeyword.words
    #expect(words.filter { !manual.contains($0) } == [], "docs/swabeld.8")
    let page = try documentation("configuration.md")
    var described: Set<String> = []
    for name in try names(in: "configuration.md") {
      described.formUnion(name.split(separator: " ").map { String($0) })
    }
    let forms = Set(
      page.split(separator: "\n").compactMap {
        $0.split(separator: " ").first.map(String.init)
      })
    let start = try #require(page.range(of: "- `user NAME`")).lowerBound
    let process = page[start...]
    let missing = words.filter {
      !described.contains($0) && !forms.contains($0) && !process.contains("`\($0) ")
    }
    #expect(missing == [], "docs/configuration.md")
  }

  @Test func `the page has the defaults of the options`() throws {
    let told = Configuration().explanation().split(separator: "\n").map(String.init)
    var compared = 0
    for (name, cells, _) in try described() where options.contains(name) {
      let value = cells[2].replacing("`", with: "")
      // A default such as "none" or "from a MAC address" is no number, so it is not compared.
      guard Int(value) != nil || ["true", "false", "auto"].contains(value) || value.hasPrefix("/")
      else { continue }
      let lines = told.filter { $0.hasPrefix("\(name) ") || $0.hasPrefix("# \(name):") }
      let quoted = value.hasPrefix("/") ? "\"\(value)\"" : value
      let fits = lines.contains { $0 == "\(name) \(quoted)" || $0 == "# \(name): \(quoted)" }
      // The statements that an explanation does not show while they have their defaults.
      let hidden: [String: Bool] = [
        "fee": Pricing().fee == 0 && value == "0",
        "metric-factor": value == "\(Pricing().metricFactor)",
        "source-rule-priority": value == "\(Configuration().sourceRulePriority)",
        "import-table": Configuration().effectiveImportTables == [254] && value == "254",
      ]
      #expect(lines.isEmpty ? hidden[name] == true : fits, "\(name) \(value): \(lines)")
      compared += 1
    }
    #expect(compared >= 18)
  }

  @Test func `the page has the defaults of the parameters, for each type of interface`() throws {
    var compared = 0
    for type in ["wired", "wireless", "tunnel", "auto"] {
      let line = try #require(
        try parse("interface v0 type \(type)").explanation().split(separator: "\n").first {
          $0.hasPrefix("interface ")
        })
      let words = line.split(separator: " ").map(String.init)
      for (name, cells, _) in try described() where InterfaceKeyword.words.contains(name) {
        guard let wanted = value(of: cells[2], for: type) else { continue }
        guard let index = words.firstIndex(of: name), index + 1 < words.count else {
          // An explanation does not show a penalty that is off, nor its bounds.
          #expect(
            ["0", "off", "none", "false", "manual"].contains(wanted) || name.hasPrefix("jitter")
              || name.contains("loss"),
            "\(name) \(wanted) for \(type): \(line)")
          continue
        }
        #expect(words[index + 1] == wanted, "\(name) for \(type)")
        compared += 1
      }
    }
    #expect(compared >= 40)
    let parameters = InterfaceParameters(
      InterfaceSettings(), type: .wired, wirelessHello: 4000, wiredHello: 4000)
    #expect(parameters.jitterMin == 5000 && parameters.jitterMax == 50_000)
    #expect(parameters.lossWindow == 120_000 && parameters.maxLossPenalty == Metric(384))
  }

  /// What the cell of a default comes to for a type: `96; wireless 256`, `tunnel true, else false`.
  private func value(of cell: String, for type: String) -> String? {
    let text = cell.replacing("`", with: "")
    if text == "4 × Hello" { return "16" }
    if text.hasPrefix("what ") || text == "–" || text == "auto" { return nil }
    var result: String?
    for part in text.replacing(";", with: ",").split(separator: ",") {
      let words = part.split(separator: " ").map(String.init)
      if words.count == 1 {
        result = words[0]
      } else if words[0] == type || (words[0] == "else" && result == nil) {
        result = words[1]
      }
    }
    return result
  }

  @Test func `the page has the ranges of the numbers`() throws {
    var compared = 0
    for (name, cells, example) in try described() {
      guard let match = cells[1].firstMatch(of: /^([0-9.]+)–([0-9.]+)( m?s)?(, `auto`)?$/),
        let least = Double(match.1), let greatest = Double(match.2)
      else { continue }
      let hasFraction = match.1.contains(".")
      let step = hasFraction ? 0.001 : 1
      let statement = example.split(separator: " ").dropLast().joined(separator: " ")
      for value in [least, greatest, least - step, greatest + step] {
        let number = hasFraction ? String(format: "%.3f", value) : "\(Int(value))"
        let isRefused = refusal(of: "\(statement) \(number)") != nil
        #expect(isRefused == (value < least || value > greatest), "\(name): \(number)")
      }
      compared += 1
    }
    #expect(compared >= 25)
  }

  @Test func `the page has the bounds of the tables`() throws {
    let page = try documentation("configuration.md").replacing("\n", with: " ")
    let id = RouterID(0x0200_0000_0000_0001)
    let bounds = NodeParameters(routerID: id, seqno: Seqno(0), seed: 0)
    for (word, bound) in [
      ("interfaces", bounds.interfaceLimit), ("neighbours", bounds.neighbourLimit),
      ("routes", bounds.routeLimit), ("neighbour-routes", bounds.neighbourRouteLimit),
      ("denied-routes", bounds.deniedRouteLimit), ("sources", bounds.sourceLimit),
      ("originated-prefixes", bounds.originatedLimit), ("requests", bounds.requestLimit),
    ] {
      let forms = ["`\(word)` (\(bound))", "interface, \(bound))", "neighbour, \(bound))"]
      let place = try #require(page.range(of: "`\(word)` (")).lowerBound
      #expect(forms.contains { page[place...].prefix(50).contains($0) }, "\(word) \(bound)")
    }
  }

  @Test func `what is marked as taken at run time is taken, and nothing else`() throws {
    let keys = try parse("key id k1 type hmac-sha256 value 00\nkey id k2 type hmac-sha256 value 01")
    var marked: Set<String> = []
    var taken: Set<String> = []
    for (name, cells, example) in try described() where options.contains(name) {
      if cells[3].contains("*run time*") || cells[2].contains("*run time*") { marked.insert(name) }
      let line = example.hasPrefix(name) ? example : "\(name) 5"
      switch request(line, running: keys) {
      // The others are swabeld's own: a statement as in a file.
      case .bad, .configuration: continue
      case _: taken.insert(name)
      }
    }
    #expect(marked == taken, "docs/configuration.md")
    #expect(taken == ["link-detect", "log-file", "smoothing-half-life"])
    let manual = try items(in: "CONFIGURATION").runTime
    let statements: Set = ["interface", "default", "key", "flush"]
    #expect(manual == taken.union(statements), "docs/swabeld.8")
    for statement in ["interface v0", "default rxcost 5", "flush interface v0"] {
      if case .bad = request(statement, running: keys) { Issue.record("\(statement) is refused") }
    }
  }

  @Test func `every request is in the manual and on both pages`() throws {
    let requests =
      RequestKeyword.words
      + ["interface", "default", "key", "flush", "link-detect", "smoothing-half-life", "log-file"]
    let manual = try items(in: "CONTROL SOCKET").all
    #expect(requests.filter { !manual.contains($0) } == [], "docs/swabeld.8")
    let rows = try names(in: "control-socket.md").map { firstWord($0) }
    #expect(requests.filter { !rows.contains($0) } == [], "docs/control-socket.md")
    let page = try documentation("configuration.md")
    let start = try #require(page.range(of: "\n## Requests of the local socket\n")).upperBound
    let end = try #require(page.range(of: "\n## ", range: start..<page.endIndex)).lowerBound
    let listed = backquoted(String(page[start..<end])).map { firstWord($0) }
    #expect(requests.filter { !listed.contains($0) } == [], "docs/configuration.md")
    let known = requests + ["bad", "socket-dialect", "redistribute", "fee", "metric-factor"]
    #expect(listed.filter { !known.contains($0) } == [], "nothing that is not there")
  }

  @Test func `the manual does not deny what the page offers`() throws {
    let manual = try documentation("swabeld.8")
    #expect(!manual.contains("Source-specific IPv4 routes cannot"))
    let page = try documentation("configuration.md")
    #expect(page.contains("source-tables") && manual.contains("Ic source-tables"))
    // What the levels of debugging write, in both.
    for text in [page, manual.replacing("\n", with: " ")] {
      #expect(text.contains("logs interfaces and neighbours that come and go"))
      #expect(text.contains("log all changes of all tables") || text.contains("logs all changes"))
    }
  }
}
