import Foundation
import Testing

/// What must hold on every processor, looked at on this one. Tests/run lets the same checks run
/// where words have 32 bits, and on ARM64: see Fuzz/Driver/Replay.swift.
@Suite struct `Checks for all processors` {
  private static let vectors = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "BabelWireTests/Vectors")

  @Test(arguments: CheckGroup.allCases)
  func `they hold on this one`(_ group: CheckGroup) throws {
    var octets: [UInt8] = []
    if let file = group.file {
      octets = Array(try Data(contentsOf: Self.vectors.appending(path: file)))
    }
    let findings = group.run(octets)
    #expect(findings.failures.isEmpty, "\(findings.failures.prefix(10))")
    #expect(findings.checked >= 20)
  }

  @Test func `a wrong value is found`() {
    var findings = Findings()
    findings.expect("a number", 1, 2)
    findings.expect("no number", nil, 2)
    findings.expect("a text", "one", "two")
    findings.expect(false, "nothing")
    findings.expect(true, "something")
    #expect(findings.failures.count == 4 && findings.checked == 5)
  }
}
