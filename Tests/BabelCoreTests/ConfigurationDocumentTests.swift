import BabelWire
import Foundation
import Testing

@testable import BabelCore

@Suite struct `Configuration: docs/configuration.md` {
  private func page() throws -> [Substring] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
    return text.split(separator: "\n")
  }

  /// Rows of five or four cells, whose last one is an example in backquotes.
  private func examples() throws -> [String] {
    try page().filter { $0.hasPrefix("|") }.compactMap { line in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count >= 4, let last = cells.last, last.hasPrefix("`"), last.hasSuffix("`")
      else { return nil }
      return String(last.dropFirst().dropLast())
    }
  }

  @Test func `every example is accepted`() throws {
    let examples = try examples()
    #expect(examples.count >= 55)
    let keys = ["k1", "k2"].map { "key id \($0) type hmac-sha256 value 00\n" }.joined()
    for example in examples {
      #expect(refusal(of: keys + example) == nil, "\(example)")
    }
  }

  @Test func `every parameter of an interface is told by an explanation of a pattern`() throws {
    let examples = try examples().filter { $0.hasPrefix("interface ") && !$0.contains("key k") }
    #expect(examples.count >= 20)
    for example in examples {
      let words = example.split(separator: " ").dropFirst(2).joined(separator: " ")
      let configuration = try parse("interface x-* \(words)")
      let again = try parse(configuration.explanation())
      #expect(again.patterns == configuration.patterns, "\(example)")
      let told = String(
        decoding: try #require(configuration.statements().first), as: UTF8.self)
      // `neighbour` may be given several times.
      for word in try keywords() where word != "neighbour" && example.contains(" \(word) ") {
        #expect(told.components(separatedBy: " \(word) ").count <= 2, "once: \(example)")
      }
    }
  }

  @Test func `every statement that babeld does not have is told by an explanation`() throws {
    let statements = [
      "limit kernel-buffer 65536", "limit neighbour-routes 7", "user nobody", "socket-mode 0660",
      "socket-owner root", "socket-group adm", "socket-dialect aredn", "socket-dialect althea",
      "socket-dialect swabeld", "fee 3", "metric-factor 1500", "switch-margin 5",
      "switch-dwell 2", "kernel-nexthops true", "source-tables 1000 1100", "trust-local-port true",
      "metrics-port 9101", "metrics-path /run/m", "hook neighbour-up /bin/a",
      "log-level routes debug",
    ]
    for example in statements {
      let configuration = try parse(example)
      let again = try parse(configuration.explanation())
      #expect(again.limits == configuration.limits, "\(example)")
      #expect(again.user == configuration.user, "\(example)")
      #expect(again.socketAccess == configuration.socketAccess, "\(example)")
      #expect(again.socketDialect == configuration.socketDialect, "\(example)")
      #expect(again.pricing == configuration.pricing, "\(example)")
      #expect(again.switchMargin == configuration.switchMargin, "\(example)")
      #expect(again.switchDwell == configuration.switchDwell, "\(example)")
      #expect(again.metricsServer == configuration.metricsServer, "\(example)")
      #expect(again.hooks == configuration.hooks, "\(example)")
      #expect(again.sourceTables == configuration.sourceTables, "\(example)")
      #expect(again.logLevels == configuration.logLevels, "\(example)")
    }
  }

  @Test func `every keyword is explained`() throws {
    let keywords = try keywords()
    #expect(keywords.count >= 100)
    for known in ["protocol-group", "rxcost", "src-prefix", "neighbours", "socket-dialect"] {
      #expect(keywords.contains(known), "the list is complete")
    }
    let page = try page().joined(separator: "\n")
    let manual = try documentation("swabeld.8")
    let unexplained = keywords.filter { word in
      !["`\(word)`", "`\(word) ", " \(word)`", " \(word) ", "|\(word)", " \(word)|"].contains {
        page.contains($0)
      }
    }
    #expect(unexplained.sorted() == [], "docs/configuration.md")
    let unmanned = keywords.filter { word in
      !["Ic \(word)", "Li \(word)", "| \(word)", " \(word)\n"].contains { manual.contains($0) }
    }
    #expect(unmanned.sorted() == [], "docs/swabeld.8")
  }

  /// All words that the parser knows: the values of the lists of keywords in its source.
  private func keywords() throws -> Set<String> {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let directory = root.appendingPathComponent("Sources/BabelCore/Configuration")
    var found = Set(InterfaceKeyword.words)
    for file in try FileManager.default.contentsOfDirectory(
      at: directory, includingPropertiesForKeys: nil) where !file.path.contains("Retired")
    {
      let text = try String(contentsOf: file, encoding: .utf8)
      let list = /enum \w+: KeywordText, ConfigurationKeyword \{(.*?)\n\}/.dotMatchesNewlines()
      for match in text.matches(of: list) {
        for line in match.1.matches(of: /case ([^\n]*)/) {
          for word in line.1.split(separator: ",") {
            let parts = word.split(separator: "=")
            guard let last = parts.last else { continue }
            found.insert(String(last).trimmingCharacters(in: .init(charactersIn: " `\"")))
          }
        }
      }
    }
    return found
  }
}
