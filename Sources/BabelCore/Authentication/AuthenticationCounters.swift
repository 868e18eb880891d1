import BabelWire

/// How packets fared on an interface with keys (RFC 8967).
public struct AuthenticationCounters: Equatable, Sendable {
  /// Genuine and new.
  public internal(set) var accepted: UInt64 = 0
  /// Without a MAC.
  public internal(set) var unsigned: UInt64 = 0
  /// With MACs of which none is one of ours: another key, another sender, or a reflection.
  public internal(set) var wrongMAC: UInt64 = 0
  /// Genuine, but without a packet counter.
  public internal(set) var noCounter: UInt64 = 0
  /// Genuine, from somebody who has not answered a challenge yet.
  public internal(set) var unknownIndex: UInt64 = 0
  /// Genuine, but with another index than the sender proved: it restarted, or this is a replay.
  public internal(set) var otherIndex: UInt64 = 0
  /// Seen before, or too old to tell.
  public internal(set) var replayed: UInt64 = 0
  /// Of all those above but the first, so many were processed all the same
  /// (`accept-bad-signatures`).
  public internal(set) var unverified: UInt64 = 0
  /// Challenges sent.
  public internal(set) var challenges: UInt64 = 0
  /// Challenges answered.
  public internal(set) var replies: UInt64 = 0
  /// Challenges and answers that were not sent, because there were too many on the interface.
  public internal(set) var suppressed: UInt64 = 0

  mutating func count(_ reason: DropReason) {
    switch reason {
    case .unsigned: unsigned += 1
    case .wrongMAC: wrongMAC += 1
    case .noPacketCounter: noCounter += 1
    case .unknownIndex: unknownIndex += 1
    case .otherIndex: otherIndex += 1
    case .replayed: replayed += 1
    case .short, .magic, .version, .bodyLength, .foreignSource, .sourcePort, .ownPacket,
      .interfaceDown, .neighbourLimit:
      // Reasons that have nothing to do with keys.
      break
    }
  }
}

/// Authentication on one interface as an operator sees it. Keys are not part of it.
public struct AuthenticationStatus: Equatable, Sendable {
  /// The interface.
  public let interface: InterfaceName
  /// Whether packets that fail are dropped.
  public let isStrict: Bool
  /// Keys that sign now.
  public let signingKeys: Int
  /// Keys that verify now.
  public let verifyingKeys: Int
  /// Senders of whom something is remembered.
  public let peers: Int
  /// What happened since the interface has keys.
  public let counters: AuthenticationCounters
  /// Who sent packets without a key of ours; the latest few.
  public let offenders: [Offender]
}
