import BabelWire

// Price and round-trip time of paths: not part of Babel. They decide between feasible routes only,
// so that whatever they say there are no loops (RFC 8966 §3.6).

/// What the operator asks for traffic, and how much that counts.
public struct Pricing: Equatable, Sendable {
  /// Added to the price of every path we pass on.
  public var fee: UInt32
  /// How much quality counts against price, in thousandths: the lower of
  /// log2(price) + factor · log2(metric) wins.
  public var metricFactor: UInt32

  /// Makes a pricing; 1900 is the factor of Althea's fork of babeld.
  public init(fee: UInt32 = 0, metricFactor: UInt32 = 1900) {
    self.fee = fee
    self.metricFactor = metricFactor
  }
}

extension BabelNode {
  /// Notes whether any interface carries path attributes; without one, prices decide nothing.
  mutating func updateUseOfPrices() {
    let uses = links.order.contains {
      interface($0)?.parameters.carriesPathAttributes ?? false
    }
    guard uses != usesPrices else { return }
    usesPrices = uses
    judgeAllRoutes()
  }

  /// What counts of an Update's attributes where it came in.
  func acceptedAttributes(_ update: Update, from id: NeighbourID) -> PathAttributes {
    links.terms(neighbours[id].interface)?.carriesPathAttributes == true
      ? update.attributes : PathAttributes()
  }

  /// Whether neighbours are to be told of a route's price: it is not what it was, and the route is
  /// the selected one.
  func isPriceNews(of number: RouteRow, formerly price: UInt32?) -> Bool {
    guard price != table.attributes[number]?.price else { return false }
    return table.destinations[table.routes[number].destination].selected == number
  }

  /// What a path costs with our own fee: what we announce, and what selection compares.
  func price(of number: RouteRow) -> UInt32 {
    let received = table.attributes[number]?.price ?? 0
    let (sum, overflow) = received.addingReportingOverflow(parameters.pricing.fee)
    return overflow ? .max : sum
  }

  /// The round-trip time to the router that originates a route; nil unless every router on the
  /// way tells.
  func pathRoundTripTime(of number: RouteRow, at now: Instant) -> UInt32? {
    let route = table.routes[number]
    let neighbour = neighbours[table.nextHops[route.nextHop].neighbour]
    guard let link = neighbour.roundTrip.current(at: now) else { return nil }
    // Who announces with metric 0 is the origin, whatever else it tells.
    let beyond =
      table.attributes[number]?.roundTripTime ?? (route.advertisedMetric == .zero ? 0 : nil)
    guard let beyond else { return nil }
    let (sum, overflow) = beyond.addingReportingOverflow(link)
    return overflow ? .max : sum
  }

  /// What selection compares, the lower the better: the metric alone, or price and metric where
  /// prices are in use.
  func rank(_ number: RouteRow, _ metric: Metric) -> UInt64 {
    if !usesPrices { return UInt64(metric.rawValue) }
    if metric.isInfinite { return .max }
    return PriceRank.rank(
      price: price(of: number), metric: metric, factor: parameters.pricing.metricFactor)
  }
}

/// How price and quality are weighed, as in Althea's fork of babeld:
/// log2(price) + log2(metric) · factor / 1000.
///
/// In fixed point and without a floating-point library, so that all machines agree. A path for
/// nothing counts as one of price 1: the fork takes its logarithm as minus infinity, so that
/// among such paths the first one stays whatever its quality.
enum PriceRank {
  /// The rank, in units of 2^-16 / 1000.
  static func rank(price: UInt32, metric: Metric, factor: UInt32) -> UInt64 {
    1000 * log2(max(price, 1)) + UInt64(factor) * log2(max(UInt32(metric.rawValue), 1))
  }

  /// The logarithm to base 2 of a number that is not 0, in units of 2^-16, rounded down.
  static func log2(_ number: UInt32) -> UInt64 {
    let whole = 31 - UInt64(number.leadingZeroBitCount)
    // The mantissa in 1 ..< 2, as 32-bit fixed point; each squaring yields one binary digit.
    var mantissa = UInt64(number) << (31 - whole)
    var result = whole
    for _ in 0..<16 {
      mantissa = (mantissa * mantissa) >> 31
      let digit = mantissa >> 32
      mantissa >>= digit
      result = result << 1 | digit
    }
    return result
  }
}
