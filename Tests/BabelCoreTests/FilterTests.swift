import BabelCore
import BabelWire
import Testing

/// A rule, the route that it is asked about, and the answer that is expected.
struct FilterCase: Sendable, CustomTestStringConvertible {
  let rule: String
  let subject: FilterSubject
  let matches: Bool
  var testDescription: String { "\(rule) | \(subject.destination) \(matches)" }

  init(
    _ rule: String, _ destination: String, from source: String? = nil, _ matches: Bool,
    _ change: (inout FilterSubject) -> Void = { _ in }
  ) {
    self.rule = rule
    self.matches = matches
    let destination = Prefix(destination) ?? .ipv6Default
    let any = Prefix.any(destination.family)
    var subject = FilterSubject(
      destination: destination, source: source.flatMap { Prefix($0) } ?? any)
    change(&subject)
    self.subject = subject
  }
}

@Suite struct `Filters: selectors (RFC 8966 Appendix C)` {
  static let v0 = InterfaceName("v0")
  static let neighbour = IPAddress("fe80::1")
  static let id = RouterID(0x0200_0000_0000_0001)

  static let prefixes: [FilterCase] = [
    FilterCase("in", "10.0.0.0/8", true),
    FilterCase("in", "2001:db8::/32", true),
    FilterCase("in ip 10.0.0.0/8", "10.0.0.0/8", true),
    FilterCase("in ip 10.0.0.0/8", "10.1.0.0/16", true),
    FilterCase("in ip 10.0.0.0/8", "10.1.2.3/32", true),
    FilterCase("in ip 10.0.0.0/8", "11.0.0.0/8", false),
    FilterCase("in ip 10.0.0.0/8", "0.0.0.0/0", false),
    FilterCase("in ip 10.0.0.0/8", "2001:db8::/32", false),
    FilterCase("in ip 0.0.0.0/0", "10.0.0.0/8", true),
    FilterCase("in ip 0.0.0.0/0", "0.0.0.0/0", true),
    FilterCase("in ip 0.0.0.0/0", "::/0", false),
    FilterCase("in ip ::/0", "0.0.0.0/0", false),
    FilterCase("in ip ::/0", "10.0.0.0/8", false),
    FilterCase("in ip ::/0", "2001:db8::/32", true),
    FilterCase("in ip default", "2001:db8::/32", true),
    FilterCase("in ip default", "0.0.0.0/0", false),
    FilterCase("in ip 2001:db8::1", "2001:db8::1/128", true),
    FilterCase("in ip 2001:db8::1", "2001:db8::/127", false),
    // Of two selectors of one kind the last one counts.
    FilterCase("in ip 10.0.0.0/8 ip 11.0.0.0/8", "11.0.0.0/8", true),
    FilterCase("in ip 10.0.0.0/8 ip 11.0.0.0/8", "10.0.0.0/8", false),
    // A v4-mapped prefix makes an IPv6 rule, and no IPv6 prefix is inside that prefix.
    FilterCase("in ip ::ffff:10.0.0.0/104", "10.0.0.0/8", false),
    FilterCase("in ip ::ffff:10.0.0.0/104", "2001:db8::/32", false),
  ]

  static let lengths: [FilterCase] = [
    // A rule that names no family is for IPv6.
    FilterCase("in eq 24", "10.0.0.0/24", false),
    FilterCase("in eq 24", "2001::/24", true),
    FilterCase("in le 64", "2001:db8::/64", true),
    FilterCase("in le 64", "2001:db8::/65", false),
    FilterCase("in le 64", "10.0.0.0/8", false),
    FilterCase("in ge 48", "2001:db8::/48", true),
    FilterCase("in ge 48", "2001:db8::/47", false),
    FilterCase("in src-le 0", "10.0.0.0/8", false),
    FilterCase("in src-le 0", "2001:db8::/32", true),
    // A selector that sets no limit does not make the rule one for IPv6.
    FilterCase("in le 128", "10.0.0.0/24", true),
    FilterCase("in ge 0", "10.0.0.0/24", true),
    FilterCase("in le 200", "10.0.0.0/24", true),
    FilterCase("in ge -5", "10.0.0.0/24", true),
    FilterCase("in le 99999999999999999999", "10.0.0.0/24", true),
    // In a rule for IPv4 a length is that of an IPv4 prefix.
    FilterCase("in ip 0.0.0.0/0 le 28", "10.0.0.0/28", true),
    FilterCase("in ip 0.0.0.0/0 le 28", "10.0.0.0/29", false),
    FilterCase("in ip 0.0.0.0/0 le 0", "0.0.0.0/0", true),
    FilterCase("in ip 0.0.0.0/0 le 0", "0.0.0.0/1", false),
    FilterCase("in le 24 ip 0.0.0.0/0", "10.0.0.0/24", true),
    FilterCase("in eq 24 ip 10.0.0.0/8", "10.1.1.0/24", true),
    FilterCase("in ip 10.0.0.0/8 ge 32", "10.1.1.1/32", true),
    FilterCase("in ip 10.0.0.0/8 le 32", "10.1.1.1/32", true),
    FilterCase("in ip 10.0.0.0/8 eq 40", "10.1.1.1/32", false),
    FilterCase("in ip 10.0.0.0/8 src-eq 0", "10.1.1.1/32", true),
    FilterCase("in ip ::/0 le 0", "::/0", true),
    FilterCase("in ip ::/0 le 0", "2001:db8::/32", false),
    // If there are several selectors of the length, all must match.
    FilterCase("in ge 48 le 64", "2001:db8::/56", true),
    FilterCase("in le 64 ge 48 le 50", "2001:db8::/56", false),
    FilterCase("in eq 24 eq 32", "2001::/24", false),
    FilterCase("in ge 64 le 48", "2001:db8::/56", false),
    // Lengths that no prefix has match nothing.
    FilterCase("in eq 129", "2001:db8::/128", false),
    FilterCase("in eq -1", "::/0", false),
    FilterCase("in le -1", "::/0", false),
    FilterCase("in ge 129", "2001:db8::1/128", false),
  ]

  static let sources: [FilterCase] = [
    FilterCase("in src-ip 2001:db8::/32", "::/0", from: "2001:db8:1::/48", true),
    FilterCase("in src-ip 2001:db8::/32", "::/0", from: "2001:db8::/32", true),
    FilterCase("in src-ip 2001:db8::/32", "::/0", false),
    FilterCase("in src-ip ::/0", "::/0", true),
    FilterCase("in src-ip ::/0", "10.0.0.0/8", false),
    FilterCase("in src-ip 0.0.0.0/0", "10.0.0.0/8", true),
    FilterCase("in src-eq 48", "::/0", from: "2001:db8:1::/48", true),
    FilterCase("in src-eq 0", "::/0", from: "2001:db8:1::/48", false),
    FilterCase("in src-ge 1", "::/0", false),
    FilterCase("in src-ip ::/0 src-ge 1 src-le 48", "::/0", from: "2001:db8:1::/48", true),
    FilterCase("in src-ip 2001:db8::/32 ip 2000::/3", "2a00::/16", from: "2001:db8::/48", true),
    FilterCase("in ip 10.0.0.0/8 src-eq 8", "10.0.0.0/8", from: "11.0.0.0/8", true),
  ]

  static let others: [FilterCase] = [
    FilterCase("in if v0", "::/0", true) { $0.interface = v0 },
    FilterCase("in if v1", "::/0", false) { $0.interface = v0 },
    FilterCase("in if v0", "::/0", false),
    FilterCase("in if \"v0\"", "::/0", true) { $0.interface = v0 },
    FilterCase("in if v1 if v0", "::/0", true) { $0.interface = v0 },
    FilterCase("in if averyveryverylongname", "::/0", false) { $0.interface = v0 },
    FilterCase("in if averyveryverylongname if v0", "::/0", true) { $0.interface = v0 },
    FilterCase("in if \"\"", "::/0", false) { $0.interface = v0 },
    FilterCase("in neigh fe80::1", "::/0", true) { $0.neighbour = neighbour },
    FilterCase("in neigh fe80::2", "::/0", false) { $0.neighbour = neighbour },
    FilterCase("out neigh fe80::1", "::/0", false),
    FilterCase("in neigh fe80::2 neigh fe80::1", "::/0", true) { $0.neighbour = neighbour },
    FilterCase("in id 02:00:00:00:00:00:00:01", "::/0", true) { $0.routerID = id },
    FilterCase("in id 02:00:00:00:00:00:00:02", "::/0", false) { $0.routerID = id },
    FilterCase("install id 02:00:00:00:00:00:00:01", "::/0", true) { $0.routerID = id },
    FilterCase("redistribute id 02:00:00:00:00:00:00:01", "::/0", false) { $0.kernelProtocol = 4 },
    FilterCase("in local", "::/0", false),
    FilterCase("in proto 3", "::/0", false),
    FilterCase("out proto 42", "::/0", false),
    FilterCase("in proto 0", "::/0", true),
    FilterCase("in ip ::/0 ge 1 if v0 neigh fe80::1", "2001::/16", true) {
      $0.interface = v0
      $0.neighbour = neighbour
    },
    FilterCase("in ip ::/0 ge 1 if v0 neigh fe80::1", "2001::/16", false) { $0.interface = v0 },
  ]

  static let origins: [FilterCase] = [
    FilterCase("redistribute", "10.0.0.0/8", true) { $0.kernelProtocol = 2 },
    FilterCase("redistribute", "10.0.0.0/8", true) { $0.kernelProtocol = 4 },
    FilterCase("redistribute", "10.0.0.0/8", true) { $0.kernelProtocol = 186 },
    FilterCase("redistribute", "10.0.0.0/8", false) { $0.kernelProtocol = 3 },
    FilterCase("redistribute", "10.0.0.0/8", false) { $0.isLocalAddress = true },
    FilterCase("redistribute proto 0", "10.0.0.0/8", false) { $0.kernelProtocol = 3 },
    FilterCase("redistribute proto 0", "10.0.0.0/8", true) { $0.kernelProtocol = 4 },
    FilterCase("redistribute proto 3", "10.0.0.0/8", true) { $0.kernelProtocol = 3 },
    FilterCase("redistribute proto 3", "10.0.0.0/8", false) { $0.kernelProtocol = 4 },
    FilterCase("redistribute proto 3", "10.0.0.0/8", false) { $0.isLocalAddress = true },
    FilterCase("redistribute local", "10.0.0.0/8", true) { $0.isLocalAddress = true },
    FilterCase("redistribute local", "10.0.0.0/8", false) { $0.kernelProtocol = 2 },
    FilterCase("redistribute local proto 3", "10.0.0.0/8", true) { $0.kernelProtocol = 3 },
    FilterCase("redistribute local proto 3", "10.0.0.0/8", false) { $0.isLocalAddress = true },
    FilterCase("redistribute proto 3 local", "10.0.0.0/8", true) { $0.isLocalAddress = true },
    FilterCase("redistribute local proto 0", "10.0.0.0/8", false) { $0.isLocalAddress = true },
    FilterCase("redistribute proto 300", "10.0.0.0/8", false) { $0.kernelProtocol = 44 },
    FilterCase("redistribute proto 300 local", "10.0.0.0/8", true) { $0.isLocalAddress = true },
    FilterCase("redistribute proto -2", "10.0.0.0/8", false) { $0.isLocalAddress = true },
    FilterCase("redistribute eq 24", "10.0.0.0/24", false) { $0.kernelProtocol = 4 },
    FilterCase("redistribute src-prefix ::/0", "2001::/16", true) { $0.kernelProtocol = 4 },
    FilterCase("redistribute src-prefix ::/0", "10.0.0.0/8", false) { $0.kernelProtocol = 4 },
  ]

  @Test(arguments: prefixes + lengths + sources + others + origins)
  func `match what they say`(filter: FilterCase) throws {
    let filters = try parse(filter.rule).filters
    let chain =
      switch filter.rule.prefix(3) {
      case "in ", "in": filters.input
      case "out": filters.output
      case "red": filters.redistribute
      default: filters.install
      }
    #expect((chain.firstMatch(filter.subject) == 0) == filter.matches)
  }

  @Test(arguments: [
    "in ip 10.0.0.0/8 ip ::/0", "in ip ::/0 src-ip 10.0.0.0/8", "in ip default ip 10.0.0.0/8",
    "redistribute ip 10.0.0.0/8 src-prefix ::/0", "install pref-src ::1 ip 10.0.0.0/8",
    "install pref-src ::1 pref-src 10.0.0.1", "in ip 10.0.0.0/8 pref-src ::1",
  ])
  func `all addresses of a rule are of one family`(text: String) {
    #expect(refusal(of: text)?.hint?.contains("one family") == true)
  }

  @Test(arguments: [
    "in foo", "in ip", "in eq", "in eq x", "in neigh x", "in id x", "in if", "in proto static",
    "in metric", "in metric 0", "in metric 65536", "in metric -1", "install table 0",
    "install table x", "install pref-src x", "install pref-src 10.0.0.0/8",
    "redistribute src-prefix",
    "in kernel-metric 5", "install kernel-metric -1", "in deny allow it", "in Deny",
    "install table 4294967296", "in accept",
  ])
  func `other rules are refused`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test(arguments: [
    "in local deny", "out neigh fe80::1 deny", "redistribute id 1:2:3:4:5:6:7:8",
    "in proto 3", "in eq 129", "in ge 64 le 48", "in if averyveryverylongname", "in table 5",
    "redistribute pref-src ::1", "out src-prefix ::/0",
  ])
  func `what can never do anything is told`(text: String) throws {
    #expect(try warnings(of: text).map { $0.kind } == [.withoutEffect])
  }
}

@Suite struct `Filters: actions and order` {
  @Test(
    arguments: [
      ("in", 0), ("in allow", 0), ("in deny", 65535), ("in metric 128", 128),
      ("in metric 65535", 65535), ("in metric 128 allow", 0), ("in deny metric 5", 5),
      ("in allow deny", 65535), ("in deny ip ::/0 allow", 0),
    ] as [(String, UInt16)])
  func `§C allow, deny and metric write one field, the last wins`(text: String, metric: UInt16)
    throws
  {
    #expect(try parse(text).filters.input.rules[0].metric == Metric(metric))
  }

  @Test func `actions of their own chains`() throws {
    let filters = try parse(
      """
      redistribute ip 2001:db8::/32 src-prefix 2001:db8:1::/48 metric 5
      install table 1000 pref-src 10.0.0.1 kernel-metric 7
      in table 5 src-prefix ::/0
      """
    ).filters
    let redistributed = filters.redistribute.rules[0]
    #expect(redistributed.sourcePrefix == Prefix("2001:db8:1::/48"))
    #expect(redistributed.metric == Metric(5))
    let installed = filters.install.rules[0]
    #expect(installed.table == 1000)
    #expect(installed.preferredSource == IPAddress("10.0.0.1"))
    #expect(installed.kernelMetric == 7)
    #expect(installed.family == .ipv4)
    let received = filters.input.rules[0]
    #expect(received.table == nil && received.sourcePrefix == nil)
    #expect(received.family == .ipv6)
  }

  @Test func `rules keep their order, the implicit one stays last`() throws {
    let configuration = try parse("redistribute local ip ::/0 deny\n\nredistribute proto 3\n")
    let rules = configuration.filters.redistribute.rules
    #expect(rules.map { $0.origin } == [.local, .kernelProtocol(3), .local])
    #expect(
      rules.map { configuration.description(of: $0.position) } == [
        "test.conf:1", "test.conf:3", "implicit rule",
      ])
  }

  @Test func `the first match decides, no match falls through`() throws {
    let chain = try parse("in ip 10.0.0.0/8 le 16 allow\nin ip 10.0.0.0/8 deny\n").filters.input
    func match(_ text: String) -> Int? {
      guard let prefix = Prefix(text) else { return nil }
      return chain.firstMatch(FilterSubject(destination: prefix, source: .any(prefix.family)))
    }
    #expect(match("10.1.0.0/16") == 0)
    #expect(match("10.1.1.0/24") == 1)
    #expect(match("11.0.0.0/8") == nil)
  }

  @Test func `redistribute deny does not stop local addresses`() throws {
    let chain = try parse("redistribute deny\n").filters.redistribute
    var subject = FilterSubject(destination: .ipv4Default, source: .ipv4Default)
    subject.kernelProtocol = 4
    #expect(chain.firstMatch(subject) == 0)
    subject.kernelProtocol = 3
    #expect(chain.firstMatch(subject) == nil)
    subject.kernelProtocol = nil
    subject.isLocalAddress = true
    #expect(chain.firstMatch(subject) == 1)
    #expect(chain.rules[1].metric == .zero)
  }

  @Test func `without any rule local addresses alone are redistributed`() throws {
    let chain = FilterSet().redistribute
    var subject = FilterSubject(destination: .ipv6Default, source: .ipv6Default)
    subject.kernelProtocol = 4
    #expect(chain.firstMatch(subject) == nil)
    subject.isLocalAddress = true
    subject.kernelProtocol = nil
    #expect(chain.firstMatch(subject) == 0)
  }
}

/// Rules are found again in a chain that has changed.
@Suite struct `Places of rules` {
  private func chain(_ metrics: [UInt16]) -> FilterChain {
    FilterChain(
      metrics.map { metric in
        var rule = FilterRule()
        rule.metric = Metric(metric)
        return rule
      })
  }

  @Test func `a rule is found by what it says`() {
    let old = chain([1, 2, 3, 4, 5])
    #expect(old.places(in: old) == [0, 1, 2, 3, 4])
    #expect(old.places(in: chain([9, 1, 2, 3, 4, 5])) == [1, 2, 3, 4, 5])
    #expect(old.places(in: chain([1, 3, 4, 5])) == [0, nil, 1, 2, 3])
    #expect(old.places(in: chain([1, 4, 3, 7, 5])) == [0, nil, 2, 1, 4])
    #expect(old.places(in: chain([])) == [nil, nil, nil, nil, nil])
    #expect(chain([]).places(in: old) == [])
    #expect(chain([1, 1]).places(in: chain([1])) == [0, nil])
  }

  @Test func `long chains are compared in little time`() {
    let old = chain((0..<60_000).map { UInt16($0) })
    var metrics = (0..<60_000).map { UInt16($0) }
    metrics.insert(65_000, at: 30_000)
    let places = old.places(in: chain(metrics))
    #expect(places[29_999] == 29_999 && places[30_000] == 30_001)
    // What lies between many differences is not looked for.
    let other = chain((0..<60_000).reversed().map { UInt16($0) })
    #expect(old.places(in: other).allSatisfy { $0 == nil })
  }
}
