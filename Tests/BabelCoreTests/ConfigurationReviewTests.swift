import BabelWire
import Testing

@testable import BabelCore

/// What a check says about a text, parser and review together, without places.
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

  @Test func `redistribute deny does not stop local addresses`() throws {
    let hint = "local addresses are announced all the same"
    #expect(try review("redistribute deny").contains { $0.hasPrefix(hint) })
    let complete = "redistribute local deny\nredistribute deny"
    #expect(try !review(complete).contains { $0.hasPrefix(hint) })
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
