/// A point in time: microseconds since an arbitrary origin, never going backwards.
///
/// BabelCore has no clock: every input brings its `now`.
public struct Instant: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Microseconds since the origin, 0 or more.
  public let microseconds: Int64

  /// Makes an instant.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Later than anything that will happen.
  public static let distantFuture = Instant(microseconds: .max)

  /// Chronological order.
  public static func < (a: Instant, b: Instant) -> Bool { a.microseconds < b.microseconds }

  /// The instant `microseconds` later (earlier if negative), saturating at the distant future.
  public static func + (a: Instant, microseconds: Int64) -> Instant {
    let (sum, overflow) = a.microseconds.addingReportingOverflow(microseconds)
    return overflow ? .distantFuture : Instant(microseconds: sum)
  }

  /// Microseconds from `b` to `a`.
  public static func - (a: Instant, b: Instant) -> Int64 {
    let (difference, overflow) = a.microseconds.subtractingReportingOverflow(b.microseconds)
    return overflow ? (a < b ? .min : .max) : difference
  }

  /// Seconds with three decimals.
  public var description: String {
    let ms = microseconds.magnitude / 1000
    let fraction = String(ms % 1000)
    return (microseconds < 0 ? "-" : "") + "\(ms / 1000)."
      + String(repeating: "0", count: 3 - fraction.utf8.count) + fraction
  }
}
