import BabelWire

// Before editing, read RFC 8966 §3.2.4 and §3.4.

/// One row of the neighbour table, keyed by interface and address.
struct Neighbour {
  let objectID: UInt64
  let interface: InterfaceID
  /// The name of the interface: its routes are told of after the interface itself is gone.
  let interfaceName: InterfaceName
  let address: IPAddress
  let createdAt: Instant
  var multicast = HelloHistory()
  var unicast = HelloHistory()
  /// Cost of sending to the neighbour, as its last IHU said.
  var txcost = Metric.infinity
  /// Whether it ever said that it hears us.
  var heardUs = false
  /// When the last IHU stops to count.
  var ihuExpiry: Instant?
  var roundTrip = RoundTripTime()
  /// Cost of receiving, as computed last.
  var rxcost = Metric.infinity
  /// Part of ``cost`` that comes from the round-trip time.
  var rttCost = Metric.zero
  /// Part of ``cost`` that comes from the variation of the round-trip time.
  var jitterCost = Metric.zero
  /// Cost of the link, as computed last.
  var cost = Metric.infinity
  /// Being flushed: it is in no lookup any more, its routes are being removed.
  var isLeaving = false

  /// Routes learned from this neighbour, a list through the rows.
  var firstRoute = RouteRow.none
  var lastRoute = RouteRow.none
  var routeCount = 0
  /// Rows the job under way has still to look at; nil when there is no job.
  var jobRemaining: Int?
  /// The job under way carries out a retraction of everything.
  var jobRetracts = false
  /// The job under way, or the next one, brings the first round-trip time, or one that is known to
  /// be another: what went before is not the metric of the link and does not count in averages.
  var jobRestartsSmoothing = false
  /// The cost before the change that the job under way spreads.
  var formerCost = Metric.infinity
  /// Raised by a wildcard retraction: routes of an older epoch are retracted.
  var epoch: UInt8 = 0

  /// After a crash: it may have routes through us from before.
  var awaitsAcknowledgment = false
  /// When it is told again that it must not.
  var retractionDue: Instant?
  /// How often it was told by unicast, at most 3 counted.
  var retractionsSent: UInt8 = 0
  /// When adopted entries that lead to it, and that it has not confirmed, are looked at.
  var adoptedDue: Instant?
  /// It was asked for what has not been confirmed.
  var wasAskedForAdopted = false

  /// Unicast TLVs.
  var queue = OutgoingQueue()
  /// Where the unicast full update under way stands in the announcement order.
  var fullUpdatePosition: Int?
  /// When that full update goes on; nil when none is under way.
  var fullUpdateDue: Instant?
  /// When the last full update for this neighbour began.
  var fullUpdateBegan: Instant?
  /// When the last Hello of any kind arrived.
  var lastHello: Instant?
  /// The values last told to monitors.
  var reported: NeighbourStatus?

  init(
    objectID: UInt64, interface: InterfaceID, named name: InterfaceName, address: IPAddress,
    at now: Instant
  ) {
    self.objectID = objectID
    self.interface = interface
    interfaceName = name
    self.address = address
    createdAt = now
  }

  /// When something is to be done about the neighbour's Hellos or IHUs.
  var timerDeadline: Instant? {
    var first = Instant.distantFuture
    if let deadline = multicast.deadline { first = min(first, deadline) }
    if let deadline = unicast.deadline { first = min(first, deadline) }
    if let retractionDue { first = min(first, retractionDue) }
    if let adoptedDue { first = min(first, adoptedDue) }
    if let ihuExpiry { first = min(first, ihuExpiry) }
    if multicast.deadline == nil, unicast.deadline == nil {
      first = min(first, (lastHello ?? createdAt) + ProtocolParameters.silentNeighbour)
    }
    return first
  }
}
