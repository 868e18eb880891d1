import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: files found in the wild` {
  @Test func `are found`() {
    #expect(realConfigurations.count >= 13)
    #expect(allRealConfigurations.count >= 25)
  }

  @Test(arguments: realConfigurations)
  func `are accepted`(file: RealConfiguration) throws {
    _ = try parse(file.text)
    _ = try parse(file.text.split(separator: "\n").joined(separator: "\r\n"))
  }

  @Test(arguments: realConfigurations)
  func `are accepted line by line with -C`(file: RealConfiguration) throws {
    var configuration = Configuration()
    for line in file.text.split(separator: "\n") {
      try ConfigurationParser.parse(statement: Array(line.utf8), into: &configuration)
    }
  }

  @Test(arguments: allRealConfigurations.filter { $0.refused == nil }.flatMap { $0.statements })
  func `statements given with -C are accepted`(statement: String) throws {
    var configuration = Configuration()
    try ConfigurationParser.parse(statement: octets(statement), into: &configuration)
  }

  @Test(arguments: [
    "diversity 3", "diversity-factor 128", "interface wlan0 channel 3", "v4-over-v6 true",
    "interface wlan0 v4-over-v6 true", "default v4viav6 true", "kernel-install false",
    "keep-unfeasible true", "first-table-number 7",
    "first-rule-priority 100", "interface wlan0 interfering true",
    "key id sign type blake2s value 00", "default hmac sign",
  ])
  func `statements of forks and old versions are refused`(statement: String) {
    #expect(refusal(of: statement) != nil)
  }

  @Test func `what the exit server's rules come to`() throws {
    let file = try #require(realConfigurations.first { $0.title.hasSuffix("exit server") })
    let rules = try parse(file.text).filters.redistribute.rules
    // "proto" overrides "local", "allow" overrides "metric".
    #expect(rules[0].origin == .kernelProtocol(3))
    #expect(rules[0].metric == .zero)
    #expect(rules[1].origin == .unspecified)
    #expect(rules[1].metric == Metric(128))
  }

  @Test func `the deprecated words of community firmware are told`() throws {
    let file = try #require(realConfigurations.first { $0.title.contains("deprecated") })
    #expect(try warnings(of: file.text).map { $0.kind } == [.deprecated])
  }
}
