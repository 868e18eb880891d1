// Before editing, read RFC 8966 §4.6.10 and RFC 9079 §7.3.

/// Asks for an Update of one prefix (RFC 8966 §4.6.10). The request for everything is
/// ``TLV/wildcardRequest``.
public struct RouteRequest: Equatable, Sendable {
  /// The destination prefix asked for.
  public let destination: Prefix
  /// The source prefix asked for; zero length if any source.
  public let source: Prefix

  /// Makes a request; both prefixes must be of the same family.
  public init(destination: Prefix, source: Prefix) {
    self.destination = destination
    self.source = source
  }

  /// Decodes the TLV; nil for the wildcard request.
  static func decode(_ body: Span<UInt8>) throws(TLVFault) -> RouteRequest? {
    guard body.count >= 2 else { throw .tooShort }
    guard let encoding = AddressEncoding(rawValue: body[0]) else { throw .unknownAE }
    let length = Int(body[1])
    if encoding == .wildcard {
      guard length == 0 else { throw .wildcardLength }
      _ = try SourcePrefix.decode(body, from: 2, encoding)
      return nil
    }
    let destination = try encoding.decodePrefix(length: length, in: body, at: 2)
    let end = 2 + encoding.octetCount(prefixLength: length)
    return RouteRequest(
      destination: destination, source: try SourcePrefix.decode(body, from: end, encoding))
  }

  func encode(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.routeRequest, count: encodedCount - 2)
    packet.append(destination.requestEncoding.rawValue)
    packet.append(UInt8(destination.length))
    packet.append(destination)
    SourcePrefix.encode(source, into: &packet)
  }

  static func encodeWildcard(into packet: inout PacketBuffer) {
    packet.beginTLV(TLVType.routeRequest, count: 2)
    packet.append16(0)
  }

  /// Octets on the wire.
  var encodedCount: Int { 4 + destination.octetCount + SourcePrefix.encodedCount(source) }

  /// Octets of the wildcard request on the wire.
  static let encodedWildcardCount = 4
}
