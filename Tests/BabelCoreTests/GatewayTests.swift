import BabelWire
import Testing

@testable import BabelCore

private let plain = "gateway up interface eth0 prefix 0.0.0.0/0 probe icmp 9.9.9.9"

@Suite struct `Gateways: the statement` {
  @Test func `it says all that a gateway needs`() throws {
    let text =
      "gateway up interface eth0 prefix 0.0.0.0/0 prefix 10.0.0.0/8 table 100 "
      + "probe icmp 9.9.9.9 probe tcp 192.0.2.1:443 probe http http://192.0.2.2:8080/x "
      + "probe dns 192.0.2.3 example.org need 2 interval 1.5 timeout 0.5 fail 4 recover 30 "
      + "max-recover 90 penalty 1000 mark 7"
    let gateway = try #require(try parse(text).gateways.first)
    #expect(try gateway.title == "up" && gateway.interface == .named("eth0"))
    #expect(gateway.prefixes.count == 2 && gateway.table == 100 && gateway.mark == 7)
    #expect(
      gateway.probes.map { $0.kind } == [
        .icmp, .tcp(443), .http(8080, path: Array("/x".utf8)), .dns(Array("example.org".utf8)),
      ])
    #expect(gateway.needed == 2 && gateway.interval == 1500 && gateway.effectivePatience == 500)
    #expect(gateway.failures == 4 && gateway.recovery == 30_000)
    #expect(gateway.longestRecovery == 90_000 && gateway.penalty == Metric(1000))
    let line = try #require(try parse(text).statements().first)
    #expect(String(decoding: line, as: UTF8.self) == text)
  }

  @Test(arguments: [
    plain, plain + " penalty 5 withdraw", plain + " interval 3600",
    "gateway v6 interface wg0 prefix ::/0 probe tcp [2001:db8::1]:80 probe http [2001:db8::1]/a",
    "gateway w interface wg0 prefix default probe http http://[2001:db8::1]:81",
    "gateway d interface wg0 prefix 0.0.0.0/0 probe dns 9.9.9.9 a.b. recover 4000",
  ])
  func `what it says can be read again`(text: String) throws {
    let configuration = try parse(text)
    let lines = configuration.statements().map { String(decoding: $0, as: UTF8.self) }
    let again = try parse(lines.joined(separator: "\n"))
    #expect(again.gateways == configuration.gateways && lines.count == 1)
    let explained = try parse(configuration.explanation()).gateways
    #expect(explained.count == configuration.gateways.count)
    #expect(zip(explained, configuration.gateways).allSatisfy { $0.saysTheSame(as: $1) })
  }

  @Test(arguments: [
    "gateway", "gateway up", "gateway up interface", "gateway up prefix 0.0.0.0/0 interface eth0",
    "gateway up interface eth0", "gateway up interface eth0 prefix 0.0.0.0/0",
    "gateway up interface eth0 probe icmp 9.9.9.9", "gateway a/b interface eth0",
    plain + " probe icmp", plain + " probe icmp example.org", plain + " probe ping 9.9.9.9",
    plain + " probe tcp 9.9.9.9", plain + " probe tcp 9.9.9.9:0",
    plain + " probe tcp 9.9.9.9:70000", plain + " probe http example.org/",
    plain + " probe http [9.9.9.9", plain + " probe dns 9.9.9.9", plain + " probe dns 9.9.9.9 a..b",
    plain + " probe icmp 2001:db8::1", plain + " prefix ::/0",
    plain + " need 2", plain + " need 0", plain + " interval 0", plain + " interval 1 timeout 2",
    plain + " recover 10 max-recover 5", plain + " penalty 0", plain + " penalty 65535",
    plain + " interface eth1", plain + " probe icmp 127.0.0.1", plain + " probe icmp 0.0.0.0",
    plain + " fail 0", plain + " nonsense",
    plain + String(repeating: " probe icmp 9.9.9.9", count: 4),
  ])
  func `what makes no sense is refused`(text: String) {
    #expect(throws: ConfigurationError.self) { try parse(text) }
  }

  @Test func `a probe counts once, and a wrong port is named`() throws {
    func complaint(_ text: String) -> String {
      do {
        _ = try parse(text)
        return ""
      } catch { return "\(error)" }
    }
    let probe = " probe tcp 9.9.9.9:443"
    #expect(complaint(plain + probe + probe).contains("not there yet"))
    #expect(complaint(plain + " probe tcp 9.9.9.9:65536").contains("from 1 to 65535"))
    #expect(complaint(plain + " prefix default").contains("\"default\" is ::/0"))
  }

  @Test func `the last of one name counts, and there is a limit`() throws {
    let twice = try parse(plain + "\n" + plain + " fail 7")
    #expect(twice.gateways.map { $0.failures } == [7])
    let rest = plain.dropFirst("gateway up".utf8.count)
    let many = (0...Gateway.limit).map { "gateway g\($0)" + rest }
    #expect(throws: ConfigurationError.self) { try parse(many.joined(separator: "\n")) }
  }
}

@Suite struct `Gateways: what a check remarks` {
  private func review(_ text: String, _ machine: MachineFacts? = nil) throws -> [String] {
    let configuration = try parse(text)
    let found = machine.map { configuration.review(against: $0, includingInterfaces: false) } ?? []
    return (configuration.review() + found).map { $0.message }
  }

  @Test(arguments: [
    ("", true), ("redistribute ip 0.0.0.0/0 eq 0 proto 16", false),
    ("redistribute ip 0.0.0.0/0 eq 0", false), ("redistribute proto 3 if eth0", false),
    ("redistribute ip 0.0.0.0/0 eq 0 if eth1", true), ("redistribute local", true),
    ("redistribute ip 10.0.0.0/8", true), ("redistribute deny", true),
  ])
  func `a gateway whose routes no rule announces is told`(rule: String, isTold: Bool) throws {
    let found = try review(rule + "\n" + plain)
    #expect(found.contains { $0.contains("no rule announces 0.0.0.0/0") } == isTold, "\(found)")
  }

  @Test func `a gateway on an interface of Babel is told, unless probes have a mark`() throws {
    func isTold(_ text: String) throws -> Bool {
      try review(text).contains { $0.contains("Babel runs on eth0, too") }
    }
    #expect(try isTold(plain + "\ninterface eth0"))
    #expect(try isTold(plain + "\ninterface eth*"))
    #expect(try !isTold(plain + "\ninterface eth1"))
    #expect(try !isTold(plain + " mark 5\ninterface eth0"))
  }

  @Test func `remarks have the place of the statement, which is no difference otherwise`() throws {
    let (first, third) = (try parse(plain), try parse("# one\n\n" + plain))
    #expect(first.review().map { $0.line } == [1])
    #expect(third.review().map { $0.line } == [3])
    #expect(first.gateways != third.gateways)
    #expect(zip(first.gateways, third.gateways).allSatisfy { $0.saysTheSame(as: $1) })
  }

  @Test func `a probe of an address of this machine is told`() throws {
    var machine = MachineFacts()
    let text = plain + " probe icmp 192.0.2.7"
    let told = "192.0.2.7 is an address of this machine"
    #expect(try !review(text, machine).contains { $0.contains(told) })
    machine.addresses = [IPAddress(ipv4: 0xC000_0207)]
    #expect(try review(text, machine).contains { $0.contains(told) })
  }

  private func route(_ proto: UInt8, _ name: String = "eth0") throws -> KernelOffer {
    KernelOffer(
      destination: Example.prefix("0.0.0.0", 0), source: .any(.ipv4), kernelProtocol: proto,
      interface: try .named(name), table: 254)
  }

  @Test(arguments: [(UInt32(0), "", true), (100, "", false), (100, "kernel-priority 200\n", true)])
  func `a route at the place of ours is told`(metric: UInt32, text: String, isTold: Bool) throws {
    var machine = MachineFacts()
    var offer = try route(16)
    offer.kernelMetric = metric
    machine.defaultRoutes = [offer]
    let found = try review(text + plain, machine)
    #expect(found.contains { $0.contains("so no other gateway can be used here") } == isTold)
  }

  private typealias Miss = (rule: String, protocols: [UInt8], words: String?)
  private static let misses: [Miss] = [
    ("redistribute ip 0.0.0.0/0 eq 0 proto 4", [16], "add a rule with \"proto 16\""),
    ("redistribute proto 4", [16], "16 (\"dhcp\"), and this rule matches only protocol 4"),
    ("redistribute ip 0.0.0.0/0 eq 0 proto 3", [4], "proto 4"),
    ("redistribute ip 0.0.0.0/0 eq 0 proto 16", [16], nil),
    ("redistribute ip 0.0.0.0/0 eq 0 proto 16", [16, 4], nil),
    ("redistribute ip 0.0.0.0/0 eq 0 proto 4 deny", [16], nil),
    ("redistribute ip 10.0.0.0/8 proto 4", [16], nil),
    ("redistribute if eth1 proto 4", [16], nil), ("redistribute ip ::/0 eq 0 proto 9", [16], nil),
    ("redistribute ip 0.0.0.0/0 eq 0", [16], nil), ("redistribute proto 200", [201], "201, and"),
  ]

  @Test(arguments: misses.indices)
  func `a rule that misses a default route by its protocol is told`(index: Int) throws {
    let miss = Self.misses[index]
    var machine = MachineFacts()
    machine.defaultRoutes = try miss.protocols.map { try route($0) }
    let found = try review(miss.rule, machine).filter { $0.contains("the default route") }
    #expect(found.count == (miss.words == nil ? 0 : 1), "\(found)")
    if let words = miss.words { #expect(found[0].contains(words), "\(found)") }
  }
}

@Suite struct `Gateways: what the node announces` {
  private let prefix = Example.prefix("0.0.0.0", 0)

  private func offer(_ name: String = "eth0", table: UInt32 = 254) throws -> KernelOffer {
    KernelOffer(
      destination: prefix, source: .any(.ipv4), kernelProtocol: 16, interface: try .named(name),
      table: table)
  }

  private func set(_ effect: GatewayEffect, _ bench: Bench, _ text: String = plain) throws {
    let gateway = try #require(try parse(text).gateways.first)
    bench.input { $0.setGateways([GatewayRule(gateway, effect)], at: $1, into: &$2) }
  }

  private func metric(_ bench: Bench) -> Int? {
    bench.node.originatedPrefixes().first { $0.destination == prefix }.map {
      Int($0.metric.rawValue)
    }
  }

  private func bench() throws -> Bench {
    let filters = try parse("redistribute ip 0.0.0.0/0 eq 0 metric 128").filters
    let bench = try Bench()
    bench.input { $0.setRedistribution(filters.redistribute, at: $1, into: &$2) }
    return bench
  }

  @Test func `a route waits for the first verdict and follows each`() throws {
    let bench = try bench()
    try set(.pending, bench)
    bench.input { try? $0.kernelOfferAdded(offer(), at: $1, into: &$2) }
    #expect(metric(bench) == nil)
    try set(.none, bench)
    #expect(metric(bench) == 128)
    try set(.penalty(Metric(1000)), bench)
    #expect(metric(bench) == 1128)
    try set(.withdrawn, bench)
    #expect(metric(bench) == nil)
    // It is known all the same, and comes back without the kernel.
    bench.input { $0.setGateways([], at: $1, into: &$2) }
    #expect(metric(bench) == 128)
    // What is announced stays while a new gateway is not known.
    try set(.pending, bench)
    #expect(metric(bench) == 128)
  }

  @Test func `only routes through the interface and of the table depend on it`() throws {
    let bench = try bench()
    try set(.withdrawn, bench, plain + " table 100")
    bench.input { try? $0.kernelOfferAdded(offer(table: 100), at: $1, into: &$2) }
    #expect(metric(bench) == nil)
    bench.input { try? $0.kernelOfferAdded(offer(), at: $1, into: &$2) }
    #expect(metric(bench) == 128)
    try set(.withdrawn, bench)
    #expect(metric(bench) == nil)
    bench.input { try? $0.kernelOfferAdded(offer("eth1"), at: $1, into: &$2) }
    #expect(metric(bench) == 128)
  }

  @Test func `a penalty never withdraws`() throws {
    let bench = try bench()
    bench.input { try? $0.kernelOfferAdded(offer(), at: $1, into: &$2) }
    try set(.penalty(Metric(65534)), bench)
    #expect(metric(bench) == 65534)
  }
}
