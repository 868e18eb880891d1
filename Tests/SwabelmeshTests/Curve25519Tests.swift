import TestSupport
import Testing

// For the numbers below the curve: no product comes near the modulus by chance.
@testable import BabelWire
@testable import MeshPlan

/// The vectors of RFC 7748 §5.2 and §6.1.
@Suite struct `X25519 (RFC 7748)` {
  /// The octets that hexadecimal digits stand for.
  private func octets(_ digits: String) -> [UInt8] {
    stride(from: 0, to: digits.utf8.count, by: 2).map { place in
      UInt8(digits.dropFirst(place).prefix(2), radix: 16) ?? 0
    }
  }

  @Test(arguments: [
    (
      "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
      "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    ),
    (
      "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
      "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"
    ),
  ])
  func `multiplies as in §5.2`(scalar: String, point: String, product: String) {
    #expect(Curve25519.multiply(octets(point), by: octets(scalar)) == octets(product))
  }

  @Test func `gives the numbers of §5.2 after one round and after a thousand`() throws {
    var scalar: [UInt8] = [9] + [UInt8](repeating: 0, count: 31)
    var point = scalar
    for round in 1...1000 {
      let product = try #require(Curve25519.multiply(point, by: scalar))
      (point, scalar) = (scalar, product)
      if round == 1 {
        #expect(
          scalar == octets("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"))
      }
    }
    #expect(scalar == octets("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"))
  }

  @Test func `two sides of §6.1 come to the same secret`() throws {
    let alice = octets("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    let bob = octets("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    let ofAlice = try #require(Curve25519.publicKey(of: alice))
    let ofBob = try #require(Curve25519.publicKey(of: bob))
    #expect(
      ofAlice == octets("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))
    #expect(ofBob == octets("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"))
    let secret = octets("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    #expect(Curve25519.multiply(ofBob, by: alice) == secret)
    #expect(Curve25519.multiply(ofAlice, by: bob) == secret)
  }

  /// 2^255 - 19 plus a number, in 32 octets, least significant first.
  private func modulus(plus number: Int) -> [UInt8] {
    var octets = [UInt8](repeating: 0xFF, count: 32)
    octets[0] = UInt8(0xED + number)
    octets[31] = 0x7F
    return octets
  }

  private func small(_ number: UInt8) -> [UInt8] {
    [number] + [UInt8](repeating: 0, count: 31)
  }

  @Test func `reduces numbers around the modulus`() {
    for number in 0...18 {
      #expect(FieldElement(octets: modulus(plus: number)).octets == small(UInt8(number)))
    }
    for number in -9 ... -1 {
      let octets = modulus(plus: number)
      #expect(FieldElement(octets: octets).octets == octets)
      let sum = FieldElement(octets: octets) + FieldElement(octets: small(UInt8(-number)))
      #expect(sum.octets == small(0))
      let difference = FieldElement.zero - FieldElement(octets: small(UInt8(-number)))
      #expect(difference.octets == octets)
      #expect((difference * difference).octets == small(UInt8(number * number)))
      #expect((difference * difference.inverse()).octets == small(1))
    }
  }

  /// Points of small order (§6.1): whatever the scalar, it is a multiple of eight.
  @Test func `gives zero for points of small order`() {
    let scalar = [UInt8](repeating: 0x77, count: 32)
    for point in [small(0), small(1), modulus(plus: -1), modulus(plus: 0), modulus(plus: 1)] {
      #expect(Curve25519.multiply(point, by: scalar) == small(0))
    }
  }

  @Test func `refuses what has not 32 octets`() {
    let right = [UInt8](repeating: 9, count: 32)
    for count in [0, 31, 33] {
      let wrong = [UInt8](repeating: 9, count: count)
      #expect(Curve25519.multiply(wrong, by: right) == nil)
      #expect(Curve25519.multiply(right, by: wrong) == nil)
      #expect(Curve25519.publicKey(of: wrong) == nil)
    }
  }

  /// The u-coordinate is read modulo 2^255 - 19 and without its highest bit (§5).
  @Test func `takes a coordinate that is not reduced`() {
    let scalar = [UInt8](repeating: 0x55, count: 32)
    let two = [2] + [UInt8](repeating: 0, count: 31)
    // 2^255 - 19 + 2, then with the highest bit set.
    var large = [UInt8](repeating: 0xFF, count: 32)
    (large[0], large[31]) = (0xEF, 0x7F)
    let product = Curve25519.multiply(two, by: scalar)
    #expect(Curve25519.multiply(large, by: scalar) == product)
    large[31] = 0xFF
    #expect(Curve25519.multiply(large, by: scalar) == product)
  }
}

@Suite struct `Keys of WireGuard` {
  /// What `wg pubkey` of wireguard-tools 1.0.20210914 printed.
  @Test(arguments: [
    (
      "QF5AxavwTJkmMoCEl41E4vLZlLIhDDlrdzyukBP/ykY=",
      "rr3JSYPeRf/jv/WX/EdDLI8vEv2FinNitG+P89waNTM="
    ),
    (
      "qLI5v1WNARPzoe6MgIdhGXKls7MYEi7XfI4s8n9KqE4=",
      "+TMRefKQQEQUe2wGSkZ75fFAlIfYZVNQAdOXNl7CfCs="
    ),
    (
      "yBVmr8qSE+pIuqu+jOBt3JuHA0/F+mhBZ3DK4lo2aXg=",
      "Jh8HTmtQ3QuHtZyvoxUq00FNGJQZkEjbyStZuW08RAg="
    ),
  ])
  func `have the public keys that wg computes`(secret: String, expected: String) throws {
    let key = try #require(WireGuardKey(secret))
    #expect(key.publicKey.base64 == expected)
    #expect(key.base64 == secret)
    #expect(WireGuardKey(hexadecimal: key.hexadecimal) == key)
  }

  @Test(arguments: [
    "", "=", "AAAA", String(repeating: "A", count: 44), String(repeating: "A", count: 42) + "B=",
    String(repeating: "A", count: 42) + "!=", String(repeating: "A", count: 43),
    String(repeating: "=", count: 44), String(repeating: "A", count: 43) + "=\n",
  ])
  func `are refused in any other form`(text: String) {
    #expect(WireGuardKey(text) == nil)
  }

  @Test func `are clamped when they are private`() {
    var chance = Chance(seed: 1)
    for _ in 0..<100 {
      let octets = WireGuardKey.randomPrivate(using: &chance).octets
      #expect(octets[0] & 7 == 0 && octets[31] & 0xC0 == 0x40)
    }
  }
}
