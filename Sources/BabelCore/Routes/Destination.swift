import BabelWire

/// What the routes and sources of one (destination, source prefix) hang on. 100,000 of them are
/// normal, so every field is as small as it can be.
struct Destination {
  private let high: UInt64
  private let low: UInt64
  private let mappedLength: UInt8
  var flags = DestinationFlags()
  /// Interned source prefix.
  let sourcePrefix: UInt16
  /// The way of the kernel's entry while ``DestinationFlags/adopted`` is set.
  var adoptedWay = AdoptedWay.first
  /// Next row with the same hash.
  var nextInBucket = DestinationRow.none
  /// First route, a list through the rows in order of arrival.
  var firstRoute = RouteRow.none
  /// The selected route.
  var selected = RouteRow.none

  /// The next hop that the kernel was asked for last, if any; see ``flags``.
  var forwardedNextHop = NextHopRow.none
  var forwardedMetric: UInt16 = 0
  /// Number of the install rule plus one that shaped the entry, 0 if none did.
  var forwardedRule: UInt16 = 0

  /// Router-id of the source entry held here, the one we announced last; interned.
  var sourceRouter = RouterRow.none
  var sourceDistance = FeasibilityDistance(seqno: Seqno(0), metric: .infinity)
  /// When the source entry held here is forgotten.
  var sourceExpiry = Tick(rawValue: 0)
  /// Metric we announced last, before the `out` filter; infinity after a retraction that left
  /// nobody with a finite one.
  var announcedMetric = Metric.infinity
  /// Metric we redistribute the prefix with, if ``DestinationFlags/originated`` is set.
  var originatedMetric = Metric.infinity
  /// Position of the latest entry in the change log.
  var logPosition = LogPosition()
  /// When the prefix stops being held after it was lost.
  var holdExpiry = Tick(rawValue: 0)

  /// See ``betterSince``; 0 for nil.
  private var betterSinceTick = Tick(rawValue: 0)

  /// While a route is selected: since when another one has been better by the margin without
  /// being selected.
  var betterSince: Tick? {
    get { betterSinceTick.rawValue == 0 ? nil : betterSinceTick }
    set { betterSinceTick = newValue ?? Tick(rawValue: 0) }
  }

  init(_ prefix: Prefix, sourcePrefix: UInt16) {
    high = prefix.address.high
    low = prefix.address.low
    mappedLength = prefix.mappedLength
    self.sourcePrefix = sourcePrefix
  }

  /// The destination prefix.
  var prefix: Prefix {
    Prefix(mapped: IPAddress(high: high, low: low), mappedLength: mappedLength)
  }

  func equals(_ prefix: Prefix, _ sourcePrefix: UInt16) -> Bool {
    low == prefix.address.low && high == prefix.address.high
      && mappedLength == prefix.mappedLength && self.sourcePrefix == sourcePrefix
  }
}

/// Conditions of a destination.
struct DestinationFlags: OptionSet {
  let rawValue: UInt16
  /// The row is in use.
  static let live = DestinationFlags(rawValue: 1)
  /// We redistribute the prefix.
  static let originated = DestinationFlags(rawValue: 2)
  /// We announced a finite metric; until the hold ends that followed its loss, or its source
  /// entry is forgotten.
  static let announced = DestinationFlags(rawValue: 4)
  /// It was announced and is lost; retractions are sent, a learned one is held as unreachable.
  static let held = DestinationFlags(rawValue: 8)
  /// The hold came from a learned route, so the kernel holds the prefix as unreachable.
  static let heldInKernel = DestinationFlags(rawValue: 16)
  /// The kernel was asked for an unreachable entry.
  static let forwardedUnreachable = DestinationFlags(rawValue: 32)
  /// There are source entries for other router-ids in the side table.
  static let moreSources = DestinationFlags(rawValue: 64)
  /// A seqno request for it is pending or remembered.
  static let requested = DestinationFlags(rawValue: 128)
  /// The index is in the announcement order; stays when the row is reused.
  static let inAnnouncementOrder = DestinationFlags(rawValue: 256)
  /// Copies of a critical update still to be sent: none, one or two.
  static let copyOne = DestinationFlags(rawValue: 512)
  static let copyTwo = DestinationFlags(rawValue: 1024)
  /// The row is in the queue of copies.
  static let copyQueued = DestinationFlags(rawValue: 2048)
  /// The kernel has an entry of an earlier life; ``Destination/adoptedWay`` names its way in
  /// ``AdoptedForwarding``.
  static let adopted = DestinationFlags(rawValue: 16384)
  /// It is to be selected again when a better route has settled.
  static let settling = DestinationFlags(rawValue: 8192)
}
