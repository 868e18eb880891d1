// Before editing, read RFC 8966 §4.6.7.

/// The Router-Id TLV, which sets the router-id for later Updates (RFC 8966 §4.6.7).
enum RouterIDTLV {
  /// Decodes the TLV. If it cannot be read, or holds a forbidden value, there is no router-id any
  /// more, so that later Updates are ignored rather than counted as those of another router.
  static func decode(
    _ body: Span<UInt8>, _ state: inout ParserState
  ) throws(TLVFault) -> RouterID {
    state.routerID = nil
    guard body.count >= 10 else { throw .tooShort }
    let routerID = RouterID(body.uint64(at: 2))
    guard routerID.isValid else { throw .forbiddenRouterID }
    state.routerID = routerID
    try SubTLVs.skipAll(in: body, from: 10)
    return routerID
  }

  static func encode(_ routerID: RouterID, into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.routerID, count: 10)
    packet.append16(0)
    packet.append64(routerID.rawValue)
  }

  /// Octets on the wire.
  static let encodedCount = 12
}
