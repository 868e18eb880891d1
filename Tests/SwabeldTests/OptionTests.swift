import BabelCore
import BabelWire
import Testing

// The program has no public interface, so its parts are tested from inside.
@testable import swabeld

@Suite struct `Command line` {
  private func read(_ words: String...) -> CommandLineOptions {
    CommandLineOptions((["swabeld"] + words).map { Array($0.utf8) })
  }

  @Test func `options and interfaces may be mixed`() throws {
    let line = read("eth0", "-p", "6000", "wlan0", "--", "-x")
    #expect(line.options == [.port(6000)])
    #expect(line.interfaces == ["eth0", "wlan0", "-x"].compactMap { InterfaceName($0) })
    #expect(line.isComplete)
  }

  @Test func `a check remarks files that are named twice`() {
    let remarks = Check.repeatedFiles(read("-c", "/a", "-c", "/b", "-c", "/a", "v0"))
    #expect(
      remarks == ["command line: warning: the file /a is named twice, so it is read twice"])
    #expect(Check.repeatedFiles(read("-c", "/a", "-c", "/b")) == [])
  }

  @Test(arguments: ["status", "show", "reload", "stop", "check", "explain", "help", "keygen"])
  func `a word for a control program is no interface`(word: String) throws {
    guard case .refusal(let reason) = read("eth0", word).ending else {
      Issue.record("taken for an interface")
      return
    }
    #expect(reason.hasPrefix("'\(word)' is not taken for an interface: "))
    #expect(read("-C", "interface \(word)").isComplete)
    #expect(read(word + "0").interfaces == [try #require(InterfaceName(word + "0"))])
  }

  @Test func `letters may be clustered and arguments attached`() {
    let line = read("-lwDp7000", "-c", "a", "-cb")
    #expect(
      line.options == [
        .linkDetect, .assumeWireless, .daemonise, .port(7000), .configurationFile([97]),
        .configurationFile([98]),
      ])
  }

  @Test func `integers follow the syntax of C`() {
    #expect(read("-k", "0x10").options == [.kernelPriority(16)])
    #expect(read("-k", "010").options == [.kernelPriority(8)])
    #expect(read("-k", " +5 ").options == [.kernelPriority(5)])
    #expect(!read("-k", "5x").isComplete)
    #expect(!read("-k", "-1").isComplete)
    #expect(!read("-k", "65536").isComplete)
    #expect(!read("-k", "99999999999999999999").isComplete)
    // These numbers have more than 32 and at most 64 bits. They must not overflow on a processor of
    // 32 bits either.
    for text in ["2147483648", "-2147483649", "999999999999999", "0xfffffffffffffff"] {
      #expect(!read("-d", text).isComplete)
    }
    #expect(read("-d", "2147483647").options == [.debugLevel(2_147_483_647)])
  }

  @Test(arguments: [
    ("4", 4000), ("4.", 4000), (".5", 500), ("4.25", 4250), ("0.0019", 1), ("655.35", 655_350),
  ])
  func `hello intervals are decimal seconds`(text: String, milliseconds: UInt32) {
    #expect(read("-h", text).options == [.wirelessHelloInterval(milliseconds)])
    #expect(read("-H", text).options == [.wiredHelloInterval(milliseconds)])
  }

  @Test(arguments: ["0", "", ".", "655.351", "0x4", "-1", "4s", "1.2.3", "99999999999"])
  func `other hello intervals are refused`(text: String) {
    #expect(!read("-h", text).isComplete)
  }

  /// A number at each end of what an option takes.
  @Test(arguments: [
    ("-p", "1"), ("-p", "65535"), ("-k", "0"), ("-k", "65535"), ("-A", "0"), ("-A", "1"),
    ("-A", "65535"), ("-M", "0"), ("-M", "3600"), ("-t", "0"), ("-t", "65535"), ("-T", "0"),
    ("-T", "65535"), ("-g", "1"), ("-G", "65535"), ("-d", "0"), ("-d", "2147483647"),
  ])
  func `what an option takes is taken by its statement`(letter: String, value: String) throws {
    let line = read(letter, value, letter, value, "-c", "/dev/null")
    let told = try Settings.read(line).configuration.explanation()
    var again = Configuration()
    _ = try ConfigurationParser.parse(file: Array(told.utf8), name: "told", into: &again)
    #expect(again.explanation() == told)
  }

  @Test func `control sockets are ports or absolute paths`() {
    #expect(read("-g", "33123").options == [.controlPort(33123, mayWrite: false)])
    #expect(read("-G", "/run/x").options == [.controlPath(Array("/run/x".utf8), mayWrite: true)])
    #expect(!read("-g", "x").isComplete)
  }

  @Test func `the eleventh import table is refused`() {
    let ten =
      ["swabeld"].map { Array($0.utf8) }
      + (1...10).flatMap { [Array("-T".utf8), Array(String($0).utf8)] }
    #expect(CommandLineOptions(ten).isComplete)
    #expect(!CommandLineOptions(ten + [Array("-T".utf8), Array("11".utf8)]).isComplete)
  }

  @Test func `the version ends reading`() {
    let line = read("-l", "-V", "-p", "x")
    #expect(line.options == [.linkDetect])
    guard case .version = line.ending, case .help = read("--help").ending else {
      Issue.record("not understood")
      return
    }
  }

  @Test func `a multicast group must be one`() {
    #expect(read("-m", "ff02::99").isComplete)
    #expect(!read("-m", "fe80::1").isComplete)
    #expect(!read("-m", "224.0.0.111").isComplete)
  }

  @Test(arguments: ["-z", "-P", "-i", "--nothing"])
  func `unknown options are refused by name`(word: String) {
    guard case .failure(let text, let reason) = read(word, "1").ending else {
      Issue.record("accepted")
      return
    }
    #expect((text ?? reason).contains(word.drop { $0 == "-" }))
  }

  @Test func `names Linux would refuse are no interfaces`() {
    #expect(!read("a-name-that-is-too-long").isComplete)
  }
}
