// Before editing, read RFC 8966 §4.2.

/// Why a whole packet is dropped (RFC 8966 §4.2; the numbers of the cases mean nothing).
public enum PacketFault: UInt8, Error, Equatable, CustomStringConvertible {
  /// Fewer than four octets.
  case short
  /// The first octet is not 42.
  case magic
  /// The second octet is not 2.
  case version
  /// The body reaches past the end of the datagram. The RFC does not say what to do; a
  /// truncated packet cannot be trusted and its MAC cannot be verified. BIRD drops it,
  /// babeld reads what there is.
  case bodyLength

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .short: "shorter than a packet header"
    case .magic: "wrong magic number"
    case .version: "unknown protocol version"
    case .bodyLength: "body length exceeds the datagram"
    }
  }
}

/// The four octets in front of the body (RFC 8966 §4.2).
public enum PacketHeader {
  /// Identifies a Babel packet.
  public static let magic: UInt8 = 42
  /// The version of the protocol.
  public static let version: UInt8 = 2
  /// Octets of the header.
  public static let count = 4

  /// Checks the header and returns the body; throws what is wrong with it.
  static func decodeBody(of datagram: Span<UInt8>) throws(PacketFault) -> OctetRange {
    guard datagram.count >= count else { throw .short }
    guard datagram[0] == magic else { throw .magic }
    guard datagram[1] == version else { throw .version }
    let length = Int(datagram.uint16(at: 2))
    guard length <= datagram.count - count else { throw .bodyLength }
    return OctetRange(offset: count, count: length)
  }
}
