import Foundation
import MeshPlan
import Testing

@testable import swabelmesh

/// The program itself, in a folder of its own for each test.
@Suite final class `The program` {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "swabelmesh-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  /// The exit code of the program with these words.
  private func run(_ words: String...) -> Int32 {
    Entry.run(["-f", path("mesh.conf")] + words)
  }

  private func write(_ text: String) throws {
    try text.write(toFile: path("mesh.conf"), atomically: true, encoding: .utf8)
  }

  /// All files below a folder, with content and permissions.
  private func contents(of name: String) throws -> [String: String] {
    var found: [String: String] = [:]
    let root = path(name)
    for place in try FileManager.default.subpathsOfDirectory(atPath: root) {
      let attributes = try FileManager.default.attributesOfItem(atPath: root + "/" + place)
      let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
      let isFile = attributes[.type] as? FileAttributeType == .typeRegular
      let text = isFile ? try String(contentsOfFile: root + "/" + place, encoding: .utf8) : ""
      found[place] = String(mode, radix: 8) + " " + text
    }
    return found
  }

  /// The number that the file system gives each file below a folder.
  private func places(of name: String) throws -> [String: UInt64] {
    let root = path(name)
    var found: [String: UInt64] = [:]
    for place in try FileManager.default.subpathsOfDirectory(atPath: root) {
      let attributes = try FileManager.default.attributesOfItem(atPath: root + "/" + place)
      found[place] = (attributes[.systemFileNumber] as? NSNumber)?.uint64Value
    }
    return found
  }

  private let three = """
    mesh m
    node a endpoint a.net address fd00::1
    node b endpoint b.net address fd00::2
    node c nat address fd00::3

    """

  @Test(arguments: [
    [], ["x"], ["write", "now"], ["-x"], ["rekey"], ["remove"], ["rekey", "a", "b"], ["-f"],
    ["check", "-o"],
  ])
  func `refuses words that it does not know`(words: [String]) {
    #expect(Entry.run(words) == 2)
  }

  @Test func `takes its folders from the name of the list`() throws {
    let plain = try Request(["check"])
    #expect(plain.list == "mesh.conf" && plain.state == "mesh.state" && plain.output == "mesh.out")
    let other = try Request(["-f", "x/village.conf", "write", "-o", "/run/out"])
    #expect(other.state == "x/village.state" && other.output == "/run/out")
    #expect(try Request(["--help", "-x"]).command == .help)
  }

  @Test func `writes an example that is valid, and no second time`() throws {
    #expect(run("init") == 0)
    let example = try contents(of: "")["mesh.conf"]
    #expect(run("init") == 1)
    #expect(try contents(of: "")["mesh.conf"] == example)
    #expect(run("check") == 0)
    #expect(try contents(of: "").count == 1)
    #expect(run("write") == 0)
    #expect(run("show") == 0)
  }

  @Test func `writes everything once, for nobody else to read`() throws {
    try write(three)
    #expect(run("show") == 1)
    #expect(run("write") == 0)
    let state = try contents(of: "mesh.state")
    let output = try contents(of: "mesh.out")
    for (place, text) in state {
      #expect(text.hasPrefix("600") || text == "700 ", "\(place)")
    }
    #expect(state.keys.filter { $0.hasSuffix(".key") }.count == 3)
    #expect(output["a"] == "700 " && output["a/wireguard/wg-b.conf"]?.hasPrefix("600") == true)
    let files = try places(of: "mesh.out")
    #expect(run("write") == 0)
    // Not even replaced by others that are equal.
    #expect(try places(of: "mesh.out") == files)
    #expect(try contents(of: "mesh.state") == state)
    #expect(try contents(of: "mesh.out") == output)
  }

  @Test func `removes the files of a node that is gone, and brings them back the same`() throws {
    try write(three)
    #expect(run("write") == 0)
    let output = try contents(of: "mesh.out")
    let state = try contents(of: "mesh.state")
    try write(three.replacing("node b", with: "#"))
    #expect(run("write") == 0)
    let less = try contents(of: "mesh.out")
    #expect(less.keys.allSatisfy { !$0.hasPrefix("b") && !$0.hasSuffix("wg-b.conf") })
    #expect(less["a/wireguard/wg-c.conf"] == output["a/wireguard/wg-c.conf"])
    #expect(try contents(of: "mesh.state") == state)
    try write(three)
    #expect(run("write") == 0)
    #expect(try contents(of: "mesh.out") == output)
  }

  @Test func `leaves what is not of its making alone`() throws {
    try write(three)
    #expect(run("write") == 0)
    try "mine".write(toFile: path("mesh.out/b/notes"), atomically: true, encoding: .utf8)
    try write(three.replacing("node b", with: "#"))
    #expect(run("write") == 0)
    #expect(try contents(of: "mesh.out")["b/notes"]?.hasSuffix("mine") == true)
    try "mine".write(toFile: path("mesh.out/b/INSTALL"), atomically: true, encoding: .utf8)
    try write(three)
    #expect(run("write") == 1)
    #expect(try contents(of: "mesh.out")["b/INSTALL"]?.hasSuffix("mine") == true)
    // The list of its files cannot make it remove others.
    try FileManager.default.removeItem(atPath: path("mesh.out/b/INSTALL"))
    try "../mesh.conf\n/x\na/../../mesh.conf\n".write(
      toFile: path("mesh.out/.swabelmesh"), atomically: true, encoding: .utf8)
    _ = run("write")
    #expect(try contents(of: "")["mesh.conf"] != nil)
  }

  @Test func `writes a file anew that somebody changed`() throws {
    try write(three)
    #expect(run("write") == 0)
    let output = try contents(of: "mesh.out")
    try "x".write(toFile: path("mesh.out/a/babeld.conf"), atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o644], ofItemAtPath: path("mesh.out/b/babeld.conf"))
    #expect(run("write") == 0)
    #expect(try contents(of: "mesh.out") == output)
  }

  @Test func `never overwrites a key`() throws {
    try write(three)
    #expect(run("write") == 0)
    let keys = try contents(of: "mesh.state/keys")
    #expect(run("rekey", "b") == 0)
    #expect(run("write") == 0)
    #expect(run("rekey", "b") == 0)
    try write(three.replacing("node c", with: "#"))
    #expect(run("remove", "c") == 0)
    try write(three)
    #expect(run("write") == 0)
    let later = try contents(of: "mesh.state/keys")
    for (name, key) in keys { #expect(later[name] == key) }
    #expect(
      later.keys.sorted()
        == ["a.1.key", "b.1.key", "b.2.key", "b.3.key", "c.1.key", "c.2.key"])
    #expect(Set(later.values).count == 6)
  }

  @Test func `cannot even be made to overwrite a key`() throws {
    let state = StateFolder(path: path("s"))
    try state.prepare()
    let key = WireGuardKey.randomPrivateForTests
    try state.keep(key, of: "a", 1)
    #expect(throws: Failure.self) { try state.keep(.randomPrivateForTests, of: "a", 1) }
    #expect(try state.privateKey(of: "a", 1) == key)
    #expect(try contents(of: "s").keys.sorted() == ["keys", "keys/a.1.key"])
  }

  @Test func `takes a key that is there already`() throws {
    try write(three)
    let keys = path("mesh.state/keys")
    try FileManager.default.createDirectory(
      atPath: keys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let key = try #require(WireGuardKey("yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="))
    #expect(
      FileManager.default.createFile(
        atPath: keys + "/a.1.key", contents: Data((key.base64 + "\n").utf8),
        attributes: [.posixPermissions: 0o600]))
    #expect(run("write") == 0)
    let file = try contents(of: "mesh.out")["b/wireguard/wg-a.conf"]
    #expect(file?.contains("PublicKey = \(key.publicKey.base64)\n") == true)
  }

  @Test func `refuses the key of another node by its name`() throws {
    try write(three)
    #expect(run("write") == 0)
    let output = try contents(of: "mesh.out")
    let key = try String(contentsOfFile: path("mesh.state/keys/a.1.key"), encoding: .utf8)
    let secret = try #require(WireGuardKey(String(key.dropLast())))
    try write(three + "node d nat public-key \(secret.publicKey.base64)\n")
    #expect(run("write") == 1)
    #expect(run("check") == 1)
    #expect(try contents(of: "mesh.out") == output)
    var mesh = try SampleMesh(three)
    let known = try #require(mesh.state.nodes["a"]).publicKey
    #expect(throws: PlanError.sameKey(NodePair("a", "d"))) {
      try mesh.adopt(three + "node d nat public-key \(known.base64)\n")
    }
  }

  @Test(arguments: ["babeld.conf", "wireguard/wg-b.conf"])
  func `puts no file into effect that is not whole`(place: String) throws {
    try write(three)
    #expect(run("write") == 0)
    let request = try Request(["-f", path("mesh.conf"), "diff", "a"])
    _ = try Deployment(of: request, "a")
    let file = path("mesh.out/a/\(place)")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.dropLast(100).write(toFile: file, atomically: true, encoding: .utf8)
    let error = #expect(throws: Failure.self) { try Deployment(of: request, "a") }
    #expect(error?.description.hasPrefix("\(file): this is not the file that belongs to") == true)
    try FileManager.default.removeItem(atPath: file)
    #expect(throws: Failure.self) { try Deployment(of: request, "a") }
    // What the operator reads and runs may be changed.
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    try "".write(toFile: path("mesh.out/a/firewall.sh"), atomically: true, encoding: .utf8)
    _ = try Deployment(of: request, "a")
  }

  @Test func `stops when a key or the state is not as it should be`() throws {
    try write(three)
    #expect(run("write") == 0)
    let output = try contents(of: "mesh.out")
    let files = FileManager.default
    let key = path("mesh.state/keys/a.1.key")
    let text = try String(contentsOfFile: key, encoding: .utf8)
    func put(_ text: String, _ mode: Int) {
      #expect(
        files.createFile(
          atPath: key, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
    }
    put(text, 0o644)
    #expect(run("write") == 1)
    put("nonsense\n", 0o600)
    #expect(run("write") == 1)
    put(WireGuardKey.randomPrivateForTests.base64, 0o600)
    #expect(run("write") == 1)
    try files.removeItem(atPath: key)
    #expect(run("write") == 1)
    put(text, 0o600)
    #expect(run("write") == 0)
    let state = path("mesh.state/state")
    let good = try String(contentsOfFile: state, encoding: .utf8)
    #expect(
      files.createFile(
        atPath: state, contents: Data(good.replacing("mesh m", with: "mesh n").utf8),
        attributes: [.posixPermissions: 0o600]))
    #expect(run("write") == 1)
    #expect(
      files.createFile(
        atPath: state, contents: Data(good.dropLast(5).utf8),
        attributes: [.posixPermissions: 0o600]))
    #expect(run("write") == 1)
    #expect(run("rekey", "a") == 1)
    #expect(try contents(of: "mesh.out") == output)
  }

  @Test func `lets nobody else change the state meanwhile`() throws {
    try write(three)
    #expect(run("write") == 0)
    let before = try contents(of: "mesh.state")
    let folder = StateFolder(path: path("mesh.state"))
    try folder.whileLocked { () throws(Failure) in
      #expect(run("write") == 1)
      #expect(run("rekey", "a") == 1)
      #expect(run("remove", "a") == 1)
      #expect(run("invite", "a") == 1)
    }
    #expect(try contents(of: "mesh.state") == before)
    // What a process has left that was killed is no lock.
    try "1\n".write(toFile: path("mesh.state/lock"), atomically: true, encoding: .utf8)
    #expect(run("rekey", "a") == 0)
    #expect(try contents(of: "mesh.state") != before)
  }

  @Test(arguments: 0..<8)
  func `is whole when many write it for the first time at once`(round: Int) async throws {
    try write(three)
    let statuses = await atOnce(Array(repeating: ["write"], count: 6))
    #expect(statuses.contains(0) && statuses.allSatisfy { $0 == 0 || $0 == 1 })
    let state = try contents(of: "mesh.state")
    #expect(
      state.keys.sorted() == [
        "keys", "keys/a.1.key", "keys/b.1.key", "keys/c.1.key",
        "lock", "state",
      ])
    #expect(run("write") == 0)
    #expect(try contents(of: "mesh.state") == state)
  }

  @Test func `loses none of the new keys that many give at once`() async throws {
    try write(three)
    #expect(run("write") == 0)
    var given = ["a": 1, "b": 1, "c": 1]
    for _ in 0..<8 {
      let names = given.keys.sorted()
      let statuses = await atOnce(names.map { ["rekey", $0] })
      for (name, status) in zip(names, statuses) where status == 0 { given[name, default: 0] += 1 }
      #expect(run("write") == 0)
      let octets = Array(try Data(contentsOf: URL(filePath: path("mesh.state/state"))))
      #expect(try MeshState(octets, file: "state").nodes.mapValues { $0.keyNumber } == given)
    }
    #expect(given.values.contains { $0 > 1 })
  }

  /// The exit codes of the program with each of these words, all of them at once. Each opens the
  /// lock for itself, as processes do.
  private func atOnce(_ commands: [[String]]) async -> [Int32] {
    let list = path("mesh.conf")
    return await withTaskGroup(of: (Int, Int32).self) { group in
      for (number, words) in commands.enumerated() {
        group.addTask { (number, Entry.run(["-f", list] + words)) }
      }
      return await group.reduce(into: Array(repeating: -1, count: commands.count)) {
        $0[$1.0] = $1.1
      }
    }
  }

  @Test func `leaves no trace of a list with a mistake`() throws {
    try write("mesh m\nnode a\n")
    #expect(run("write") == 1)
    #expect(try contents(of: "").count == 1)
  }

  @Test func `removes only what the list has not`() throws {
    try write(three)
    #expect(run("remove", "a") == 1)
    #expect(run("write") == 0)
    #expect(run("remove", "a") == 1)
    #expect(run("remove", "z") == 1)
    #expect(run("rekey", "z") == 1)
    let state = try contents(of: "mesh.state")
    try write(three.replacing("node a", with: "#"))
    #expect(run("remove", "a") == 0)
    #expect(try contents(of: "mesh.state") != state)
    #expect(run("remove", "a") == 1)
  }
}

extension WireGuardKey {
  /// Some private key.
  fileprivate static var randomPrivateForTests: WireGuardKey {
    var chance = SystemRandomNumberGenerator()
    return .randomPrivate(using: &chance)
  }
}
