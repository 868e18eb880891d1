// Before editing, read RFC 8967 §6.

/// The packet counter of authenticated packets (RFC 8967 §6.2). The first one of a packet counts.
public struct PacketCounter: Equatable, Sendable {
  /// Grows from packet to packet as long as the index stays.
  public let counter: UInt32
  /// The sender's index, 0 … 32 octets of the datagram.
  public let index: OctetRange

  /// Makes a counter.
  public init(counter: UInt32, index: OctetRange) {
    self.counter = counter
    self.index = index
  }

  /// The longest index, in octets.
  public static let maximumIndexCount = 32

  init(decoding body: Span<UInt8>, at payload: OctetRange) throws(TLVFault) {
    guard body.count >= 4 else { throw .tooShort }
    guard body.count - 4 <= Self.maximumIndexCount else { throw .tooLong }
    counter = body.uint32(at: 0)
    index = OctetRange(offset: payload.offset + 4, count: payload.count - 4)
  }
}

/// The payload of Challenge Request and Challenge Reply TLVs (RFC 8967 §6.3, §6.4).
public enum ChallengeNonce {
  /// The longest nonce, in octets.
  public static let maximumCount = 192

  /// The nonce is the whole payload.
  static func decode(_ payload: OctetRange) throws(TLVFault) -> OctetRange {
    guard payload.count <= maximumCount else { throw .tooLong }
    return payload
  }
}
