/// An address family. IPv4 addresses are held in v4-mapped form, see ``IPAddress``.
public enum AddressFamily: UInt8, Hashable, Sendable {
  /// Internet Protocol version 4.
  case ipv4 = 4
  /// Internet Protocol version 6.
  case ipv6 = 6
}

/// An IPv4 or IPv6 address in 16 octets (RFC 8966 §4.1.4).
///
/// IPv4 is held as `::ffff:a.b.c.d`, so both families share one order and one hash. An IPv6
/// address inside ::ffff:0:0/96 cannot be told from IPv4; the decoder refuses such addresses
/// (they are martian on the wire anyway).
public struct IPAddress: Hashable, Sendable, Comparable {
  /// Octets 0 … 7, most significant first.
  public let high: UInt64
  /// Octets 8 … 15, most significant first.
  public let low: UInt64

  /// Makes an address from its two halves.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes an IPv4 address from its 32 bits, first octet most significant.
  public init(ipv4 bits: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(bits)) }

  /// `::`.
  public static let unspecified = IPAddress(high: 0, low: 0)

  /// The family; v4-mapped addresses are IPv4.
  public var family: AddressFamily { high == 0 && low >> 32 == 0xFFFF ? .ipv4 : .ipv6 }

  /// The 32 bits of an IPv4 address; the low 32 bits of any other.
  public var ipv4Bits: UInt32 { UInt32(truncatingIfNeeded: low) }

  /// Octet `index` (0 … 15) of the 16-octet form.
  public func octet(_ index: Int) -> UInt8 {
    let word = index < 8 ? high : low
    return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index & 7)))
  }

  /// Whether the address is inside fe80::/64. Over IPv6 Babel accepts packets from such addresses
  /// only (§4). babeld and BIRD test the same 64 bits.
  public var isLinkLocal: Bool { high == 0xFE80_0000_0000_0000 }

  /// ff00::/8 or 224.0.0.0/4.
  public var isMulticast: Bool {
    family == .ipv4 ? ipv4Bits >> 28 == 0xE : high >> 56 == 0xFF
  }

  /// ::1 or 127.0.0.0/8.
  public var isLoopback: Bool {
    family == .ipv4 ? ipv4Bits >> 24 == 127 : high == 0 && low == 1
  }

  /// :: or 0.0.0.0.
  public var isUnspecified: Bool {
    (high == 0 && low == 0) || (family == .ipv4 && ipv4Bits == 0)
  }

  /// Order of the 16-octet forms.
  public static func < (a: IPAddress, b: IPAddress) -> Bool {
    (a.high, a.low) < (b.high, b.low)
  }
}
