extension IPAddress {
  /// The link-local address of whoever has a public key of WireGuard: fe80::/64 and, as its last
  /// eight octets, the first eight of the SHA-256 of the words `swabeld link-local` and the 32
  /// octets of the key. So all ends compute the same address, and nobody has to tell it to others.
  /// Nil for a key of another length.
  public init?(wireGuardKey key: [UInt8]) {
    guard key.count == Curve25519.keyCount else { return nil }
    var hash = SHA256()
    hash.update((Array("swabeld link-local".utf8) + key).span)
    let digest = hash.finish()
    var low: UInt64 = 0
    for index in 0..<8 { low = low << 8 | UInt64(digest[index]) }
    self.init(high: 0xFE80_0000_0000_0000, low: low)
  }
}
