import BabelWire
import TestSupport
import Testing

@testable import BabelCore

@Suite struct `Configuration: sets of prefixes` {
  private static let sets = """
    set near { 10.0.0.0/8, 192.168.0.0/16 ge 24 le 28 }
    set far {
      2001:db8::/32 eq 48,   # a comment
      fd00::/8,
    }
    set tight{10.1.0.0/16,10.1.0.0/16 le 20,10.1.2.3}

    """

  @Test(arguments: [
    FilterCase("in ip @near", "10.0.0.0/8", true), FilterCase("in ip @near", "10.1.2.3/32", true),
    FilterCase("in ip @near", "11.0.0.0/8", false), FilterCase("in ip @near", "0.0.0.0/0", false),
    FilterCase("in ip @near", "192.168.1.0/24", true),
    FilterCase("in ip @near", "192.168.0.0/16", false),
    FilterCase("in ip @near", "192.168.1.0/29", false),
    FilterCase("in ip @near le 9", "10.128.0.0/9", true),
    FilterCase("in ip @near le 9", "10.128.0.0/10", false),
    FilterCase("in ip @near", "2001:db8::/32", false),
    FilterCase("in ip @far", "2001:db8:1::/48", true),
    FilterCase("in ip @far", "2001:db8::/32", false), FilterCase("in ip @far", "fd01::/16", true),
    FilterCase("in ip @tight", "10.1.0.0/32", true),
    FilterCase("in src-ip @far", "2001:db8::/32", from: "fd00::/8", true),
    FilterCase("in src-ip @far", "2001:db8::/32", false),
    // Of two selectors of one kind the last one counts.
    FilterCase("in ip @near ip 11.0.0.0/8", "11.0.0.0/8", true),
    FilterCase("in ip 11.0.0.0/8 ip @near", "11.0.0.0/8", false),
  ])
  func `match what is inside one of their prefixes`(filter: FilterCase) throws {
    let rule = try parse(Self.sets + filter.rule).filters.input.rules[0]
    #expect(rule.matches(filter.subject) == filter.matches)
  }

  @Test func `a lookup agrees with a walk over all prefixes, for random sets`() throws {
    for seed in 0..<200 as Range<UInt64> {
      var dice = Chance(seed: seed)
      func prefix() -> Prefix {
        Prefix(
          mapped: IPAddress(ipv4: UInt32(dice.below(64)) << 26 | UInt32(dice.below(4))),
          mappedLength: UInt8(96 + dice.below(33)))
      }
      let entries = (0..<(1 + dice.below(30))).map { _ in
        let prefix = prefix()
        let least = Int(prefix.mappedLength) + dice.below(129 - Int(prefix.mappedLength))
        return PrefixSet.Entry(
          prefix: prefix,
          lengths: LengthRange(atLeast: least, atMost: least + dice.below(129 - least)))
      }
      let set = PrefixSet(name: octets("s"), entries)
      for _ in 0..<200 {
        let asked = prefix()
        let isInside = entries.contains {
          $0.prefix.contains(asked) && $0.lengths.contains(asked.mappedLength)
        }
        #expect(set.contains(asked) == isInside, "seed \(seed) \(asked)")
      }
    }
  }

  @Test func `ten thousand prefixes are looked up quickly, and no more are taken`() throws {
    func text(_ count: Int) -> String {
      let prefixes = (0..<count).map { "10.\($0 / 256).\($0 % 256).0/24" }
      return "set many {\n" + prefixes.joined(separator: ",\n") + "\n}\nin ip @many deny"
    }
    let rule = try parse(text(10_000)).filters.input.rules[0]
    let inside = FilterSubject(
      destination: try #require(Prefix("10.39.15.0/24")), source: .any(.ipv4))
    let outside = FilterSubject(
      destination: try #require(Prefix("10.39.16.0/24")), source: .any(.ipv4))
    let start = ContinuousClock.now
    for _ in 0..<1000 {
      #expect(rule.matches(inside) && !rule.matches(outside))
    }
    // A walk over all of them takes a hundred times as long.
    #expect(ContinuousClock.now - start < .seconds(2))
    let error = try #require(refusal(of: text(10_001)))
    #expect(error.line == 10_002 && error.column == 1)
    #expect(error.expected == "at most 10000 prefixes in a set")
  }

  @Test(arguments: [
    ("set", 1, 4, "the name of the set"),
    ("set a b", 1, 7, "an opening brace"),
    ("set a/b { 10.0.0.0/8 }", 1, 5, "a name of at most 63 letters, digits, dots, dashes"),
    ("set a { }", 1, 9, "a prefix"),
    ("set a {\n10.0.0.0/8\n10.0.0.0/9 }", 3, 1, "eq, le, ge, a comma or a closing brace"),
    ("set a {\n10.0.0.0/8,,", 2, 12, "a prefix"),
    ("set a {\n10.0.0.0/33 }", 2, 1, "a prefix with a length from 0 to 32"),
    ("set a {\n10.0.0.0/8 le 33 }", 2, 15, "a number from 0 to 32"),
    ("set a {\n 10.0.0.0/8 ge 24 le 16 }", 2, 2, "a prefix inside which there are such lengths"),
    ("set a { 10.0.0.0/8, ::/0 }", 1, 21, "something of IPv4"),
    ("set a { ::ffff:10.0.0.0/104 }", 1, 9, "a prefix of IPv4 in the form of IPv4"),
    ("set a { \"10.0.0.0/8\" }", 1, 9, "a prefix"),
    ("set a { 10.0.0.0/8 } b", 1, 22, "the end of the line"),
    ("set a { 10.0.0.0/8", 1, 19, "eq, le, ge, a comma or a closing brace"),
    ("set a { 10.0.0.0/8 }\nset a { 10.0.0.0/8 }", 2, 5, "a name that no other set has"),
    ("in ip @a", 1, 7, "@ and the name of a set defined on an earlier line"),
    ("set near { 10.0.0.0/8 }\nin ip @naer", 2, 7, "@ and the name of a set defined on an"),
    ("set a { ::/0 }\nin ip @a src-ip 10.0.0.0/8", 2, 17, "something of IPv6"),
    ("set a { ::/0 }\nin src-ip 10.0.0.0/8 ip @a", 2, 25, "something of IPv4"),
  ])
  func `faults are told with their place`(text: String, line: Int, column: Int, expected: String)
    throws
  {
    let error = try #require(refusal(of: text))
    #expect(error.line == line && error.column == column, "\(error)")
    #expect(error.expected.hasPrefix(expected), "\(error)")
  }

  @Test func `a name that is nearly right is suggested`() {
    #expect(refusal(of: "set near { 10.0.0.0/8 }\nin ip @naer")?.suggestion == "@near")
  }

  @Test func `are not known to babeld, nor where they are used`() throws {
    let found = try warnings(of: "set a { 10.0.0.0/8 }\n\nin ip @a deny")
    #expect(found.map { $0.kind } == [.unknownToBabeld, .unknownToBabeld])
    #expect(found.map { $0.statementPlace } == ["test.conf:1", "test.conf:3"])
  }

  @Test func `are no requests`() {
    guard case .bad = request("set a { 10.0.0.0/8 }") else {
      Issue.record("a set at run time")
      return
    }
  }

  @Test func `a rule that an earlier one with a set covers is told`() throws {
    func review(_ text: String) throws -> [String] {
      try parse(Self.sets + text).review().map { $0.message }
    }
    let text = "in ip 10.0.0.0/7\nin ip @tight deny\nin ip @tight eq 24"
    #expect(try review(text).filter { $0.contains("can never match") }.count == 2)
    #expect(try review("in ip @near deny\nin ip @tight allow").isEmpty)
  }
}

@Suite struct `Configuration: patterns in rules` {
  @Test func `match interfaces by their names`() throws {
    let rule = try parse("in if wg-* deny").filters.input.rules[0]
    var subject = FilterSubject(destination: .ipv6Default, source: .ipv6Default)
    #expect(!rule.matches(subject))
    for (name, isMatch) in [("wg-a", true), ("wg-", true), ("wg0", false)] {
      subject.interface = try .named(name)
      #expect(rule.matches(subject) == isMatch, "\(name)")
    }
    let quoted = try parse("in if \"wg-*\" deny").filters.input.rules[0]
    #expect(quoted.interface == InterfaceName("wg-*") && quoted.interfacePattern == nil)
    let last = try parse("in if wg-* if eth0").filters.input.rules[0]
    #expect(last.interfacePattern == nil && last.interface == InterfaceName("eth0"))
  }

  @Test func `babeld takes them for names`() throws {
    let found = try warnings(of: "out if * deny")
    #expect(found.map { $0.kind } == [.unknownToBabeld])
    #expect(found.first?.column == 8)
  }

  @Test func `are compared with the machine and with one another`() throws {
    let configuration = try parse("in if wg-* deny\nin if wg-a allow\nin if * allow")
    let remarks = configuration.review(against: MachineFacts()).map { $0.message }
    #expect(remarks.contains("no interface matches wg-* of this rule now"))
    let hidden = configuration.review().filter { $0.message.contains("can never match") }
    #expect(hidden.map { $0.line } == [2])
  }
}

@Suite struct `Configuration: several interfaces in a statement` {
  @Test func `each gets the parameters`() throws {
    let configuration = try parse(
      "interface { wg0, wg1 \"type\"\n  wg-* } type tunnel rxcost 5\ninterface wg1 rxcost 6")
    #expect(configuration.interfaces.map { $0.name.description } == ["wg0", "wg1", "type"])
    #expect(configuration.patterns.map { $0.pattern.description } == ["wg-*"])
    #expect(try configuration.settings("wg0").rxcost == 5)
    #expect(try configuration.settings("wg1").rxcost == 6)
    #expect(try configuration.settings("wg1").type == .tunnel)
    #expect(try warnings(of: "interface {a b*}").map { $0.kind } == [.unknownToBabeld])
  }

  @Test(arguments: [
    ("interface { }", 13, "the name of an interface"),
    ("interface { wg0", 16, "the name of an interface or a closing brace"),
    ("interface { wg0 type tunnel", 28, "the name of an interface or a closing brace"),
    ("interface { wg0 } wg1", 19, "a parameter of an interface"),
    ("interface { sixteenoctetsxxx }", 13, "the name of an interface, at most 15 octets"),
    ("interface { , wg0 }", 13, "the name of an interface"),
    ("interface { wg0 { }", 17, "the name of an interface"),
  ])
  func `faults are told with their place`(text: String, column: Int, expected: String) throws {
    let error = try #require(refusal(of: text))
    #expect(error.column == column && error.expected == expected, "\(error)")
  }

  @Test func `have a limit, and are no request`() {
    let names = (0...1000).map { "i\($0)" }.joined(separator: " ")
    #expect(refusal(of: "interface { \(names) }")?.expected.hasPrefix("at most 1000") == true)
    guard case .bad = request("interface { a b }") else {
      Issue.record("several at run time")
      return
    }
  }
}

@Suite struct `Configuration: router-ids as BIRD writes them` {
  @Test func `have four zero octets in front`() throws {
    let configuration = try parse("router-id 10.0.0.1\nin id 192.0.2.255 deny")
    #expect(configuration.routerID == RouterID(0x0A00_0001))
    #expect(configuration.filters.input.rules[0].routerID == RouterID(0xC000_02FF))
    #expect(try warnings(of: "router-id 10.0.0.1").map { $0.kind } == [.unknownToBabeld])
    #expect(refusal(of: "router-id 0.0.0.0") != nil)
    #expect(refusal(of: "router-id 10.0.0")?.column == 11)
  }
}
