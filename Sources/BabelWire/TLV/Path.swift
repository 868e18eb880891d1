// Before editing, read docs/path-tlvs.md and RFC 8966 §5.

/// Two octets in front of Path Requests and Path Replies. Their types are those of any experiment;
/// by this number they are known as ours.
private let experiment: UInt16 = 0x7377

/// Asks which way packets to an address take: the receiver tells its own step and asks the
/// neighbour that it sends such packets to.
public struct PathRequest: Equatable, Sendable {
  /// A number that all answers repeat, made up by who asks first.
  public let nonce: UInt32
  /// How many links the request has crossed when it is received; never zero when decoded.
  public let hop: UInt8
  /// Where the packets go.
  public let destination: IPAddress
  /// Where the packets come from, of the same family; zero length if that is left open.
  public let source: Prefix

  /// Makes a request.
  public init(nonce: UInt32, hop: UInt8, destination: IPAddress, source: Prefix) {
    self.nonce = nonce
    self.hop = hop
    self.destination = destination
    self.source = source
  }

  /// Whether a TLV is one of this experiment, or too short to tell.
  static func isOurs(_ body: Span<UInt8>) -> Bool {
    body.count < 2 || body.uint16(at: 0) == experiment
  }

  /// The request as the next neighbour gets it.
  public var onward: PathRequest {
    PathRequest(nonce: nonce, hop: hop &+ 1, destination: destination, source: source)
  }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 8 else { throw .tooShort }
    guard body.uint16(at: 0) == experiment else { throw .unknownType }
    nonce = body.uint32(at: 2)
    hop = body[6]
    guard let encoding = AddressEncoding(rawValue: body[7]) else { throw .unknownAE }
    guard encoding == .ipv4 || encoding == .ipv6 else { throw .forbiddenAE }
    destination = try encoding.decodeAddress(in: body, at: 8)
    guard !Prefix(mapped: destination, mappedLength: 128).isMartian else { throw .martian }
    source = try SourcePrefix.decode(body, from: 8 + encoding.addressOctetCount, encoding)
    guard hop != 0 else { throw .hopCountZero }
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.pathRequest, count: encodedCount - 2)
    packet.append16(experiment)
    packet.append32(nonce)
    packet.append(hop)
    packet.append(encoding.rawValue)
    packet.append(destination, from: encoding.firstOctet, to: 16)
    SourcePrefix.encode(source, into: &packet)
  }

  private var encoding: AddressEncoding { destination.family == .ipv4 ? .ipv4 : .ipv6 }

  /// Octets on the wire.
  var encodedCount: Int {
    10 + encoding.addressOctetCount + SourcePrefix.encodedCount(source)
  }
}

/// What packets meet at one node of their way.
public enum PathStatus: UInt8, Equatable, Sendable, CaseIterable {
  /// They go to a neighbour, which is asked in turn.
  case forwarded = 0
  /// They are for the node itself.
  case ownAddress = 1
  /// They leave the Babel network here: the node announces the prefix as its own.
  case originated = 2
  /// The prefix is held as unreachable after a loss.
  case unreachable = 3
  /// There is no Babel route.
  case noRoute = 4
  /// They go to a neighbour that must not be asked.
  case notAsked = 5
  /// The same request was here before: they go in a circle.
  case seenBefore = 6
  /// The request has crossed as many links as it may.
  case hopLimit = 7
  /// Something that this version does not know.
  case unknown = 255

  /// Whether nobody further is asked.
  public var isEnd: Bool { self != .forwarded }
}

/// One hop of a way, told by the node where it begins.
public struct PathReply: Equatable, Sendable {
  /// The number of the request.
  public let nonce: UInt32
  /// How many links the request had crossed when the node received it; never zero when decoded.
  public let hop: UInt8
  /// The router-id of the node. The decoder lets no invalid one through.
  public let routerID: RouterID
  /// What the node does with the packets.
  public let step: PathStep

  /// Makes an answer.
  public init(nonce: UInt32, hop: UInt8, routerID: RouterID, step: PathStep) {
    self.nonce = nonce
    self.hop = hop
    self.routerID = routerID
    self.step = step
  }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 28 else { throw .tooShort }
    guard body.uint16(at: 0) == experiment else { throw .unknownType }
    nonce = body.uint32(at: 2)
    hop = body[6]
    routerID = RouterID(body.uint64(at: 8))
    guard let encoding = AddressEncoding(rawValue: body[27]) else { throw .unknownAE }
    guard encoding != .ipv4ViaIPv6 else { throw .forbiddenAE }
    step = PathStep(
      status: PathStatus(rawValue: body[7]) ?? .unknown,
      metric: Metric(body.uint16(at: 16)), linkCost: Metric(body.uint16(at: 18)),
      roundTripTime: body.uint32(at: 20) == .max ? nil : body.uint32(at: 20),
      history: body.uint16(at: 24), prefixLength: body[26] == .max ? nil : body[26],
      nextHop: encoding == .wildcard ? nil : try encoding.decodeAddress(in: body, at: 28))
    try SubTLVs.skipAll(in: body, from: 28 + encoding.addressOctetCount)
    guard hop != 0 else { throw .hopCountZero }
    guard routerID.isValid else { throw .forbiddenRouterID }
    guard step.prefixLength ?? 0 <= 128 else { throw .prefixLength }
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.pathReply, count: encodedCount - 2)
    packet.append16(experiment)
    packet.append32(nonce)
    packet.append(hop)
    packet.append(step.status.rawValue)
    packet.append64(routerID.rawValue)
    packet.append16(step.metric.rawValue)
    packet.append16(step.linkCost.rawValue)
    packet.append32(step.roundTripTime ?? .max)
    packet.append16(step.history)
    packet.append(step.prefixLength ?? .max)
    packet.append(encoding.rawValue)
    if let nextHop = step.nextHop { packet.append(nextHop, from: encoding.firstOctet, to: 16) }
  }

  private var encoding: AddressEncoding { step.nextHop.map { .init(address: $0) } ?? .wildcard }

  /// Octets on the wire.
  var encodedCount: Int { 30 + encoding.addressOctetCount }
}

/// What a node does with packets, as far as others may know.
public struct PathStep: Equatable, Sendable {
  /// What happens to them.
  public let status: PathStatus
  /// The node's metric to the destination; infinite if it has no route.
  public let metric: Metric
  /// The cost of the link to the next hop; infinite if there is none.
  public let linkCost: Metric
  /// The round-trip time on this link in microseconds; nil if it is not measured.
  public let roundTripTime: UInt32?
  /// The last sixteen Hellos expected from the next hop, the newest in the most significant bit;
  /// 1 means heard.
  public let history: UInt16
  /// How long the prefix is that the packets match, in the terms of its family; nil for none.
  public let prefixLength: UInt8?
  /// The address of the neighbour that the packets go to; nil if they go to none.
  public let nextHop: IPAddress?

  /// Makes a step.
  public init(
    status: PathStatus, metric: Metric = .infinity, linkCost: Metric = .infinity,
    roundTripTime: UInt32? = nil, history: UInt16 = 0, prefixLength: UInt8? = nil,
    nextHop: IPAddress? = nil
  ) {
    self.status = status
    self.metric = metric
    self.linkCost = linkCost
    self.roundTripTime = roundTripTime
    self.history = history
    self.prefixLength = prefixLength
    self.nextHop = nextHop
  }

  /// The share of Hellos that got lost since the first of the sixteen that was heard, in percent;
  /// nil if none was.
  public var loss: Int? {
    guard history != 0 else { return nil }
    let expected = 16 - history.trailingZeroBitCount
    return (expected - history.nonzeroBitCount) * 100 / expected
  }
}
