import BabelCore
import BabelKernel
import Foundation
import Testing

@testable import swabeld

@Suite struct `Included files` {
  private func settings(_ words: [String]) throws -> Settings {
    try Settings.read(CommandLineOptions((["swabeld"] + words).map { Array($0.utf8) }))
  }

  /// Gives the path of a new directory with some files, and removes it afterwards.
  private func withDirectory(
    _ files: [String: String], _ body: (String) throws -> Void
  ) throws {
    let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    for (name, text) in files {
      let file = root.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    try body(root.path(percentEncoded: false))
  }

  @Test func `are read from the disk, in the order of their names`() throws {
    let files = [
      "main": "include d/*.conf\ninterface last", "d/2.conf": "interface two",
      "d/1.conf": "interface one", "d/3.txt": "nonsense",
    ]
    try withDirectory(files) { root in
      let configuration = try settings(["-c", root + "/main"]).configuration
      #expect(configuration.interfaces.map { $0.name.description } == ["one", "two", "last"])
    }
  }

  @Test func `are told where they cannot be read`() throws {
    try withDirectory(["main": "include gone", "other": "include d/*", "d/sub/x": ""]) { root in
      for name in ["main", "other"] {
        let error = #expect(throws: ConfigurationError.self) {
          try settings(["-c", "\(root)/\(name)"])
        }
        #expect(error?.line == 1 && error?.column == 9)
      }
    }
  }

  @Test func `a directory is listed without the names of itself and its parent`() throws {
    try withDirectory(["a": "", "b": "", ".c": ""]) { root in
      let names = FileSystem.names(in: root, limit: 3)?.map { String(decoding: $0, as: UTF8.self) }
      #expect(names?.sorted() == [".c", "a", "b"])
      #expect(FileSystem.names(in: root, limit: 2) == nil)
      #expect(FileSystem.names(in: root + "/a", limit: 3) == nil)
    }
  }

  @Test func `statements that babeld would not understand are counted, with their places`() throws {
    let files = [
      "main": "interface a\ninclude sub\nfee 1 # a price\ninterface a jitter-min 1 jitter-max 5\n",
      "sub": "\nset s { ::/0 }\nin ip @s if w* deny\n",
    ]
    try withDirectory(files) { root in
      let words = ["-C", "fee 1", "-C", "debug 1", "-C", "fee 2", "-c", root + "/main"]
      let note = Check.foreignStatements(try settings(words))
      let places = [
        "command line:1", "command line:1", "\(root)/main:2", "\(root)/sub:2", "\(root)/sub:3",
        "\(root)/main:3", "\(root)/main:4",
      ]
      #expect(
        note == "note: statements that babeld would not understand: 7 ("
          + places.joined(separator: ", ") + ")")
      #expect(Check.foreignStatements(try settings(["-c", "/dev/null"])) == nil)
    }
  }
}
