/// A MAC algorithm (RFC 8967 §4.1).
public enum MACAlgorithm: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// HMAC-SHA256, mandatory.
  case hmacSHA256
  /// Keyed BLAKE2s with 128 bits of output.
  case blake2s128

  /// Longest key in octets.
  public var keyLimit: Int {
    switch self {
    case .hmacSHA256: 64
    case .blake2s128: 32
    }
  }

  /// The word of the configuration language.
  public var description: String {
    switch self {
    case .hmacSHA256: "hmac-sha256"
    case .blake2s128: "blake2s128"
    }
  }
}

/// Octets that must not be shown, and can be overwritten.
public struct SecretOctets: Equatable, Sendable, CustomStringConvertible {
  /// The octets, for the MAC alone.
  public private(set) var octets: [UInt8]

  /// Makes a secret.
  public init(_ octets: [UInt8]) { self.octets = octets }

  /// Overwrites the octets with zeros. Copies made before are not reached.
  @inline(never)
  public mutating func wipe() {
    for index in octets.indices { octets[index] = 0 }
  }

  /// The length, never the content.
  public var description: String { "(\(octets.count) secret octets)" }
}

/// When a key counts for a purpose, by the clock on the wall.
public struct KeyPeriod: Equatable, Sendable {
  /// The first second since 1970 it counts; nil means always before the end.
  public var from: Int64?
  /// The first second since 1970 it does not count any more; nil means never.
  public var until: Int64?

  /// Makes a period.
  public init(from: Int64? = nil, until: Int64? = nil) {
    self.from = from
    self.until = until
  }

  /// Whether the period is without bounds.
  public var isAlways: Bool { from == nil && until == nil }

  /// Whether the key counts at this second.
  public func contains(_ second: Int64) -> Bool {
    (from.map { $0 <= second } ?? true) && (until.map { second < $0 } ?? true)
  }
}

/// A key for packet authentication (RFC 8967).
public struct AuthenticationKey: Equatable, Sendable, CustomStringConvertible {
  /// What interfaces call it.
  public let id: [UInt8]
  /// The algorithm.
  public let algorithm: MACAlgorithm
  /// The key itself, 1 octet … ``MACAlgorithm/keyLimit``; none before ``file`` is read.
  public internal(set) var value: SecretOctets
  /// The file the key is read from; nil if the statement holds it.
  public internal(set) var file: [UInt8]?
  /// When it signs.
  public internal(set) var signing = KeyPeriod()
  /// When it verifies.
  public internal(set) var verifying = KeyPeriod()

  /// Makes a key.
  public init(id: [UInt8], algorithm: MACAlgorithm, value: SecretOctets) {
    self.id = id
    self.algorithm = algorithm
    self.value = value
  }

  /// Whether it counts for a time only.
  public var hasPeriods: Bool { !signing.isAlways || !verifying.isAlways }

  /// The bounds of its periods that are given, with the words for them.
  var times: [(word: String, time: Int64)] {
    [
      ("sign-from", signing.from), ("sign-until", signing.until),
      ("verify-from", verifying.from), ("verify-until", verifying.until),
    ].compactMap { word, time in time.map { (word, $0) } }
  }

  /// Id, algorithm and periods, never the value.
  public var description: String {
    var text = "key \(printable(id, limit: 255)) \(algorithm)"
    for (word, time) in times { text += " \(word) \(KeyTime.text(time))" }
    return text
  }
}

/// A key in use on an interface.
public struct InterfaceKey: Equatable, Sendable {
  /// The key.
  public let key: AuthenticationKey
  /// Whether it signs what is sent.
  public let signs: Bool
  /// Whether it verifies what is received.
  public let verifies: Bool

  /// Makes a key for an interface.
  public init(key: AuthenticationKey, signs: Bool = true, verifies: Bool = true) {
    self.key = key
    self.signs = signs
    self.verifies = verifies
  }
}

/// How packets of an interface are authenticated (RFC 8967 §3.1).
public struct InterfaceAuthentication: Equatable, Sendable {
  /// The set of keys, `key` first; empty when packets are neither signed nor verified.
  public var keys: [InterfaceKey] = []
  /// Process packets that carry no valid MAC all the same, for a network in transition.
  public var acceptsBadSignatures = false

  /// No authentication.
  public init() {}
}
