import Foundation
import MeshPlan
import TestSupport
import Testing

@testable import swabelmesh

/// The token of an invitation, and the answer to it.
@Suite struct `A token` {
  private let invitation: Invitation
  private let key: WireGuardKey
  private var state = MeshState(name: "village")

  init() {
    var chance = Chance(seed: 7)
    invitation = Invitation(
      secret: .random(using: &chance), expires: 2_000_000_000, format: .commands)
    key = .randomPrivate(using: &chance)
    state.invite("boat", invitation)
  }

  private var token: String { JoinToken(invitation, mesh: "village", node: "boat").text }

  private func read(_ text: String, now: Int64? = 1_999_999_999) throws(TokenError) -> JoinToken {
    try JoinToken(text, now: now)
  }

  private func refusal(_ answer: String, _ state: MeshState, now: Int64 = 1) -> TokenError? {
    do throws(TokenError) {
      try JoinAnswer(answer).check(state, now: now)
      return nil
    } catch {
      return error
    }
  }

  @Test func `says what it is for, and is answered without a secret`() throws {
    let read = try read(token)
    #expect(read.node == "boat" && read.mesh == "village" && read.invitation == invitation)
    #expect(read.keyPath == "/etc/wireguard/private.key")
    let answer = read.answer(key.publicKey)
    #expect(!answer.contains(key.hexadecimal) && !answer.contains(invitation.secret.hexadecimal))
    #expect(refusal(answer, state) == nil)
    #expect(try JoinAnswer(answer).publicKey == key.publicKey)
  }

  @Test func `ends`() throws {
    #expect(throws: TokenError.expired(2_000_000_000)) { try read(token, now: 2_000_000_000) }
    // A machine without a clock leaves that to the one with the list.
    let answer = try read(token, now: nil).answer(key.publicKey)
    #expect(refusal(answer, state, now: 1_999_999_999) == nil)
    #expect(refusal(answer, state, now: 2_000_000_000) == .expired(2_000_000_000))
  }

  @Test func `is refused with any octet changed, missing or doubled`() {
    let octets = Array(token.utf8)
    for place in octets.indices {
      var changed = octets
      changed[place] = changed[place] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
      var missing = octets
      missing.remove(at: place)
      var doubled = octets
      doubled.insert(octets[place], at: place)
      for text in [changed, missing, doubled] where text != octets {
        #expect(throws: TokenError.self) { try read(String(decoding: text, as: UTF8.self)) }
      }
    }
  }

  @Test func `cannot be made to last longer by who has it`() throws {
    let longer = Invitation(
      secret: invitation.secret, expires: invitation.expires + 3600, format: .commands)
    let forged = JoinToken(longer, mesh: "village", node: "boat")
    let answer = try read(forged.text).answer(key.publicKey)
    #expect(refusal(answer, state) == .altered("answer, or the token behind it,"))
  }

  @Test func `is refused for what is wrong with it`() throws {
    let answer = try read(token).answer(key.publicKey)
    #expect(throws: TokenError.isNot("token")) { try read("nonsense") }
    #expect(throws: TokenError.isNot("token")) { try read(answer) }
    #expect(throws: TokenError.isNot("answer")) { try JoinAnswer(token) }
    #expect(throws: TokenError.altered("token")) { try read(String(token.dropLast(20))) }
    #expect(refusal(answer, MeshState(name: "town")) == .otherMesh("village"))
    #expect(refusal(answer, MeshState(name: "village")) == .notInvited("boat"))
    var later = state
    var chance = Chance(seed: 8)
    later.invite(
      "boat",
      Invitation(secret: .random(using: &chance), expires: 2_000_000_000, format: .commands))
    #expect(refusal(answer, later) == .replaced("boat"))
    var used = state
    used.join("boat", publicKey: key.publicKey, using: &chance)
    #expect(refusal(answer, used) == .used("boat"))
    let other = answer.replacing(key.publicKey.hexadecimal, with: key.hexadecimal)
    #expect(refusal(other, state) == .altered("answer, or the token behind it,"))
  }

  @Test func `is no way to take the key of another node, or none`() throws {
    var chance = Chance(seed: 9)
    var others = state
    others.join("berlin", publicKey: key.publicKey, using: &chance)
    let token = try read(token)
    #expect(refusal(token.answer(key.publicKey), others) == .keyOf("berlin"))
    #expect(refusal(token.answer(invitation.secret.publicKey), others) == nil)
    let zeros = try #require(WireGuardKey(octets: Array(repeating: 0, count: 32)))
    #expect(refusal(token.answer(zeros), state) == .zeroKey)
    // An answer with another path, or none, is not the same.
    let answer = token.answer(key.publicKey, keyPath: "/etc/k")
    #expect(refusal(answer, state) == nil)
    #expect(try JoinAnswer(answer).keyPath == "/etc/k")
    for other in ["/etc/l", "", "/etc/wireguard/private.key"] {
      #expect(throws: TokenError.self) {
        try JoinAnswer(answer.replacing("/etc/k", with: other)).check(state, now: 1)
      }
    }
    #expect(refusal(answer.replacing(":/etc/k", with: ""), state) != nil)
    // Its own key it may tell again.
    others.join("boat", publicKey: invitation.secret.publicKey, using: &chance)
    others.invite("boat", invitation)
    #expect(refusal(token.answer(invitation.secret.publicKey), others) == nil)
  }

  @Test func `is kept in the state, as is who has joined`() throws {
    var chance = Chance(seed: 9)
    var kept = state
    #expect(try MeshState(Array(kept.text.utf8), file: "state") == kept)
    #expect(kept.awaited == ["boat"])
    kept.join("boat", publicKey: key.publicKey, using: &chance)
    #expect(kept.awaited == [] && kept.nodes["boat"]?.hasJoined == true)
    #expect(try MeshState(Array(kept.text.utf8), file: "state") == kept)
    let list = try parsed("mesh village\nnode boat nat\nnode berlin endpoint berlin.net\n")
    let links = try #require(MeshLinks(list))
    let berlin = WireGuardKey.randomPrivate(using: &chance).publicKey
    let own = WireGuardKey.randomPrivate(using: &chance).publicKey
    try kept.adopt(list, links.pairs, publicKeys: ["berlin": berlin], using: &chance)
    #expect(
      kept.nodes["boat"]?.publicKey == key.publicKey && kept.keyNumber(of: list.nodes[0]) == 0)
    // It joins again with another key: its tunnels get new ones.
    let before = kept.links
    kept.invite("boat", invitation)
    #expect(kept.awaited == [])
    kept.join("boat", publicKey: own, keyPath: "/etc/k", using: &chance)
    #expect(try MeshState(Array(kept.text.utf8), file: "state") == kept)
    try kept.adopt(list, links.pairs, publicKeys: ["berlin": berlin], using: &chance)
    #expect(kept.nodes["boat"]?.keyPath == "/etc/k")
    #expect(kept.nodes["boat"]?.publicKey == own)
    for (pair, link) in before { #expect(kept.links[pair]?.presharedKey != link.presharedKey) }
    kept.forget("boat")
    #expect(kept.invitations.isEmpty)
  }
}

@Suite final class `A node that joins` {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "swabelmesh-\(UInt64.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try """
    mesh m
    node a endpoint a.net address fd00::1
    node b nat address fd00::2

    """.write(toFile: path("mesh.conf"), atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  private func run(_ words: String...) -> Int32 { Entry.run(["-f", path("mesh.conf")] + words) }

  private func state() throws -> MeshState {
    let octets = Array(try Data(contentsOf: URL(filePath: path("mesh.state/state"))))
    return try MeshState(octets, file: "state")
  }

  @Test func `is left out until it has, and keeps its key to itself`() throws {
    #expect(run("invite", "x") == 1)
    #expect(run("invite", "b", "--expires", "5") == 2)
    #expect(run("invite", "b", "--expires", "31d") == 2)
    #expect(run("write", "--expires", "1h") == 2)
    #expect(run("invite", "b", "--expires", "1h") == 0)
    #expect(run("write") == 0)
    #expect(!FileManager.default.fileExists(atPath: path("mesh.out/b")))
    let invitation = try #require(try state().invitations["b"])
    let token = JoinToken(invitation, mesh: "m", node: "b")
    let keyPath = path("etc/private.key")
    #expect(run("join", token.text, "--key", keyPath) == 0)
    let key = try String(contentsOfFile: keyPath, encoding: .utf8)
    #expect(run("join", token.text, "--key", keyPath) == 0)
    #expect(try String(contentsOfFile: keyPath, encoding: .utf8) == key, "it is kept")
    let secret = try #require(WireGuardKey(String(key.dropLast())))
    let answer = token.answer(secret.publicKey, keyPath: keyPath)
    #expect(run("accept", String(answer.dropLast())) == 1)
    #expect(run("accept", answer) == 0)
    #expect(run("accept", answer) == 1)
    #expect(run("write") == 0)
    let file = try String(contentsOfFile: path("mesh.out/a/wireguard/wg-b.conf"), encoding: .utf8)
    #expect(file.contains("PublicKey = \(secret.publicKey.base64)\n"))
    #expect(FileManager.default.fileExists(atPath: path("mesh.out/b/babeld.conf")))
    let own = try String(contentsOfFile: path("mesh.out/b/wireguard/wg-a.conf"), encoding: .utf8)
    #expect(own.contains("PostUp = wg set %i private-key \(keyPath)\n"))
    let plan = try String(contentsOfFile: path("mesh.out/b/plan"), encoding: .utf8)
    #expect(plan.contains("private-file \(keyPath)\n"))
    for place in try FileManager.default.subpathsOfDirectory(atPath: path("")) {
      guard !place.hasPrefix("etc"),
        let text = try? String(contentsOfFile: path(place), encoding: .utf8)
      else { continue }
      #expect(!text.contains(secret.base64), "\(place)")
    }
  }

  @Test(arguments: ["key", "/tmp/a key", "/tmp/$(x)", "/tmp/%i", "/", "/tmp/a:b"])
  func `cannot have its key where no file can name it`(place: String) throws {
    #expect(run("invite", "b") == 0)
    let token = JoinToken(try #require(try state().invitations["b"]), mesh: "m", node: "b")
    #expect(run("join", token.text, "--key", place) == 1)
    #expect(!JoinAnswer.isKeyPath(place))
  }

  @Test func `does not use a key that others can read`() throws {
    #expect(run("invite", "b") == 0)
    let token = JoinToken(try #require(try state().invitations["b"]), mesh: "m", node: "b")
    #expect(run("join", token.text, "--key", path("key")) == 0)
    for (mode, status) in [(0o640, 1), (0o604, 1), (0o644, 1), (0o400, 0), (0o600, 0)] {
      try FileManager.default.setAttributes(
        [.posixPermissions: mode], ofItemAtPath: path("key"))
      #expect(run("join", token.text, "--key", path("key")) == Int32(status), "\(mode)")
    }
  }

  @Test func `is not invited by a token that could not be printed`() throws {
    #expect(try statusWithFullOutput("invite", "b") == 1)
    #expect(!FileManager.default.fileExists(atPath: path("mesh.state/state")))
    #expect(run("invite", "b") == 0)
    let before = try state()
    #expect(try statusWithFullOutput("invite", "b") == 1)
    #expect(try state() == before)
    #expect(run("write") == 0)
    #expect(try statusWithFullOutput("show") == 1)
    #expect(try statusWithFullOutput("help") == 1)
  }

  /// The exit code of the program where all that it prints finds no room.
  private func statusWithFullOutput(_ words: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().appending(path: "swabelmesh")
    process.arguments = ["-f", path("mesh.conf")] + words
    let full: FileHandle = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    process.standardOutput = full
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test func `cannot with a key that the list has`() throws {
    #expect(run("invite", "b") == 0)
    let token = JoinToken(try #require(try state().invitations["b"]), mesh: "m", node: "b")
    var chance = Chance(seed: 3)
    let key = WireGuardKey.randomPrivate(using: &chance).publicKey
    try """
    mesh m
    node a endpoint a.net address fd00::1 public-key \(key.base64)
    node b nat address fd00::2

    """.write(toFile: path("mesh.conf"), atomically: true, encoding: .utf8)
    #expect(run("accept", token.answer(key)) == 1)
    #expect(try state().nodes["b"] == nil)
  }

  @Test func `cannot, once its invitation was taken back`() throws {
    #expect(run("invite", "b") == 0)
    let invitation = try #require(try state().invitations["b"])
    #expect(run("rekey", "b") == 1)
    #expect(run("remove", "b") == 1)
    try "mesh m\nnode a endpoint a.net address fd00::1\n".write(
      toFile: path("mesh.conf"), atomically: true, encoding: .utf8)
    #expect(run("remove", "b") == 0)
    let answer = JoinToken(invitation, mesh: "m", node: "b").answer(invitation.secret.publicKey)
    #expect(run("accept", answer) == 1)
    #expect(try state().invitations.isEmpty && state().nodes.isEmpty)
  }

  @Test func `is too late once its token has expired`() throws {
    #expect(run("invite", "b", "--expires", "1s") == 0)
    let invitation = try #require(try state().invitations["b"])
    let token = JoinToken(invitation, mesh: "m", node: "b")
    let deadline = Date(timeIntervalSinceNow: 10)
    while Date().timeIntervalSince1970 < Double(invitation.expires), Date() < deadline {
      Thread.sleep(forTimeInterval: 0.05)
    }
    #expect(run("join", token.text, "--key", path("key")) == 1)
    #expect(!FileManager.default.fileExists(atPath: path("key")))
    #expect(run("accept", token.answer(invitation.secret.publicKey)) == 1)
    #expect(try state().nodes["b"] == nil)
  }
}
