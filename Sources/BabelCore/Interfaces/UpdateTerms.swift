import BabelWire

/// What every Update asks of an interface. It follows from the parameters and from the state of the
/// link, and stands beside the row, because a copy of the row for each Update would be a tenth of a
/// node's work.
struct UpdateTerms {
  /// Hello interval in microseconds.
  let helloMicroseconds: Int64
  /// Whether the cost of the interface's links is measured.
  let isCostMeasured: Bool
  /// Whether losses are part of it.
  let isLossMeasured: Bool
  /// Whether Updates carry path attributes.
  let carriesPathAttributes: Bool
  /// Whether source-specific routes are announced.
  let carriesSourcePrefixes: Bool
  /// Whether what was learned on the interface is not announced there.
  let splitsHorizon: Bool
  /// The interval announced in Updates.
  let updateInterval: Interval
  private let ipv4NextHop: UpdateNextHop?
  private let ipv6NextHop: UpdateNextHop?

  init(_ interface: Interface) {
    helloMicroseconds = interface.helloMicroseconds
    isCostMeasured = interface.parameters.isCostMeasured
    isLossMeasured = interface.parameters.countsLosses
    carriesPathAttributes = interface.parameters.carriesPathAttributes
    carriesSourcePrefixes = interface.carriesSourcePrefixes
    splitsHorizon = interface.parameters.splitHorizon
    updateInterval = interface.updateInterval
    ipv4NextHop = interface.ipv4NextHop
    ipv6NextHop = interface.ipv6NextHop
  }

  /// How the next hop of a prefix is named; nil when it cannot be.
  func nextHop(for prefix: Prefix) -> UpdateNextHop? {
    prefix.family == .ipv6 ? ipv6NextHop : ipv4NextHop
  }
}
