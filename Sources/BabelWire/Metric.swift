/// A cost or a metric, 0 … 65535, where 65535 means infinity (RFC 8966 §2.1, §3.5.2).
public struct Metric: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The value as carried on the wire.
  public let rawValue: UInt16

  /// Makes a metric from its wire value; every value is valid.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue }

  /// Infinity: a retraction, or a link that cannot be used.
  public static let infinity = Metric(0xFFFF)

  /// Zero, the metric of a prefix that originates here.
  public static let zero = Metric(0)

  /// Whether this is ``infinity``.
  public var isInfinite: Bool { rawValue == 0xFFFF }

  /// The sum, saturating: whatever reaches 65535 is infinity (§3.5.2).
  public func adding(_ other: Metric) -> Metric {
    let (sum, overflow) = rawValue.addingReportingOverflow(other.rawValue)
    return overflow ? .infinity : Metric(sum)
  }

  /// Numeric order.
  public static func < (a: Metric, b: Metric) -> Bool { a.rawValue < b.rawValue }

  /// Decimal digits; infinity is `65535`, as babeld prints it.
  public var description: String { String(rawValue) }
}
