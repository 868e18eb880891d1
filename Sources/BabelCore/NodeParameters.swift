import BabelWire

/// What the node as a whole is told at start.
public struct NodeParameters: Equatable, Sendable {
  /// Our router-id (§4.1.3).
  public var routerID: RouterID
  /// Our own seqno at start (§3.2.2).
  public var seqno: Seqno
  /// ``seqno`` was chosen by chance, or may lag behind what an earlier life announced. A neighbour
  /// that asks for a newer one is believed for as long as neighbours remember that life: from
  /// ``BabelNode/begin(_:at:)`` on for three minutes, or longer where Updates are rare.
  public var hasLostSeqno = false
  /// Seed of all jitter.
  public var seed: UInt64
  /// 32 octets that nobody can guess, for indices and nonces (RFC 8967 §4); made from ``seed``
  /// here, which is good for simulation only.
  public var entropy: [UInt8]
  /// The packet counter an interface begins behind, for tests.
  package var firstPacketCounter: UInt32 = 0
  /// UDP port, source and destination.
  public var port: UInt16 = 6696
  /// Kernel table for routes without an `install … table` action.
  public var exportTable: UInt32 = 254
  /// Kernel metric of installed routes.
  public var kernelPriority: UInt32 = 0
  /// Add the Babel metric to ``kernelPriority``.
  public var reflectsKernelMetric = false
  /// With a value N: a Babel route is installed beside a redistributed one whose metric is
  /// below N (babeld's `allow-duplicates`).
  public var allowDuplicates: UInt16?
  /// Half-life of the smoothed metric in milliseconds; nil means three Hello intervals' time
  /// constant (A.3), 0 switches smoothing off.
  public var smoothingHalfLife: UInt32?
  /// By how much a route must be better to replace a usable one; nil means by 12 where the cost
  /// of a link is measured and the metrics are not steady, else by any difference.
  public var switchMargin: UInt16?
  /// For how many milliseconds it must have been so; nil means 4000 where the cost of a link is
  /// measured and the route is not new, else not at all.
  public var switchDwell: UInt32?
  /// What the kernel does with packets to a destination whose neighbour fell silent, while no other
  /// route can be used.
  public var neighbourLoss = NeighbourLoss.unreachable
  /// Most times a critical Update is sent again (§3.7.2); 0 trusts that links lose nothing.
  public var copyLimit = Int.max
  /// Emit ``Notice/route(_:_:)``; costs time when many routes change.
  public var reportsRoutes = false
  /// Tables cannot hold source-specific IPv4 (Linux without rules): such routes are ignored.
  public var supportsSourceSpecificIPv4 = false
  /// The kernel can install IPv4 routes with IPv6 next hops.
  public var supportsV4ViaV6 = true
  /// What we ask for traffic; counts on interfaces that carry path attributes.
  public var pricing = Pricing()
  /// Most interfaces.
  public var interfaceLimit = 4096
  /// Most neighbours of one interface.
  public var neighbourLimit = 4096
  /// Most routes.
  public var routeLimit = 1_000_000
  /// Most routes of one neighbour.
  public var neighbourRouteLimit = 1_000_000
  /// Most routes kept that the `in` filter denies, so that they are there when it changes. They
  /// take at most half of ``routeLimit`` and ``neighbourRouteLimit``.
  public var deniedRouteLimit = 10_000
  /// Most rows of the source table beyond those merged with selected routes.
  public var sourceLimit = 1_000_000
  /// Most redistributed prefixes.
  public var originatedLimit = 1_000_000
  /// Most seqno requests pending or remembered.
  public var requestLimit = 10_000

  /// Makes parameters with the defaults above.
  public init(routerID: RouterID, seqno: Seqno, seed: UInt64) {
    self.routerID = routerID
    self.seqno = seqno
    self.seed = seed
    entropy = (0..<8).map { UInt8(truncatingIfNeeded: seed >> UInt64(8 * $0)) }
  }
}
