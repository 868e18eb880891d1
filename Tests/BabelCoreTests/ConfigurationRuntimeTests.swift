import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: requests of the local socket` {
  @Test(
    arguments: [
      ("dump", .dump), ("monitor", .monitor), ("unmonitor", .unmonitor), ("quit", .quit),
      ("", .empty), ("  # x", .empty), ("dump # x", .dump), ("dump\r", .dump), ("dump\n", .dump),
      ("\n", .empty), ("\r\n", .empty), (" \tdump", .dump), ("dump#x", .dump),
      ("reopen-logfile", .reopenLogFile), ("link-detect yes", .linkDetect(true)),
      ("link-detect auto", .linkDetect(nil)), ("link-detect no", .linkDetect(false)),
      ("smoothing-half-life 0", .smoothingHalfLife(0)),
      ("log-file \"/a b\"", .logFile(Array("/a b".utf8))),
    ] as [(String, RuntimeCommand)])
  func `what needs no argument check`(line: String, command: RuntimeCommand) {
    #expect(request(line) == command)
  }

  @Test func `interfaces come, change and go`() throws {
    var settings = InterfaceSettings()
    settings.rxcost = 5
    let v0 = try InterfaceName.named("v0")
    #expect(request("interface v0 rxcost 5") == .interface(v0, settings))
    #expect(request("default rxcost 5") == .defaults(settings))
    #expect(request("interface v0") == .interface(v0, InterfaceSettings()))
    #expect(request("flush interface v0") == .flushInterface(v0))
    #expect(request("flush interface nosuchinterfaceever") == .flushInterface(nil))
  }

  @Test func `a rule of a client that can never match is named by number and text`() throws {
    var running = Configuration()
    for line in ["in ip 10.0.0.0/8 deny", "in ip 10.1.0.0/16 allow", "in ip 10.2.0.0/16 deny"] {
      guard case .configuration(let next) = request(line, running: running) else {
        Issue.record("\(line) was refused")
        return
      }
      running = next
    }
    #expect(
      running.deadRules().map(\.logLine)
        == [2, 3].map { number in
          let text = number == 2 ? "10.1.0.0/16 allow" : "10.2.0.0/16 deny"
          return "local socket: in rule \(number), \"in ip \(text)\", can never match: "
            + "in rule 1, \"in ip 10.0.0.0/8 deny\", matches all that it would"
        })
  }

  @Test func `keys are looked for in the running configuration`() throws {
    let key = AuthenticationKey(
      id: octets("k"), algorithm: .hmacSHA256, value: SecretOctets([1]))
    #expect(request("key id k type hmac-sha256 value 01") == .key(key))
    var running = Configuration()
    running.define(key)
    var settings = InterfaceSettings()
    settings.key = octets("k")
    #expect(
      request("interface v0 key k", running: running) == .interface(try .named("v0"), settings))
    guard case .bad = request("interface v0 key k") else {
      Issue.record("an unknown key was taken")
      return
    }
  }

  @Test(arguments: [
    "foo", "Dump", "dump x", "dump\ndump", "quit now", "\"dump\"", "in nonsense", "user nobody",
    "check-xroutes", "shutdown", "monitor-routes", "flush", "flush v0",
    "flush interface", "flush interface v0 x", "flush interface \"v0\"", "interface",
    "interface v0 foo", "link-detect", "link-detect 1", "reopen-logfile x", "log-file",
    "limit routes 0", "limit", "dump \u{0}", "\n\n", "smoothing-half-life",
  ])
  func `everything else is bad`(line: String) {
    guard case .bad(let error) = request(line) else {
      Issue.record("\(line) was taken")
      return
    }
    #expect(error.source == .socket)
  }

  @Test(arguments: [
    "in deny", "out deny", "redistribute local deny", "install deny", "debug 1",
    "router-id 1:2:3:4:5:6:7:8", "random-id true", "limit routes 5", "export-table 5",
    "local-port 5",
  ])
  func `any other statement gives the configuration with it`(line: String) throws {
    guard case .configuration(let configuration) = request(line) else {
      Issue.record("\(line) was not taken")
      return
    }
    #expect(configuration.statements() == (try parse(line)).statements())
    #expect(configuration != Configuration())
    #expect(!request(line).isReadOnly)
  }

  @Test func `a rule from the socket can be placed and removed`() throws {
    let running = try parse("in ip 10.1.0.0/16 deny\nin ip 10.2.0.0/16 deny")
    func rules(_ configuration: Configuration) -> [String] {
      configuration.filters.input.rules.map {
        String(decoding: $0.statement(of: .input), as: UTF8.self)
      }
    }
    let (one, two, new) = (
      "in ip 10.1.0.0/16 deny", "in ip 10.2.0.0/16 deny", "in ip 10.3.0.0/16 deny"
    )
    guard case .configuration(var configuration) = request(new, running: running) else {
      Issue.record("not taken")
      return
    }
    #expect(rules(configuration) == [one, two, new])
    let (isFourth, isZeroth) = (
      configuration.moveLastRule(of: .input, to: 4), configuration.moveLastRule(of: .input, to: 0)
    )
    #expect(!isFourth && !isZeroth)
    let isFirst = configuration.moveLastRule(of: .input, to: 1)
    #expect(isFirst && rules(configuration) == [new, one, two])
    let isRemoved = configuration.removeRule(2, of: .input)
    #expect(isRemoved && rules(configuration) == [new, two])
    for number in [3, 0, -1, .min, .max] {
      let isGone = configuration.removeRule(number, of: .input)
      #expect(!isGone, "\(number)")
    }
    var plain = Configuration()
    let isImplicitGone = plain.removeRule(1, of: .redistribute)
    #expect(!isImplicitGone, "the implicit rule cannot be removed")
  }

  @Test func `only looking is allowed on a read-only connection`() {
    for line in ["dump", "monitor", "unmonitor", "quit", "", "#"] {
      #expect(request(line).isReadOnly)
    }
    for line in [
      "foo", "interface v0", "default", "flush interface v0", "link-detect no", "reopen-logfile",
      "log-file x", "smoothing-half-life 4", "key id k type hmac-sha256 value 01",
    ] {
      #expect(!request(line).isReadOnly)
    }
  }
}
