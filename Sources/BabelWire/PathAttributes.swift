// Before editing, read RFC 8966 §4.4: experimental sub-TLVs are 112 … 126.

/// The form of Updates on a link.
public enum WireFormat: UInt8, Equatable, Sendable {
  /// The form of RFC 8966.
  case standard
  /// The form of Althea's fork of babeld: each Update has 32 bits of price between metric and
  /// prefix, and the sub-TLV of the path's round-trip time has another number. Nothing else
  /// differs, and nothing in a packet tells which form it has.
  case althea
}

/// What an Update says about its path beyond the metric. No RFC defines these attributes. They do
/// not count for feasibility, and routers that do not know them skip them.
public struct PathAttributes: Equatable, Sendable {
  /// What the path costs, the sum of what its routers ask for; in units that the operators of
  /// the network agree on.
  public var price: UInt32?
  /// Sum of the links' round-trip times in microseconds, from the sender of the Update to the
  /// router that originates the route.
  public var roundTripTime: UInt32?

  /// Makes attributes; nil stands for a value that is not known.
  public init(price: UInt32? = nil, roundTripTime: UInt32? = nil) {
    self.price = price
    self.roundTripTime = roundTripTime
  }

  /// Whether nothing is known.
  public var isEmpty: Bool { price == nil && roundTripTime == nil }

  /// Reads the sub-TLVs from `offset` on, whose form has been checked before. A value that is too
  /// short is skipped; surplus octets are ignored.
  init(
    decoding body: Span<UInt8>, from offset: Int, _ format: WireFormat
  ) throws(TLVFault) {
    self.init()
    var subTLVs = SubTLVs(from: offset)
    while let found = try subTLVs.next(in: body) {
      guard found.count >= 4 else { continue }
      switch (found.type, format) {
      case (SubTLV.price, .standard): price = body.uint32(at: found.offset)
      case (SubTLV.pathRoundTripTime, .standard), (SubTLV.altheaPathRoundTripTime, .althea):
        roundTripTime = body.uint32(at: found.offset)
      default: continue
      }
    }
  }

  /// Octets of the sub-TLVs.
  func encodedCount(_ format: WireFormat) -> Int {
    (roundTripTime == nil ? 0 : 6) + (price == nil || format == .althea ? 0 : 6)
  }

  func encode(into packet: inout PacketBuffer, _ format: WireFormat) {
    if let price, format == .standard {
      packet.beginTLV(SubTLV.price, count: 4)
      packet.append32(price)
    }
    if let roundTripTime {
      let isStandard = format == .standard
      packet.beginTLV(
        isStandard ? SubTLV.pathRoundTripTime : SubTLV.altheaPathRoundTripTime, count: 4)
      packet.append32(roundTripTime)
    }
  }
}
