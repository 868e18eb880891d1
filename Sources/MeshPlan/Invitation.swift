import BabelWire

/// What the coordinator keeps of an invitation: the last one of a node.
public struct Invitation: Equatable, Sendable {
  /// What the token shares with the coordinator, and nobody else.
  public let secret: WireGuardKey
  /// When the token ends, in seconds since 1970.
  public let expires: Int64
  /// The format of the node's files, which says where its private key is to be.
  public let format: OutputFormat
  /// Whether an answer to it was accepted.
  public internal(set) var isUsed = false

  /// An invitation that ends at that time.
  public init(secret: WireGuardKey, expires: Int64, format: OutputFormat) {
    self.secret = secret
    self.expires = expires
    self.format = format
  }
}

/// Why a token or an answer is refused.
public enum TokenError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is no token, or no answer.
  case isNot(String)
  /// A part of it is missing or was changed.
  case altered(String)
  /// The token has ended at that time, in seconds since 1970.
  case expired(Int64)
  /// It is for another mesh.
  case otherMesh(String)
  /// Nobody has invited this node.
  case notInvited(String)
  /// A later token of the node counts instead.
  case replaced(String)
  /// An answer to this token was accepted before.
  case used(String)
  /// A node answers with the public key of another one.
  case keyOf(String)
  /// The public key is all zeros.
  case zeroKey

  /// The reason in words. The time is named by whoever prints it, in ``expiry``.
  public var description: String {
    switch self {
    case .isNot(let what): "this is no \(what) of swabelmesh"
    case .altered(let what): "the \(what) is not whole, or was altered"
    case .expired: "the token has expired"
    case .otherMesh(let mesh): "it is for another mesh, \(mesh)"
    case .notInvited(let node): "node \(node) is not invited"
    case .replaced(let node): "the token is not the last one that node \(node) was invited with"
    case .used(let node): "the token of node \(node) was used already"
    case .keyOf(let node): "its public key is that of node \(node); each node needs its own"
    case .zeroKey: "its public key is all zeros, which is none"
    }
  }

  /// The time at which the token has ended; nil for other errors.
  public var expiry: Int64? {
    if case .expired(let time) = self { return time }
    return nil
  }
}

/// What is pasted on a new node. Whoever has it can answer in the place of the node.
public struct JoinToken: Equatable, Sendable {
  /// The mesh.
  public let mesh: String
  /// The node that is invited.
  public let node: String
  /// Secret, end and format.
  public let invitation: Invitation

  fileprivate static let title = "swabelmesh-token"

  /// The token of an invitation.
  public init(_ invitation: Invitation, mesh: String, node: String) {
    (self.mesh, self.node, self.invitation) = (mesh, node, invitation)
  }

  private var words: [String] {
    [mesh, node, invitation.format.rawValue, "\(invitation.expires)"]
  }

  /// The token as one word.
  public var text: String {
    let check = keyed(invitation.secret, "token", words, count: 8)
    return ([Self.title] + words + [invitation.secret.hexadecimal, check]).joined(separator: ":")
  }

  /// Reads a token. `now` is the time in seconds since 1970, nil if the clock is not set: then
  /// only the coordinator says whether it has expired.
  public init(_ text: String, now: Int64?) throws(TokenError) {
    let fields = try parts(text, of: Self.title, "token", count: 7...7)
    guard let format = OutputFormat(rawValue: fields[3]), let expires = Int64(fields[4]),
      let secret = WireGuardKey(hexadecimal: fields[5]), MeshList.isName(fields[1]),
      MeshList.isName(fields[2])
    else { throw .altered("token") }
    self.init(
      Invitation(secret: secret, expires: expires, format: format), mesh: fields[1],
      node: fields[2])
    guard self.text == text else { throw .altered("token") }
    if let now, now >= expires { throw .expired(expires) }
  }

  /// The path at which the node keeps its private key.
  public var keyPath: String { invitation.format.keyPath }

  /// What is pasted back: nothing of it is secret. It names the path of the private key unless that
  /// is ``keyPath``.
  public func answer(_ publicKey: WireGuardKey, keyPath: String? = nil) -> String {
    let place = keyPath.flatMap { $0 == self.keyPath ? nil : $0 }
    let words = [mesh, node, publicKey.hexadecimal] + (place.map { [$0] } ?? [])
    return ([JoinAnswer.title] + words + [JoinAnswer.proof(self, publicKey, place)])
      .joined(separator: ":")
  }
}

/// What a new node answers.
public struct JoinAnswer: Equatable, Sendable {
  /// The mesh.
  public let mesh: String
  /// The node.
  public let node: String
  /// Its public key.
  public let publicKey: WireGuardKey
  /// Where it has its private key; nil if that is where its format has it.
  public let keyPath: String?
  private let proof: String

  fileprivate static let title = "swabelmesh-answer"

  /// What shows that whoever answers had the token, as it was made.
  fileprivate static func proof(
    _ token: JoinToken, _ publicKey: WireGuardKey, _ keyPath: String?
  ) -> String {
    // Of the secret only a name goes along, so that another token is told from a changed one.
    keyed(token.invitation.secret, "name", [], count: 8)
      + keyed(
        token.invitation.secret, "answer",
        [token.text, publicKey.hexadecimal] + (keyPath.map { [$0] } ?? []), count: 16)
  }

  /// Reads an answer. Whether it is a true one ``check(_:now:)`` says.
  public init(_ text: String) throws(TokenError) {
    let fields = try parts(text, of: Self.title, "answer", count: 5...6)
    keyPath = fields.count == 6 ? fields[4] : nil
    proof = fields[fields.count - 1]
    guard MeshList.isName(fields[1]), MeshList.isName(fields[2]),
      let key = WireGuardKey(hexadecimal: fields[3]), proof.utf8.count == 48,
      keyPath.map(Self.isKeyPath) ?? true
    else { throw .altered("answer") }
    (mesh, node, publicKey) = (fields[1], fields[2], key)
  }

  /// Whether files of every format can name a private key by this path: a whole path of at most 200
  /// letters, digits, dots, underscores, dashes and slashes.
  public static func isKeyPath(_ path: String) -> Bool {
    let octets = Array(path.utf8)
    let signs = Array("._-/".utf8)
    return octets.first == UInt8(ascii: "/") && octets.last != UInt8(ascii: "/")
      && octets.count <= 200
      && octets.allSatisfy {
        (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0)
          || signs.contains($0)
      }
  }

  /// Compares the answer with the invitations of a state. `now` is in seconds since 1970.
  public func check(_ state: MeshState, now: Int64) throws(TokenError) {
    guard mesh == state.name else { throw .otherMesh(mesh) }
    guard let invitation = state.invitations[node] else { throw .notInvited(node) }
    let right = Self.proof(JoinToken(invitation, mesh: mesh, node: node), publicKey, keyPath)
    guard proof.prefix(16) == right.prefix(16) else { throw .replaced(node) }
    guard proof == right else { throw .altered("answer, or the token behind it,") }
    guard !invitation.isUsed else { throw .used(node) }
    guard now < invitation.expires else { throw .expired(invitation.expires) }
    guard !publicKey.isZero else { throw .zeroKey }
    for (name, known) in state.nodes where name != node && known.publicKey == publicKey {
      throw .keyOf(name)
    }
  }
}

extension OutputFormat {
  /// The path on a node at which its private key is, where a format needs a file. What networkd
  /// reads must be in a directory that its user may enter.
  public var keyPath: String {
    self == .networkd ? "/etc/systemd/network/mesh.key" : "/etc/wireguard/private.key"
  }
}

/// Octets in hexadecimal that only the secret's owner can make of a purpose and words: BLAKE2s.
private func keyed(
  _ secret: WireGuardKey, _ purpose: String, _ words: [String], count: Int
) -> String {
  var hash = BLAKE2s(digestCount: count, key: secret.octets)
  for text in ["swabelmesh " + purpose] + words {
    let octets = Array(text.utf8) + [0]
    hash.update(octets.span)
  }
  let result = hash.finish()
  return (0..<count).map { number in
    let octet = result[number]
    return String(octet >> 4, radix: 16) + String(octet & 15, radix: 16)
  }.joined()
}

/// The parts between colons of a text with that title.
private func parts(
  _ text: String, of title: String, _ what: String, count: ClosedRange<Int>
) throws(TokenError) -> [String] {
  let fields = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
  guard fields[0] == title else { throw .isNot(what) }
  guard count.contains(fields.count) else { throw .altered(what) }
  return fields
}
