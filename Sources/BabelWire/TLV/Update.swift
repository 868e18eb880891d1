// Before editing, read RFC 8966 §4.5 and §4.6.9, RFC 9079 §7.2, RFC 9229 §2.

/// Announces or retracts one route (RFC 8966 §4.6.9), complete after decompression.
public struct Update: Equatable, Sendable {
  /// The P flag: the prefix becomes the default prefix of its encoding.
  public static let defaultPrefixFlag: UInt8 = 0x80
  /// The R flag: the low 64 bits of the address become the router-id.
  public static let routerIDFlag: UInt8 = 0x40

  /// How the prefix was written.
  public let encoding: AddressEncoding
  /// The flags as received, undefined bits included.
  public let flags: UInt8
  /// How many octets were taken from the default prefix.
  public let omitted: UInt8
  /// Upper bound on the time to the next Update of this route; ``Interval/infinite`` if it will
  /// not be repeated unless asked for. Never zero.
  public let interval: Interval
  /// The sender's sequence number for the route; means nothing in a retraction.
  public let seqno: Seqno
  /// The metric the sender announces; infinite in a retraction.
  public let metric: Metric
  /// The destination prefix.
  public let destination: Prefix
  /// The source prefix, of the same family; zero length if any source.
  public let source: Prefix
  /// The router the route originates from; nil only in a retraction.
  public let routerID: RouterID?
  /// Where packets are to be sent; nil only in a retraction.
  public let nextHop: IPAddress?
  /// The path attributes that came with the route.
  public let attributes: PathAttributes

  /// Makes an update with the default prefix's part of `omitted` octets already filled in.
  public init(
    encoding: AddressEncoding, flags: UInt8, omitted: UInt8, interval: Interval, seqno: Seqno,
    metric: Metric, destination: Prefix, source: Prefix, routerID: RouterID?, nextHop: IPAddress?,
    attributes: PathAttributes = PathAttributes()
  ) {
    self.encoding = encoding
    self.flags = flags
    self.omitted = omitted
    self.interval = interval
    self.seqno = seqno
    self.metric = metric
    self.destination = destination
    self.source = source
    self.routerID = routerID
    self.nextHop = nextHop
    self.attributes = attributes
  }

  /// Whether the route is withdrawn.
  public var isRetraction: Bool { metric.isInfinite }
}

extension Update {
  /// Decodes the TLV; nil for the wildcard retraction.
  ///
  /// What the TLV says about router-id and default prefix is noted first and stays even if the TLV
  /// is then ignored (§4.5). If the TLV is too broken to tell this, the values that it would have
  /// set are forgotten, so that later TLVs are ignored rather than misread.
  static func decode(
    _ body: Span<UInt8>, _ state: inout ParserState, _ format: WireFormat = .standard
  ) throws(TLVFault) -> Update? {
    // In Althea's format a wildcard retraction has no price, as the fork sends it.
    let isWildcard = body.count > 0 && body[0] == AddressEncoding.wildcard.rawValue
    let fixed = isWildcard ? 10 : fixedCount(format)
    guard body.count >= fixed else {
      forgetAfterFragment(body, &state)
      throw .tooShort
    }
    guard let encoding = AddressEncoding(rawValue: body[0]) else { throw .unknownAE }
    guard encoding != .wildcard else {
      try decodeWildcard(body)
      return nil
    }
    let flags = body[1]
    let destination: Prefix
    do throws(TLVFault) {
      destination = try decodePrefix(body, from: fixed, encoding, state)
    } catch {
      forget(encoding, flags, &state)
      throw error
    }
    apply(flags, encoding, destination, &state)
    let end = fixed + encoding.octetCount(prefixLength: Int(body[2])) - Int(body[3])
    let metric = Metric(body.uint16(at: 8))
    let update = Update(
      encoding: encoding, flags: flags, omitted: body[3],
      interval: Interval(centiseconds: body.uint16(at: 4)), seqno: Seqno(body.uint16(at: 6)),
      metric: metric, destination: destination,
      source: try SourcePrefix.decode(body, from: end, encoding),
      routerID: state.routerID, nextHop: state.nextHop(encoding),
      attributes: try attributes(body, from: end, format))
    guard update.interval.centiseconds != 0 else { throw .intervalZero }
    guard !encoding.isMartian(destination) else { throw .martian }
    guard metric.isInfinite || update.routerID != nil else { throw .noRouterID }
    guard metric.isInfinite || update.nextHop != nil else { throw .noNextHop }
    return update
  }

  /// Octets before the prefix.
  static func fixedCount(_ format: WireFormat) -> Int { format == .althea ? 14 : 10 }

  private static func attributes(
    _ body: Span<UInt8>, from end: Int, _ format: WireFormat
  ) throws(TLVFault) -> PathAttributes {
    var attributes = try PathAttributes(decoding: body, from: end, format)
    if format == .althea { attributes.price = body.uint32(at: 10) }
    return attributes
  }

  private static func decodeWildcard(_ body: Span<UInt8>) throws(TLVFault) {
    guard Metric(body.uint16(at: 8)).isInfinite else { throw .finiteWildcard }
    guard body[2] == 0, body[3] == 0 else { throw .wildcardLength }
    _ = try SourcePrefix.decode(body, from: 10, .wildcard)
    guard body.uint16(at: 4) != 0 else { throw .intervalZero }
  }

  /// Puts the prefix together: omitted octets from the default prefix, the others from the wire.
  private static func decodePrefix(
    _ body: Span<UInt8>, from offset: Int, _ encoding: AddressEncoding, _ state: ParserState
  ) throws(TLVFault) -> Prefix {
    let length = Int(body[2])
    let omitted = Int(body[3])
    guard length <= encoding.maximumPrefixLength else { throw .prefixLength }
    let count = encoding.octetCount(prefixLength: length) - omitted
    guard count >= 0 else { throw .omittedTooLarge }
    guard body.count - offset >= count else { throw .prefixTruncated }
    var base = encoding.base
    if omitted > 0 {
      guard let known = state.defaultPrefix(encoding) else { throw .omittedWithoutDefault }
      base = known
    }
    let address = body.address(
      at: offset, count: count, replacing: encoding.firstOctet + omitted, of: base)
    // The default prefix may have more octets than are written here. They lie beyond the length of
    // the prefix.
    return encoding.prefix(address, length: length)
  }

  private static func apply(
    _ flags: UInt8, _ encoding: AddressEncoding, _ prefix: Prefix, _ state: inout ParserState
  ) {
    if flags & defaultPrefixFlag != 0 { state.setDefaultPrefix(encoding, prefix.address) }
    if flags & routerIDFlag != 0 {
      let address = prefix.address
      let id = RouterID(encoding.isIPv4 ? UInt64(address.ipv4Bits) : address.low)
      state.routerID = id.isValid ? id : nil
    }
  }

  private static func forget(
    _ encoding: AddressEncoding, _ flags: UInt8, _ state: inout ParserState
  ) {
    if flags & defaultPrefixFlag != 0 { state.setDefaultPrefix(encoding, nil) }
    if flags & routerIDFlag != 0 { state.routerID = nil }
  }

  /// As ``forget(_:_:_:)``, for a TLV that ends within its own fields. A field that is missing
  /// counts as if it had set the state.
  private static func forgetAfterFragment(_ body: Span<UInt8>, _ state: inout ParserState) {
    let flags = body.count > 1 ? body[1] : 0xFF
    if body.count > 0 {
      if let encoding = AddressEncoding(rawValue: body[0]) { forget(encoding, flags, &state) }
    } else {
      forget(.ipv4, flags, &state)
      forget(.ipv6, flags, &state)
      forget(.ipv4ViaIPv6, flags, &state)
    }
  }
}
