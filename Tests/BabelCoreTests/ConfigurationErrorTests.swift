import BabelCore
import BabelWire
import Testing

/// A text, where its first fault is, and what is said about it.
struct FaultCase: Sendable, CustomTestStringConvertible {
  let text: String
  let line: Int
  let column: Int
  let found: String?
  let suggestion: String?
  var testDescription: String { text }

  init(_ text: String, _ line: Int, _ column: Int, _ found: String?, suggest: String? = nil) {
    self.text = text
    self.line = line
    self.column = column
    self.found = found
    self.suggestion = suggest
  }
}

@Suite struct `Configuration: errors` {
  static let faults: [FaultCase] = [
    FaultCase("foo", 1, 1, "foo"),
    FaultCase("foo bar", 1, 1, "foo"),
    FaultCase("\n\n  foo\n", 3, 3, "foo"),
    FaultCase("debug 1\r\ndebug x\r\n", 2, 7, "x"),
    FaultCase("# a\n\t# b\ninterface v0 rxcots 3\n", 3, 14, "rxcots", suggest: "rxcost"),
    FaultCase("interface v0 rxcost 3x", 1, 21, "3x"),
    FaultCase("interface v0 rxcost\n", 1, 20, nil),
    FaultCase("interface v0 rxcost # 3\n", 1, 21, nil),
    FaultCase("interface\n", 1, 10, nil),
    FaultCase("interfaces v0\n", 1, 1, "interfaces", suggest: "interface"),
    FaultCase("Interface v0\n", 1, 1, "Interface", suggest: "interface"),
    FaultCase("local_port 5\n", 1, 1, "local_port", suggest: "local-port"),
    FaultCase("redistibute local deny\n", 1, 1, "redistibute", suggest: "redistribute"),
    FaultCase("daemonize yes\n", 1, 1, "daemonize", suggest: "daemonise"),
    FaultCase("kernel-prioriy 5\n", 1, 1, "kernel-prioriy", suggest: "kernel-priority"),
    FaultCase("interface v0 type wierless\n", 1, 19, "wierless", suggest: "wireless"),
    FaultCase("interface v0 unicast ture\n", 1, 22, "ture", suggest: "true"),
    FaultCase("redistribute ip 10.0.0.0/8 dney\n", 1, 28, "dney", suggest: "deny"),
    FaultCase("in scr-ip ::/0\n", 1, 4, "scr-ip", suggest: "src-ip"),
    FaultCase("in ip 10.0.0.0/33 deny\n", 1, 7, "10.0.0.0/33"),
    FaultCase("in ip 10.0.0.0/8 src-ip ::/0\n", 1, 25, "::/0"),
    FaultCase("install ip ::/0 pref-src 10.0.0.1\n", 1, 26, "10.0.0.1"),
    FaultCase("debug 1 2\n", 1, 9, "2"),
    FaultCase("key id a typ hmac-sha256 value 00\n", 1, 10, "typ", suggest: "type"),
    FaultCase("key id a type blake2s value 00\n", 1, 15, "blake2s", suggest: "blake2s128"),
    FaultCase(
      "key id abc type hmac-sha256 value 00\ninterface v0 key abd\n", 2, 18, "abd", suggest: "abc"),
    FaultCase("state-file \"abc\n", 1, 16, nil),
    FaultCase("flush v0\n", 1, 7, "v0"),
    FaultCase("limit neighbors 5\n", 1, 7, "neighbors", suggest: "neighbours"),
    FaultCase("debug \u{1b}[2J\n", 1, 7, "\\x1b[2J"),
    FaultCase("debug ä\n", 1, 7, "ä"),
  ]

  @Test(arguments: faults)
  func `name the true line, the column, the word and what it may be`(fault: FaultCase) throws {
    let error = try #require(refusal(of: fault.text))
    #expect(error.line == fault.line)
    #expect(error.column == fault.column)
    #expect(error.found == fault.found)
    #expect(error.suggestion == fault.suggestion)
    #expect(error.isIncomplete == (fault.found == nil && !fault.text.contains("key id a type")))
  }

  @Test func `the first line is babeld's own, with the true line number`() throws {
    let error = try #require(refusal(of: "debug 1\ninterface v0 rxcots 3\n"))
    #expect(
      error.description == """
        Couldn't parse configuration from file test.conf (error at line 2).
        test.conf:2:14: found "rxcots", expected a parameter of an interface; did you mean "rxcost"?
        """)
  }

  @Test func `a missing word is told as such`() throws {
    let error = try #require(refusal(of: "interface v0 rxcost"))
    #expect(
      error.detail
        == "test.conf:1:20: the line ends here, expected a number from 1 to 65535")
  }

  @Test func `-C has its own first line`() throws {
    var configuration = Configuration()
    let error = #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(statement: octets("foo"), into: &configuration)
    }
    #expect(
      error?.description == """
        Couldn't parse configuration from command line.
        command line:1:1: found "foo", expected a statement
        """)
  }

  @Test func `a file that cannot be read is an error at line 0`() {
    let error = ConfigurationError.unreadable(name: octets("/x"), reason: "Permission denied")
    #expect(
      error.description == """
        Couldn't parse configuration from file /x (error at line 0).
        /x: Permission denied
        """)
  }

  @Test(arguments: [
    ("diversity 3", "radio diversity"), ("diversity-factor 3", "radio diversity"),
    ("interface v0 channel 3", "radio diversity"),
    ("interface v0 interfering true", "radio diversity"), ("keep-unfeasible true", "always kept"),
    ("first-table-number 10", "source-tables"), ("first-rule-priority 10", "source-tables"),
    ("interface v0 v4viav6 true", "v4-via-v6"), ("interface v0 v4-over-v6 true", "v4-via-v6"),
    ("kernel-install false", "install deny"), ("parasitic true", "out deny"),
    ("hello-interval 4", "default"), ("rxcost 4", "parameter of"), ("deny", "redistribute"),
    ("dump", "local socket"), ("reopen-logfile", "local socket"), ("interface v0 hmac k", "key ID"),
    ("price 4", "fee"), ("include x", "-c"), ("debug 09", "octal"),
    ("in ip default src-ip 10.0.0.0/8", "::/0"), ("debug \"1\"", "quotation marks"),
  ])
  func `what babeld refuses comes with what to write instead`(text: String, hint: String) throws {
    let error = try #require(refusal(of: text))
    #expect(error.hint?.contains(hint) == true)
  }

  @Test func `a suggestion needs a likeness`() {
    for text in ["xyzzy", "a", "q 5", "babel", "interface v0 zz", "in qqqq"] {
      #expect(refusal(of: text)?.suggestion == nil, "\(text)")
    }
  }

  @Test func `warnings carry their place`() throws {
    let warning = try #require(warnings(of: "\ninterface v0  wired true\n").first)
    #expect(
      warning.description
        == "test.conf:2:15: warning: \"wired\" is deprecated, use \"type\"")
  }
}
