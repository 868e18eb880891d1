import TestSupport
import Testing

@testable import BabelCore

/// A configuration is written in its own language: read back it is the same, and what is not said
/// is not written.
@Suite struct `Configuration: written in its own language` {
  private func lines(_ configuration: Configuration, showsKeys: Bool = true) -> [String] {
    configuration.statements(showsKeys: showsKeys).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Without the places that it was read from.
  private func withoutPlaces(_ configuration: Configuration) -> Configuration {
    func bare(_ chain: FilterChain) -> FilterChain {
      var chain = chain
      for index in chain.rules.indices { chain.rules[index].position = nil }
      return chain
    }
    var result = configuration
    result.sources = []
    for index in result.gateways.indices { result.gateways[index].position = nil }
    result.filters.input = bare(configuration.filters.input)
    result.filters.output = bare(configuration.filters.output)
    result.filters.redistribute = bare(configuration.filters.redistribute)
    result.filters.install = bare(configuration.filters.install)
    return result
  }

  @Test func `what is read back is the same, for 2000 random configurations`() throws {
    var words: Set<String> = []
    for seed in 0..<2000 as Range<UInt64> {
      let text = RandomConfiguration.make(seed)
      let first = try parse(text)
      let told = lines(first)
      let again = try parse(told.joined(separator: "\n"))
      let difference = told.joined(separator: "\n")
      #expect(
        withoutPlaces(again) == withoutPlaces(first), "seed \(seed)\n\(text)--\n\(difference)")
      #expect(lines(again) == told, "seed \(seed)")
      #expect(again.digest == first.digest, "seed \(seed)")
      for line in told { words.formUnion(line.split(separator: " ").map(String.init)) }
    }
    // What is never written would not be tested. Words that mean nothing are not kept.
    let idle = ["protocol-buffer-size", "wired", "faraway", "flush", "include"]
    let known =
      StatementKeyword.words + OptionKeyword.words + ProcessKeyword.words + InterfaceKeyword.words
      + FilterKeyword.words + LimitKeyword.words
    #expect(known.filter { !words.contains($0) && !idle.contains($0) } == [])
  }

  @Test func `defaults are not written`() throws {
    #expect(Configuration().statements().isEmpty)
    #expect(lines(try parse("protocol-port 6696\nfee 0\ndebug 0\ndefault\n")) == [])
  }

  @Test func `each statement stands on a line of its own`() throws {
    let text = """
      install deny ip 10.0.0.0/8
      interface wg0 rxcost 0x10
      default type tunnel
      interface wg-* hello-interval 1.50
      interface "a#b"
      interface wg0 unicast yes
      key id k type blake2s128 value 00FF
      debug 1
      local-path-readwrite /run/x
      limit routes 7
      limit interfaces 8
      import-table 5
      import-table 6
      redistribute proto 4 metric 128
      in eq 64
      """
    #expect(
      lines(try parse(text)) == [
        "debug 1", "local-path-readwrite \"/run/x\"", "import-table 5", "import-table 6",
        "limit interfaces 8", "limit routes 7", "key id k type blake2s128 value 00ff",
        "default type tunnel", "interface wg-* hello-interval 1.5",
        "interface wg0 rxcost 16 unicast true", "interface \"a#b\"", "in ip ::/0 eq 64 allow",
        "redistribute proto 4 metric 128", "install ip 10.0.0.0/8 deny",
      ])
  }

  @Test func `keys are hidden, and then cannot be read back`() throws {
    let configuration = try parse(
      "key id a type hmac-sha256 value c0ffee verify-until 2030-01-01\n"
        + "key id b type blake2s128 file /k"
    )
    let told = lines(configuration, showsKeys: false)
    #expect(
      told == [
        "key id a type hmac-sha256 value <hidden> verify-until 2030-01-01T00:00:00Z",
        "key id b type blake2s128 file \"/k\"",
      ])
    #expect(refusal(of: told.joined(separator: "\n")) != nil)
    #expect(!configuration.explanation().contains("c0ffee"))
  }

  @Test func `the digest follows from what is said, and from nothing else`() throws {
    let one = try parse("interface a rxcost 5\nkey id k type hmac-sha256 value 01\n")
    let same = try parse(
      "# a comment\nkey id k type hmac-sha256 value 01\n\ninterface a rxcost 0x5")
    let other = try parse("interface a rxcost 5\nkey id k type hmac-sha256 value 02\n")
    #expect(one.digest == same.digest)
    #expect(one.digest != other.digest)
    #expect(one.digest.count == 16 && one.digest.allSatisfy { $0.isHexDigit })
    var filed = try parse("key id k type hmac-sha256 file /k")
    let before = filed.digest
    #expect(filed.setKey(octets("k"), fromFile: octets("01")) == nil)
    #expect(filed.digest != before)
    #expect(Configuration().digest == "ef2a8b78dd80da9c")
  }

  @Test func `an order of rules counts, as the first one decides`() throws {
    let one = try parse("in ip 10.0.0.0/8 deny\nin ip 10.0.0.0/16 allow")
    let other = try parse("in ip 10.0.0.0/16 allow\nin ip 10.0.0.0/8 deny")
    #expect(one.digest != other.digest)
  }
}
