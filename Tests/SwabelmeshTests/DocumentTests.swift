import Foundation
import MeshPlan
import TestSupport
import Testing

@testable import swabelmesh

@Suite struct `The documents about swabelmesh` {
  private func lines(_ path: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: path), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// The words that the manual explains: those after `.It Ic`.
  private func explained() throws -> Set<String> {
    var words: Set<String> = []
    for line in try lines("docs/swabelmesh.8") where line.hasPrefix(".It Ic ") {
      let parts = line.split(separator: " ").map(String.init)
      for (word, next) in zip(parts, parts.dropFirst()) where word == "Ic" { words.insert(next) }
    }
    return words
  }

  @Test func `explain every word of the list and every command, and no others`() throws {
    let commands = CommandForm.all.map { $0.word } + PictureRequest.commands
    let known = Set(MeshListParser.statements + MeshListParser.nodeWords + commands)
    #expect(try explained() == known)
    for command in commands { #expect(Usage.help.contains("\n  \(command) "), "\(command)") }
    let manual = try lines("docs/swabelmesh.8")
    for format in OutputFormat.allCases {
      #expect(manual.contains { $0.hasPrefix(".Cm \(format.rawValue)") }, "\(format)")
    }
  }

  @Test(arguments: [
    ("README.md", "mesh home", "first second"),
    ("docs/swabelmesh.8", "mesh village", "berlin paris boat"),
  ])
  func `have examples that are valid`(document: String, start: String, names: String) throws {
    let example = try lines(document)
      .drop { $0 != start }.prefix { $0 != "END" && !$0.hasPrefix(".") }
    let list = try parsed(example.joined(separator: "\n"))
    #expect(list.nodes.map { $0.name }.joined(separator: " ") == names)
  }
}

@Suite struct `Octets from anywhere` {
  /// Texts with octets changed, removed and doubled: they are read or refused, and nothing else.
  @Test(arguments: 1...8)
  func `are read or refused`(seed: Int) throws {
    var chance = Chance(seed: UInt64(seed))
    let state = try SampleMesh(fourNodes).state.text
    let texts = [Array(fourNodes.utf8), Array(state.utf8)]
    var refused = 0
    for round in 0..<400 {
      var octets = texts[round % 2]
      for _ in 0...chance.below(4) {
        let place = chance.below(octets.count)
        switch chance.below(4) {
        case 0: octets[place] = UInt8(chance.below(256))
        case 1: octets[place] = chance.pick(Array("0123456789abf.:/-# \n".utf8))
        case 2: octets.removeSubrange(place..<min(octets.count, place + chance.below(20)))
        default: octets.insert(contentsOf: octets[place...].prefix(chance.below(40)), at: place)
        }
        if octets.isEmpty { octets = [0x0A] }
      }
      do throws(TextError) {
        if round.isMultiple(of: 2) {
          _ = try MeshListParser.parse(octets, file: "x")
        } else {
          // What is read says the same when it is written and read again.
          let found = try MeshState(octets, file: "x")
          #expect(try MeshState(Array(found.text.utf8), file: "y") == found)
        }
      } catch {
        refused += 1
        #expect(error.line >= 1 && error.column >= 1)
        #expect(error.line <= octets.count { $0 == 0x0A } + 1)
      }
    }
    #expect(refused > 50)
  }
}
