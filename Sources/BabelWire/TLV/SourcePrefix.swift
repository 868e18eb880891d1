// Before editing, read RFC 9079 §7.

/// The Source Prefix sub-TLV of Updates and requests (RFC 9079 §7.1). It is mandatory: a router
/// that does not understand it ignores the whole TLV.
enum SourcePrefix {
  /// Goes through the sub-TLVs of a TLV with a prefix of `encoding` and returns its source
  /// prefix, of zero length if there is none.
  static func decode(
    _ body: Span<UInt8>, from offset: Int, _ encoding: AddressEncoding
  ) throws(TLVFault) -> Prefix {
    var source: Prefix?
    var subTLVs = SubTLVs(from: offset)
    while let found = try subTLVs.next(in: body) {
      guard found.type == SubTLV.sourcePrefix else {
        try found.skip()
        continue
      }
      guard encoding != .wildcard else { throw .sourcePrefixOnWildcard }
      guard source == nil else { throw .sourcePrefixTwice }
      source = try decodeOne(body.extracting(found.offset..<found.offset + found.count), encoding)
    }
    return source ?? .any(encoding.isIPv4 ? .ipv4 : .ipv6)
  }

  private static func decodeOne(
    _ payload: Span<UInt8>, _ encoding: AddressEncoding
  ) throws(TLVFault) -> Prefix {
    guard payload.count >= 1 else { throw .sourcePrefixTruncated }
    let length = Int(payload[0])
    guard length > 0, length <= encoding.maximumPrefixLength else { throw .sourcePrefixLength }
    guard payload.count - 1 >= encoding.octetCount(prefixLength: length) else {
      throw .sourcePrefixTruncated
    }
    return try encoding.decodePrefix(length: length, in: payload, at: 1)
  }

  static func encode(_ source: Prefix, into packet: inout PacketBuffer) {
    guard !source.isDefault else { return }
    packet.beginTLV(SubTLV.sourcePrefix, count: encodedCount(source) - 2)
    packet.append(UInt8(source.length))
    packet.append(source)
  }

  /// Octets on the wire; none for the zero-length prefix, which must not be sent.
  static func encodedCount(_ source: Prefix) -> Int {
    source.isDefault ? 0 : 3 + source.octetCount
  }
}

extension Prefix {
  /// How many octets the prefix takes on the wire when nothing is omitted.
  var octetCount: Int { (length + 7) / 8 }

  /// The encoding in requests: IPv4 is AE 1 there, which means the same as AE 4
  /// (RFC 9229 §2.3).
  var requestEncoding: AddressEncoding { family == .ipv4 ? .ipv4 : .ipv6 }
}
