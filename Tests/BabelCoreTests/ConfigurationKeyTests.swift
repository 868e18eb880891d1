import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: keys (RFC 8967 §3.1)` {
  @Test func `RFC 8967 §4.1 both algorithms, the parts in any order`() throws {
    let configuration = try parse(
      """
      key id a type hmac-sha256 value 00ff
      key value 0A0b type blake2s128 id b # comment
      """)
    #expect(
      configuration.keys == [
        AuthenticationKey(id: octets("a"), algorithm: .hmacSHA256, value: SecretOctets([0, 255])),
        AuthenticationKey(id: octets("b"), algorithm: .blake2s128, value: SecretOctets([10, 11])),
      ])
  }

  @Test(arguments: [("hmac-sha256", 64), ("blake2s128", 32)])
  func `keys have a longest length`(type: String, limit: Int) throws {
    let longest = String(repeating: "ab", count: limit)
    #expect(try parse("key id a type \(type) value \(longest)").keys.count == 1)
    let error = try #require(refusal(of: "key id a type \(type) value \(longest)ab"))
    #expect(error.expected == "at most \(limit) octets for \(type)")
  }

  @Test(arguments: [
    "key", "key id a", "key id a type hmac-sha256", "key type hmac-sha256 value 00",
    "key id a value 00", "key id a type none value 00", "key id a type sha1 value 00",
    "key id a type hmac-sha256 value 0", "key id a type hmac-sha256 value 0g",
    "key id a type hmac-sha256 value", "key a hmac-sha256 00",
    "key id a type hmac-sha256 value 00 11", "key id a type blake2s value 00",
  ])
  func `other keys are refused`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test func `the same id replaces the key in its place`() throws {
    let configuration = try parse(
      """
      key id a type hmac-sha256 value 00
      key id b type hmac-sha256 value 01
      key id a type blake2s128 value 02
      """)
    #expect(configuration.keys.map { $0.id } == [octets("a"), octets("b")])
    #expect(configuration.keys[0].algorithm == .blake2s128)
    #expect(configuration.keys[0].value.octets == [2])
  }

  @Test func `an interface names a key that is defined before`() throws {
    let key = "key id k type hmac-sha256 value 01\n"
    let configuration = try parse(key + "interface v0 key k\ndefault key k\n")
    let keys = configuration.authentication(for: try .named("v0")).keys
    #expect(keys.map { $0.key.id } == [octets("k")])
    #expect(keys.map { $0.signs } == [true])
    let error = try #require(refusal(of: "interface v0 key k\n" + key))
    #expect(error.preface == "Couldn't find key k.")
    #expect(error.description.hasPrefix("Couldn't find key k.\nCouldn't parse configuration"))
  }

  @Test func `RFC 8967 §3.1 an interface takes a set of keys, some of them only to verify`() throws
  {
    let configuration = try parse(
      """
      key id a type hmac-sha256 value 0a
      key id b type blake2s128 value 0b
      key id c type hmac-sha256 value 0c
      interface v0 key a also-key b verify-key c verify-key a
      interface v1 key a key b
      default accept-bad-signatures true
      """)
    let v0 = configuration.authentication(for: try .named("v0"))
    #expect(v0.keys.map { $0.key.id } == [octets("a"), octets("b"), octets("c")])
    #expect(v0.keys.map { $0.signs } == [true, true, false])
    #expect(v0.acceptsBadSignatures)
    // As with babeld, the last `key` of an interface counts.
    let v1 = configuration.authentication(for: try .named("v1"))
    #expect(v1.keys.map { $0.key.id } == [octets("b")])
    let v2 = configuration.authentication(for: try .named("v2"))
    #expect(v2.keys.isEmpty)
    let nine = String(repeating: " also-key a", count: 9)
    #expect(refusal(of: "key id a type hmac-sha256 value 0a\ninterface v0" + nine) != nil)
  }

  @Test func `a redefined key changes for every interface that names it`() throws {
    let configuration = try parse(
      """
      key id a type hmac-sha256 value 0a
      interface v0 key a
      key id a type hmac-sha256 value 0b
      """)
    let keys = configuration.authentication(for: try .named("v0")).keys
    #expect(keys.map { $0.key.value.octets } == [[0x0b]])
  }

  @Test(arguments: [
    "key id a type hmac-sha256 value deadbeefcafebabe0", "key id a type deadbeefcafebabe",
    "key deadbeefcafebabe", "key id a type hmac-sha256 value deadbeefcafebabeXY",
    "key id a type hmac-sha256 value 00 deadbeefcafebabe",
    "key id a type hmac-sha256 value \"deadbeefcafebabe\"",
    "key id a type blake2s128 value deadbeefcafebabe" + String(repeating: "00", count: 30),
  ])
  func `errors never show what may be the key`(text: String) throws {
    let error = try #require(refusal(of: text))
    #expect(!error.description.contains("deadbeef"))
    #expect(error.found == nil)
  }

  @Test func `a key is never part of a description, and can be wiped`() throws {
    var configuration = try parse("key id a type hmac-sha256 value deadbeef")
    #expect(configuration.keys[0].description == "key a hmac-sha256")
    #expect(configuration.keys[0].value.description == "(4 secret octets)")
    configuration.wipeKeys()
    #expect(configuration.keys[0].value.octets == [0, 0, 0, 0])
  }

  @Test func `RFC 8967 §3.1 a key may count for a time only`() throws {
    let configuration = try parse(
      """
      key id a type blake2s128 value 01 sign-from 2026-12-01 sign-until 2027-02-28T23:59:59Z
      key id b type blake2s128 value 01 verify-from 1970-01-01 verify-until 2028-02-29
      """)
    let (a, b) = (configuration.keys[0], configuration.keys[1])
    #expect(a.signing == KeyPeriod(from: 1_796_083_200, until: 1_803_859_199))
    #expect(a.verifying.isAlways && a.hasPeriods)
    #expect(b.verifying == KeyPeriod(from: 0, until: 1_835_395_200))
    #expect(
      a.description == "key a blake2s128 sign-from 2026-12-01T00:00:00Z "
        + "sign-until 2027-02-28T23:59:59Z")
    #expect(b.verifying.contains(0) && !b.verifying.contains(1_835_395_200))
    for time in [
      "2026-12", "2026-13-01", "2026-02-29", "2026-12-01T24:00:00Z", "2026-12-01T00:00:00",
      "2026-12-01 00:00", "1969-12-31", "now", "2100-02-29", "2026-00-01", "2026-01-00",
    ] {
      #expect(refusal(of: "key id a type blake2s128 value 01 sign-from \(time)") != nil)
    }
  }

  @Test func `a key may be in a file, but not one named over the socket`() throws {
    var configuration = try parse("key id a type blake2s128 file \"/etc/a key\"")
    #expect(configuration.keys[0].file == octets("/etc/a key"))
    #expect(configuration.keys[0].value.octets.isEmpty)
    #expect(configuration.setKey(octets("a"), fromFile: octets(" \n0aFF\r\n")) == nil)
    #expect(configuration.keys[0].value.octets == [10, 255])
    for content in ["", " ", "0", "0g", "00 11", String(repeating: "00", count: 33)] {
      let fault = configuration.setKey(octets("a"), fromFile: octets(content))
      #expect(fault != nil && fault?.contains("0g") == false)
    }
    #expect(refusal(of: "key id a type blake2s128 file x value 00") != nil)
    let line = octets("key id a type blake2s128 file /etc/passwd")
    if case .bad = ConfigurationParser.parseRuntime(line: line, configuration: configuration) {
    } else {
      Issue.record("taken over the socket")
    }
  }

  @Test func `RFC 8967 §3.1 keys that sign only, and none`() throws {
    let configuration = try parse(
      """
      key id a type hmac-sha256 value 0a
      key id b type blake2s128 value 0b
      default key a
      interface v0 sign-key b
      interface v1 key none
      interface v2 key a also-key b
      interface v2 also-key none verify-key b
      """)
    let v0 = configuration.authentication(for: try .named("v0")).keys
    #expect(v0.map { [$0.signs, $0.verifies] } == [[true, true], [true, false]])
    #expect(configuration.authentication(for: try .named("v1")).keys.isEmpty)
    let v2 = configuration.authentication(for: try .named("v2")).keys
    #expect(v2.map { [$0.signs, $0.verifies] } == [[true, true], [false, true]])
    #expect(
      configuration.explanation(positional: [], wirelessHello: 4000, wiredHello: 4000)
        .contains("# signed with key b blake2s128"))
  }
}
