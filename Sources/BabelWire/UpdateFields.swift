// Before editing, read RFC 8966 §4.5 and §4.6.9.

/// The fields of an Update TLV, compressed against what the packet holds already.
///
/// The P flag is always set. In a sorted dump the prefix written last shares the most octets
/// with the next one, so no other choice of default prefix is shorter. The R flag is used where
/// it saves a Router-Id TLV, but only with AE 2: BIRD ignores it on IPv4.
struct UpdateFields {
  let encoding: AddressEncoding
  let omitted: Int
  let setsRouterID: Bool
  /// Octets on the wire.
  let encodedCount: Int
  private let update: OutgoingUpdate
  private let format: WireFormat

  /// Octets of a standard Update without prefix and sub-TLVs, type and length included.
  static let fixedCount = 12

  init(_ update: OutgoingUpdate, after state: ParserState, _ format: WireFormat = .standard) {
    precondition(
      update.source.family == update.destination.family,
      "source and destination prefix of a route are of one family")
    let destination = update.destination
    if destination.family == .ipv6 {
      encoding = .ipv6
    } else {
      encoding = update.nextHop == .ipv6 ? .ipv4ViaIPv6 : .ipv4
    }
    if let known = state.defaultPrefix(encoding) {
      let common = destination.address.commonOctetCount(with: known) - encoding.firstOctet
      omitted = min(common, destination.octetCount)
    } else {
      omitted = 0
    }
    setsRouterID =
      encoding == .ipv6 && destination.length == 128 && !update.metric.isInfinite
      && destination.address.low == update.routerID.rawValue
      && state.routerID != update.routerID
    self.update = update
    self.format = format
    encodedCount =
      Self.fixedCount + destination.octetCount - omitted
      + SourcePrefix.encodedCount(update.source) + update.attributes.encodedCount(format)
      + Update.fixedCount(format) - Update.fixedCount(.standard)
  }

  func encode(into packet: inout PacketBuffer) {
    let flags = Update.defaultPrefixFlag | (setsRouterID ? Update.routerIDFlag : 0)
    let start =
      UInt32(TLVType.update) << 24 | UInt32(UInt8(encodedCount - 2)) << 16
      | UInt32(encoding.rawValue) << 8 | UInt32(flags)
    let middle =
      UInt32(update.destination.length) << 24 | UInt32(UInt8(omitted)) << 16
      | UInt32(update.interval.centiseconds)
    packet.append64(UInt64(start) << 32 | UInt64(middle))
    packet.append32(UInt32(update.seqno.rawValue) << 16 | UInt32(update.metric.rawValue))
    if format == .althea { packet.append32(update.attributes.price ?? 0) }
    let first = encoding.firstOctet
    packet.append(
      update.destination.address, from: first + omitted,
      to: first + update.destination.octetCount)
    SourcePrefix.encode(update.source, into: &packet)
    update.attributes.encode(into: &packet, format)
  }

  static func encodeWildcard(
    _ interval: Interval, _ seqno: Seqno, into packet: inout PacketBuffer
  ) {
    packet.beginTLV(TLVType.update, count: 10)
    packet.append32(0)
    packet.append16(interval.centiseconds)
    packet.append16(seqno.rawValue)
    packet.append16(Metric.infinity.rawValue)
  }
}

extension IPAddress {
  /// How many leading octets of the 16-octet forms agree.
  func commonOctetCount(with other: IPAddress) -> Int {
    let difference = high ^ other.high
    if difference != 0 { return difference.leadingZeroBitCount / 8 }
    return 8 + (low ^ other.low).leadingZeroBitCount / 8
  }
}
