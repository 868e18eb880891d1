/// A number modulo 2^255 - 19, in five limbs of 51 bits, `a` the lowest. After every operation a
/// limb is below 2^52, so that sums and products fit.
struct FieldElement {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64
  private var e: UInt64

  private static let mask: UInt64 = 1 << 51 - 1

  static let zero = FieldElement(0, 0, 0, 0, 0)
  static let one = FieldElement(1, 0, 0, 0, 0)

  private init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64) {
    (self.a, self.b, self.c, self.d, self.e) = (a, b, c, d, e)
  }

  /// Reads 32 octets, least significant first. The highest bit is ignored (RFC 7748 §5,
  /// `decodeUCoordinate`).
  init(octets: [UInt8]) {
    func word(_ start: Int) -> UInt64 {
      octets[start..<(start + 8)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let (first, second, third, fourth) = (word(0), word(8), word(16), word(24))
    a = first & Self.mask
    b = (first >> 51 | second << 13) & Self.mask
    c = (second >> 38 | third << 26) & Self.mask
    d = (third >> 25 | fourth << 39) & Self.mask
    e = fourth >> 12 & Self.mask
  }

  /// The number as 32 octets, least significant first, below 2^255 - 19.
  var octets: [UInt8] {
    let value = carried().carried()
    // The number is below 2^255 now. It is at least 2^255 - 19 exactly if adding 19 carries out of
    // the highest limb; then 2^255 - 19 is taken off: 19 is added, and the carry dropped.
    var excess = (value.a + 19) >> 51
    for limb in [value.b, value.c, value.d, value.e] { excess = (limb + excess) >> 51 }
    var limbs = [value.a + 19 * excess, value.b, value.c, value.d, value.e]
    for index in 0..<4 {
      limbs[index + 1] += limbs[index] >> 51
      limbs[index] &= Self.mask
    }
    limbs[4] &= Self.mask
    let words = [
      limbs[0] | limbs[1] << 51, limbs[1] >> 13 | limbs[2] << 38,
      limbs[2] >> 26 | limbs[3] << 25, limbs[3] >> 39 | limbs[4] << 12,
    ]
    return (0..<32).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) }
  }

  /// The same number with each limb below 2^51, but for a small rest in the lowest. What is beyond
  /// 2^255 comes in again at the bottom, 19 times.
  private func carried() -> FieldElement {
    var r = self
    r.b += r.a >> 51
    r.c += r.b >> 51
    r.d += r.c >> 51
    r.e += r.d >> 51
    return FieldElement(
      r.a & Self.mask + 19 * (r.e >> 51), r.b & Self.mask, r.c & Self.mask, r.d & Self.mask,
      r.e & Self.mask)
  }

  static func + (x: FieldElement, y: FieldElement) -> FieldElement {
    FieldElement(x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d, x.e + y.e).carried()
  }

  static func - (x: FieldElement, y: FieldElement) -> FieldElement {
    // Four times 2^255 - 19 is added, so that no limb becomes negative.
    let most = 4 * mask
    return FieldElement(
      most - 72 + x.a - y.a, most + x.b - y.b, most + x.c - y.c, most + x.d - y.d,
      most + x.e - y.e
    ).carried()
  }

  static func * (x: FieldElement, y: FieldElement) -> FieldElement {
    let (a, b, c, d, e) = (
      UInt128(x.a), UInt128(x.b), UInt128(x.c), UInt128(x.d), UInt128(x.e)
    )
    let (f, g, h, i, j) = (
      UInt128(y.a), UInt128(y.b), UInt128(y.c), UInt128(y.d), UInt128(y.e)
    )
    // 2^255 counts as 19: products of limbs beyond the fifth come in again at the bottom.
    let (g19, h19, i19, j19) = (19 * g, 19 * h, 19 * i, 19 * j)
    return reduced(
      a * f + b * j19 + c * i19 + d * h19 + e * g19,
      a * g + b * f + c * j19 + d * i19 + e * h19,
      a * h + b * g + c * f + d * j19 + e * i19,
      a * i + b * h + c * g + d * f + e * j19,
      a * j + b * i + c * h + d * g + e * f)
  }

  func squared() -> FieldElement { self * self }

  /// (486662 - 2) / 4 times the number; the constant a24 of RFC 7748 §5.
  func times121665() -> FieldElement {
    let factor: UInt128 = 121_665
    return Self.reduced(
      factor * UInt128(a), factor * UInt128(b), factor * UInt128(c), factor * UInt128(d),
      factor * UInt128(e))
  }

  /// The number whose limbs are these sums, each below 2^111.
  private static func reduced(
    _ p: UInt128, _ q: UInt128, _ r: UInt128, _ s: UInt128, _ t: UInt128
  ) -> FieldElement {
    func low(_ sum: UInt128) -> UInt64 { UInt64(truncatingIfNeeded: sum) & mask }
    let second = q + p >> 51
    let third = r + second >> 51
    let fourth = s + third >> 51
    let fifth = t + fourth >> 51
    // What is carried out of the fifth limb may not fit into 64 bits once it is multiplied.
    let first = UInt128(low(p)) + 19 * (fifth >> 51)
    return FieldElement(
      low(first), low(second) + UInt64(truncatingIfNeeded: first >> 51), low(third), low(fourth),
      low(fifth))
  }

  /// The number by which this one gives 1: its power 2^255 - 21; zero for zero.
  func inverse() -> FieldElement {
    var result = FieldElement.one
    // The exponent in binary: 250 ones, then 01011.
    for place in stride(from: 254, through: 0, by: -1) {
      result = result.squared()
      if place != 2 && place != 4 { result = result * self }
    }
    return result
  }

  /// Exchanges the two if `bit` is 1 and leaves them if it is 0, by the same operations.
  static func exchange(_ x: inout FieldElement, _ y: inout FieldElement, if bit: UInt64) {
    let mask = 0 &- bit
    let difference = FieldElement(
      mask & (x.a ^ y.a), mask & (x.b ^ y.b), mask & (x.c ^ y.c), mask & (x.d ^ y.d),
      mask & (x.e ^ y.e))
    x.flip(difference)
    y.flip(difference)
  }

  private mutating func flip(_ bits: FieldElement) {
    a ^= bits.a
    b ^= bits.b
    c ^= bits.c
    d ^= bits.d
    e ^= bits.e
  }
}
