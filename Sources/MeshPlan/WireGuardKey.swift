import BabelWire

/// A key of WireGuard: 32 octets, written in base64 as `wg` does.
public struct WireGuardKey: Hashable, Sendable {
  /// The 32 octets.
  public let octets: [UInt8]

  /// Makes a key; nil if there are not 32 octets.
  public init?(octets: [UInt8]) {
    guard octets.count == Curve25519.keyCount else { return nil }
    self.octets = octets
  }

  /// Whether all octets are zero. That is nobody's public key, and WireGuard refuses it.
  public var isZero: Bool { octets.allSatisfy { $0 == 0 } }

  private init(drawn octets: [UInt8]) { self.octets = octets }

  /// Reads 44 characters of base64, the last of them `=`; nil for anything else.
  public init?(_ text: String) {
    guard let octets = Base64.octets(text) else { return nil }
    self.init(octets: octets)
  }

  /// A new secret that two nodes share: a preshared key, or a key for MACs.
  public static func random(using chance: inout some RandomNumberGenerator) -> WireGuardKey {
    var octets: [UInt8] = []
    while octets.count < Curve25519.keyCount {
      let word = chance.next()
      for shift in stride(from: 0, to: 64, by: 8) {
        octets.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    return WireGuardKey(drawn: octets)
  }

  /// A new private key, as `wg genkey` makes it.
  public static func randomPrivate(using chance: inout some RandomNumberGenerator) -> WireGuardKey {
    WireGuardKey(drawn: Curve25519.clamped(random(using: &chance).octets))
  }

  /// The public key that belongs to this private one.
  public var publicKey: WireGuardKey {
    // A key has the right length, so the function always answers.
    WireGuardKey(drawn: Curve25519.publicKey(of: octets) ?? octets)
  }

  /// The key in base64.
  public var base64: String { Base64.text(octets) }

  /// The key in hexadecimal, as the daemon's configuration takes it.
  public var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    let text = octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }

  /// Reads 64 hexadecimal digits; nil for anything else.
  public init?(hexadecimal: String) {
    guard let octets = hexOctets(Array(hexadecimal.utf8)[...]) else { return nil }
    self.init(octets: octets)
  }
}

/// Base64 with padding (RFC 4648 §4), for keys.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  static func text(_ octets: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: octets.count, by: 3) {
      let group = octets[start..<min(start + 3, octets.count)]
      var bits: UInt32 = 0
      for octet in group { bits = bits << 8 | UInt32(octet) }
      bits <<= UInt32(8 * (3 - group.count))
      for place in 0..<4 {
        let digit = alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? digit : padding)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil unless the text is what ``text(_:)`` makes of the result.
  static func octets(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 4) else { return nil }
    var octets: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 4) {
      let group = digits[start..<(start + 4)]
      let used = group.prefix { $0 != padding }
      guard used.count >= 2 else { return nil }
      var bits: UInt32 = 0
      for digit in used {
        guard let value = alphabet.firstIndex(of: digit) else { return nil }
        bits = bits << 6 | UInt32(value)
      }
      bits <<= UInt32(6 * (4 - used.count))
      for place in 0..<(used.count - 1) {
        octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(16 - 8 * place)))
      }
    }
    return Self.text(octets) == text ? octets : nil
  }
}
