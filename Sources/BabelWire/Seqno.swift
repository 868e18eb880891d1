/// A sequence number: 16 bits, compared modulo 2^16 (RFC 8966 §3.2.1).
public struct Seqno: Hashable, Sendable, CustomStringConvertible {
  /// The number as carried on the wire.
  public let rawValue: UInt16

  /// Makes a sequence number from its wire value; every value is valid.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// The next sequence number; 65535 is followed by 0.
  public var next: Seqno { Seqno(rawValue &+ 1) }

  /// Whether this number is strictly newer than `other`: `other < self` holds iff `0 < (self −
  /// other) mod 65536 < 32768`. This is no total order, so the type is not `Comparable`.
  public func isNewer(than other: Seqno) -> Bool {
    let distance = rawValue &- other.rawValue
    return distance != 0 && distance < 0x8000
  }

  /// How far this number is ahead of `other`, −32768 … 32767.
  public func distance(from other: Seqno) -> Int {
    Int(Int16(bitPattern: rawValue &- other.rawValue))
  }

  /// Decimal digits.
  public var description: String { String(rawValue) }
}
