import BabelCore
import BabelWire
import Testing

@Suite struct `Configuration: lexical rules` {
  @Test(arguments: ["", "\n", "\n\n", "   ", "# only\n", "\t \r\n", "#", "\r"])
  func `a file without statements is fine`(text: String) throws {
    #expect(try parse(text).interfaces.isEmpty)
  }

  @Test(arguments: [
    "debug 2", "debug 2\n", "  debug 2", "\tdebug\t2\t", "debug 2\r\n", "debug 2 # x", "debug 2# x",
    "debug\r2", "debug    2   ", "\n\ndebug 2\n\n",
  ])
  func `blanks and comments do not matter`(text: String) throws {
    #expect(try parse(text).debugLevel == 2)
  }

  @Test func `a comment may begin in the middle of a word`() throws {
    let configuration = try parse("interface v0# x\ninterface v1#x\n")
    #expect(configuration.interfaces.map { $0.name.description } == ["v0", "v1"])
  }

  @Test(arguments: ["Debug 1", "DEBUG 1", "debug=1", "debug = 1", "debug 1 \\\n", "include x"])
  func `keywords are exact, and there is no other syntax`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test func `a word of 255 octets is taken, one of 256 is refused`() throws {
    let longest = String(repeating: "a", count: 255)
    #expect(try parse("state-file \(longest)").stateFile == octets(longest))
    let error = try #require(refusal(of: "state-file \(longest)a"))
    #expect(error.expected == "at most 255 octets")
    #expect(error.column == 12)
    #expect(refusal(of: longest + "a") != nil)
  }

  @Test func `a string of 254 octets is taken, one of 255 is refused`() throws {
    let longest = String(repeating: "a", count: 254)
    #expect(try parse("state-file \"\(longest)\"").stateFile == octets(longest))
    #expect(refusal(of: "state-file \"\(longest)a\"") != nil)
  }

  @Test(arguments: [
    (#"state-file "a b""#, "a b"), (#"state-file "a\"b""#, "a\"b"), (#"state-file "a\\b""#, "a\\b"),
    (#"state-file "a#b""#, "a#b"), (#"state-file "" "#, ""), (#"state-file a"b"#, "a\"b"),
    (#"state-file "\a""#, "a"), (#"state-file a\b"#, "a\\b"), ("state-file \"a\"# x", "a"),
    ("state-file \"a\tb\"", "a\tb"),
  ])
  func `strings may be quoted`(text: String, expected: String) throws {
    #expect(try parse(text).stateFile == octets(expected))
  }

  @Test func `text may follow a closing quotation mark`() throws {
    let configuration = try parse(#"interface "v0"rxcost 7"#)
    #expect(try configuration.settings("v0").rxcost == 7)
  }

  @Test(arguments: [
    #"state-file "abc"#, "state-file \"a\nb\"", #"state-file "abc\"#, #"state-file "abc\""#,
    "state-file \"a\\\nb\"",
  ])
  func `a string ends on its line`(text: String) throws {
    let error = try #require(refusal(of: text))
    #expect(error.expected == "a closing quotation mark")
    #expect(error.line == 1)
    #expect(error.hint == "the string began at column 12")
  }

  @Test(arguments: [
    #"debug "1""#, #""debug" 1"#, #"interface v0 "rxcost" 1"#, #"in ip "::/0""#, #"in "allow""#,
    #"key id "a" type hmac-sha256 value 00"#, #"router-id "02:00:00:00:00:00:00:01""#,
    #"in neigh "fe80::1""#, #"flush interface "v0""#, #"link-detect "true""#,
  ])
  func `quotation marks are refused everywhere else`(text: String) {
    #expect(refusal(of: text) != nil)
  }

  @Test(arguments: [
    ("10", 10), ("0x10", 16), ("0X1f", 31), ("010", 8), ("+5", 5), ("0", 0), ("+0x2", 2), ("00", 0),
    ("2147483647", 2_147_483_647),
  ])
  func `integers have C's syntax`(text: String, value: Int) throws {
    #expect(try parse("debug \(text)").debugLevel == value)
  }

  @Test(arguments: [
    "08", "0x", "0xg", "-1", "1.0", "1e3", "one", "+", "-", "--1", "1_000", "2147483648",
    "99999999999999999999999999", "0x8000000000000000000000", "\u{b}1", "1\u{0}",
  ])
  func `other integers are refused`(text: String) {
    #expect(refusal(of: "debug \(text)") != nil)
  }

  @Test(
    arguments: [
      ("4", 4000), ("4.", 4000), (".5", 500), ("4.25", 4250), ("0.0019", 1), ("0.001", 1),
      ("655.35", 655_350), ("655.3509", 655_350), ("0004", 4000), ("1.000000000000000000000", 1000),
    ] as [(String, UInt32)])
  func `intervals are decimal with a fraction`(text: String, value: UInt32) throws {
    #expect(try parse("interface v0 hello-interval \(text)").settings("v0").helloInterval == value)
  }

  @Test(arguments: [
    "0", ".", "0.0009", "655.351", "+4", "-4", "4s", "0x4", "1.2.3", "1,5", "99999999999999999999",
    "",
  ])
  func `other intervals are refused`(text: String) {
    #expect(refusal(of: "interface v0 hello-interval \(text)") != nil)
  }

  @Test(arguments: [
    ("true", true), ("yes", true), ("false", false), ("no", false), ("auto", false),
    ("default", false),
  ])
  func `booleans of options take auto as false`(text: String, value: Bool) throws {
    #expect(try parse("random-id yes\nrandom-id \(text)").usesRandomID == value)
  }

  @Test(arguments: ["1", "0", "on", "off", "True", "TRUE", "y", ""])
  func `other booleans are refused`(text: String) {
    #expect(refusal(of: "random-id \(text)") != nil)
  }

  @Test(
    arguments: [
      ("02:00:00:00:00:00:00:0b", 0x0200_0000_0000_000b),
      ("2-0-0-0-0-0-0-b", 0x0200_0000_0000_000b),
      ("ac:1f:6b:e5:fe:3a", 0xac1f_6bff_fee5_fe3a), ("AC:1F:6B:E5:FE:3A", 0xac1f_6bff_fee5_fe3a),
      ("1:2:3:4:5:6:7:8zz", 0x0102_0304_0506_0708), ("1:2:3:4:5:6:7:89a", 0x0102_0304_0506_0789),
      ("1:2:3:4:5:6:7", 0x0102_03ff_fe04_0506),
    ] as [(String, UInt64)])
  func `router-ids have eight octets, or six with colons`(text: String, value: UInt64) throws {
    #expect(try parse("router-id \(text)").routerID == RouterID(value))
  }

  @Test(arguments: [
    "1.2.3", "1-2-3-4-5-6", "001:2:3:4:5:6:7:8", "1:2:3:4:5", "x", "", "1:2-3:4:5:6:7:8",
    "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff",
  ])
  func `other router-ids are refused`(text: String) {
    #expect(refusal(of: "router-id \(text)") != nil)
  }

  @Test(arguments: [
    ("default", "::/0"), ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"),
    ("10.1.2.3", "10.1.2.3/32"), ("2001:db8::1", "2001:db8::1/128"), ("::/0", "::/0"),
    ("0.0.0.0/0", "0.0.0.0/0"), ("2001:db8::ffff/0x20", "2001:db8::/32"),
    ("10.0.0.0/010", "10.0.0.0/8"), ("10.0.0.0/+8", "10.0.0.0/8"), ("0::0/0", "::/0"),
  ])
  func `prefixes are read as babeld reads them`(text: String, expected: String) throws {
    let configuration = try parse("in ip \(text)")
    let rule = configuration.filters.input.rules[0]
    // All of a family is said by the family alone.
    let read = rule.destination ?? rule.family.map { Prefix.any($0) }
    #expect(read?.description == expected)
  }

  @Test(arguments: [
    "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "010.0.0.0/8", "::/129", "fe80::1%v0",
    "::/x", "/8", "default/0", "10.0.0.0/8/8", "2001:db8:::/32", "",
  ])
  func `other prefixes are refused`(text: String) {
    #expect(refusal(of: "in ip \(text)") != nil)
  }
}
