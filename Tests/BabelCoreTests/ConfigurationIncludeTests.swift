import BabelCore
import Testing

@Suite struct `Configuration: include` {
  /// Parses `/etc/main` with these files beside it, by their paths.
  private func parse(
    _ text: String, _ files: [String: String] = [:]
  ) throws(ConfigurationError) -> Configuration {
    var configuration = Configuration()
    try ConfigurationParser.parse(
      file: octets(text), name: "/etc/main", into: &configuration,
      including: IncludedFiles(
        names: { directory in
          let path = String(decoding: directory, as: UTF8.self)
          let names = files.keys.filter { $0.hasPrefix(path) }.map { $0.dropFirst(path.count) }
          return names.isEmpty ? nil : names.filter { !$0.contains("/") }.map { Array($0.utf8) }
        },
        read: { name in
          files[String(decoding: name, as: UTF8.self)].map { .octets(octets($0)) }
            ?? .unreadable("no such file")
        }))
    return configuration
  }

  private func refusal(_ text: String, _ files: [String: String] = [:]) -> String? {
    do throws(ConfigurationError) {
      _ = try parse(text, files)
      return nil
    } catch {
      return error.detail
    }
  }

  @Test func `puts the statements of a file in its place`() throws {
    let configuration = try parse(
      "debug 1\ninclude \"a b\"\ndebug 3\nin deny",
      ["/etc/a b": "debug 2\nprotocol-port 7\nin eq 64\nset s { ::/0 }"])
    #expect(configuration.debugLevel == 3)
    #expect(configuration.protocolPort == 7)
    #expect(configuration.filters.input.rules.count == 2)
    let places = configuration.filters.input.rules.map {
      configuration.description(of: $0.position)
    }
    #expect(places == ["/etc/a b:3", "/etc/main:4"])
  }

  @Test func `takes a path relative to the file that names it`() throws {
    let files = [
      "/etc/sub/one": "include two\ninclude ../three\ninclude /four",
      "/etc/sub/two": "interface two", "/etc/sub/../three": "interface three",
      "/four": "interface four",
    ]
    let configuration = try parse("include sub/one\ninterface main", files)
    #expect(
      configuration.interfaces.map { $0.name.description } == ["two", "three", "four", "main"])
  }

  @Test func `takes the files of a pattern in the order of their names`() throws {
    let files = [
      "/etc/d/b.conf": "interface b", "/etc/d/a.conf": "interface a", "/etc/d/c.txt": "nonsense",
      "/etc/d/.hidden.conf": "nonsense", "/etc/d/B.conf": "interface B",
      "/etc/d/x/y.conf": "nonsense", "/etc/*": "interface star",
    ]
    let configuration = try parse("include d/*.conf", files)
    #expect(configuration.interfaces.map { $0.name.description } == ["B", "a", "b"])
    #expect(try parse("include d/*.none", files).interfaces.isEmpty)
    #expect(try parse("include \"*\"", files).interfaces.count == 1)
  }

  @Test func `tells faults with the file and the line where they are`() {
    #expect(
      refusal("\ninclude a", ["/etc/a": "debug 1\n\ndebug x"])?.hasPrefix("/etc/a:3:7: ") == true)
    #expect(
      refusal("include a\ndebug x", ["/etc/a": "debug 1\n\n\n"])?.hasPrefix("/etc/main:2:7: ")
        == true)
    #expect(
      refusal("\n include gone")
        == "/etc/main:2:10: found \"gone\", expected a readable file (/etc/gone: no such file)")
    #expect(
      refusal("include gone/*")
        == "/etc/main:1:9: found \"gone/*\", expected a pattern of files in a readable directory")
    #expect(refusal("include") == "/etc/main:1:8: the line ends here, expected the name of a file")
    #expect(
      refusal("include a b")
        == "/etc/main:1:11: found \"b\", expected the end of the line")
  }

  @Test func `allows no circles, and no more than eight files below one another`() {
    #expect(
      refusal("include a", ["/etc/a": "\ninclude main"])
        == "/etc/a:2:9: found \"main\", expected a file that does not include itself")
    var files: [String: String] = [:]
    for number in 1...8 { files["/etc/\(number)"] = "include \(number + 1)\n" }
    #expect(
      refusal("include 1", files)
        == "/etc/7:1:9: found \"8\", expected at most 8 files that include one another")
    files["/etc/7"] = "debug 1"
    #expect(refusal("include 1", files) == nil)
  }

  @Test func `takes a thousand files in all, and 16 MiB`() {
    var files = ["/etc/one": "debug 1\n"]
    let many = String(repeating: "include one\n", count: 999)
    #expect(refusal(many, files) == nil)
    #expect(
      refusal(many + "include one\n", files)
        == "/etc/main:1000:9: found \"one\", expected at most 1000 files in all")
    files["/etc/one"] = String(repeating: "#", count: 6 << 20)
    #expect(
      refusal("include one\ninclude one\ninclude one", files)?.hasPrefix(
        "/etc/main:3:9: found \"one\", expected files of at most 16777216 octets") == true)
  }

  @Test func `changes nothing if anything is wrong`() {
    var configuration = Configuration()
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(
        file: octets("debug 1\ninclude a"), name: "/main", into: &configuration,
        including: IncludedFiles(names: { _ in nil }, read: { _ in .octets(octets("debug x")) }))
    }
    #expect(configuration == Configuration())
  }

  @Test func `is for files alone`() {
    var configuration = Configuration()
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(statement: octets("include /etc/a"), into: &configuration)
    }
    guard case .bad = request("include /etc/a") else {
      Issue.record("a file is included at run time")
      return
    }
  }
}
