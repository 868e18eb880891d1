import BabelWire

/// Indices and nonces that nobody can foresee: keyed BLAKE2s over a count.
///
/// The key is an input of the node (``NodeParameters/entropy``), so that the node has no chance
/// of its own and a simulation can be repeated.
struct SecretRandom {
  /// Octets of an index or nonce.
  static let count = 8

  private let key: [UInt8]
  private var drawn: UInt64 = 0

  init(key: [UInt8]) { self.key = key }

  /// The next octets.
  mutating func draw() -> [UInt8] {
    drawn &+= 1
    var hash = BLAKE2s(digestCount: Self.count, key: key)
    var count = InlineArray<8, UInt8>(repeating: 0)
    for i in 0..<8 { count[i] = UInt8(truncatingIfNeeded: drawn >> UInt64(8 * i)) }
    hash.update(count.span)
    let digest = hash.finish()
    return (0..<Self.count).map { digest[$0] }
  }
}
