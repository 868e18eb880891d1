// Before editing, read RFC 8967 §4.1 and RFC 2104.

/// Where a packet comes from and goes to: part of what a MAC protects (RFC 8967 §4.1).
public struct PacketAddresses: Equatable, Sendable {
  /// The source address the packet really has.
  public let source: IPAddress
  /// The address it is really sent to, for multicast the group.
  public let destination: IPAddress
  /// UDP source port.
  public let sourcePort: UInt16
  /// UDP destination port.
  public let destinationPort: UInt16

  /// Makes the addresses of one packet.
  public init(
    source: IPAddress, sourcePort: UInt16, destination: IPAddress, destinationPort: UInt16
  ) {
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
  }

  /// Calls `body` with the pseudo-header: 36 octets for IPv6, 12 for IPv4.
  fileprivate func withPseudoHeader(_ body: (Span<UInt8>) -> Void) {
    var octets = InlineArray<36, UInt8>(repeating: 0)
    var count = 0
    for (address, port) in [(source, sourcePort), (destination, destinationPort)] {
      for i in (source.family == .ipv4 ? 12 : 0)..<16 {
        octets[count] = address.octet(i)
        count += 1
      }
      octets[count] = UInt8(truncatingIfNeeded: port >> 8)
      octets[count + 1] = UInt8(truncatingIfNeeded: port)
      count += 2
    }
    body(octets.span.extracting(first: count))
  }
}

/// A message authentication code.
public struct MAC: Sendable {
  private let octets: InlineArray<32, UInt8>
  /// Octets it has: 16 or 32.
  public let count: Int

  fileprivate init(_ octets: InlineArray<32, UInt8>, count: Int) {
    self.octets = octets
    self.count = count
  }

  /// Octet `index`, 0 … ``count`` − 1.
  public subscript(_ index: Int) -> UInt8 { octets[index] }

  /// Whether the MAC has these octets. The comparison takes the same time wherever the first
  /// difference is, so that nobody can find a MAC octet by octet.
  public func matches(_ other: Span<UInt8>) -> Bool {
    guard other.count == count else { return false }
    var difference: UInt8 = 0
    for i in 0..<count { difference |= octets[i] ^ other[i] }
    return difference == 0
  }
}

/// A key, prepared so that each packet costs as little as possible. It is never shown.
public struct MACKey: Sendable {
  private enum Prepared: Sendable {
    /// The hash states behind the inner and the outer pad.
    case hmac(inner: SHA256, outer: SHA256)
    /// The hash state behind the key.
    case blake2s(BLAKE2s)
  }

  private let prepared: Prepared

  /// HMAC-SHA256 (RFC 2104, RFC 8967 §4.1). A key of more than 64 octets is hashed first.
  public init(hmacSHA256 key: [UInt8]) {
    var pad = [UInt8](repeating: 0, count: SHA256.blockCount)
    if key.count > SHA256.blockCount {
      var hash = SHA256()
      hash.update(key.span)
      let digest = hash.finish()
      for i in 0..<SHA256.digestCount { pad[i] = digest[i] }
    } else {
      for i in key.indices { pad[i] = key[i] }
    }
    var inner = SHA256()
    var outer = SHA256()
    for i in pad.indices { pad[i] ^= 0x36 }
    inner.update(pad.span)
    for i in pad.indices { pad[i] ^= 0x36 ^ 0x5c }
    outer.update(pad.span)
    for i in pad.indices { pad[i] = 0 }
    prepared = .hmac(inner: inner, outer: outer)
  }

  /// BLAKE2s with a digest of 128 bits in keyed mode (RFC 7693, RFC 8967 §4.1); 1 … 32 octets of
  /// key.
  public init(blake2s128 key: [UInt8]) {
    prepared = .blake2s(BLAKE2s(digestCount: 16, key: key))
  }

  /// Octets of the MACs this key makes.
  public var macCount: Int {
    switch prepared {
    case .hmac: 32
    case .blake2s: 16
    }
  }

  /// The MAC of some octets alone.
  public func mac(of octets: Span<UInt8>) -> MAC { mac(nil, octets) }

  /// The MAC of a packet: of the pseudo-header, the header and the body; `packet` must not hold
  /// the trailer.
  public func mac(of packet: Span<UInt8>, between addresses: PacketAddresses) -> MAC {
    mac(addresses, packet)
  }

  private func mac(_ addresses: PacketAddresses?, _ packet: Span<UInt8>) -> MAC {
    switch prepared {
    case .hmac(var inner, var outer):
      addresses?.withPseudoHeader { inner.update($0) }
      inner.update(packet)
      let digest = inner.finish()
      outer.update(digest.span)
      return MAC(outer.finish(), count: SHA256.digestCount)
    case .blake2s(var hash):
      addresses?.withPseudoHeader { hash.update($0) }
      hash.update(packet)
      return MAC(hash.finish(), count: 16)
    }
  }
}
