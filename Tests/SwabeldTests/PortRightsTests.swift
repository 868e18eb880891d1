import BabelCore
import BabelWire
import Testing

@testable import swabeld

@Suite struct `What a port may be asked` {
  /// All that everybody may ask of a read-write port, as docs/control-socket.md lists it.
  private static let open: Set<String> = [
    "dump", "monitor", "unmonitor", "quit", "show", "status", "metrics", "explain", "events",
    "path",
    "interface", "default", "flush", "link-detect", "smoothing-half-life", "reopen-logfile",
    "drain",
    "undrain", "neighbour-cost",
  ]

  private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func rights(trusted: Bool = false) -> ClientRights {
    var configuration = Configuration()
    configuration.trustsLocalPort = trusted
    return ClientRights(LocalServer(endpoint: .port(1), isReadWrite: true), configuration)
  }

  private func verdict(
    _ line: String, _ text: String = "", trusted: Bool = false
  ) throws -> ClientRights.Verdict {
    var configuration = Configuration()
    try ConfigurationParser.parse(file: octets(text), name: "f", into: &configuration)
    return rights(trusted: trusted).verdict(on: octets(line), in: configuration)
  }

  @Test func `every word of the configuration and of requests is refused unless it is listed`()
    throws
  {
    let words = Set(ConfigurationParser.firstWords + RequestWord.all)
    #expect(words.count > 70 && Self.open.isSubset(of: words))
    for word in words {
      for line in [word, "\(word) x", " \t\(word)\tx # y"] {
        let expected: ClientRights.Verdict = Self.open.contains(word) ? .granted : .refused
        #expect(try verdict(line) == expected, "\(line)")
        #expect(try verdict(line, trusted: true) == .granted, "\(line)")
      }
    }
  }

  @Test(arguments: [
    "log-file /etc/profile.d/x.sh", "log-file \"/etc/x\"", "log-level all debug", "hook started /x",
    "state-file /x", "pid-file /x", "metrics-path /x", "metrics-port 5", "local-path-readwrite /x",
    "include /etc/*", "set a { 10.0.0.0/8 }", "user nobody", "trust-local-port true",
    "key id k type blake2s128 value 00", "key id k type blake2s128 file /x",
    "interface wg0 key none", "interface wg0 rxcost 5 accept-bad-signatures true",
    "interface wg* key k", "default also-key k", "default sign-key k", "default verify-key k",
    "in deny", "redistribute local deny", "rule add in deny", "reload --dry-run", "confirm",
    "restart", "stop", "stop --keep-routes", "show config --secrets", "show config --diff",
    "trace", "capture for 5", "fee 5", "router-id 1:2:3:4:5:6:7:8", "skip-kernel-setup true",
    "export-table 5", "limit routes 5", "daemonise true", "debug 3",
  ])
  func `these decide about the whole daemon, name files or programs, or touch keys`(
    line: String
  ) throws {
    let key = "key id k type blake2s128 value 00"
    #expect(try verdict(line, key) == .refused)
    #expect(try verdict(line, key, trusted: true) == .granted)
  }

  @Test(arguments: [
    ("", ""), ("# x", ""), ("interface wg0 type tunnel rxcost 5", ""),
    ("interface wg* unicast true", ""),
    ("default rxcost 96", ""), ("flush interface wg0", ""), ("show routes 10.0.0.0/8", ""),
    ("show config", ""), ("show counters", ""), ("drain all for 5", ""),
    ("fee 5", "socket-dialect althea"), ("metric-factor 5", "socket-dialect althea"),
    ("redistribute ip 10.0.0.0/8 allow", "socket-dialect aredn"),
    ("dump-routable-neighbors", "socket-dialect aredn"),
  ])
  func `these are what known clients need`(line: String, file: String) throws {
    #expect(try verdict(line, file) == .granted)
  }

  @Test func `what nobody knows is not looked at`() throws {
    for line in ["nonsense", "\"log-file\" /x", "log-file\"/x\"", "\u{1b}", "dump-xroutes"] {
      #expect(try verdict(line) == .unknown, "\(line)")
    }
  }

  @Test func `the manual has the same list`() throws {
    let text = try page("control-socket.md")
    let section = try #require(text.split(separator: "## What a port can do").last)
      .split(separator: "\n## ")[0]
    for word in Self.open { #expect(section.contains("`\(word)"), "\(word)") }
  }

  @Test func `what a client wrote is logged in printable characters, and shortened`() {
    for line in ["\u{1b}[2J\u{07}", "\u{9b}x", String(repeating: "x", count: 250), "limit \u{1b}"] {
      guard
        case .bad(let error) = ConfigurationParser.parseRuntime(
          line: octets(line), configuration: Configuration())
      else {
        Issue.record("\(line) was taken")
        continue
      }
      #expect(
        error.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0 ~= $0.value) })
      #expect(error.detail.utf8.count < 300)
    }
  }
}
