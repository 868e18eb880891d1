// Before editing, read FIPS 180-4 §5 and §6.2.

/// SHA-256 over octets that come in pieces (FIPS 180-4). Allocates nothing.
public struct SHA256: Sendable {
  /// Octets of a digest.
  public static let digestCount = 32
  /// Octets hashed at a time.
  static let blockCount = 64

  private var state: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var block = InlineArray<64, UInt8>(repeating: 0)
  /// Octets waiting in ``block``, fewer than a block.
  private var filled = 0
  private var total: UInt64 = 0

  /// The hash of nothing so far.
  public init() {}

  /// Takes in further octets.
  public mutating func update(_ octets: Span<UInt8>) {
    total &+= UInt64(octets.count)
    var position = 0
    while position < octets.count {
      if filled == 0, octets.count - position >= Self.blockCount {
        Self.compress(&state, octets, at: position)
        position += Self.blockCount
        continue
      }
      block[filled] = octets[position]
      filled += 1
      position += 1
      if filled == Self.blockCount {
        Self.compress(&state, block.span, at: 0)
        filled = 0
      }
    }
  }

  /// The digest of everything taken in; the hash must not be used afterwards.
  public mutating func finish() -> InlineArray<32, UInt8> {
    let bits = total &* 8
    block[filled] = 0x80
    filled += 1
    if filled > Self.blockCount - 8 {
      for i in filled..<Self.blockCount { block[i] = 0 }
      Self.compress(&state, block.span, at: 0)
      filled = 0
    }
    for i in filled..<(Self.blockCount - 8) { block[i] = 0 }
    for i in 0..<8 {
      block[Self.blockCount - 8 + i] = UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * i))
    }
    Self.compress(&state, block.span, at: 0)
    var digest = InlineArray<32, UInt8>(repeating: 0)
    for i in 0..<32 {
      digest[i] = UInt8(truncatingIfNeeded: state[i / 4] >> UInt32(24 - 8 * (i % 4)))
    }
    return digest
  }

  private static func compress(
    _ state: inout InlineArray<8, UInt32>, _ octets: Span<UInt8>, at offset: Int
  ) {
    var w = InlineArray<64, UInt32>(repeating: 0)
    for i in 0..<16 { w[i] = octets.uint32(at: offset + 4 * i) }
    for i in 16..<64 {
      let x = w[i - 15]
      let y = w[i - 2]
      let s0 = x.rotated(7) ^ x.rotated(18) ^ (x >> 3)
      let s1 = y.rotated(17) ^ y.rotated(19) ^ (y >> 10)
      w[i] = w[i - 16] &+ s0 &+ w[i - 7] &+ s1
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for i in 0..<64 {
      let s1 = e.rotated(6) ^ e.rotated(11) ^ e.rotated(25)
      let choice = (e & f) ^ (~e & g)
      let t1 = h &+ s1 &+ choice &+ constants[i] &+ w[i]
      let s0 = a.rotated(2) ^ a.rotated(13) ^ a.rotated(22)
      let majority = (a & b) ^ (a & c) ^ (b & c)
      h = g
      g = f
      f = e
      e = d &+ t1
      d = c
      c = b
      b = a
      a = t1 &+ s0 &+ majority
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
    state[5] &+= f
    state[6] &+= g
    state[7] &+= h
  }

  private static let constants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]
}

extension UInt32 {
  /// The bits rotated to the right by `count`, 1 … 31.
  @inline(__always)
  func rotated(_ count: UInt32) -> UInt32 { self >> count | self << (32 - count) }
}
