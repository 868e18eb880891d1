/// An address prefix, normalised on creation: bits beyond the length are zero
/// (RFC 8966 §4.1.5).
///
/// The length is held in terms of the 16-octet form, so 0.0.0.0/0 is ::ffff:0:0/96 and differs
/// from ::/0.
public struct Prefix: Hashable, Sendable, Comparable {
  /// The address with all bits beyond the length cleared.
  public let address: IPAddress
  /// Length in terms of 128 bits, 0 … 128; 96 … 128 for IPv4.
  public let mappedLength: UInt8

  /// Makes a prefix of `length` bits in the family's own terms (IPv4 0 … 32, IPv6 0 … 128) and
  /// clears the remaining bits; nil if the length is out of range.
  public init?(_ address: IPAddress, length: Int) {
    let isIPv4 = address.family == .ipv4
    guard length >= 0, length <= (isIPv4 ? 32 : 128) else { return nil }
    self.init(mapped: address, mappedLength: UInt8(isIPv4 ? length + 96 : length))
  }

  /// Makes a prefix from the 16-octet form. A `mappedLength` above 128 counts as 128.
  public init(mapped address: IPAddress, mappedLength: UInt8) {
    let length = min(mappedLength, 128)
    let highMask: UInt64 = length >= 64 ? .max : length == 0 ? 0 : ~(.max >> UInt64(length))
    let lowMask: UInt64 =
      length >= 128 ? .max : length <= 64 ? 0 : ~(.max >> UInt64(length - 64))
    self.address = IPAddress(high: address.high & highMask, low: address.low & lowMask)
    self.mappedLength = length
  }

  /// ::/0.
  public static let ipv6Default = Prefix(mapped: .unspecified, mappedLength: 0)
  /// 0.0.0.0/0.
  public static let ipv4Default = Prefix(mapped: IPAddress(ipv4: 0), mappedLength: 96)

  /// The zero-length prefix of a family; as a source prefix it means "any source".
  public static func any(_ family: AddressFamily) -> Prefix {
    family == .ipv4 ? ipv4Default : ipv6Default
  }

  /// The family of the prefix.
  public var family: AddressFamily {
    mappedLength >= 96 && address.family == .ipv4 ? .ipv4 : .ipv6
  }

  /// Length in the family's own terms: 0 … 32 or 0 … 128.
  public var length: Int { Int(mappedLength) - (family == .ipv4 ? 96 : 0) }

  /// Whether the length is zero in the family's own terms.
  public var isDefault: Bool { length == 0 }

  /// Whether no route may exist for this prefix (RFC 8966 appendix C, with the wider ranges babeld
  /// uses): multicast, link-local, loopback, unspecified and limited broadcast. Default routes and
  /// addresses of class E are allowed.
  public var isMartian: Bool {
    guard family == .ipv4 else {
      return (mappedLength >= 8 && address.high >> 56 == 0xFF)
        || (mappedLength >= 10 && address.high >> 54 == 0xFE80 >> 6)
        || (mappedLength == 128 && address.high == 0 && address.low <= 1)
    }
    let bits = address.ipv4Bits
    return (length >= 8 && (bits >> 24 == 0 || bits >> 24 == 127))
      || (length >= 4 && bits >> 28 == 0xE) || (length == 32 && bits == .max)
  }

  /// Whether `other` equals this prefix or lies inside it; false across families.
  public func contains(_ other: Prefix) -> Bool {
    other.family == family && other.mappedLength >= mappedLength
      && Prefix(mapped: other.address, mappedLength: mappedLength).address == address
  }

  /// Whether `address` lies inside; false across families.
  public func contains(_ address: IPAddress) -> Bool {
    contains(Prefix(mapped: address, mappedLength: 128))
  }

  /// By address, then shorter first.
  public static func < (a: Prefix, b: Prefix) -> Bool {
    a.address == b.address ? a.mappedLength < b.mappedLength : a.address < b.address
  }
}
