import BabelWire

// Rows of the tables as an operator sees them. `id` is stable from `add` to `flush` and never
// reused for another object of the same kind while it lives.

/// An interface (RFC 8966 §3.2.3).
public struct InterfaceStatus: Equatable, Sendable {
  /// The interface's number in the node.
  public let id: InterfaceID
  /// Its name.
  public let name: InterfaceName
  /// Whether Babel runs on it now.
  public let isUp: Bool
  /// The link-local address packets are sent from.
  public let linkLocal: IPAddress?
  /// The IPv4 address announced as next hop.
  public let ipv4: IPAddress?
}

/// A neighbour (RFC 8966 §3.2.4).
public struct NeighbourStatus: Equatable, Sendable {
  /// Key for socket clients.
  public let id: UInt64
  /// Address packets come from.
  public let address: IPAddress
  /// Name of the interface it is heard on.
  public let interface: InterfaceName
  /// Whether that interface is up.
  public let interfaceIsUp: Bool
  /// Multicast Hello history, the newest Hello in the most significant bit.
  public let multicastHistory: UInt16
  /// Unicast Hello history, likewise.
  public let unicastHistory: UInt16
  /// Cost of receiving from it, as we announce it.
  public let rxcost: Metric
  /// Cost of sending to it, as it announced it.
  public let txcost: Metric
  /// Smoothed round-trip time in microseconds; nil without a recent sample (RFC 9616).
  public let roundTripTime: UInt32?
  /// The part of ``cost`` that comes from the round-trip time.
  public let rttCost: Metric
  /// Mean deviation of the round-trip time in microseconds; nil without two recent samples.
  public let jitter: UInt32?
  /// The part of ``cost`` that comes from ``jitter``.
  public let jitterCost: Metric
  /// How many of a thousand of its Hellos get lost; nil if that is not measured.
  public let loss: UInt16?
  /// What is known of that; nil if it is not measured.
  public let lossGrade: LossGrade?
  /// The part of ``cost``, and of ``rxcost``, that comes from ``loss``.
  public let lossCost: Metric
  /// Cost of the link.
  public let cost: Metric

  /// Whether both are alike in everything that babeld's line of a neighbour shows.
  func looksLike(_ other: NeighbourStatus) -> Bool {
    id == other.id && address == other.address && interface == other.interface
      && interfaceIsUp == other.interfaceIsUp && multicastHistory == other.multicastHistory
      && unicastHistory == other.unicastHistory && rxcost == other.rxcost
      && txcost == other.txcost && roundTripTime == other.roundTripTime
      && rttCost == other.rttCost && cost == other.cost
  }
}

/// A prefix that originates here or is redistributed (RFC 8966 §3.7).
public struct OriginatedStatus: Equatable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// The metric it is announced with.
  public let metric: Metric
}

/// A route (RFC 8966 §3.2.6).
public struct RouteStatus: Equatable, Sendable {
  /// Key for socket clients.
  public let id: UInt64
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix, zero length if none.
  public let source: Prefix
  /// Whether this is the route the kernel was asked to use.
  public let isInstalled: Bool
  /// Whether the feasibility condition holds now (§3.5.1).
  public let isFeasible: Bool
  /// The originating router.
  public let routerID: RouterID
  /// Sequence number of the last Update.
  public let seqno: Seqno
  /// Metric including link cost and filters.
  public let metric: Metric
  /// Smoothed metric (A.3).
  public let smoothedMetric: Metric
  /// Metric as announced by the neighbour.
  public let advertisedMetric: Metric
  /// Seconds since the last Update.
  public let age: UInt32
  /// Seconds until it expires unless the neighbour repeats it.
  public let secondsLeft: UInt32
  /// The neighbour's address.
  public let neighbour: IPAddress
  /// Next hop; differs from ``neighbour`` for IPv4 and third-party next hops.
  public let nextHop: IPAddress
  /// Interface of the neighbour.
  public let interface: InterfaceName
  /// Why the route is or is not used.
  public let reason: RouteReason
  /// The kernel table it is installed into, or would be.
  public let table: UInt32
  /// Round-trip time to the router that originates the route, in microseconds; nil if unknown,
  /// which it is unless that router is the neighbour or all on the way carry path attributes.
  public let pathRoundTripTime: UInt32?
  /// What the neighbour asks for the path, without our own fee; nil if it does not say.
  public let price: UInt32?
}

/// Why a route is, or is not, the selected one.
public enum RouteReason: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  /// It is the selected route.
  case selected
  /// The neighbour retracted it.
  case retracted
  /// It was not refreshed in time.
  case expired
  /// The link to the neighbour cannot be used now (cost infinite).
  case linkUnusable
  /// The sum of metric and cost is infinity.
  case metricInfinite
  /// The feasibility condition does not hold (§3.5.1).
  case unfeasible
  /// Another route has a smaller metric, or an equal one and was there first.
  case worse
  /// It is better, but has not been so for long enough (A.3).
  case settling
  /// It is better, but by less than the switch margin.
  case withinMargin
  /// We redistribute the prefix ourselves.
  case redistributedHere
  /// It leads to one of our own addresses.
  case ownAddress
  /// An `in` filter denies it.
  case deniedByFilter
  /// An `install` filter denies it, or the kernel refused it.
  case notInstallable
  /// We lost our source table, so the route may lead back to us; one with a newer seqno was asked
  /// for.
  case awaitingSeqno
  /// The neighbour that the process before us used has some time to confirm its route.
  case awaitingFormer

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .selected: "selected"
    case .retracted: "retracted by the neighbour"
    case .expired: "not refreshed in time"
    case .linkUnusable: "link unusable"
    case .metricInfinite: "metric infinite"
    case .unfeasible: "not feasible"
    case .worse: "worse than the selected route"
    case .settling: "better, but not for long enough yet"
    case .withinMargin: "better, but by less than the switch margin"
    case .redistributedHere: "prefix is redistributed here"
    case .ownAddress: "leads to an address of our own"
    case .deniedByFilter: "denied by an in filter"
    case .notInstallable: "cannot be installed"
    case .awaitingSeqno: "not known to be safe after our crash, waits for a newer seqno"
    case .awaitingFormer: "waits for the route that was in use before our restart"
    }
  }
}
