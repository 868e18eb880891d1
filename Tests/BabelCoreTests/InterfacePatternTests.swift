import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: patterns of interfaces` {
  @Test(arguments: [
    ("wg-*", "wg-", true), ("wg-*", "wg-a", true), ("wg-*", "wg", false), ("wg-*", "xwg-a", false),
    ("*", "x", true), ("**", "x", true), ("*-a", "wg-a", true), ("*-a", "wg-b", false),
    ("*-a", "wg-ab", false), ("w*g*a", "wxgya", true), ("w*g*a", "wga", true),
    ("w*g*a", "wgab", false), ("a*ab", "aab", true), ("a*ab", "aaab", true), ("a*ab", "ab", false),
    ("*a*b*c*d*e*f", "aabbccddeeff", true), ("*a*b*c*d*e*f", "aabbccddeefg", false),
  ])
  func `match names`(pattern: String, name: String, isMatch: Bool) throws {
    let pattern = try #require(InterfacePattern(octets: octets(pattern)))
    #expect(pattern.matches(try .named(name)) == isMatch)
  }

  @Test(arguments: ["wg0", "", "a b*", "a/*", "abcdefghijklmnop*", "*\u{7f}"])
  func `are not every text`(text: String) {
    #expect(InterfacePattern(octets: octets(text)) == nil)
  }

  @Test func `give settings between default and the interface's own`() throws {
    let configuration = try parse(
      """
      interface wg-b rxcost 1
      interface wg-* rxcost 2 hello-interval 2
      interface *-b rxcost 3 update-interval 3
      default rxcost 4 hello-interval 4 update-interval 4 rtt-decay 4
      """)
    let own = try configuration.settings("wg-b")
    #expect(own.rxcost == 1)
    #expect(own.helloInterval == 2000)
    #expect(own.updateInterval == 3000)
    #expect(own.rttDecay == 4)
    #expect(try configuration.settings("xx-b").rxcost == 3)
    #expect(try configuration.settings("wg-a").rxcost == 2)
    #expect(try configuration.settings("eth0").rxcost == 4)
    #expect(configuration.interfaces.map { $0.name } == [try .named("wg-b")])
    #expect(configuration.patterns.count == 2)
    #expect(configuration.namesInterfaces)
    #expect(configuration.matchesPattern(try .named("wg-x")))
    #expect(!configuration.matchesPattern(try .named("eth0")))
  }

  @Test func `merge, come and go`() throws {
    var configuration = try parse("interface wg-* rxcost 2\ninterface wg-* rtt-decay 7")
    #expect(configuration.patterns.count == 1)
    #expect(try configuration.settings("wg-a").rxcost == 2)
    #expect(try configuration.settings("wg-a").rttDecay == 7)
    let pattern = try #require(InterfacePattern(octets: octets("wg-*")))
    let first = configuration.removePattern(pattern)
    let second = configuration.removePattern(pattern)
    #expect(first && !second)
    #expect(try configuration.settings("wg-a").rxcost == nil)
  }

  @Test func `are names to babeld, and in quotation marks`() throws {
    #expect(try warnings(of: "interface wg-*").map { $0.kind } == [.unknownToBabeld])
    let configuration = try parse("interface \"wg-*\"")
    #expect(configuration.patterns.isEmpty)
    #expect(configuration.names(try .named("wg-*")))
  }

  @Test func `are requests`() throws {
    let pattern = try #require(InterfacePattern(octets: octets("wg-*")))
    var settings = InterfaceSettings()
    settings.rxcost = 5
    #expect(request("interface wg-* rxcost 5") == .pattern(pattern, settings))
    #expect(request("flush interface wg-*") == .flushPattern(pattern))
    #expect(!request("interface wg-*").isReadOnly)
  }

  @Test func `have a limit`() {
    let text = (0...1000).map { "interface p\($0)-*\n" }.joined()
    #expect(refusal(of: text)?.line == 1001)
  }

  @Test func `are explained`() throws {
    let text = """
      default hello-interval 2 type tunnel link-local auto
      interface wg-* rxcost 32 rtt-min 0.5 split-horizon false
      interface *-b update-interval 9 link-local manual
      interface wg-b rxcost 5
      """
    let configuration = try parse(text)
    let again = try parse(configuration.explanation())
    #expect(again.patterns == configuration.patterns)
    for name in ["wg-a", "wg-b", "x-b", "eth0"] {
      #expect(try again.settings(name).helloInterval == 2000)
      let first = try configuration.interfaceParameters(for: .named(name), type: .tunnel)
      #expect(try again.interfaceParameters(for: .named(name), type: .tunnel) == first)
    }
    #expect(again.explanation() == configuration.explanation())
  }
}

@Suite struct `Configuration: link-local` {
  @Test func `auto makes an address, manual does not`() throws {
    #expect(try parse("interface a link-local auto").settings("a").makesLinkLocal == true)
    #expect(try parse("interface a link-local manual").settings("a").makesLinkLocal == false)
    #expect(try parse("interface a").settings("a").makesLinkLocal == nil)
    let both = try parse("default link-local auto\ninterface a link-local manual")
    #expect(try both.settings("a").makesLinkLocal == false)
    #expect(try both.settings("b").makesLinkLocal == true)
  }

  @Test func `nothing else is a value`() throws {
    #expect(refusal(of: "interface a link-local fe80::1")?.column == 24)
    #expect(refusal(of: "interface a link-local aut")?.suggestion == "auto")
    #expect(try warnings(of: "default link-local auto").map { $0.kind } == [.unknownToBabeld])
  }

  @Test func `an interface that will get an address is not remarked on`() throws {
    var machine = MachineFacts()
    machine.links.append(
      MachineFacts.Link(
        name: try .named("wg0"), isUp: true, isLoopback: false, hasLinkLocal: false,
        isTunnel: true))
    let lacking = try parse("interface wg0").review(against: machine)
    #expect(lacking.contains { $0.message.contains("link-local auto") })
    #expect(try parse("interface wg0 link-local auto").review(against: machine).isEmpty)
  }
}
