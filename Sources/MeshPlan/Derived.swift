import BabelWire

// What follows from names alone, and hence is the same in every writing.

/// `count` octets that belong to a purpose and names, the same ones each time: BLAKE2s.
private func digest(_ purpose: String, _ names: [String], count: Int) -> [UInt8] {
  var hash = BLAKE2s(digestCount: count)
  for text in ["swabelmesh " + purpose] + names {
    // No name contains a zero octet, so different lists of names are different octets.
    let octets = Array(text.utf8) + [0]
    hash.update(octets.span)
  }
  let result = hash.finish()
  return (0..<count).map { result[$0] }
}

/// 64 bits that belong to a purpose and names.
private func digest64(_ purpose: String, _ names: [String]) -> UInt64 {
  digest(purpose, names, count: 8).reduce(0) { $0 << 8 | UInt64($1) }
}

extension InterfaceName {
  /// The name of an interface towards a peer: `wg-PEER` if that fits into 15 octets, and else a
  /// shortened one. The shortened one has an underscore, which no peer's name has, so it is nobody
  /// else's full name. A higher attempt gives another one.
  static func tunnel(to peer: String, attempt: Int) -> InterfaceName? {
    let octets = Array(peer.utf8)
    if attempt == 0, octets.count <= maximumLength - 3 { return InterfaceName("wg-" + peer) }
    let mark = digest("interface", [peer, "\(attempt)"], count: 2)
    let digits = mark.flatMap { [$0 >> 4, $0 & 15] }.map { String($0, radix: 16) }.joined()
    return InterfaceName("wg-\(String(decoding: octets.prefix(7), as: UTF8.self))_\(digits)")
  }

  /// The name as a format takes it.
  func named(for format: OutputFormat) -> InterfaceName {
    format == .openwrt ? withUnderscores : self
  }

  /// The name as OpenWrt takes it, whose configuration knows no dashes in names.
  var withUnderscores: InterfaceName {
    InterfaceName(octets: octets.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }) ?? self
  }
}

extension RouterID {
  /// The router-id of a node.
  static func ofNode(_ name: String, in mesh: String) -> RouterID {
    let id = RouterID(digest64("router-id", [mesh, name]))
    return id.isValid ? id : RouterID(1)
  }
}

extension IPAddress {
  /// The link-local address of a node on its tunnel to a peer.
  static func linkLocal(of name: String, towards peer: String, in mesh: String) -> IPAddress {
    let high: UInt64 = 0xFE80_0000_0000_0000
    // Two ends that came to the same address would have to differ by a bit; the lesser name keeps
    // its own.
    var low = digest64("link-local", [mesh, name, peer])
    if name > peer, low == digest64("link-local", [mesh, peer, name]) { low ^= 0x100 }
    // RFC 5453 reserves some interface identifiers, all of them at the very ends.
    if low == 0 || low >= 0xFDFF_FFFF_FFFF_FF80 && low <= 0xFDFF_FFFF_FFFF_FFFF { low ^= 1 << 62 }
    return IPAddress(high: high, low: low)
  }
}
