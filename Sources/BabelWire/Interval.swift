/// A time interval as carried on the wire, in centiseconds (RFC 8966 §4.1.2).
public struct Interval: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// Centiseconds, 0 … 65535.
  public let centiseconds: UInt16

  /// Makes an interval from its wire value.
  public init(centiseconds: UInt16) { self.centiseconds = centiseconds }

  /// The shortest interval of whole centiseconds that is not below `milliseconds`, within
  /// 1 … 65534 cs: the field is an upper bound and 65535 means "infinite" (§4.6.9).
  public init(roundingUpMilliseconds milliseconds: UInt32) {
    let cs = (UInt64(milliseconds) + 9) / 10
    centiseconds = UInt16(min(max(cs, 1), 65534))
  }

  /// In an Update: "will not be repeated unless asked for" (§4.6.9).
  public static let infinite = Interval(centiseconds: 0xFFFF)

  /// Milliseconds, exact.
  public var milliseconds: UInt32 { UInt32(centiseconds) * 10 }

  /// Microseconds, exact.
  public var microseconds: Int64 { Int64(centiseconds) * 10_000 }

  /// By length.
  public static func < (a: Interval, b: Interval) -> Bool { a.centiseconds < b.centiseconds }

  /// Centiseconds with the unit, as in `400 cs`.
  public var description: String { "\(centiseconds) cs" }
}
