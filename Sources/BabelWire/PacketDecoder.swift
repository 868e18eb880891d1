// Before editing, read RFC 8966 §4.2 – §4.5.

/// Reads one packet, TLV by TLV (RFC 8966 §4).
///
/// A bad TLV is passed over and reported; it never hides a later one, except that nothing is
/// read behind a TLV that reaches past its part of the packet. Each step takes time in
/// proportion to the octets of one TLV and allocates nothing.
public struct PacketDecoder: Sendable {
  /// The TLVs the header counts.
  public let body: OctetRange
  /// What follows the body. In it only Pad1, PadN and MAC mean anything (§4.2).
  public let trailer: OctetRange
  private let toMulticast: Bool
  private let format: WireFormat
  /// Where the next TLV begins, in octets from the start of the datagram.
  public private(set) var position: Int
  private var foundPacketCounter = false
  private var state: ParserState

  /// Checks the header and starts in front of the first TLV.
  ///
  /// `source` is the address that the datagram came from, which is the next hop of its family until
  /// a TLV names another one. `toMulticast` says whether the datagram was sent to the group, and
  /// `format` how Updates are written on the link. The caller checks whether the source address and
  /// port are acceptable. Throws if the packet is to be dropped.
  public init(
    _ datagram: borrowing Span<UInt8>, from source: IPAddress, toMulticast: Bool,
    format: WireFormat = .standard
  ) throws(PacketFault) {
    self.format = format
    body = try PacketHeader.decodeBody(of: datagram)
    let end = body.offset + body.count
    trailer = OctetRange(offset: end, count: datagram.count - end)
    self.toMulticast = toMulticast
    position = body.offset
    state = ParserState(source: source)
  }

  /// The next TLV: those of the body, then those of the trailer; nil at the end.
  ///
  /// `datagram` is the one the decoder was made with.
  public mutating func next(in datagram: borrowing Span<UInt8>) -> DecodedTLV? {
    let inBody = position < trailer.offset
    let end = inBody ? trailer.offset : trailer.offset + trailer.count
    guard position < end else { return nil }
    let type = datagram[position]
    if type == TLVType.pad1 {
      position += 1
      return .tlv(.pad1)
    }
    let start = position + 2
    guard start <= end, start + Int(datagram[position + 1]) <= end else {
      position = end
      return .ignored(type: type, .overrunsBody)
    }
    let payload = OctetRange(offset: start, count: Int(datagram[position + 1]))
    position = start + payload.count
    do throws(TLVFault) {
      return .tlv(
        inBody
          ? try decode(type, in: datagram.extracting(start..<position), payload)
          : try decodeTrailing(type, payload))
    } catch {
      return .ignored(type: type, error)
    }
  }

  private func decodeTrailing(_ type: UInt8, _ payload: OctetRange) throws(TLVFault) -> TLV {
    switch type {
    case TLVType.padN: return .padN(count: payload.count)
    case TLVType.mac: return .mac(payload)
    default: throw .misplaced
    }
  }

  private mutating func decode(
    _ type: UInt8, in octets: Span<UInt8>, _ payload: OctetRange
  ) throws(TLVFault) -> TLV {
    switch type {
    case TLVType.padN: return .padN(count: payload.count)
    case TLVType.acknowledgmentRequest:
      return .acknowledgmentRequest(try AcknowledgmentRequest(decoding: octets))
    case TLVType.acknowledgment: return .acknowledgment(try Acknowledgment(decoding: octets))
    case TLVType.hello: return .hello(try Hello(decoding: octets))
    case TLVType.ihu: return .ihu(try IHU(decoding: octets))
    case TLVType.routerID: return .routerID(try RouterIDTLV.decode(octets, &state))
    case TLVType.nextHop: return .nextHop(try NextHop.decode(octets, &state))
    case TLVType.update:
      return try Update.decode(octets, &state, format).map { .update($0) } ?? .wildcardRetraction
    case TLVType.routeRequest:
      return try RouteRequest.decode(octets).map { .routeRequest($0) } ?? .wildcardRequest
    case TLVType.seqnoRequest: return .seqnoRequest(try SeqnoRequest(decoding: octets))
    case TLVType.packetCounter:
      let counter = try PacketCounter(decoding: octets, at: payload)
      guard !foundPacketCounter else { throw .duplicate }
      foundPacketCounter = true
      return .packetCounter(counter)
    case TLVType.challengeRequest:
      guard !toMulticast else { throw .notUnicast }
      return .challengeRequest(try ChallengeNonce.decode(payload))
    case TLVType.challengeReply: return .challengeReply(try ChallengeNonce.decode(payload))
    case TLVType.pathRequest, TLVType.pathReply:
      guard PathRequest.isOurs(octets) else { throw .unknownType }
      guard !toMulticast else { throw .notUnicast }
      return type == TLVType.pathRequest
        ? .pathRequest(try PathRequest(decoding: octets))
        : .pathReply(try PathReply(decoding: octets))
    case TLVType.mac: throw .misplaced
    default: throw .unknownType
    }
  }
}
