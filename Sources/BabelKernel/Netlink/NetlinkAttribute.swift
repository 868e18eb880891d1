import BabelWire

/// One attribute and where its value lies in the buffer.
///
/// `struct rtattr { u16 len; u16 type; }`, machine byte order, aligned to four octets.
package struct NetlinkAttribute: Equatable, Sendable {
  /// The type without the bits for "nested" and "network byte order".
  package let type: UInt16
  /// The value, without padding; inside the buffer.
  package let value: Range<Int>

  /// Octets of the header.
  package static let headerCount = 4
}

/// Walks over the attributes of a message. The walk ends at the first attribute that does not fit.
package struct NetlinkAttributeCursor {
  private var offset: Int
  private let end: Int

  /// Walks over `range` of a buffer.
  package init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Walks over what follows the fixed part of a message body. There is nothing if the body is
  /// shorter.
  package init(_ body: Range<Int>, after fixed: Int) {
    offset = min(body.lowerBound + netlinkAligned(fixed), body.upperBound)
    end = body.upperBound
  }

  /// The next attribute; nil at the end, or if a length is impossible.
  package mutating func next(in bytes: Span<UInt8>) -> NetlinkAttribute? {
    let end = min(end, bytes.count)
    guard end - offset >= NetlinkAttribute.headerCount else { return nil }
    let length = Int(bytes.nativeUInt16(at: offset))
    guard length >= NetlinkAttribute.headerCount, length <= end - offset else { return nil }
    let attribute = NetlinkAttribute(
      type: bytes.nativeUInt16(at: offset + 2) & 0x3FFF,
      value: offset + NetlinkAttribute.headerCount..<offset + length)
    offset += netlinkAligned(length)
    return attribute
  }
}

extension NetlinkAttribute {
  /// The value as 32 bits; nil if it is shorter.
  func uint32(in bytes: Span<UInt8>) -> UInt32? {
    value.count >= 4 ? bytes.nativeUInt32(at: value.lowerBound) : nil
  }

  /// The value as an address of the family; nil if it is shorter, or if it is an IPv6 address
  /// that ``IPAddress`` cannot tell from IPv4.
  func address(_ family: UInt8, in bytes: Span<UInt8>) -> IPAddress? {
    netlinkAddress(family, at: value, in: bytes)
  }

  /// The value as octets up to the first zero.
  func text(in bytes: Span<UInt8>) -> [UInt8] {
    var octets: [UInt8] = []
    for i in value {
      if bytes[i] == 0 { break }
      octets.append(bytes[i])
    }
    return octets
  }
}

/// An address of a family in `range`; nil if the range is too short, the family is unknown, or
/// the address is IPv6 but inside ::ffff:0:0/96, which would become IPv4.
@inline(never)
func netlinkAddress(_ family: UInt8, at range: Range<Int>, in bytes: Span<UInt8>) -> IPAddress? {
  if family == FamilyNumber.ipv4, range.count >= 4 {
    return bytes.ipv4Address(at: range.lowerBound)
  }
  if family == FamilyNumber.ipv6, range.count >= 16 {
    let address = bytes.ipv6Address(at: range.lowerBound)
    return address.family == .ipv6 ? address : nil
  }
  return nil
}

extension NetlinkBuilder {
  /// Appends a 32-bit attribute.
  mutating func attribute(_ type: UInt16, _ value: UInt32) {
    append(UInt16(8))
    append(type)
    append(value)
  }

  /// Appends an address attribute, 4 or 16 octets by family.
  mutating func attribute(_ type: UInt16, _ address: IPAddress) {
    append(UInt16(address.family == .ipv4 ? 8 : 20))
    append(type)
    append(address: address)
  }

  /// Appends the 4 or 16 octets of an address.
  mutating func append(address: IPAddress) {
    if address.family == .ipv4 {
      append(address.ipv4Bits.bigEndian)
    } else {
      append(address.high.bigEndian)
      append(address.low.bigEndian)
    }
  }
}

extension IPAddress {
  /// The family as netlink headers carry it.
  var familyNumber: UInt8 { family == .ipv4 ? FamilyNumber.ipv4 : FamilyNumber.ipv6 }
}
