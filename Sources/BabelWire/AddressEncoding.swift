// Before editing, read RFC 8966 §4.1.4 and RFC 9229 §2.

/// How an address or prefix is written on the wire: the AE field (RFC 8966 §4.1.4).
public enum AddressEncoding: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// No address at all.
  case wildcard = 0
  /// IPv4, 4 octets.
  case ipv4 = 1
  /// IPv6, 16 octets.
  case ipv6 = 2
  /// IPv6 inside fe80::/64, of which the last 8 octets are written; never compressed.
  case linkLocal = 3
  /// An IPv4 prefix with an IPv6 next hop, 4 octets (RFC 9229); not for addresses.
  case ipv4ViaIPv6 = 4

  /// The address whose octets stand for those that are not written, in 16-octet form.
  var base: IPAddress {
    switch self {
    case .wildcard, .ipv6: .unspecified
    case .ipv4, .ipv4ViaIPv6: IPAddress(ipv4: 0)
    case .linkLocal: IPAddress(high: 0xFE80_0000_0000_0000, low: 0)
    }
  }

  /// Where the written octets start in the 16-octet form.
  var firstOctet: Int {
    switch self {
    case .wildcard: 16
    case .ipv4, .ipv4ViaIPv6: 12
    case .ipv6: 0
    case .linkLocal: 8
    }
  }

  /// How many octets a full address takes.
  var addressOctetCount: Int { 16 - firstOctet }

  /// The greatest Plen.
  var maximumPrefixLength: Int { isIPv4 ? 32 : self == .wildcard ? 0 : 128 }

  /// Whether prefixes of this encoding are IPv4.
  var isIPv4: Bool { self == .ipv4 || self == .ipv4ViaIPv6 }

  /// How many octets a prefix of `length` bits takes when nothing is omitted. The RFC does not say
  /// how many that are for a link-local prefix; we take its first eight octets as implied.
  func octetCount(prefixLength length: Int) -> Int {
    max(0, (length + 7) / 8 - (self == .linkLocal ? 8 : 0))
  }

  /// The prefix of `length` bits of this encoding that starts with `address`.
  func prefix(_ address: IPAddress, length: Int) -> Prefix {
    Prefix(mapped: address, mappedLength: UInt8(length + (isIPv4 ? 96 : 0)))
  }

  /// Reads a whole address (never compressed) at `offset`; throws `addressTruncated`, and
  /// `martian` for an IPv4 address dressed up as IPv6.
  func decodeAddress(in body: Span<UInt8>, at offset: Int) throws(TLVFault) -> IPAddress {
    guard body.count - offset >= addressOctetCount else { throw .addressTruncated }
    let address = body.address(
      at: offset, count: addressOctetCount, replacing: firstOctet, of: base)
    if self == .ipv6, address.family == .ipv4 { throw .martian }
    return address
  }

  /// Reads a prefix (not compressed) of `length` bits at `offset`; throws `prefixLength`,
  /// `prefixTruncated`, and `martian` where ``isMartian(_:)`` says so.
  func decodePrefix(
    length: Int, in body: Span<UInt8>, at offset: Int
  ) throws(TLVFault) -> Prefix {
    guard length <= maximumPrefixLength else { throw .prefixLength }
    let count = octetCount(prefixLength: length)
    guard body.count - offset >= count else { throw .prefixTruncated }
    let address = body.address(at: offset, count: count, replacing: firstOctet, of: base)
    let result = prefix(address, length: length)
    if isMartian(result) { throw .martian }
    return result
  }

  /// Whether the encoding itself makes the prefix unusable: a link-local prefix, or an IPv4 one
  /// dressed up as IPv6. The receiver judges whether a prefix is martian for another reason.
  func isMartian(_ prefix: Prefix) -> Bool {
    self == .linkLocal || (self == .ipv6 && prefix.family == .ipv4)
  }

  /// The encoding of an address in an IHU or Next Hop TLV: the shortest there is.
  init(address: IPAddress) {
    self = address.family == .ipv4 ? .ipv4 : address.isLinkLocal ? .linkLocal : .ipv6
  }

  /// The name used in the RFC's tables.
  public var description: String {
    switch self {
    case .wildcard: "AE 0"
    case .ipv4: "AE 1"
    case .ipv6: "AE 2"
    case .linkLocal: "AE 3"
    case .ipv4ViaIPv6: "AE 4"
    }
  }
}
