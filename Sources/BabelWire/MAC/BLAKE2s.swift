// Before editing, read RFC 7693 §2 and §3.

/// BLAKE2s, with or without a key, over octets that come in pieces (RFC 7693). Allocates nothing.
public struct BLAKE2s: Sendable {
  /// Longest key and longest digest in octets.
  public static let longest = 32
  private static let blockCount = 64

  private var state: InlineArray<8, UInt32> = initial
  private var block = InlineArray<64, UInt8>(repeating: 0)
  /// Octets waiting in ``block``; a full block waits until it is known not to be the last.
  private var filled = 0
  private var total: UInt64 = 0
  private let digestCount: Int

  /// The hash of nothing so far, with a digest of `digestCount` octets (forced into 1 … 32) and
  /// a key of which no more than 32 octets count.
  public init(digestCount: Int, key: [UInt8] = []) {
    self.digestCount = min(max(digestCount, 1), Self.longest)
    let keyCount = min(key.count, Self.longest)
    state[0] ^= 0x0101_0000 ^ UInt32(keyCount) << 8 ^ UInt32(self.digestCount)
    guard keyCount > 0 else { return }
    for i in 0..<keyCount { block[i] = key[i] }
    filled = Self.blockCount
  }

  /// Takes in further octets.
  public mutating func update(_ octets: Span<UInt8>) {
    for i in 0..<octets.count {
      if filled == Self.blockCount { compressBlock(isLast: false) }
      block[filled] = octets[i]
      filled += 1
    }
  }

  /// The digest of everything taken in: as many octets as were asked for, then zeros. The hash must
  /// not be used afterwards.
  public mutating func finish() -> InlineArray<32, UInt8> {
    for i in filled..<Self.blockCount { block[i] = 0 }
    compressBlock(isLast: true)
    var digest = InlineArray<32, UInt8>(repeating: 0)
    for i in 0..<digestCount {
      digest[i] = UInt8(truncatingIfNeeded: state[i / 4] >> UInt32(8 * (i % 4)))
    }
    return digest
  }

  private mutating func compressBlock(isLast: Bool) {
    total &+= UInt64(filled)
    Self.compress(&state, block.span, total, isLast)
    filled = 0
  }

  private static func compress(
    _ state: inout InlineArray<8, UInt32>, _ octets: Span<UInt8>, _ total: UInt64,
    _ isLast: Bool
  ) {
    var m = InlineArray<16, UInt32>(repeating: 0)
    for i in 0..<16 { m[i] = octets.uint32(at: 4 * i).byteSwapped }
    var v = InlineArray<16, UInt32>(repeating: 0)
    for i in 0..<8 {
      v[i] = state[i]
      v[i + 8] = initial[i]
    }
    v[12] ^= UInt32(truncatingIfNeeded: total)
    v[13] ^= UInt32(truncatingIfNeeded: total >> 32)
    if isLast { v[14] = ~v[14] }
    for round in 0..<10 {
      for step in 0..<8 {
        let x = m[Int(schedule[round * 16 + 2 * step])]
        let y = m[Int(schedule[round * 16 + 2 * step + 1])]
        // A round mixes the four columns of the state, then its four diagonals.
        let i = step & 3
        let shift = step >> 2
        mix(&v, i, 4 + (i + shift) & 3, 8 + (i + 2 * shift) & 3, 12 + (i + 3 * shift) & 3, x, y)
      }
    }
    for i in 0..<8 { state[i] ^= v[i] ^ v[i + 8] }
  }

  @inline(__always)
  private static func mix(
    _ v: inout InlineArray<16, UInt32>, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ x: UInt32,
    _ y: UInt32
  ) {
    v[a] = v[a] &+ v[b] &+ x
    v[d] = (v[d] ^ v[a]).rotated(16)
    v[c] = v[c] &+ v[d]
    v[b] = (v[b] ^ v[c]).rotated(12)
    v[a] = v[a] &+ v[b] &+ y
    v[d] = (v[d] ^ v[a]).rotated(8)
    v[c] = v[c] &+ v[d]
    v[b] = (v[b] ^ v[c]).rotated(7)
  }

  private static let initial: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]

  private static let schedule: InlineArray<160, UInt8> = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
    7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
    9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
    2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
    12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
    13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
    6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
    10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
  ]
}
