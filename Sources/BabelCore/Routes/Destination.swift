import BabelWire

/// What the routes and sources of one (destination, source prefix) hang on. 100,000 of them are
/// normal, so every field is as small as it can be.
///
/// Several rooms keep something here, and only the verbs below write it: each room uses those under
/// its name.
struct Destination {
  private let high: UInt64
  private let low: UInt64
  private let mappedLength: UInt8
  fileprivate(set) var flags = DestinationFlags()
  /// Interned source prefix.
  let sourcePrefix: UInt16
  /// Metric we announced last, before the `out` filter; infinity after a retraction that left
  /// nobody with a finite one.
  fileprivate(set) var announcedMetric = Metric.infinity
  /// Next row with the same hash.
  var nextInBucket = DestinationRow.none
  /// First route, a list through the rows in order of arrival.
  var firstRoute = RouteRow.none
  /// The selected route.
  fileprivate(set) var selected = RouteRow.none

  /// The next hop that the kernel was asked for last, if any; see ``flags``.
  fileprivate(set) var forwardedNextHop = NextHopRow.none
  /// The number of ``adoptedWay`` while there is such an entry, the metric of ours otherwise: an
  /// entry is one of both.
  private var wayOrMetric: UInt16 = 0
  /// Number of the install rule plus one that shaped the entry, 0 if none did.
  fileprivate(set) var forwardedRule: UInt16 = 0

  /// Router-id of the source entry held here, the one we announced last; interned.
  var sourceRouter = RouterRow.none
  var sourceDistance = FeasibilityDistance(seqno: Seqno(0), metric: .infinity)
  /// When the source entry held here is forgotten.
  var sourceExpiry = Tick(rawValue: 0)
  /// Position of the latest entry in the change log.
  fileprivate(set) var logPosition = LogPosition()
  /// ``holdExpiry`` of a prefix that is held, ``betterSince`` of any other; 0 for nil.
  private var time = Tick(rawValue: 0)

  /// When the prefix stops being held after it was lost; means nothing if it is not held.
  var holdExpiry: Tick { time }

  /// While a route is selected: since when another one has been better by the margin without
  /// being selected.
  var betterSince: Tick? { flags.contains(.held) || time.rawValue == 0 ? nil : time }

  /// Metric of the entry that the kernel was asked for; means nothing while one is adopted.
  var forwardedMetric: UInt16 { wayOrMetric }

  /// The way of the kernel's entry while ``DestinationFlags/adopted`` is set.
  var adoptedWay: AdoptedWay { AdoptedWay(number: wayOrMetric) }

  /// A row in use. `isInOrder` says that the announcement order names its index already.
  init(_ prefix: Prefix, sourcePrefix: UInt16, isInOrder: Bool) {
    flags = isInOrder ? [.live, .inAnnouncementOrder] : .live
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

// MARK: - Verbs

// Routes
extension Destination {
  /// The row is not in use any more.
  mutating func free() { flags.formIntersection(.inAnnouncementOrder) }

  /// Notes whether there are source entries in the side table.
  mutating func setMoreSources(_ areThere: Bool) { set(.moreSources, areThere) }

  /// Notes whether the announcement order names the index.
  mutating func setInAnnouncementOrder(_ isNamed: Bool) { set(.inAnnouncementOrder, isNamed) }

  private mutating func set(_ flag: DestinationFlags, _ isSet: Bool) {
    if isSet { flags.insert(flag) } else { flags.remove(flag) }
  }
}

// Selection
extension Destination {
  /// Selects a route, or none.
  mutating func select(_ route: RouteRow) { selected = route }

  /// Notes since when another route has been better by the margin; nil if none is.
  mutating func setBetterSince(_ since: Tick?) {
    if !flags.contains(.held) { time = since ?? Tick(rawValue: 0) }
  }

  /// It is to be selected again when a better route has settled, or need not be.
  mutating func setSettling(_ isSettling: Bool) { set(.settling, isSettling) }

  /// It is lost, and held until then.
  mutating func hold(inKernel: Bool, until due: Instant) {
    flags.insert(inKernel ? [.held, .heldInKernel] : .held)
    time = Tick(due)
  }

  /// It is not held any more.
  mutating func endHold() {
    flags.remove([.held, .heldInKernel, .keepsEntry])
    time = Tick(rawValue: 0)
  }

  /// While it is held the kernel keeps the entry that it has.
  mutating func keepEntry() { flags.insert(.keepsEntry) }

  /// What is held is unreachable from now on.
  mutating func endKeeping() { flags.remove(.keepsEntry) }

  /// It stays held, if it is, but the kernel need not know of that.
  mutating func endHoldInKernel() { flags.remove(.heldInKernel) }
}

// Forwarding
extension Destination {
  /// Notes what the kernel is asked for from now on.
  mutating func forward(
    _ nextHop: NextHopRow, metric: UInt16, rule: UInt16, isUnreachable: Bool
  ) {
    forwardedNextHop = nextHop
    wayOrMetric = metric
    forwardedRule = rule
    set(.forwardedUnreachable, isUnreachable)
  }

  /// The `install` rule has another number now.
  mutating func renumber(_ rule: UInt16) { forwardedRule = rule }
}

// Announcing
extension Destination {
  /// Notes where the change log names it.
  mutating func setLogPosition(_ position: LogPosition) { logPosition = position }

  /// A finite metric is announced.
  mutating func announced(_ metric: Metric) {
    flags.insert(.announced)
    announcedMetric = metric
  }

  /// A retraction has left, and nobody was told of a finite metric.
  mutating func retracted() { announcedMetric = .infinity }

  /// Nobody can have it from us any more.
  mutating func forgetAnnouncement() { flags.remove(.announced) }

  /// Further copies of a critical update are to be sent: one, or two. Returns whether it has to be
  /// entered into the queue of copies.
  mutating func planCopies(two: Bool) -> Bool {
    flags.remove([.copyOne, .copyTwo])
    flags.insert(two ? .copyTwo : .copyOne)
    guard !flags.contains(.copyQueued) else { return false }
    flags.insert(.copyQueued)
    return true
  }

  /// The time for a copy has come. Returns whether one is sent, and whether another one follows.
  mutating func takeCopy() -> (isSent: Bool, isFollowed: Bool) {
    let (one, two) = (flags.contains(.copyOne), flags.contains(.copyTwo))
    flags.remove([.copyOne, .copyTwo, .copyQueued])
    if two { flags.formUnion([.copyOne, .copyQueued]) }
    return (one || two, two)
  }
}

// Origination
extension Destination {
  /// Notes whether we redistribute it; ``RouteTable/originate(_:_:)`` knows with which metric.
  mutating func setOriginated(_ isOriginated: Bool) { set(.originated, isOriginated) }
}

// Requests
extension Destination {
  /// Notes whether a seqno request for it is pending or remembered.
  mutating func setRequested(_ isRequested: Bool) { set(.requested, isRequested) }
}

// Restart
extension Destination {
  /// The kernel has an entry of an earlier life. If it `isPreferred` no route elsewhere is selected
  /// for the time being.
  mutating func adopt(_ way: AdoptedWay, isPreferred: Bool) {
    flags.insert(.adopted)
    set(.prefersAdopted, isPreferred)
    wayOrMetric = way.number
  }

  /// A route elsewhere may be selected from now on.
  mutating func endPreference() { flags.remove(.prefersAdopted) }

  /// The entry of an earlier life is replaced, or gone.
  mutating func endAdoption() { flags.subtract([.adopted, .prefersAdopted]) }
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
  /// It is held, and the kernel keeps the entry of the route that was lost for a while.
  static let keepsEntry = DestinationFlags(rawValue: 4096)
  /// The kernel has an entry of an earlier life; ``Destination/adoptedWay`` names its way in
  /// ``AdoptedForwarding``.
  static let adopted = DestinationFlags(rawValue: 16384)
  /// The neighbour that this entry leads to has its time to confirm it before another route is
  /// selected.
  static let prefersAdopted = DestinationFlags(rawValue: 32768)
  /// It is to be selected again when a better route has settled.
  static let settling = DestinationFlags(rawValue: 8192)
}
