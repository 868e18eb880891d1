/// Takes an input apart into numbers; zeros when it runs out.
struct Octets {
  private let octets: [UInt8]
  private var position = 0

  init(_ octets: [UInt8]) { self.octets = octets }

  /// Whether nothing is left.
  var isEmpty: Bool { position >= octets.count }

  /// What is left.
  var rest: [UInt8] { Array(octets.dropFirst(position)) }

  mutating func next8() -> UInt8 {
    guard position < octets.count else { return 0 }
    position += 1
    return octets[position - 1]
  }
  mutating func next16() -> UInt16 { UInt16(next8()) << 8 | UInt16(next8()) }
  mutating func next32() -> UInt32 { UInt32(next16()) << 16 | UInt32(next16()) }
  mutating func next64() -> UInt64 { UInt64(next32()) << 32 | UInt64(next32()) }

  /// A number below `bound`.
  mutating func below(_ bound: Int) -> Int { Int(next8()) % max(bound, 1) }

  /// At most so many octets.
  mutating func take(_ count: Int) -> [UInt8] {
    let end = min(position + count, octets.count)
    defer { position = end }
    return Array(octets[position..<end])
  }

  /// What comes before the next octet of this value, which is passed over.
  mutating func take(before octet: UInt8) -> [UInt8] {
    let end = octets[position...].firstIndex(of: octet) ?? octets.count
    defer { position = min(end + 1, octets.count) }
    return Array(octets[position..<end])
  }
}
