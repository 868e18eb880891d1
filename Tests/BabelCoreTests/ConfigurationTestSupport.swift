import BabelCore
import BabelWire
import Foundation
import Testing

/// Parses text as a file named `test.conf`.
func parse(
  _ text: String, into start: Configuration = Configuration()
) throws(ConfigurationError) -> Configuration {
  var configuration = start
  try ConfigurationParser.parse(file: Array(text.utf8), name: "test.conf", into: &configuration)
  return configuration
}

/// The error with which a text is refused; nil if it is accepted.
func refusal(of text: String) -> ConfigurationError? {
  do throws(ConfigurationError) {
    _ = try parse(text)
    return nil
  } catch {
    return error
  }
}

/// The remarks on a text that is accepted.
func warnings(of text: String) throws(ConfigurationError) -> [ConfigurationWarning] {
  var configuration = Configuration()
  return try ConfigurationParser.parse(
    file: Array(text.utf8), name: "test.conf", into: &configuration)
}

/// The request that the control socket reads from a line.
func request(_ text: String, running: Configuration = Configuration()) -> RuntimeCommand {
  ConfigurationParser.parseRuntime(line: Array(text.utf8), configuration: running)
}

/// Octets of a text.
func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

extension InterfaceName {
  /// A name that must be valid.
  static func named(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }
}

extension Configuration {
  /// Settings of one interface, `default` included.
  func settings(_ name: String) throws -> InterfaceSettings {
    settings(for: try .named(name))
  }
}

/// A page of the documentation.
func documentation(_ name: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
}
