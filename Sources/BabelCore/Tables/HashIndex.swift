/// Buckets of destinations; the chain through equal buckets runs in the rows themselves.
///
/// Keys come from the network, so the mix is keyed with the node's seed.
struct HashIndex {
  private(set) var buckets: [DestinationRow]
  private let key: UInt64

  init(key: UInt64) {
    self.key = key | 1
    buckets = [DestinationRow](repeating: .none, count: 64)
  }

  /// The bucket of a 128-bit value with 32 bits of extra.
  func bucket(_ high: UInt64, _ low: UInt64, _ extra: UInt64) -> Int {
    let hash = Self.mix(high, low, extra, key: key)
    return Int(truncatingIfNeeded: hash & UInt64(buckets.count - 1))
  }

  /// A number in whose lowest bits all bits of a value have a part.
  static func mix(_ high: UInt64, _ low: UInt64, _ extra: UInt64, key: UInt64) -> UInt64 {
    var h = (high ^ key) &* 0x9FB2_1C65_1E98_DF25
    h = (h ^ (h >> 35) ^ low) &* 0xD6E8_FEB8_6659_FD93
    h = (h ^ (h >> 32) ^ extra ^ key) &* 0x9FB2_1C65_1E98_DF25
    return h ^ (h >> 29)
  }

  subscript(_ bucket: Int) -> DestinationRow {
    get { buckets[bucket] }
    set { buckets[bucket] = newValue }
  }

  /// Whether `count` rows ask for more buckets. Two rows in a bucket cost less than a bucket.
  func isCrowded(by count: Int) -> Bool { count > 2 * buckets.count }

  /// Doubles the buckets and empties them; the caller enters all rows again.
  mutating func grow() {
    buckets = [DestinationRow](repeating: .none, count: buckets.count * 2)
  }
}
