// Before editing, read RFC 8966 §4.6.8.

/// The Next Hop TLV, which sets the next hop of one family for later Updates (RFC 8966 §4.6.8).
enum NextHop {
  /// Decodes the TLV. If its address cannot be used, its family has no next hop any more, so that
  /// later Updates are ignored rather than given a wrong next hop. If its encoding names no family,
  /// nothing changes.
  static func decode(
    _ body: Span<UInt8>, _ state: inout ParserState
  ) throws(TLVFault) -> IPAddress {
    if let octet = body.isEmpty ? nil : body[0] {
      guard let encoding = AddressEncoding(rawValue: octet) else { throw .unknownAE }
      guard encoding != .wildcard, encoding != .ipv4ViaIPv6 else { throw .forbiddenAE }
      state.setNextHop(encoding, nil)
      guard body.count >= 2 else { throw .tooShort }
      let address = try encoding.decodeAddress(in: body, at: 2)
      state.setNextHop(encoding, address)
      try SubTLVs.skipAll(in: body, from: 2 + encoding.addressOctetCount)
      return address
    }
    // We cannot know which family was meant.
    state.setNextHop(.ipv4, nil)
    state.setNextHop(.ipv6, nil)
    throw .tooShort
  }

  static func encode(_ address: IPAddress, into packet: inout PacketBuffer) {
    let encoding = AddressEncoding(address: address)
    packet.beginTLV(TLVType.nextHop, count: 2 + encoding.addressOctetCount)
    packet.append(encoding.rawValue)
    packet.append(0)
    packet.append(address, from: encoding.firstOctet, to: 16)
  }

  /// Octets on the wire.
  static func encodedCount(_ address: IPAddress) -> Int {
    4 + AddressEncoding(address: address).addressOctetCount
  }
}
