import Foundation
import Testing

/// The values that the daemon consists of keep what they know to themselves.
@Suite struct `The rooms of the daemon` {
  /// Their files below Sources/swabeld, and the values of other folders that each may name.
  private static let rooms: [(file: String, neighbours: Set<String>)] = [
    ("Packets/PacketSockets.swift", []),
    ("Interfaces/InterfaceTable.swift", ["BabelInterface"]),
    ("Interfaces/BabelInterface.swift", []),
    ("Kernel/KernelConnection.swift", ["BabelInterface", "KernelMirror"]),
    ("Mirror/KernelMirror.swift", []),
    ("Control/ControlServer.swift", []),
    ("Life/DaemonLife.swift", []),
    ("Reload/Reloading.swift", []),
    ("Metrics/MetricsServer.swift", []),
    ("Hooks/HookRunner.swift", []),
    ("History/History.swift", []),
    ("Problems/ProblemWatch.swift", []),
    ("WireGuard/WireGuardWatch.swift", []),
    ("Gateways/GatewayWatch.swift", []),
    ("WireGuard/WireGuardPeers.swift", []),
  ]

  private func code(_ file: String) throws -> [String] {
    let path = "Sources/swabeld/" + file
    return try #require(Repository.swift(below: "Sources/swabeld").first { $0.path == path }).code
  }

  @Test func `what a room knows can be written by itself alone`() throws {
    for room in Self.rooms {
      // Members are indented by two. A brace on the line makes a property a computed one.
      let open = try code(room.file).filter {
        $0.contains(/^  (?:static )?var\b/) && !$0.contains("{")
      }
      #expect(open.isEmpty, "\(room.file): \(open)")
      #expect(try code(room.file).contains { $0.contains("private") }, "\(room.file)")
    }
  }

  @Test func `a room names no other room and not the daemon`() throws {
    let names = Set(
      Self.rooms.map { room in
        String((room.file.split(separator: "/").last ?? "").prefix { $0 != "." })
      } + ["Daemon"])
    for room in Self.rooms {
      let allowed = room.neighbours.union([
        String((room.file.split(separator: "/").last ?? "").prefix { $0 != "." })
      ])
      for line in try code(room.file) {
        let words = Set(line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
        let others = words.intersection(names).subtracting(allowed)
        #expect(others.isEmpty, "\(room.file) names \(others)")
      }
    }
  }

  @Test func `the page on architecture lists the rooms`() throws {
    let page = try #require(
      try Repository.files().first { $0.path == "docs/architecture.md" })
    for room in Self.rooms {
      let name = (room.file.split(separator: "/").last ?? "").prefix { $0 != "." }
      #expect(page.lines.contains { $0.contains("`\(name)`") }, "\(name)")
    }
  }
}

/// Selection, holds, forwarding, announcing and seqno requests do not call each other.
/// The folder of the consequences calls them, in the order that `BabelNode+Consequences.swift`
/// states.
@Suite struct `Who follows whom` {
  private struct Verb {
    /// Name of the function.
    let name: String
    /// The file that defines it, and may use it.
    let home: String
    /// Other files that may call it, beside those of the consequences.
    var callers: Set<String> = []
  }

  /// Their homes, and who may call them. `noteChange` also serves the whole of announcing.
  private static let verbs = [
    Verb(name: "select", home: "BabelNode+Selection.swift"),
    Verb(name: "endSettling", home: "BabelNode+Selection.swift"),
    Verb(name: "beginHold", home: "BabelNode+Hold.swift"),
    Verb(name: "endHold", home: "BabelNode+Hold.swift"),
    Verb(name: "expireHold", home: "BabelNode+Hold.swift"),
    Verb(name: "updateForwarding", home: "BabelNode+Forwarding.swift"),
    Verb(name: "considerAnnouncement", home: "BabelNode+AnnouncementDecision.swift"),
    Verb(name: "noteMove", home: "BabelNode+AnnouncementDecision.swift"),
    Verb(name: "noteChange", home: "BabelNode+AnnouncementDecision.swift"),
    Verb(name: "starve", home: "BabelNode+Requests.swift"),
    Verb(name: "askForSeqnoIfWanted", home: "BabelNode+Requests.swift"),
    Verb(name: "satisfyRequests", home: "BabelNode+Requests.swift"),
  ]

  @Test func `only the consequences call what follows from a selection`() throws {
    let sources = try Repository.swift(below: "Sources/BabelCore").map { text in
      (name: String(text.path.split(separator: "/").last ?? ""), text: text)
    }.filter { $0.name.hasPrefix("BabelNode") }
    for verb in Self.verbs {
      let calls = try Regex("(^|[^\\w.])\(verb.name)\\(")
      let definition = try Regex("func \(verb.name)\\(")
      var isDefined = false
      var isCalled = false
      for (name, text) in sources {
        for (index, line) in text.code.enumerated()
        where line.contains(verb.name) && line.contains(calls) {
          if line.contains(definition) {
            isDefined = isDefined || name == verb.home
            continue
          }
          let isConsequence = text.path.contains("/Consequences/")
          isCalled = isCalled || isConsequence
          let isAllowed = name == verb.home || isConsequence
          #expect(isAllowed, "\(text.path):\(index + 1) calls \(verb.name)")
        }
      }
      #expect(isDefined, "\(verb.name) is not in \(verb.home)")
      #expect(isCalled, "the consequences do not call \(verb.name)")
    }
  }

  @Test func `the way of an Update has seven steps at most, whose functions are where it says`()
    throws
  {
    let files = try Repository.files()
    let page = try #require(files.first { $0.path == "docs/architecture.md" })
    let steps = page.lines.filter { $0.contains(/^\| \d+ \|/) }.map { line in
      line.split(separator: "|").map { $0.filter { $0 != "`" } }
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
    #expect((5...7).contains(steps.count))
    for step in steps {
      let file = try #require(files.first { $0.path == "Sources/" + step[3] }, "\(step)")
      #expect(file.code.contains { $0.contains("func \(step[2])(") }, "\(step)")
    }
  }
}
