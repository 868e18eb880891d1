// Before editing, read RFC 8966 §4, §4.5 and §4.6.9.

/// The next hop of an announced route, as the receiver is to understand it.
public enum UpdateNextHop: Equatable, Sendable {
  /// The address the packet comes from: IPv6 prefixes over IPv6, IPv4 prefixes over IPv4.
  case packetSource
  /// An IPv4 prefix (AE 1) through this address, named in a Next Hop TLV where needed.
  case ipv4(IPAddress)
  /// An IPv4 prefix through the packet's IPv6 source (AE 4, RFC 9229).
  case ipv6
  /// An IPv6 prefix (AE 2) through this address, named in a Next Hop TLV where needed. Packets over
  /// IPv4 need it, because their source address is no IPv6 next hop.
  case named(IPAddress)
}

/// A route to be announced or retracted (RFC 8966 §4.6.9).
public struct OutgoingUpdate: Equatable, Sendable {
  /// The destination prefix.
  public var destination: Prefix
  /// The source prefix, of the same family; zero length if any source.
  public var source: Prefix
  /// The router that the route originates from. It means nothing in a retraction.
  public var routerID: RouterID
  /// The sequence number. It means nothing in a retraction.
  public var seqno: Seqno
  /// The metric; infinite in a retraction.
  public var metric: Metric
  /// Upper bound on the time to the next Update of this route; must not be zero.
  public var interval: Interval
  /// How the receiver is to reach the prefix; for IPv6 prefixes always the packet's source.
  public var nextHop: UpdateNextHop
  /// The path attributes to be sent with the route.
  public var attributes: PathAttributes

  /// Makes an update.
  public init(
    destination: Prefix, source: Prefix, routerID: RouterID, seqno: Seqno, metric: Metric,
    interval: Interval, nextHop: UpdateNextHop, attributes: PathAttributes = PathAttributes()
  ) {
    self.destination = destination
    self.source = source
    self.routerID = routerID
    self.seqno = seqno
    self.metric = metric
    self.interval = interval
    self.nextHop = nextHop
    self.attributes = attributes
  }
}

/// Builds one packet after another in one buffer (RFC 8966 §4).
///
/// Every `append` returns false and changes nothing if the TLV does not fit into the packet. It
/// always fits into an empty packet. Each packet can be decoded without the others.
public struct PacketEncoder: Sendable {
  /// Octets of UDP payload that must not be exceeded, reserves included: 512 … 65535.
  public let limit: Int
  /// Where the four octets of a Hello's transmit timestamp are, from the start of the packet;
  /// nil if there is none.
  public private(set) var timestampOffset: Int?
  private let bodyLimit: Int
  private let reserve: Int
  private let format: WireFormat
  private var packet: PacketBuffer
  private var state = ParserState(source: nil)
  private var hasTrailer = false

  /// The smallest limit, which every node can send and receive (§4). It leaves room for any TLV
  /// beside any reasonable reserve.
  public static let minimumLimit = 512
  /// The room that the body keeps even if the reserves ask for more. It suffices for any single TLV
  /// and the TLVs that it depends on.
  static let minimumBody = 128

  /// Makes an encoder for packets of up to `limit` octets (forced into 512 … 65535), of which
  /// `trailerReserve` are kept for MAC TLVs and `bodyReserve` for a PC TLV, both to be added
  /// when the packet is signed.
  public init(
    limit: Int, trailerReserve: Int = 0, bodyReserve: Int = 0, format: WireFormat = .standard
  ) {
    self.format = format
    self.limit = min(max(limit, Self.minimumLimit), 65535)
    reserve = max(trailerReserve, 0) + max(bodyReserve, 0)
    bodyLimit = max(self.limit - reserve, PacketHeader.count + Self.minimumBody)
    packet = PacketBuffer(capacity: self.limit)
  }

  /// Whether there is no TLV in the packet.
  public var isEmpty: Bool { packet.count == PacketHeader.count }

  /// Octets so far, header included.
  public var count: Int { packet.count }

  /// The packet so far: header, body and padding.
  public var bytes: [UInt8] { Array(packet.octets) }

  /// Appends the packet so far to other octets.
  public func append(to octets: inout [UInt8]) { octets.append(contentsOf: packet.octets) }

  /// Starts a new packet.
  public mutating func reset() {
    packet.reset()
    state = ParserState(source: nil)
    timestampOffset = nil
    hasTrailer = false
  }

  private func fits(_ count: Int) -> Bool { !hasTrailer && packet.count + count <= bodyLimit }

  private mutating func append(_ count: Int, _ encode: (inout PacketBuffer) -> Void) -> Bool {
    guard fits(count) else { return false }
    encode(&packet)
    packet.setBodyEnd(packet.count)
    return true
  }

  // MARK: TLVs without context

  /// Appends a Hello. A second one with a timestamp does not fit into a packet, because only one
  /// place is stamped when the packet leaves.
  public mutating func append(_ hello: Hello) -> Bool {
    let offset = packet.count + Hello.timestampOffset
    if hello.transmitTimestamp == nil {
      return append(hello.encodedCount) { hello.encode(into: &$0) }
    }
    guard timestampOffset == nil, append(hello.encodedCount, { hello.encode(into: &$0) })
    else { return false }
    timestampOffset = offset
    return true
  }

  /// Appends an IHU.
  public mutating func append(_ ihu: IHU) -> Bool {
    append(ihu.encodedCount) { ihu.encode(into: &$0) }
  }

  /// Appends an Acknowledgment Request.
  public mutating func append(_ request: AcknowledgmentRequest) -> Bool {
    append(AcknowledgmentRequest.encodedCount) { request.encode(into: &$0) }
  }

  /// Appends an Acknowledgment.
  public mutating func append(_ acknowledgment: Acknowledgment) -> Bool {
    append(Acknowledgment.encodedCount) { acknowledgment.encode(into: &$0) }
  }

  /// Appends a Route Request for one prefix.
  public mutating func append(_ request: RouteRequest) -> Bool {
    append(request.encodedCount) { request.encode(into: &$0) }
  }

  /// Appends a Seqno Request.
  public mutating func append(_ request: SeqnoRequest) -> Bool {
    append(request.encodedCount) { request.encode(into: &$0) }
  }

  /// Appends a Path Request; the packet must then be sent by unicast.
  public mutating func append(_ request: PathRequest) -> Bool {
    append(request.encodedCount) { request.encode(into: &$0) }
  }

  /// Appends a Path Reply; the packet must then be sent by unicast.
  public mutating func append(_ reply: PathReply) -> Bool {
    append(reply.encodedCount) { reply.encode(into: &$0) }
  }

  /// Appends a request for all routes (AE 0).
  public mutating func appendWildcardRequest() -> Bool {
    append(RouteRequest.encodedWildcardCount) { RouteRequest.encodeWildcard(into: &$0) }
  }

  /// Appends a retraction of everything announced on the interface. `seqno` means nothing to
  /// receivers; peers send their own.
  public mutating func appendWildcardRetraction(
    interval: Interval = .infinite, seqno: Seqno
  ) -> Bool {
    append(UpdateFields.fixedCount) { UpdateFields.encodeWildcard(interval, seqno, into: &$0) }
  }

  // MARK: Updates

  /// Appends an update, with the Router-Id and Next Hop TLVs it needs.
  ///
  /// A Next Hop TLV replaces the packet's source as next hop, and nothing brings the source back.
  /// So an update with ``UpdateNextHop/packetSource`` or ``UpdateNextHop/ipv6`` does not fit behind
  /// one of the same family that names an address.
  public mutating func append(_ update: OutgoingUpdate) -> Bool {
    let fields = UpdateFields(update, after: state, format)
    let isFinite = !update.metric.isInfinite
    let needsRouterID = isFinite && !fields.setsRouterID && state.routerID != update.routerID
    var newNextHop: IPAddress?
    if isFinite, fields.encoding == .ipv4 {
      switch update.nextHop {
      case .ipv4(let address): newNextHop = state.nextHopIPv4 == address ? nil : address
      case .packetSource, .ipv6, .named: guard state.nextHopIPv4 == nil else { return false }
      }
    }
    if isFinite, fields.encoding != .ipv4 {
      if case .named(let address) = update.nextHop {
        newNextHop = state.nextHopIPv6 == address ? nil : address
      } else if state.nextHopIPv6 != nil {
        return false
      }
    }
    let needed =
      fields.encodedCount + (needsRouterID ? RouterIDTLV.encodedCount : 0)
      + (newNextHop.map { NextHop.encodedCount($0) } ?? 0)
    let fitted = append(needed) { packet in
      if needsRouterID { RouterIDTLV.encode(update.routerID, into: &packet) }
      if let newNextHop { NextHop.encode(newNextHop, into: &packet) }
      fields.encode(into: &packet)
    }
    guard fitted else { return false }
    if needsRouterID || fields.setsRouterID { state.routerID = update.routerID }
    if let newNextHop { state.setNextHop(AddressEncoding(address: newNextHop), newNextHop) }
    state.setDefaultPrefix(fields.encoding, update.destination.address)
    return true
  }

  // MARK: Authentication and probing

  /// Appends a Challenge Request; the packet must then be sent by unicast (RFC 8967 §6.3).
  public mutating func appendChallengeRequest(nonce: [UInt8]) -> Bool {
    appendOctets(TLVType.challengeRequest, nonce)
  }

  /// Appends a Challenge Reply; the packet must then be sent by unicast (RFC 8967 §6.4).
  public mutating func appendChallengeReply(nonce: [UInt8]) -> Bool {
    appendOctets(TLVType.challengeReply, nonce)
  }

  private mutating func appendOctets(_ type: UInt8, _ octets: [UInt8]) -> Bool {
    guard octets.count <= ChallengeNonce.maximumCount else { return false }
    return append(2 + octets.count) { packet in
      packet.beginTLV(type, count: octets.count)
      for octet in octets { packet.append(octet) }
    }
  }

  /// Appends padding that says nothing: a packet of it shows that short ones arrive.
  public mutating func appendShortPadding() -> Bool { append(2) { $0.appendPadding(2) } }

  /// Ends the body and fills the packet up with padding in the trailer, so that it will be `size`
  /// octets long once it is signed, at most ``limit``. Nothing fits afterwards until ``reset()``.
  public mutating func padTrailer(to size: Int) {
    hasTrailer = true
    packet.appendPadding(max(0, min(size, limit) - reserve - packet.count))
  }
}
