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

/// A key for packet authentication (RFC 8967).
public struct AuthenticationKey: Equatable, Sendable, CustomStringConvertible {
  /// What interfaces call it.
  public let id: [UInt8]
  /// The algorithm.
  public let algorithm: MACAlgorithm
  /// The key itself, 1 octet … ``MACAlgorithm/keyLimit``.
  public internal(set) var value: SecretOctets

  /// Makes a key.
  public init(id: [UInt8], algorithm: MACAlgorithm, value: SecretOctets) {
    self.id = id
    self.algorithm = algorithm
    self.value = value
  }

  /// Id and algorithm, never the value.
  public var description: String { "key \(printable(id, limit: 255)) \(algorithm)" }
}

/// A key in use on an interface.
public struct InterfaceKey: Equatable, Sendable {
  /// The key.
  public let key: AuthenticationKey
  /// Whether it signs what is sent; every key verifies what is received.
  public let signs: Bool
}

/// How packets of an interface are authenticated (RFC 8967 §3.1).
public struct InterfaceAuthentication: Equatable, Sendable {
  /// The set of keys, `key` first; empty when packets are neither signed nor verified.
  public internal(set) var keys: [InterfaceKey] = []
  /// Process packets that carry no valid MAC all the same, for a network in transition.
  public internal(set) var acceptsBadSignatures = false
}
