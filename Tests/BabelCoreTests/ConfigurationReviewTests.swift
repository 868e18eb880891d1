import BabelWire
import Testing

@testable import BabelCore

/// What a check says about a text: the remarks of parser and review, without the places.
private func review(_ text: String, on machine: MachineFacts? = nil) throws -> [String] {
  let configuration = try parse(text)
  var found = try warnings(of: text) + configuration.review()
  if let machine { found += configuration.review(against: machine) }
  return found.map { $0.message }.filter { !$0.hasPrefix("no interface is named") }
}

@Suite struct `Configuration: what a check remarks` {
  @Test(arguments: [
    ("in deny", "in ip ::/0"), ("in ip 10.0.0.0/8", "in ip 10.1.0.0/16 deny"),
    ("in ip ::/0 le 64", "in ip fd00::/8 le 48 metric 5"), ("out if v0", "out if v0 ip ::/0 deny"),
    ("redistribute ip ::/0", "redistribute ip fd00::/8 proto 4 deny"),
    ("redistribute local", "redistribute local if v0 deny"),
    ("install id 02:00:00:00:00:00:00:01", "install id 02:00:00:00:00:00:00:01 ip ::/0 deny"),
  ])
  func `a rule behind one that matches all it would is told`(first: String, second: String) throws {
    let found = try review(first + "\n" + second)
    #expect(found.contains { $0.contains("test.conf:1 matches all that it would") })
  }

  @Test(arguments: [
    ("in ip ::/0", "in deny"), ("in ip 10.0.0.0/8", "in ip 0.0.0.0/0"),
    ("in ip ::/0 le 64", "in ip fd00::/8"), ("in if v0", "in if v1 deny"),
    ("redistribute ip ::/0", "redistribute ip ::/0 local deny"),
    ("redistribute ip ::/0", "redistribute ip fd00::/8 proto 3 deny"),
    ("in neigh fe80::1", "in neigh fe80::2"), ("in src-ip fd00::/8", "in ip ::/0"),
    ("in ip ::/0", "in ip 10.0.0.0/8"),
  ])
  func `a rule that can still match is left alone`(first: String, second: String) throws {
    #expect(try review(first + "\n" + second).filter { $0.contains("matches all") } == [])
  }

  @Test(arguments: [
    "in ip 10.0.0.0/16 le 8", "in ip 10.0.0.0/8 src-ge 1", "redistribute local ip ::/0 eq 64",
    "redistribute proto 42", "in ip fe80::/64 deny", "in ip 127.0.0.0/8", "in le 1 ge 5",
  ])
  func `a rule that contradicts itself is told`(text: String) throws {
    #expect(try review(text).contains { $0.contains("can never match") })
  }

  @Test(arguments: [("hmac-sha256", 15), ("hmac-sha256", 16), ("blake2s128", 1)])
  func `a key that can be guessed is told`(type: String, octets: Int) throws {
    let value = String(repeating: "5a", count: octets)
    let found = try review("key id k type \(type) value \(value)\ninterface v0 key k")
    #expect(found.contains { $0.contains("less than 16 octets") } == (octets < 16), "\(found)")
    #expect(found.allSatisfy { !$0.contains("5a") })
  }

  @Test func `source-specific IPv4 routes exist where there are tables for them`() throws {
    let rule = "in ip 10.0.0.0/8 src-ge 1 deny"
    #expect(try review(rule).contains { $0.contains("without source-tables") })
    #expect(try !review("source-tables 100 199\n" + rule).contains { $0.contains("never match") })
    let redistribution = "source-tables 100 199\nredistribute ip 10.0.0.0/8 src-ge 1"
    #expect(
      try review(redistribution).contains { $0.contains("the kernel has no source-specific") })
  }

  @Test func `intervals that are longer than a feature works for are told`() throws {
    #expect(
      try review("interface v0 update-interval 655.35") == [
        "update-interval is 655 s: after a crash a route whose origin does not answer requests is "
          + "refused for 2292 s"
      ])
    #expect(try review("default hello-interval 100\ninterface v0").count == 1)
    #expect(
      try review("interface v0 hello-interval 200 update-interval 200 enable-timestamps true") == [
        "hello-interval is 200 s: round-trip times are not measured above 180 s"
      ])
    // These lines come from a guide for roaming servers.
    #expect(try review("interface v0 hello-interval 60 enable-timestamps true") == [])
  }

  @Test func `redistribute deny does not stop local addresses`() throws {
    let hint = "local addresses that no rule denies are announced all the same"
    #expect(try review("redistribute deny").contains { $0.hasPrefix(hint) })
    let complete = "redistribute local deny\nredistribute deny"
    #expect(try !review(complete).contains { $0.hasPrefix(hint) })
  }

  @Test(arguments: [
    "redistribute local allow\nredistribute deny", "redistribute deny\nredistribute local metric 9",
    "redistribute local ip 0.0.0.0/0 deny\nredistribute local ip ::/0\nredistribute deny",
    "redistribute anyproto deny", "redistribute ip 0.0.0.0/0 deny",
  ])
  func `who speaks of all local addresses is not told of them`(text: String) throws {
    #expect(try !review(text).contains { $0.contains("no rule denies are announced") })
  }

  @Test(arguments: [
    "redistribute local ip 10.0.0.0/8 allow\nredistribute deny",
    "redistribute local ip ::/0 allow\nredistribute deny",
    "redistribute local if v0 deny\nredistribute deny",
  ])
  func `who speaks of some local addresses is told of the others`(text: String) throws {
    #expect(try review(text).contains { $0.contains("no rule denies are announced") })
  }

  @Test(arguments: [
    ("install metric 128", "\"metric\" does nothing in an install rule"),
    ("install ip ::/0 deny table 5", "\"table\" does nothing beside deny"),
    ("install pref-src 10.0.0.1 deny", "\"pref-src\" does nothing beside deny"),
    ("install kernel-metric 7 metric 65535", "\"kernel-metric\" does nothing beside deny"),
    ("redistribute src-prefix fd00::/8 deny", "\"src-prefix\" does nothing beside deny"),
    ("random-id true\nrouter-id 1:2:3:4:5:6:7:8", "random-id does nothing"),
    ("source-rule-priority 5", "does nothing without source-tables"),
    ("fee 7", "decide nothing"), ("socket-mode 0600", "do nothing without local-path"),
    ("socket-mode 0600\nlocal-port 5", "do nothing without local-path"),
    ("socket-dialect aredn", "does nothing without a local socket"),
  ])
  func `what does nothing is told`(text: String, remark: String) throws {
    let found = try review(text, on: MachineFacts())
    #expect(found.contains { $0.contains(remark) }, "\(found)")
    #expect(!found.contains { $0.contains("until it comes") }, "\(found)")
  }

  @Test(arguments: [
    "install metric 65535", "install allow", "install deny", "in metric 128", "out deny",
    "redistribute metric 128", "install ip ::/0 table 5 allow",
    "redistribute src-prefix fd00::/8 metric 5",
    "source-tables 1000 1001\nsource-rule-priority 5", "fee 7\ndefault path-attributes true",
    "fee 7\ninterface wg* althea-wire true", "socket-mode 0600\nlocal-path-readwrite /run/x",
    "socket-dialect aredn\nlocal-port 5",
  ])
  func `what does something is left alone`(text: String) throws {
    let found = try review(text).filter { $0.contains("nothing") }
    #expect(found == [], "\(found)")
  }

  @Test func `interfaces that only a pattern names are compared with the machine`() throws {
    var machine = MachineFacts()
    for (name, isUp) in [("wg0", true), ("wg1", true), ("wg2", false), ("eth0", true)] {
      machine.links.append(
        MachineFacts.Link(
          name: try .named(name), isUp: isUp, isLoopback: false, hasLinkLocal: false,
          isTunnel: true))
    }
    let text = "interface wg* type tunnel\ninterface w* rxcost 9\ninterface wg1 link-local auto"
    let found = try review(text, on: machine).filter { $0.contains("interface ") }
    #expect(found.count == 2, "\(found)")
    #expect(found[0].contains("interface wg0 has no link-local address"))
    #expect(found[1] == "interface wg2 is down")
    let made = "interface wg* type tunnel link-local auto max-rtt-penalty 5 enable-timestamps auto"
    #expect(try review(made, on: machine).contains("interface wg2 is down"))
    #expect(try !review(made, on: machine).contains { $0.contains("link-local") })
  }

  @Test func `a penalty of default is not remarked where timestamps are switched off`() throws {
    var machine = MachineFacts()
    machine.links = [
      MachineFacts.Link(
        name: try .named("v0"), isUp: true, isLoopback: false, hasLinkLocal: true, isTunnel: false)
    ]
    let quiet = "default max-rtt-penalty 50\ninterface v0 enable-timestamps false"
    #expect(try review(quiet, on: machine) == [])
    let loud = "default max-rtt-penalty 50\ninterface v0"
    #expect(try review(loud, on: machine).contains { $0.contains("has no effect") })
  }

  private func bootRoute(_ prefix: String, through name: String = "eth0") throws -> KernelOffer {
    let parts = prefix.split(separator: "/").map(String.init)
    let destination = Example.prefix(parts[0], try #require(Int(parts[1])))
    return KernelOffer(
      destination: destination, source: .any(destination.family), kernelProtocol: 3,
      interface: try .named(name), table: 254)
  }

  @Test(arguments: [
    ("redistribute ip 0.0.0.0/0 eq 0 allow", 1), ("redistribute", 1),
    ("redistribute if eth0 metric 128", 1), ("redistribute if eth1 metric 128", 0),
    ("redistribute ip 0.0.0.0/0 eq 0 proto 3 allow\nredistribute ip 0.0.0.0/0", 0),
    ("redistribute anyproto ip 0.0.0.0/0 eq 0 allow", 0), ("redistribute deny", 0),
    ("redistribute ip 0.0.0.0/0 eq 0 deny\nredistribute", 0),
    ("redistribute proto 3 deny\nredistribute", 0), ("redistribute local deny", 0),
    ("redistribute ip 0.0.0.0/0 le 0\nredistribute ip 10.0.0.0/8", 2),
  ])
  func `a rule that misses a route only because ip route add made it is told`(
    text: String, count: Int
  ) throws {
    var machine = MachineFacts()
    machine.bootRoutes = [try bootRoute("0.0.0.0/0")]
    if count == 2 {
      machine.bootRoutes += [try bootRoute("10.1.0.0/16"), try bootRoute("10.2.0.0/16")]
    }
    let found = try review(text, on: machine).filter { $0.contains("is of protocol \"boot\"") }
    #expect(found.count == count, "\(found)")
    if count > 0 { #expect(found[0].contains("the route 0.0.0.0/0 through eth0 is not announced")) }
  }

  @Test func `words that undo one another are told`() throws {
    let found = try review("redistribute local ip 0.0.0.0/0 proto 3 metric 128 allow")
    #expect(found.contains("\"proto\" replaces \"local\" of the same rule"))
    #expect(found.contains("\"allow\" replaces \"metric\" of the same rule"))
  }

  @Test func `interfaces are compared with the machine`() throws {
    var machine = MachineFacts()
    machine.links = [
      MachineFacts.Link(
        name: try .named("wg0"), isUp: true, isLoopback: false, hasLinkLocal: false, isTunnel: true)
    ]
    let found = try review("interface wg0 type tunnel\ninterface wg1 type tunnel", on: machine)
    #expect(found.count == 2)
    #expect(found[0].contains("has no link-local address"))
    #expect(found[1].contains("does not exist"))
  }

  @Test(arguments: realConfigurations)
  func `an explanation is a configuration that comes to the same`(file: RealConfiguration) throws {
    let text = try parse(file.text).explanation()
    let again = try parse(text)
    #expect(withoutComments(again.explanation()) == withoutComments(text))
  }

  private func withoutComments(_ text: String) -> [Substring] {
    text.split(separator: "\n").map { $0.prefix { $0 != "#" } }.filter { !$0.isEmpty }
  }
}

@Suite struct `Configuration: nothing is undocumented` {
  @Test func `every word of the parser stands in docs/configuration.md`() throws {
    let page = try documentation("configuration.md")
    let words =
      StatementKeyword.words + RequestKeyword.words + OptionKeyword.words + InterfaceKeyword.words
      + FilterKeyword.words
    for word in words { #expect(page.contains(word), "\(word) is not described") }
  }

  @Test func `every option stands in the man page`() throws {
    let page = try documentation("swabeld.8")
    for letter in "mphHkAsrSdgGlwMtTcCDLIV" {
      #expect(page.contains(".It Fl \(letter)"), "-\(letter) is not described")
    }
    for word in ["check", "explain", "help", "version"] {
      #expect(page.contains("Fl -\(word)"), "--\(word) is not described")
    }
  }
}
