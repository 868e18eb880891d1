import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: files found in the wild` {
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

  @Test(arguments: [
    "default enable-timestamps true", "default max-rtt-penalty 96", "default rtt-min 25",
    "out ip 2000::/3 deny", "redistribute src-ip 2001:db8::/48 ip 2000::/3 allow",
    "redistribute ip 2001:db8:42::/48 eq 48", "in ip 2001:db8::/32", "in if wg0 deny",
    "in neigh fe80::1 deny", "redistribute local if wlan0", "redistribute if eth0 metric 128",
    "redistribute ip 0.0.0.0/0 le 28 metric 128",
  ])
  func `statements given with -C are accepted`(statement: String) throws {
    var configuration = Configuration()
    try ConfigurationParser.parse(statement: octets(statement), into: &configuration)
  }

  @Test(arguments: [
    "diversity 3", "diversity-factor 128", "interface wlan0 channel 3", "v4-over-v6 true",
    "interface wlan0 v4-over-v6 true", "default v4viav6 true", "kernel-install false",
    "router-id 1.2.3.4", "keep-unfeasible true", "first-table-number 7",
    "first-rule-priority 100", "interface wlan0 interfering true",
    "key id sign type blake2s value 00", "default hmac sign",
  ])
  func `statements of forks and old versions are refused`(statement: String) {
    #expect(refusal(of: statement) != nil)
  }

  @Test func `what the exit server's rules come to`() throws {
    let file = try #require(realConfigurations.first { $0.name == "exit server" })
    let rules = try parse(file.text).filters.redistribute.rules
    // "proto" overrides "local", "allow" overrides "metric".
    #expect(rules[0].origin == .kernelProtocol(3))
    #expect(rules[0].metric == .zero)
    #expect(rules[1].origin == .unspecified)
    #expect(rules[1].metric == Metric(128))
  }

  @Test func `the deprecated words of community firmware are told`() throws {
    let file = try #require(realConfigurations.first { $0.name.contains("deprecated") })
    #expect(try warnings(of: file.text).map { $0.kind } == [.deprecated])
  }
}
