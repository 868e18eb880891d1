import Foundation
import Testing

/// A configuration found in the wild, shortened.
struct RealConfiguration: Codable, Sendable, CustomTestStringConvertible {
  /// Where it is used.
  let title: String
  /// Lines of the file; nil if all is said on the command line.
  let file: [String]?
  /// Words of the command line.
  let words: [String]?
  /// Part of the message where babeld 1.14 and we refuse it.
  let refused: String?
  /// The fork of babeld that it is for, where babeld 1.14 refuses it and we do not.
  let fork: String?

  /// The file as text.
  var text: String { (file ?? []).map { $0 + "\n" }.joined() }

  /// Statements given with `-C`.
  var statements: [String] {
    let words = words ?? []
    return words.indices.dropFirst().filter { words[$0 - 1] == "-C" }.map { words[$0] }
  }

  var testDescription: String { title }
}

/// Everything in `Tests/Configurations/real.json`, which the tests against babeld read, too.
let allRealConfigurations: [RealConfiguration] = {
  let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Configurations/real.json")
  do {
    return try JSONDecoder().decode([RealConfiguration].self, from: Data(contentsOf: url))
  } catch {
    return []
  }
}()

/// Files that babeld 1.14 accepts, from distributions, overlays and community networks.
let realConfigurations = allRealConfigurations.filter { $0.file != nil && $0.refused == nil }
