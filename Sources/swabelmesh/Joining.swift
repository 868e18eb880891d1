import BabelKernel
import MeshPlan

extension Request {
  /// Prints a token for a node of the list. An earlier one of the node does not count any more.
  func invite(_ name: String, for seconds: Int64) throws(Failure) {
    let list = try readList()
    guard let node = list.node(named: name) else {
      throw Failure("there is no node \(name) in \(self.list); first write its lines there")
    }
    guard node.publicKey == nil else {
      throw Failure(
        "node \(name) has a public-key in \(self.list), which would count; first take it out"
      )
    }
    guard let now = WallClock.secondsIfSet() else {
      throw Failure("the clock of this machine is not set, and a token must end some time")
    }
    let folder = StateFolder(path: state)
    try folder.prepare()
    try folder.whileLocked { () throws(Failure) in
      var kept = try folder.readState() ?? MeshState(name: list.name)
      guard kept.name == list.name else {
        throw Failure(
          "\(self.list): \(PlanError.otherMesh(state: kept.name, list: list.name))")
      }
      var chance = KernelChance()
      let invitation = Invitation(
        secret: .random(using: &chance), expires: now + seconds,
        format: node.format ?? list.format)
      kept.invite(name, invitation)
      Console.complain(
        "On \(name), before \(Self.time(invitation.expires)): swabelmesh join TOKEN\n"
          + "Whoever has the token can join in its place. It counts once. The token:")
      // A token that nobody has seen must not take the place of an earlier one.
      try Console.give(JoinToken(invitation, mesh: list.name, node: name).text)
      try folder.write(kept)
    }
  }

  /// On the new node: makes its private key, unless there is one, and prints the answer.
  func join(_ text: String, keyPath: String?) throws(Failure) {
    let word = try Self.pasted(text)
    let token: JoinToken
    do throws(TokenError) {
      token = try JoinToken(word, now: WallClock.secondsIfSet())
    } catch {
      throw Self.failure(error)
    }
    let path = keyPath ?? token.keyPath
    try Self.checkKeyPath(path, for: token)
    let key = try PrivateKeyFile(path: path).obtain()
    if path.hasPrefix("/etc/systemd/") { try PrivateKeyFile(path: path).lendToNetworkd() }
    Console.complain(
      "The private key of \(token.node) is in \(path) and stays there.\n"
        + "Its public key is \(key.publicKey.base64).\n"
        + "Where the list is: swabelmesh accept ANSWER. The answer, which is no secret:")
    try Console.give(token.answer(key.publicKey, keyPath: path))
  }

  /// The files of the node name the path, so every format must be able to.
  private static func checkKeyPath(_ path: String, for token: JoinToken) throws(Failure) {
    guard JoinAnswer.isKeyPath(path) else {
      throw Failure(
        "\(path): name the whole path, with letters, digits and . _ - / only, because the files of "
          + "node \(token.node) will name it")
    }
    if token.invitation.format == .networkd, !path.hasPrefix("/etc/systemd/") {
      throw Failure("\(path): systemd-networkd needs the key in /etc/systemd/network")
    }
  }

  /// Takes the answer of a node.
  func accept(_ text: String) throws(Failure) {
    let word = try Self.pasted(text)
    let answer: JoinAnswer
    do throws(TokenError) {
      answer = try JoinAnswer(word)
    } catch {
      throw Self.failure(error)
    }
    let list = try readList()
    let folder = StateFolder(path: state)
    guard try folder.readState() != nil else { throw Self.failure(.notInvited(answer.node)) }
    try folder.whileLocked { () throws(Failure) in
      guard var kept = try folder.readState() else { return }
      do throws(TokenError) {
        try answer.check(kept, now: MonotonicClock.wallMicroseconds() / 1_000_000)
      } catch {
        throw Self.failure(error)
      }
      if let owner = list.nodes.first(where: { $0.publicKey == answer.publicKey }) {
        throw Self.failure(.keyOf(owner.name))
      }
      guard list.node(named: answer.node) != nil else {
        throw Failure("node \(answer.node) is not in \(self.list) any more")
      }
      var chance = KernelChance()
      kept.join(
        answer.node, publicKey: answer.publicKey, keyPath: answer.keyPath, using: &chance)
      try folder.write(kept)
      Console.say("node \(answer.node) has joined; its public key is \(answer.publicKey.base64)")
      Console.say("now: swabelmesh write")
    }
  }

  /// A word of the command line, or the first line of standard input for `-`.
  private static func pasted(_ text: String) throws(Failure) -> String {
    guard text == "-" else { return text }
    do throws(KernelError) {
      let octets = try FileSystem.read("/dev/stdin", limit: 4096)
      return String(decoding: octets.prefix { $0 > 0x20 }, as: UTF8.self)
    } catch {
      throw Failure(error)
    }
  }

  private static func failure(_ error: TokenError) -> Failure {
    guard let expiry = error.expiry else { return Failure("\(error)") }
    return Failure("\(error): at \(time(expiry)) by the clock of this machine")
  }

  private static func time(_ seconds: Int64) -> String {
    WallClock.stamp(microseconds: seconds * 1_000_000)
  }
}

/// The file with the private key of a node that keeps it to itself.
struct PrivateKeyFile {
  /// Its path.
  let path: String

  /// The key; it is made if there is no such file, and never overwritten.
  func obtain() throws(Failure) -> WireGuardKey {
    if FileSystem.exists(path) {
      try checkRights()
      return try read()
    }
    var chance = KernelChance()
    let key = WireGuardKey.randomPrivate(using: &chance)
    do throws(KernelError) {
      try makeFolder()
      try FileSystem.createDurably(path, Array((key.base64 + "\n").utf8), mode: 0o600)
    } catch {
      throw Failure(error)
    }
    return key
  }

  /// A key that others can read is none of the node's own. The group of systemd-networkd may.
  private func checkRights() throws(Failure) {
    let mode: UInt32
    do throws(KernelError) {
      mode = try FileSystem.readWithRights(path, limit: 4096).mode
    } catch {
      throw Failure(error)
    }
    guard mode & (path.hasPrefix("/etc/systemd/") ? 0o037 : 0o077) == 0 else {
      throw Failure(
        "\(path): others may use this secret; if nobody has, say: chmod 600 \(path); else move it "
          + "away, and a new one is made")
    }
  }

  /// The key in the file.
  func read() throws(Failure) -> WireGuardKey {
    let octets: [UInt8]
    do throws(KernelError) {
      octets = try FileSystem.read(path, limit: 4096)
    } catch {
      throw Failure(error)
    }
    let words = String(decoding: octets, as: UTF8.self).split { $0.isWhitespace }
    guard words.count == 1, let key = WireGuardKey(String(words[0])) else {
      throw Failure("\(path): this is no private key of WireGuard, as \"wg genkey\" prints it")
    }
    return key
  }

  /// Lets systemd-networkd read it, whose user may not read what is root's.
  func lendToNetworkd() throws(Failure) {
    do throws(KernelError) {
      guard let group = try AccountFile.groupID("systemd-network") else { return }
      try FileSystem.setOwner(path, userID: nil, groupID: group)
      try FileSystem.setMode(path, 0o640)
    } catch {
      throw Failure(error)
    }
  }

  private func makeFolder() throws(KernelError) {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let folder = String(path[..<slash])
    if !FileSystem.exists(folder) { try FileSystem.makeDirectory(folder, mode: 0o700) }
  }
}
