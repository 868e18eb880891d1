// Before editing, read RFC 8966 §4.4.

/// One sub-TLV, as found (RFC 8966 §4.4).
struct SubTLV: Equatable {
  /// Timestamps (RFC 9616 §6).
  static let timestamp: UInt8 = 3
  /// Source prefix (RFC 9079 §7.1).
  static let sourcePrefix: UInt8 = 128
  /// The price of a path, in a number of our own choice.
  static let price: UInt8 = 120
  /// The round-trip time of a path, in a number of our own choice.
  static let pathRoundTripTime: UInt8 = 121
  /// In a Hello: its sender measures losses, in a number of our own choice (docs/loss.md).
  static let measuresLoss: UInt8 = 122
  /// What it holds, because anybody's experiment may use the number.
  static let measuresLossMark: UInt16 = 0x7377
  /// The round-trip time of a path as Althea's fork of babeld sends it. Nobody has assigned this
  /// number.
  static let altheaPathRoundTripTime: UInt8 = 45

  /// The type; 128 … 255 have the mandatory bit.
  let type: UInt8
  /// Where the payload starts in the enclosing TLV's payload.
  let offset: Int
  /// How many octets the payload has.
  let count: Int

  /// Throws if the type has the mandatory bit. Called for types that are unknown, or mean nothing
  /// in their TLV.
  func skip() throws(TLVFault) {
    if type & 0x80 != 0 { throw .mandatorySubTLV }
  }
}

/// Goes through the sub-TLVs behind the fields of a TLV, passing over Pad1 and PadN.
struct SubTLVs {
  private var position: Int

  /// Starts at `offset` of the TLV's payload, the first octet behind its own fields.
  init(from offset: Int) { position = offset }

  /// The next sub-TLV, nil at the end; throws `subTLVOverrun`.
  mutating func next(in body: Span<UInt8>) throws(TLVFault) -> SubTLV? {
    while position < body.count {
      let type = body[position]
      if type == 0 {
        position += 1
        continue
      }
      guard position + 1 < body.count else { throw .subTLVOverrun }
      let found = SubTLV(type: type, offset: position + 2, count: Int(body[position + 1]))
      guard found.offset + found.count <= body.count else { throw .subTLVOverrun }
      position = found.offset + found.count
      if type != 1 { return found }
    }
    return nil
  }

  /// Goes through sub-TLVs of which none means anything in the enclosing TLV.
  static func skipAll(in body: Span<UInt8>, from offset: Int) throws(TLVFault) {
    var walk = SubTLVs(from: offset)
    while let found = try walk.next(in: body) { try found.skip() }
  }
}
