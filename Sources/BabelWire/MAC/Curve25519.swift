// Before editing, read RFC 7748 §4.1 and §5.

/// The function X25519 of RFC 7748, by which WireGuard's public keys follow from private ones.
///
/// No branch and no index depends on a secret. Whether the processor multiplies in a time that does
/// not depend on the factors is another question, which does not matter here: nobody but the
/// operator of this machine can time the program.
public enum Curve25519 {
  /// Octets of a key.
  public static let keyCount = 32

  /// The public key that belongs to a private one: the private key's multiple of the base point 9
  /// (§6.1). Both have 32 octets; nil for a private key of another length.
  public static func publicKey(of privateKey: [UInt8]) -> [UInt8]? {
    var base = [UInt8](repeating: 0, count: keyCount)
    base[0] = 9
    return multiply(base, by: privateKey)
  }

  /// A private key as WireGuard stores it: the octets with the bits set and cleared that X25519
  /// would set and clear (§5, `decodeScalar25519`).
  public static func clamped(_ scalar: [UInt8]) -> [UInt8] {
    guard scalar.count == keyCount else { return scalar }
    var result = scalar
    result[0] &= 248
    result[31] &= 127
    result[31] |= 64
    return result
  }

  /// X25519: the `scalar`'s multiple of the point with the u-coordinate `point`. Both have 32
  /// octets, least significant first; nil for anything else.
  public static func multiply(_ point: [UInt8], by scalar: [UInt8]) -> [UInt8]? {
    guard point.count == keyCount, scalar.count == keyCount else { return nil }
    let bits = clamped(scalar)
    let x1 = FieldElement(octets: point)
    var x2 = FieldElement.one
    var z2 = FieldElement.zero
    var x3 = x1
    var z3 = FieldElement.one
    var swap: UInt64 = 0
    // The Montgomery ladder (§5), from the highest bit that can be set down to the lowest.
    for place in stride(from: 254, through: 0, by: -1) {
      let bit = UInt64(bits[place / 8] >> UInt8(place % 8) & 1)
      swap ^= bit
      FieldElement.exchange(&x2, &x3, if: swap)
      FieldElement.exchange(&z2, &z3, if: swap)
      swap = bit
      let a = x2 + z2
      let aa = a.squared()
      let b = x2 - z2
      let bb = b.squared()
      let e = aa - bb
      let da = (x3 - z3) * a
      let cb = (x3 + z3) * b
      x3 = (da + cb).squared()
      z3 = x1 * (da - cb).squared()
      x2 = aa * bb
      z2 = e * (aa + e.times121665())
    }
    FieldElement.exchange(&x2, &x3, if: swap)
    FieldElement.exchange(&z2, &z3, if: swap)
    return (x2 * z2.inverse()).octets
  }
}
