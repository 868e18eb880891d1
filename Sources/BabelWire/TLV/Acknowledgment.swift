// Before editing, read RFC 8966 §4.6.3 and §4.6.4.

/// Asks the receiver to send an ``Acknowledgment`` in time (RFC 8966 §4.6.3).
public struct AcknowledgmentRequest: Equatable, Sendable {
  /// A number that the answer must repeat unchanged.
  public let opaque: UInt16
  /// The time within which the answer is wanted. It is never zero when decoded.
  public let interval: Interval

  /// Makes a request; the interval must not be zero.
  public init(opaque: UInt16, interval: Interval) {
    self.opaque = opaque
    self.interval = interval
  }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 6 else { throw .tooShort }
    opaque = body.uint16(at: 2)
    interval = Interval(centiseconds: body.uint16(at: 4))
    try SubTLVs.skipAll(in: body, from: 6)
    guard interval.centiseconds != 0 else { throw .intervalZero }
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.acknowledgmentRequest, count: 6)
    packet.append16(0)
    packet.append16(opaque)
    packet.append16(interval.centiseconds)
  }

  /// Octets on the wire.
  static let encodedCount = 8
}

/// Answers an ``AcknowledgmentRequest``, always by unicast (RFC 8966 §4.6.4).
public struct Acknowledgment: Equatable, Sendable {
  /// The number of the request.
  public let opaque: UInt16

  /// Makes an answer.
  public init(opaque: UInt16) { self.opaque = opaque }

  init(decoding body: Span<UInt8>) throws(TLVFault) {
    guard body.count >= 2 else { throw .tooShort }
    opaque = body.uint16(at: 0)
    try SubTLVs.skipAll(in: body, from: 2)
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.acknowledgment, count: 2)
    packet.append16(opaque)
  }

  /// Octets on the wire.
  static let encodedCount = 4
}
