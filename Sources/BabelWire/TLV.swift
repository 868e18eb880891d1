// Before editing, read RFC 8966 §4.3 and §4.6.

/// The TLVs this implementation understands (RFC 8966 §4.6, RFC 8967 §6), as complete values:
/// nothing in them needs another TLV to be understood.
///
/// The payloads have a fixed size, so that decoding allocates nothing.
public enum TLV: Equatable, Sendable {
  /// One octet of padding (§4.6.1).
  case pad1
  /// Padding of `count` octets behind type and length (§4.6.2).
  case padN(count: Int)
  /// Asks for an ``Acknowledgment`` (§4.6.3).
  case acknowledgmentRequest(AcknowledgmentRequest)
  /// Answers an ``AcknowledgmentRequest`` (§4.6.4).
  case acknowledgment(Acknowledgment)
  /// Makes a node known to its neighbours (§4.6.5).
  case hello(Hello)
  /// "I Heard You", carries a reception cost (§4.6.6).
  case ihu(IHU)
  /// Sets the router-id for later Updates (§4.6.7). The decoder has put it into those Updates
  /// already.
  case routerID(RouterID)
  /// Sets the next hop for later Updates (§4.6.8). The decoder has put it into those Updates
  /// already.
  case nextHop(IPAddress)
  /// Announces or retracts one route (§4.6.9).
  case update(Update)
  /// Retracts every route of the sender on this interface (§4.6.9, AE 0).
  case wildcardRetraction
  /// Asks for an Update of one prefix (§4.6.10).
  case routeRequest(RouteRequest)
  /// Asks for Updates of all routes (§4.6.10, AE 0).
  case wildcardRequest
  /// Asks for an Update with a newer sequence number (§4.6.11).
  case seqnoRequest(SeqnoRequest)
  /// A message authentication code, found in the trailer (RFC 8967 §6.1).
  case mac(OctetRange)
  /// The packet counter with the index it belongs to (RFC 8967 §6.2).
  case packetCounter(PacketCounter)
  /// A nonce to be sent back (RFC 8967 §6.3).
  case challengeRequest(OctetRange)
  /// A nonce sent back (RFC 8967 §6.4).
  case challengeReply(OctetRange)
  /// Asks for the way of packets to an address, an experiment of ours.
  case pathRequest(PathRequest)
  /// Tells one hop of such a way.
  case pathReply(PathReply)
}

/// The type octets of TLVs (RFC 8966 §4.6, RFC 8967 §6).
enum TLVType {
  static let pad1: UInt8 = 0
  static let padN: UInt8 = 1
  static let acknowledgmentRequest: UInt8 = 2
  static let acknowledgment: UInt8 = 3
  static let hello: UInt8 = 4
  static let ihu: UInt8 = 5
  static let routerID: UInt8 = 6
  static let nextHop: UInt8 = 7
  static let update: UInt8 = 8
  static let routeRequest: UInt8 = 9
  static let seqnoRequest: UInt8 = 10
  static let mac: UInt8 = 16
  static let packetCounter: UInt8 = 17
  static let challengeRequest: UInt8 = 18
  static let challengeReply: UInt8 = 19
  // Of those for experiments (RFC 8966 §5).
  static let pathRequest: UInt8 = 240
  static let pathReply: UInt8 = 241
}

/// What the decoder found at one place of a packet.
public enum DecodedTLV: Equatable, Sendable {
  /// A TLV to act on.
  case tlv(TLV)
  /// A TLV that may change the state of the parser, but must have no other effect. `type` is the
  /// type octet as found on the wire.
  case ignored(type: UInt8, TLVFault)
}
