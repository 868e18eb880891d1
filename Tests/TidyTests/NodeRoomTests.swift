import Foundation
import Testing

/// The rooms of `BabelNode` are listed in docs/architecture.md, from the top to the bottom. These
/// tests read the sources and hold them to the list.
@Suite struct `The rooms of the node` {
  /// One row of the list: a folder of BabelCore.
  private struct Room {
    let folder: String
    /// The properties of `BabelNode` that the room owns.
    let properties: [String]
    /// The rooms that it enters.
    let enters: Set<String>
  }

  /// A call or an access that leads from one room into another.
  private struct Entry {
    let from: String
    let to: String
    let place: String
  }

  /// What stands above all rooms: the files of BabelCore in no folder.
  private static let inputs = "inputs"

  private static func rooms() throws -> [Room] {
    let page = try #require(try Repository.files().first { $0.path == "docs/architecture.md" })
    let start = try #require(page.lines.firstIndex(of: "## The rooms of the node"))
    let rest = page.lines[(start + 1)...]
    let end = rest.firstIndex { $0.hasPrefix("## ") } ?? page.lines.endIndex
    return page.lines[start..<end].filter { $0.hasPrefix("| `") }.map { line in
      let cells = line.split(separator: "|", omittingEmptySubsequences: false).dropFirst()
        .map { $0.trimmingCharacters(in: .whitespaces) }
      func words(_ cell: String) -> [String] {
        cell.split(separator: "`").enumerated().filter { $0.offset % 2 == 0 || cell.first != "`" }
          .map { String($0.element) }.filter { $0.contains(/^\w+$/) }
      }
      return Room(
        folder: words(cells[0]).first ?? "", properties: words(cells[1]),
        enters: Set(words(cells[3])))
    }
  }

  /// The files of the rooms and those above them, with their room.
  private static func sources(_ rooms: [Room]) throws -> [(room: String, text: SourceText)] {
    let folders = Set(rooms.map(\.folder))
    return try Repository.swift(below: "Sources/BabelCore").compactMap { text in
      let parts = text.path.split(separator: "/").map(String.init)
      if parts.count == 3 { return (inputs, text) }
      return folders.contains(parts[2]) ? (parts[2], text) : nil
    }
  }

  /// The lines of code that belong to `BabelNode`, with their numbers.
  private static func nodeLines(of text: SourceText) -> [(number: Int, line: String)] {
    var isInside = false
    return text.code.enumerated().compactMap { index, line in
      let words = Word.all(in: line).map(\.name)
      if line.first?.isLetter == true,
        words.contains(where: { ["extension", "struct", "enum", "class"].contains($0) })
      {
        isInside = words.contains("BabelNode")
      }
      return isInside ? (index + 1, line) : nil
    }
  }

  /// The functions of `BabelNode` that are declared in one room only, by name.
  private static func functions(
    _ sources: [(room: String, text: SourceText)]
  ) -> [String: String] {
    var homes: [String: Set<String>] = [:]
    for (room, text) in sources {
      for (_, line) in nodeLines(of: text) where !line.contains("private ") {
        let words = Word.all(in: line)
        guard let index = words.firstIndex(where: { $0.name == "func" }), index + 1 < words.count
        else { continue }
        homes[words[index + 1].name, default: []].insert(room)
      }
    }
    return homes.compactMapValues { $0.count == 1 ? $0.first : nil }
  }

  private static func entries(_ rooms: [Room]) throws -> [Entry] {
    let sources = try sources(rooms)
    let functions = functions(sources)
    var owners: [String: String] = [:]
    for room in rooms { for property in room.properties { owners[property] = room.folder } }
    var result: [Entry] = []
    for (room, text) in sources {
      for (number, line) in nodeLines(of: text) where !line.contains("func ") {
        let place = "\(text.path):\(number)"
        for word in Word.all(in: line) where word.isOfNode {
          let target =
            switch word.next {
            case "(": functions[word.name]
            case ".", "[": owners[word.name]
            default: String?.none
            }
          guard let target, target != room else { continue }
          result.append(Entry(from: room, to: target, place: place))
        }
      }
    }
    return result
  }

  @Test func `the list names all rooms, and each enters only rooms below it`() throws {
    let rooms = try Self.rooms()
    #expect(rooms.count >= 12)
    let node = try #require(
      try Repository.files().first { $0.path == "Sources/BabelCore/BabelNode.swift" })
    let declared = node.code.compactMap { $0.firstMatch(of: /^  var (\w+)(?::| =)/).map { $0.1 } }
    for room in rooms {
      for property in room.properties {
        #expect(declared.contains { $0 == property }, "BabelNode has no \(property)")
      }
    }
    for (index, room) in rooms.enumerated() {
      let below = Set(rooms[(index + 1)...].map(\.folder))
      #expect(
        room.enters.isSubset(of: below),
        "\(room.folder) enters \(room.enters.subtracting(below).sorted())")
    }
  }

  @Test func `a room is entered only from those that the list names`() throws {
    let rooms = try Self.rooms()
    let entries = try Self.entries(rooms)
    var used: [String: Set<String>] = [:]
    for entry in entries where entry.from != Self.inputs {
      used[entry.from, default: []].insert(entry.to)
      let room = try #require(rooms.first { $0.folder == entry.from })
      #expect(room.enters.contains(entry.to), "\(entry.place): \(entry.from) enters \(entry.to)")
    }
    for room in rooms {
      let unused = room.enters.subtracting(used[room.folder] ?? [])
      #expect(unused.isEmpty, "the list says that \(room.folder) enters \(unused.sorted())")
    }
    // Nothing calls the inputs: they are what the owner of the node calls.
    let upward = entries.filter { $0.to == Self.inputs }
    #expect(upward.isEmpty, "\(upward.map(\.place))")
  }

  @Test func `no stored property of a room can be written outside its folder`() throws {
    let rooms = try Self.rooms()
    let sources = try Self.sources(rooms)
    /// Where a property stands that others could write, by name.
    var open: [String: (room: String, place: String)] = [:]
    /// All properties that a room declares, by name of the room.
    var own: [String: Set<String>] = [:]
    for (room, text) in sources where room != Self.inputs {
      for (index, line) in text.code.enumerated() {
        let words = Word.all(in: line).map(\.name)
        guard let at = words.firstIndex(of: "var"), at + 1 < words.count,
          line.prefix(while: { $0 == " " }).count <= 4
        else { continue }
        own[room, default: []].insert(words[at + 1])
        if at == 0, !line.contains("{") {
          open[words[at + 1]] = (room, "\(text.path):\(index + 1)")
        }
      }
    }
    #expect(open.count > 20)
    for (room, text) in sources {
      for (index, line) in text.code.enumerated() where line.contains("= ") {
        for word in Word.all(in: line) where word.isMember && word.isAssigned {
          guard let home = open[word.name], home.room != room,
            own[room]?.contains(word.name) != true
          else { continue }
          #expect(
            Self.areOthers.contains(word.name),
            "\(text.path):\(index + 1) writes \(word.name), which is kept at \(home.place)")
        }
      }
    }
  }

  /// Properties of other types that have the name of one in a room: those of a filter's subject.
  private static let areOthers: Set<String> = ["interface", "routerID", "neighbour"]
}

/// An identifier in a line of code, with what stands around it. Found by a scanner of its own,
/// because regular expressions take most of a minute for all lines.
private struct Word {
  let name: String
  /// The character behind it.
  let next: Character?
  /// It stands behind a dot.
  let isMember: Bool
  /// It is a member of the node itself: no dot, or `self.` or `node.` before it.
  let isOfNode: Bool
  /// It is written: an assignment follows, perhaps behind an index.
  let isAssigned: Bool

  static func all(in line: String) -> [Word] {
    let bytes = Array(line.utf8)
    var words: [Word] = []
    var at = 0
    while at < bytes.count {
      guard isLetter(bytes[at]) else {
        at += 1
        continue
      }
      var end = at
      while end < bytes.count, isLetter(bytes[end]) { end += 1 }
      let isMember = at > 0 && bytes[at - 1] == UInt8(ascii: ".")
      let owner = isMember ? words.last?.name : nil
      let isOfNode = !isMember || ((owner == "self" || owner == "node") && words.last?.next == ".")
      words.append(
        Word(
          name: String(decoding: bytes[at..<end], as: UTF8.self),
          next: end < bytes.count ? Character(UnicodeScalar(bytes[end])) : nil,
          isMember: isMember && owner != "self", isOfNode: isOfNode,
          isAssigned: isAssignment(bytes[end...])))
      at = end
    }
    return words
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Whether an assignment follows: ` = `, ` += ` and so on, behind an index or not.
  private static func isAssignment(_ rest: ArraySlice<UInt8>) -> Bool {
    var rest = rest
    if rest.first == UInt8(ascii: "["), let end = rest.firstIndex(of: UInt8(ascii: "]")) {
      rest = rest[(end + 1)...]
    }
    if rest.first == UInt8(ascii: "?") { rest = rest.dropFirst() }
    guard rest.first == UInt8(ascii: " ") else { return false }
    rest = rest.dropFirst()
    while let byte = rest.first, "+-&|*".utf8.contains(byte) { rest = rest.dropFirst() }
    return rest.first == UInt8(ascii: "=") && rest.dropFirst().first == UInt8(ascii: " ")
  }
}
