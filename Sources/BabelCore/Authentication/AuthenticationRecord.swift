import BabelWire

/// What a neighbour proved on an interface with keys, for a next life of this node (RFC 8967 §3.2).
public struct SenderRecord: Equatable, Sendable {
  /// Its address.
  public let address: IPAddress
  /// The index that it proved to be its own.
  public let index: [UInt8]
  /// The highest counters of its packets to the group, and to us (RFC 9467 §3.3).
  public let multicast, unicast: UInt32

  /// Makes a record.
  public init(address: IPAddress, index: [UInt8], multicast: UInt32, unicast: UInt32) {
    self.address = address
    self.index = index
    self.multicast = multicast
    self.unicast = unicast
  }
}

/// What is to be known of an interface with keys when a next life of this node goes on there, so
/// that neither side challenges the other (RFC 8967 §4).
public struct AuthenticationRecord: Equatable, Sendable {
  /// Our index, 10 octets.
  public let index: [UInt8]
  /// The counter of the packet that was sent last.
  public let sent: UInt32
  /// The neighbours that proved their index.
  public var senders: [SenderRecord]

  /// Makes a record.
  public init(index: [UInt8], sent: UInt32, senders: [SenderRecord]) {
    self.index = index
    self.sent = sent
    self.senders = senders
  }
}
