import BabelCore
import BabelWire
import Foundation
import Testing

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

  @Test func `every keyword is explained`() throws {
    // The error about an unknown word does not list keywords, so the lists are spelled out here;
    // each must be accepted as the first word (not "expected a statement") and be on the page.
    let page = try page().joined(separator: "\n")
    let options = [
      "protocol-group", "protocol-port", "kernel-priority", "reflect-kernel-metric",
      "allow-duplicates", "random-id", "router-id", "ipv6-subtrees", "debug", "local-port",
      "local-port-readwrite", "local-path", "local-path-readwrite", "export-table",
      "import-table", "kernel-check-interval", "shutdown-delay-ms", "link-detect",
      "smoothing-half-life", "daemonise", "skip-kernel-setup", "state-file", "pid-file",
      "log-file",
    ]
    for option in options {
      #expect(refusal(of: option)?.isIncomplete == true, "\(option)")
      #expect(page.contains("`\(option)`"), "\(option)")
    }
  }
}
