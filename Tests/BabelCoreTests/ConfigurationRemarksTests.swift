import BabelWire
import Foundation
import Testing

@testable import BabelCore

/// Every remark on every configuration found in the wild. A reader has judged each one: it is true
/// of the file, and tells its author something. A remark that appears, changes or goes must be read
/// and entered in `Tests/Configurations/remarks.json` by hand.
@Suite struct `Configuration: remarks on files found in the wild` {
  /// Options whose argument is the next word.
  private let withArgument = Array("mphHkAMtTgGcSILdC")

  private func judged() throws -> [String: [String]] {
    let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Configurations/remarks.json")
    return try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: url))
  }

  /// What a check says, with the line of the file, or `-C` for statements of the command line.
  private func remarks(on file: RealConfiguration) throws -> [String] {
    var configuration = Configuration()
    var found: [ConfigurationWarning] = []
    for statement in file.statements {
      found += try ConfigurationParser.parse(
        statement: octets(statement), into: &configuration)
    }
    found += try ConfigurationParser.parse(
      file: octets(file.text), name: "file", into: &configuration)
    let positional = positionalNames(file.words ?? [])
    found += configuration.review(positional: positional)
    found += configuration.review(
      against: fittingMachine(configuration, positional), positional: positional)
    return found.map { $0.description.replacing("command line", with: "-C") }
  }

  private func positionalNames(_ words: [String]) -> [InterfaceName] {
    var names: [InterfaceName] = []
    var isArgument = false
    for word in words {
      if isArgument {
        isArgument = false
      } else if word.hasPrefix("-") {
        isArgument = word.count == 2 && word.last.map { withArgument.contains($0) } == true
      } else if let name = InterfaceName(word) {
        names.append(name)
      }
    }
    return names
  }

  /// A machine on which everything is as the configuration wants it, so that no remark is about the
  /// machine.
  private func fittingMachine(
    _ configuration: Configuration, _ positional: [InterfaceName]
  ) -> MachineFacts {
    var machine = MachineFacts()
    let chains = [
      configuration.filters.input, configuration.filters.output,
      configuration.filters.redistribute, configuration.filters.install,
    ]
    let rules = chains.flatMap { $0.rules }
    let names =
      configuration.interfaces.map { $0.name } + positional + rules.compactMap { $0.interface }
    for name in Set(names) {
      machine.links.append(
        MachineFacts.Link(
          name: name, isUp: true, isLoopback: false, hasLinkLocal: true, hasIPv4: true,
          isTunnel: false))
    }
    machine.addresses = rules.compactMap { $0.preferredSource }
    return machine
  }

  @Test func `are the judged ones`() throws {
    let judged = try judged()
    let accepted = allRealConfigurations.filter { $0.refused == nil }
    #expect(accepted.count >= 34)
    for file in accepted {
      let found = try remarks(on: file)
      let text = found.map { "  " + $0 }.joined(separator: "\n")
      #expect(found == judged[file.title] ?? [], "\(file.title)\n\(text)")
    }
    let titles = Set(accepted.map { $0.title })
    #expect(titles.count == accepted.count, "each title once")
    #expect(judged.keys.filter { !titles.contains($0) } == [], "files that are gone")
  }
}
