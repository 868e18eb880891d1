/// The name of a network interface: at most 15 octets, compared as octets.
///
/// A fixed-size value, because it is used as a key and Embedded Swift has no cheap
/// string comparison.
public struct InterfaceName: Hashable, Sendable, Comparable, CustomStringConvertible {
  private let high: UInt64
  private let low: UInt64

  /// The longest name Linux accepts, in octets (IFNAMSIZ less the final zero).
  public static let maximumLength = 15

  /// Makes a name from octets; nil if there are none, more than 15, or one that Linux refuses
  /// (zero, slash, blank).
  public init?<Octets: Collection>(octets: Octets) where Octets.Element == UInt8 {
    guard octets.count >= 1, octets.count <= Self.maximumLength else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    var i = 0
    for octet in octets {
      if octet <= 0x20 || octet == 0x2f || octet == 0x7f { return nil }
      let shifted = UInt64(octet) << UInt64(56 - 8 * (i & 7))
      if i < 8 { words.0 |= shifted } else { words.1 |= shifted }
      i += 1
    }
    high = words.0
    low = words.1
  }

  /// Makes a name from text, under the rules of ``init(octets:)``.
  public init?(_ text: String) { self.init(octets: Array(text.utf8)) }

  /// The octets of the name, without padding.
  public var octets: [UInt8] {
    var result: [UInt8] = []
    for i in 0..<16 {
      let word = i < 8 ? high : low
      let octet = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (i & 7)))
      if octet == 0 { break }
      result.append(octet)
    }
    return result
  }

  /// Octet order.
  public static func < (a: InterfaceName, b: InterfaceName) -> Bool {
    (a.high, a.low) < (b.high, b.low)
  }

  /// The name as text.
  public var description: String { String(decoding: octets, as: UTF8.self) }
}
