/// The 64-bit identifier of a router (RFC 8966 §4.1.3).
public struct RouterID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The eight octets, most significant first.
  public let rawValue: UInt64

  /// Makes a router-id. One that comes from outside must be checked with ``isValid``.
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Whether the value is neither all zeros nor all ones, which are forbidden (§4.1.3).
  public var isValid: Bool { rawValue != 0 && rawValue != .max }

  /// Numeric order. It means nothing, and only keeps output reproducible.
  public static func < (a: RouterID, b: RouterID) -> Bool { a.rawValue < b.rawValue }

  /// Eight lower-case hexadecimal octets with colons, as babeld prints them.
  public var description: String {
    var text: [UInt8] = []
    text.reserveCapacity(23)
    appendText(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends ``description`` as ASCII octets.
  public func appendText(to text: inout [UInt8]) {
    for i in 0..<8 {
      if i > 0 { text.append(0x3a) }
      let octet = UInt8(truncatingIfNeeded: rawValue >> UInt64(56 - 8 * i))
      text.append(hexDigit(octet >> 4))
      text.append(hexDigit(octet & 15))
    }
  }
}

/// The lower-case hexadecimal digit (ASCII) of a value 0 … 15.
func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
