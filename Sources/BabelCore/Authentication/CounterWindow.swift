// Before editing, read RFC 9467 §3.2.

/// Which packet counters of one sender were seen: the highest, and which of the 128 up to it.
/// Packets that overtake one another are accepted once each.
struct CounterWindow: Equatable {
  /// Counters that are remembered, the highest included.
  static let size: Int64 = 128

  /// The highest counter seen.
  private(set) var highest: UInt32
  /// Bit 0 stands for ``highest``, bit n for n below it: the first 64, then the other 64.
  private var near: UInt64 = 1
  private var far: UInt64 = 0

  /// Only `counter` was seen.
  init(_ counter: UInt32) { highest = counter }

  /// All up to `counter` may have been seen.
  init(allUpTo counter: UInt32) {
    highest = counter
    near = .max
    far = .max
  }

  /// Takes note of a counter; false if it was seen, or is too old to tell. Counters are compared
  /// as plain numbers: a sender whose counter is used up takes another index.
  mutating func accept(_ counter: UInt32) -> Bool {
    let ahead = Int64(counter) - Int64(highest)
    if ahead > 0 {
      shift(by: ahead)
      highest = counter
      near |= 1
      return true
    }
    let behind = UInt64(-ahead)
    guard behind < UInt64(Self.size) else { return false }
    if behind < 64 {
      guard near & 1 << behind == 0 else { return false }
      near |= 1 << behind
    } else {
      guard far & 1 << (behind - 64) == 0 else { return false }
      far |= 1 << (behind - 64)
    }
    return true
  }

  private mutating func shift(by count: Int64) {
    switch count {
    case 1...63:
      far = far << UInt64(count) | near >> UInt64(64 - count)
      near <<= UInt64(count)
    case 64..<Self.size:
      far = near << UInt64(count - 64)
      near = 0
    default:
      far = 0
      near = 0
    }
  }
}
