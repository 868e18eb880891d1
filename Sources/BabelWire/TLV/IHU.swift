// Before editing, read RFC 8966 §4.6.6 and RFC 9616 §6.2.

/// The timestamps of an ``IHU`` (RFC 9616 §6.2), in microseconds modulo 2^32.
public struct IHUTimestamps: Equatable, Sendable {
  /// The transmit timestamp of the last Hello heard from the addressee, on its clock.
  public let origin: UInt32
  /// When that Hello arrived, on the clock of the IHU's sender.
  public let receive: UInt32

  /// Makes a pair of timestamps.
  public init(origin: UInt32, receive: UInt32) {
    self.origin = origin
    self.receive = receive
  }
}

/// "I Heard You": tells a neighbour what it costs to hear it (RFC 8966 §4.6.6).
public struct IHU: Equatable, Sendable {
  /// Who is meant; nil (AE 0) means whoever receives the packet.
  public let address: IPAddress?
  /// The sender's reception cost; infinite if the addressee is not heard.
  public let rxcost: Metric
  /// Upper bound on the time to the next IHU; never zero when decoded.
  public let interval: Interval
  /// The timestamps for round-trip times, if the sender measures them.
  public let timestamps: IHUTimestamps?

  /// Makes an IHU; the interval must not be zero.
  public init(
    address: IPAddress?, rxcost: Metric, interval: Interval, timestamps: IHUTimestamps?
  ) {
    self.address = address
    self.rxcost = rxcost
    self.interval = interval
    self.timestamps = timestamps
  }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 6 else { throw .tooShort }
    guard let encoding = AddressEncoding(rawValue: body[0]) else { throw .unknownAE }
    guard encoding != .ipv4ViaIPv6 else { throw .forbiddenAE }
    rxcost = Metric(body.uint16(at: 2))
    interval = Interval(centiseconds: body.uint16(at: 4))
    address = encoding == .wildcard ? nil : try encoding.decodeAddress(in: body, at: 6)
    var stamps: IHUTimestamps?
    var subTLVs = SubTLVs(from: 6 + encoding.addressOctetCount)
    while let found = try subTLVs.next(in: body) {
      guard found.type == SubTLV.timestamp else {
        try found.skip()
        continue
      }
      // A pair of timestamps that is too short is skipped; surplus octets are ignored.
      if found.count >= 8 {
        stamps = IHUTimestamps(
          origin: body.uint32(at: found.offset), receive: body.uint32(at: found.offset + 4))
      }
    }
    timestamps = stamps
    guard interval.centiseconds != 0 else { throw .intervalZero }
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.ihu, count: encodedCount - 2)
    packet.append(encoding.rawValue)
    packet.append(0)
    packet.append16(rxcost.rawValue)
    packet.append16(interval.centiseconds)
    if let address { packet.append(address, from: encoding.firstOctet, to: 16) }
    if let timestamps {
      packet.beginTLV(SubTLV.timestamp, count: 8)
      packet.append32(timestamps.origin)
      packet.append32(timestamps.receive)
    }
  }

  private var encoding: AddressEncoding { address.map { .init(address: $0) } ?? .wildcard }

  /// Octets on the wire.
  var encodedCount: Int { 8 + encoding.addressOctetCount + (timestamps == nil ? 0 : 10) }
}
