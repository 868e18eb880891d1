import BabelWire

/// Kernel metrics of routes with `reflect-kernel-metric`: the metric of the route is added to the
/// configured one.
///
/// The sum ends at 65535, as babeld's does. A configured metric above that, which babeld does not
/// know, has no such end: what is installed is never preferred to what was configured.
public enum ReflectedMetric {
  private static let usualLimit: UInt32 = 65535
  /// The next one belongs to unreachable entries, so that any other route is preferred to them.
  private static let limit = UInt32.max - 1
  /// The largest metric of a route that can be used.
  private static let largest = Metric(65534)

  /// The kernel metric of a route.
  public static func sum(_ configured: UInt32, _ metric: Metric) -> UInt32 {
    let (sum, overflow) = configured.addingReportingOverflow(UInt32(metric.rawValue))
    let most = configured <= usualLimit ? usualLimit : limit
    return overflow ? most : min(sum, most)
  }

  /// All kernel metrics that routes can have.
  public static func range(_ configured: UInt32) -> ClosedRange<UInt32> {
    min(configured, limit)...sum(configured, largest)
  }
}
