import BabelWire

// Accounts for an operator: what the node knows of a neighbour, a route or a destination, and what
// decides about it. Values only; text is made of them elsewhere.

/// What is known of a neighbour beyond its row in ``NeighbourStatus``.
public struct NeighbourAccount: Equatable, Sendable {
  /// The row that monitors see.
  public let status: NeighbourStatus
  /// Seconds since its first packet.
  public let knownFor: UInt32
  /// Seconds since its last Hello; nil if none came.
  public let lastHelloAge: UInt32?
  /// Seconds since its last packet, whatever was in it.
  public let lastPacketAge: UInt32
  /// Whether that was signed, though there is no key here.
  public let isSigning: Bool
  /// Seconds in which its last IHU still counts; nil if it has none that counts.
  public let ihuLeft: UInt32?
  /// Whether it ever said that it hears us.
  public let hasHeardUs: Bool
  /// Whether it was ever usable.
  public let wasUsable: Bool
  /// How often something was done because we hear it and it does not hear us.
  public let healingSteps: Int
  /// Whether it acknowledged what it was sent by unicast since it does not hear us.
  public let hearsUnicast: Bool
  /// Whether it is sent unicast Hellos because it misses what goes to the group.
  public let missesGroup: Bool
  /// The interval of its multicast Hellos in milliseconds, as it announced it; 0 if unknown.
  public let helloInterval: UInt32
  /// Routes it has announced.
  public let routeCount: Int
  /// Of these, how many are selected.
  public let selectedCount: Int
  /// Of these, how many may not be used: a filter or the kernel refuses them, their metrics are
  /// infinite, or they may lead back to us after a crash.
  public let refusedCount: Int
  /// Of these, how many the `in` filter denies.
  public let deniedCount: Int
  /// Of these, how many cannot be installed: the `install` filter denies them or the kernel does.
  public let uninstallableCount: Int
  /// The part of the cost that `neighbour-cost` and `drain` add.
  public let surcharge: Metric
  /// The cost without what round-trip time, jitter and surcharge add; infinity if the link cannot
  /// be used.
  public let baseCost: Metric
}

/// A seqno with a metric: what a route is compared with (RFC 8966 §3.5.1).
public struct Distance: Equatable, Sendable {
  /// The seqno.
  public let seqno: Seqno
  /// The metric.
  public let metric: Metric
}

/// All that decides about one route (RFC 8966 §3.5, §3.6, Appendix A.3).
public struct RouteAccount: Equatable, Sendable {
  /// The row that monitors see; its reason says why it is selected or not.
  public let status: RouteStatus
  /// Cost of the link to the neighbour.
  public let linkCost: Metric
  /// What the `in` chain adds; infinity if it denies the route.
  public let filterMetric: Metric
  /// The number of the `in` rule that matched, from 0; nil if none did.
  public let inputRule: Int?
  /// The number of the `install` rule that matches, from 0; nil if none does.
  public let installRule: Int?
  /// Whether the kernel refused it.
  public let isRefusedByKernel: Bool
  /// The distance that its own must be better than; nil if any would do.
  public let feasibilityDistance: Distance?
  /// Whether its router was asked for a newer seqno.
  public let isSeqnoRequested: Bool
  /// By how much it must be better than the selected route, and for how many milliseconds; nil if
  /// none is selected, or if it is.
  public let toReplace: (margin: UInt16, dwell: UInt32)?

  /// By all values.
  public static func == (a: RouteAccount, b: RouteAccount) -> Bool {
    a.status == b.status && a.linkCost == b.linkCost && a.filterMetric == b.filterMetric
      && a.inputRule == b.inputRule && a.installRule == b.installRule
      && a.isRefusedByKernel == b.isRefusedByKernel
      && a.feasibilityDistance == b.feasibilityDistance
      && a.isSeqnoRequested == b.isSeqnoRequested && a.toReplace?.margin == b.toReplace?.margin
      && a.toReplace?.dwell == b.toReplace?.dwell
  }
}

/// What the node makes of a destination.
public struct DestinationAccount: Equatable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The metric it is redistributed with here; nil if it is not.
  public let originatedMetric: Metric?
  /// Whether it is an address of our own.
  public let isOwnAddress: Bool
  /// Seconds for which it is still held after its loss; nil if it is not held (§3.5.4).
  public let holdLeft: UInt32?
  /// What the kernel is asked for, and the tables.
  public let forwarding: ForwardingTarget
  /// The tables that the entry is put into.
  public let tables: InstallTables
  /// Milliseconds for which some route has been better than the selected one without replacing it;
  /// nil if none has.
  public let betterFor: UInt32?
  /// Its routes: the selected one first, then in order of arrival.
  public let routes: [RouteAccount]
}

/// What neighbours on an interface are told of a destination.
public enum AnnouncementVerdict: Equatable, Sendable {
  /// It is announced with a metric.
  case announced(Metric)
  /// There is no route that could be announced.
  case nothingToTell
  /// The selected route leads through this interface (split horizon, §3.7.4).
  case splitHorizon
  /// The `out` chain denies it.
  case denied
  /// The sum of the metric and of what the `out` chain adds is infinity.
  case metricInfinite
  /// The prefix has a source prefix, which the interface does not carry.
  case noSourcePrefixes
  /// There is no address that could be the next hop.
  case noNextHop
  /// Something inside it was left by an earlier life and is not confirmed yet.
  case withheld
  /// Babel does not run there now.
  case interfaceDown
}

/// What is announced of a destination on one interface, and why.
public struct AnnouncementAccount: Equatable, Sendable {
  /// The interface.
  public let interface: InterfaceName
  /// What neighbours there are told.
  public let verdict: AnnouncementVerdict
  /// The number of the `out` rule that matches, from 0; nil if none does.
  public let rule: Int?
}

/// A seqno request that waits for an answer (RFC 8966 §3.2.7).
public struct RequestAccount: Equatable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The router that is asked for a newer seqno.
  public let routerID: RouterID
  /// The least seqno that answers it.
  public let seqno: Seqno
  /// Whether we want the answer ourselves, not only a neighbour.
  public let isOwn: Bool
  /// How often it is repeated yet.
  public let repeatsLeft: Int
  /// Seconds since it was sent last.
  public let age: UInt32
}

/// A table with a limit, and how full it is.
public struct LimitAccount: Equatable, Sendable {
  /// The table.
  public let limit: Limit
  /// The most rows it may have.
  public let most: Int
  /// The rows it has; for limits of each interface or neighbour, those of the fullest.
  public let used: Int
  /// How often a newcomer was refused.
  public let refused: UInt64
}

/// A destination that we announce.
public struct ExportAccount: Equatable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The metric before the `out` chain.
  public let metric: Metric
  /// The router that it is announced for.
  public let routerID: RouterID
  /// Whether it originates here.
  public let isOwn: Bool
  /// On how many interfaces it is announced.
  public let told: Int
  /// How many interfaces are up.
  public let interfaces: Int
}
