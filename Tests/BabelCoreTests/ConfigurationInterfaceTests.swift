import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: interfaces` {
  @Test func `every parameter is stored`() throws {
    let settings = try parse(
      """
      key id k type hmac-sha256 value 00
      interface v0 type tunnel rxcost 65535 hello-interval 1.5 update-interval 20 \
      link-quality true split-horizon yes unicast true enable-timestamps no \
      rfc6126-compatible true rtt-decay 256 rtt-min 0.5 rtt-max 1000 max-rtt-penalty 1024 \
      v4-via-v6 false probe-mtu true key k accept-bad-signatures true
      """
    ).settings("v0")
    var expected = InterfaceSettings()
    expected.type = .tunnel
    expected.rxcost = 65535
    expected.helloInterval = 1500
    expected.updateInterval = 20000
    expected.linkQuality = true
    expected.splitHorizon = true
    expected.unicast = true
    expected.timestamps = false
    expected.rfc6126Compatible = true
    expected.rttDecay = 256
    expected.rttMin = 500
    expected.rttMax = 1_000_000
    expected.maxRTTPenalty = 1024
    expected.v4ViaV6 = false
    expected.probesMTU = true
    expected.key = octets("k")
    expected.acceptsBadSignatures = true
    #expect(settings == expected)
  }

  @Test(arguments: [
    "interface", "interface v0 foo", "interface v0 rxcost", "interface v0 rxcost 0",
    "interface v0 rxcost 65536", "interface v0 rtt-decay 0", "interface v0 rtt-decay 257",
    "interface v0 rtt-min 0", "interface v0 max-rtt-penalty 0", "interface v0 type foo",
    "interface v0 link-quality 1", "interface v0 channel 3", "interface v0 v4viav6 true",
    "interface v0 v4-over-v6 true", "interface v0 update-interval 656", "interface v0 type",
    "interface sixteenoctetsxxx", "interface \"\"", "interface a/b", "interface \"a b\"",
    "interface v0 v1", "default v0", "default rxcost", "interface v0 rtt-max 2147484",
  ])
  func `other interface statements are refused`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test func `statements about one interface merge field by field`() throws {
    let settings = try parse(
      "interface v0 rxcost 5 unicast true\ninterface v1\ninterface v0 rxcost 6 type wired\n"
    ).settings("v0")
    #expect(settings.rxcost == 6)
    #expect(settings.unicast == true)
    #expect(settings.type == .wired)
  }

  @Test func `auto is unset: it neither overrides an earlier statement nor hides the default`()
    throws
  {
    let configuration = try parse(
      """
      interface v0 type wired split-horizon false
      interface v0 type auto split-horizon auto
      interface v1 type wired type auto split-horizon yes split-horizon default
      default type tunnel
      """)
    #expect(try configuration.settings("v0").type == .wired)
    #expect(try configuration.settings("v0").splitHorizon == false)
    #expect(try configuration.settings("v1").type == .tunnel)
    #expect(try configuration.settings("v1").splitHorizon == nil)
  }

  @Test func `default reaches interfaces before and after it, and those never mentioned`() throws {
    let configuration = try parse(
      """
      interface v0 rxcost 5
      default rxcost 10 rtt-min 3
      interface v1
      default rtt-min 4
      """)
    #expect(try configuration.settings("v0").rxcost == 5)
    #expect(try configuration.settings("v1").rxcost == 10)
    #expect(try configuration.settings("v1").rttMin == 4000)
    #expect(try configuration.settings("positional").rxcost == 10)
  }

  @Test func `interfaces keep the order of first mention`() throws {
    let configuration = try parse("interface b\ninterface a\ninterface b rxcost 3\n")
    #expect(configuration.interfaces.map { $0.name.description } == ["b", "a"])
  }

  @Test func `an interface can be forgotten`() throws {
    var configuration = try parse("interface a\ninterface b\n")
    #expect(configuration.removeInterface(try .named("a")))
    #expect(!configuration.removeInterface(try .named("a")))
    #expect(configuration.interfaces.map { $0.name.description } == ["b"])
  }

  @Test func `wired and faraway are deprecated`() throws {
    let text =
      "interface a wired true\ninterface b wired false\ninterface c wired auto faraway yes\n"
    let configuration = try parse(text)
    #expect(try configuration.settings("a").type == .wired)
    #expect(try configuration.settings("b").type == .wireless)
    #expect(try configuration.settings("c").type == .wireless)
    #expect(try warnings(of: text).map { $0.kind } == Array(repeating: .deprecated, count: 4))
    #expect(refusal(of: "interface c faraway perhaps") != nil)
  }
}

@Suite struct `Configuration: defaults that depend on the type of a link` {
  func parameters(_ type: ResolvedLinkType, _ text: String = "") throws -> InterfaceParameters {
    try parse("interface v0 \(text)").interfaceParameters(
      for: .named("v0"), type: type, wirelessHello: 3000, wiredHello: 5000)
  }

  @Test func `wired: split horizon is on`() throws {
    var expected = InterfaceParameters()
    expected.helloInterval = 5000
    expected.updateInterval = 20000
    expected.splitHorizon = true
    #expect(try parameters(.wired) == expected)
  }

  @Test func `wireless: ETX and a cost of 256`() throws {
    var expected = InterfaceParameters()
    expected.rxcost = Metric(256)
    expected.helloInterval = 3000
    expected.updateInterval = 12000
    expected.linkSensing = .etx
    #expect(try parameters(.wireless) == expected)
  }

  @Test func `tunnel: the round-trip time counts, and losses if both ends measure them`() throws {
    var expected = InterfaceParameters()
    expected.helloInterval = 5000
    expected.updateInterval = 20000
    expected.timestamps = true
    expected.maxRTTPenalty = Metric(96)
    expected.measuresLossMutually = true
    expected.probeInterval = 500_000
    expected.probesWhoMeasures = true
    #expect(try parameters(.tunnel) == expected)
  }

  @Test func `unknown is not wired: split horizon is off`() throws {
    var expected = InterfaceParameters()
    expected.helloInterval = 5000
    expected.updateInterval = 20000
    #expect(try parameters(.unknown) == expected)
    #expect(!expected.splitHorizon)
  }

  @Test(arguments: [ResolvedLinkType.wired, .wireless, .tunnel, .unknown])
  func `what is set wins over every type`(type: ResolvedLinkType) throws {
    let text =
      "rxcost 7 hello-interval 1 update-interval 2 link-quality true split-horizon true "
      + "unicast true enable-timestamps false rfc6126-compatible true rtt-decay 1 rtt-min 1 "
      + "rtt-max 50 max-rtt-penalty 5 v4-via-v6 false probe-mtu true"
    var expected = InterfaceParameters()
    expected.rxcost = Metric(7)
    expected.helloInterval = 1000
    expected.updateInterval = 2000
    expected.linkSensing = .etx
    expected.splitHorizon = true
    expected.unicast = true
    expected.rfc6126Compatible = true
    expected.rttDecay = 1
    expected.rttMin = 1000
    expected.rttMax = 50000
    expected.maxRTTPenalty = Metric(5)
    expected.v4ViaV6 = false
    expected.probesMTU = true
    #expect(try parameters(type, text) == expected)
  }

  @Test func `the update interval is four Hello intervals, at most what fits the wire`() throws {
    #expect(try parameters(.wired, "hello-interval 10").updateInterval == 40_000)
    #expect(try parameters(.wired, "hello-interval 655.35").updateInterval == 655_350)
  }

  @Test func `rtt-max is kept above rtt-min, and that is told`() throws {
    #expect(try parameters(.tunnel, "rtt-min 200").rttMax == 210_000)
    #expect(try parameters(.tunnel, "rtt-min 50 rtt-max 50").rttMax == 60_000)
    let configuration = try parse("interface v0 rtt-min 200 max-rtt-penalty 9 rxcost 65535\n")
    #expect(configuration.remarks(about: try .named("v0"), type: .wired).count == 3)
    #expect(configuration.remarks(about: try .named("v0"), type: .tunnel).count == 2)
    #expect(configuration.remarks(about: try .named("v1"), type: .unknown).isEmpty)
  }
}
