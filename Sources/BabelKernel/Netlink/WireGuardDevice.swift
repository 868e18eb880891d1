import BabelWire

/// One peer of a WireGuard device.
public struct WireGuardPeer: Equatable, Sendable {
  /// Most prefixes that are remembered of one that is only looked at.
  static let prefixLimit = 256
  /// Most prefixes that are remembered of one whose prefixes are kept in step with routes.
  static let keptPrefixLimit = 1 << 17

  /// Its public key.
  public internal(set) var publicKey: [UInt8] = []
  /// Where it was heard last; nil if nowhere.
  public internal(set) var endpoint: (address: IPAddress, port: UInt16)?
  /// When the last handshake was, in seconds since 1970; 0 if there was none.
  public internal(set) var handshake: Int64 = 0
  /// Octets received from it.
  public internal(set) var received: UInt64 = 0
  /// Octets sent to it.
  public internal(set) var sent: UInt64 = 0
  /// Which addresses it may send from, and is sent packets to.
  public internal(set) var allowedIPs: [Prefix] = []
  private let limit: Int

  init(limit: Int = Self.prefixLimit) { self.limit = limit }

  mutating func allow(_ address: IPAddress, length: UInt8) {
    guard allowedIPs.count < limit, let prefix = Prefix(address, length: Int(length))
    else { return }
    allowedIPs.append(prefix)
  }

  /// Whether packets to and from an address are its.
  public func allows(_ address: IPAddress) -> Bool { allowedIPs.contains { $0.contains(address) } }

  /// Whether packets to and from some address inside a prefix are its.
  public func allowsSome(of prefix: Prefix) -> Bool {
    allowedIPs.contains { $0.contains(prefix) || prefix.contains($0) }
  }

  /// The key as wg(8) shows it.
  public var keyText: String { Self.text(of: publicKey) }

  /// A key as wg(8) shows it.
  public static func text(of publicKey: [UInt8]) -> String {
    var text: [UInt8] = []
    var index = 0
    while index < publicKey.count {
      var bits: UInt32 = 0
      for offset in 0..<3 {
        let octet = index + offset < publicKey.count ? publicKey[index + offset] : 0
        bits = bits << 8 | UInt32(octet)
      }
      for digit in 0..<4 {
        let isPadding = index + digit > publicKey.count
        let value = UInt8(bits >> UInt32(18 - 6 * digit) & 63)
        text.append(isPadding ? UInt8(ascii: "=") : Self.digit(value))
      }
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: UInt8(ascii: "A") + value
    case 26..<52: UInt8(ascii: "a") + value - 26
    case 52..<62: UInt8(ascii: "0") + value - 52
    case 62: UInt8(ascii: "+")
    default: UInt8(ascii: "/")
    }
  }

  /// By all values.
  public static func == (a: WireGuardPeer, b: WireGuardPeer) -> Bool {
    a.publicKey == b.publicKey && a.endpoint?.address == b.endpoint?.address
      && a.endpoint?.port == b.endpoint?.port && a.handshake == b.handshake
      && a.received == b.received && a.sent == b.sent && a.allowedIPs == b.allowedIPs
  }
}

/// What a WireGuard device tells of its peers.
public struct WireGuardDevice: Equatable, Sendable {
  /// Most peers that are remembered of one device.
  static let peerLimit = 1024

  /// Its peers, in the order in which it tells them.
  public internal(set) var peers: [WireGuardPeer] = []
  /// Whether it has more than are remembered.
  public internal(set) var isCut = false
  /// Its own public key; nil if it has none, or if that was not asked for.
  public internal(set) var publicKey: [UInt8]?
  /// Most prefixes that are remembered of a peer.
  let prefixLimit: Int

  init(prefixLimit: Int = WireGuardPeer.prefixLimit) { self.prefixLimit = prefixLimit }

  /// Adds what was told of a peer. One with many addresses is told in pieces.
  mutating func add(_ peer: WireGuardPeer) {
    if let last = peers.last, last.publicKey == peer.publicKey {
      let room = prefixLimit - last.allowedIPs.count
      peers[peers.count - 1].allowedIPs += peer.allowedIPs.prefix(max(0, room))
    } else if peers.count < Self.peerLimit {
      peers.append(peer)
    } else {
      isCut = true
    }
  }
}
