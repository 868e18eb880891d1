import Testing

@testable import BabelCore

@Suite struct `Statements about the process` {
  private func parse(_ text: String) throws -> Configuration {
    var configuration = Configuration()
    try ConfigurationParser.parse(
      file: Array(text.utf8), name: "test", into: &configuration)
    return configuration
  }

  @Test func `permissions are octal with or without a zero`() throws {
    #expect(try parse("socket-mode 0660\n").socketAccess.mode == 0o660)
    #expect(try parse("socket-mode 660\n").socketAccess.mode == 0o660)
    #expect(try parse("").socketAccess.mode == nil)
  }

  @Test(arguments: ["8", "1777", "rw", "\"\"", ""])
  func `other permissions are refused`(text: String) {
    #expect(throws: ConfigurationError.self) { try parse("socket-mode \(text)\n") }
  }

  @Test func `user, owner, group and dialect are kept`() throws {
    let configuration = try parse(
      "user nobody\nsocket-owner root\nsocket-group adm\nsocket-dialect aredn\n")
    #expect(configuration.user == Array("nobody".utf8))
    #expect(configuration.socketAccess.owner == Array("root".utf8))
    #expect(configuration.socketAccess.group == Array("adm".utf8))
    #expect(configuration.socketDialect == .aredn)
    #expect(throws: ConfigurationError.self) { try parse("socket-dialect bird\n") }
  }

  @Test func `none of them is allowed on the socket`() {
    let command = ConfigurationParser.parseRuntime(
      line: Array("user nobody".utf8), configuration: Configuration())
    guard case .bad = command else {
      Issue.record("accepted")
      return
    }
  }
}
