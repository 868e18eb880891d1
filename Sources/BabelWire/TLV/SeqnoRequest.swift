// Before editing, read RFC 8966 §4.6.11 and RFC 9079 §7.4.

/// Asks for an Update with a given sequence number or a newer one (RFC 8966 §4.6.11).
public struct SeqnoRequest: Equatable, Sendable {
  /// The destination prefix asked for.
  public let destination: Prefix
  /// The source prefix asked for; zero length if any source.
  public let source: Prefix
  /// The sequence number wanted.
  public let seqno: Seqno
  /// How often the request may still be forwarded, plus one; never zero when decoded.
  public let hopCount: UInt8
  /// The router whose sequence number is wanted. The decoder lets no invalid one through.
  public let routerID: RouterID

  /// Makes a request; both prefixes must be of the same family.
  public init(
    destination: Prefix, source: Prefix, seqno: Seqno, hopCount: UInt8, routerID: RouterID
  ) {
    self.destination = destination
    self.source = source
    self.seqno = seqno
    self.hopCount = hopCount
    self.routerID = routerID
  }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 14 else { throw .tooShort }
    guard let encoding = AddressEncoding(rawValue: body[0]) else { throw .unknownAE }
    guard encoding != .wildcard else { throw .forbiddenAE }
    let length = Int(body[1])
    seqno = Seqno(body.uint16(at: 2))
    hopCount = body[4]
    routerID = RouterID(body.uint64(at: 6))
    destination = try encoding.decodePrefix(length: length, in: body, at: 14)
    let end = 14 + encoding.octetCount(prefixLength: length)
    source = try SourcePrefix.decode(body, from: end, encoding)
    guard hopCount != 0 else { throw .hopCountZero }
    guard routerID.isValid else { throw .forbiddenRouterID }
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.seqnoRequest, count: encodedCount - 2)
    packet.append(destination.requestEncoding.rawValue)
    packet.append(UInt8(destination.length))
    packet.append16(seqno.rawValue)
    packet.append(hopCount)
    packet.append(0)
    packet.append64(routerID.rawValue)
    packet.append(destination)
    SourcePrefix.encode(source, into: &packet)
  }

  /// Octets on the wire.
  var encodedCount: Int { 16 + destination.octetCount + SourcePrefix.encodedCount(source) }
}
