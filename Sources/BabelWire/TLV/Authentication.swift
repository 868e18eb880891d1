// Before editing, read RFC 8967 §6.

/// The packet counter of authenticated packets (RFC 8967 §6.2). The first one of a packet counts.
public struct PacketCounter: Equatable, Sendable {
  /// The number of the packet. It grows from packet to packet as long as the index stays the same.
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

/// What the body of a packet says about its authentication (RFC 8967 §4.3), found without
/// decoding anything else.
public struct AuthenticationTLVs: Equatable, Sendable {
  /// The first PC that can be read.
  public private(set) var counter: PacketCounter?
  /// The nonce of the last Challenge Request; nil in multicast packets, where none counts.
  public private(set) var challenge: OctetRange?
  /// Whether one of the Challenge Replies holds the nonce of our pending challenge.
  public private(set) var isAnswered = false

  /// Goes over the body. `nonce` is that of our pending challenge, if there is one.
  public init(
    in datagram: borrowing Span<UInt8>, body: OctetRange, toMulticast: Bool, nonce: [UInt8]?
  ) {
    var walk = TLVWalk(body)
    while let found = walk.next(in: datagram) {
      let payload = found.payload
      switch found.type {
      case TLVType.packetCounter where counter == nil:
        let octets = datagram.extracting(payload.offset..<(payload.offset + payload.count))
        do throws(TLVFault) {
          counter = try PacketCounter(decoding: octets, at: payload)
        } catch {
          // A counter that cannot be read counts as none; a later one may be right.
          continue
        }
      case TLVType.challengeRequest where !toMulticast:
        if payload.count <= ChallengeNonce.maximumCount { challenge = payload }
      case TLVType.challengeReply:
        if let nonce, !nonce.isEmpty, payload.holds(nonce, in: datagram) { isAnswered = true }
      default: break
      }
    }
  }
}

extension OctetRange {
  /// Whether the run is these octets.
  public func holds(_ octets: [UInt8], in datagram: borrowing Span<UInt8>) -> Bool {
    guard octets.count == count else { return false }
    for i in 0..<count where datagram[offset + i] != octets[i] { return false }
    return true
  }

  /// A copy of the run's octets.
  public func octets(in datagram: borrowing Span<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(count)
    for i in 0..<count { result.append(datagram[offset + i]) }
    return result
  }
}
