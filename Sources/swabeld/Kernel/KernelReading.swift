import BabelCore
import BabelKernel
import BabelWire

/// A reading of the kernel's tables under way, in slices: everything that may be redistributed is
/// offered to the node once more, and what we have in the kernel is compared with what should be
/// there.
struct KernelReading {
  /// Where the reading stands.
  enum Phase {
    /// Routes are being read.
    case routes
    /// These routes of others were not read, and it is to be found out what that means.
    case doubtful([KernelOffer])
    /// What should be there and was not seen is looked for, from this position on.
    case missing(position: UInt32)
  }

  /// Attempts at a dump that the kernel calls inconsistent.
  static let attemptLimit = 3

  /// Where the reading stands.
  var phase = Phase.routes
  /// Attempts so far.
  var attempt = 1
  /// Set when changes were not heard of meanwhile: what was read may be old already.
  var isOutdated = false
  /// Set when routes were removed meanwhile: IPv6 routes that nobody touched may have been left
  /// out.
  private(set) var isDisturbed = false
  /// Set when the kernel called each of several dumps inconsistent: an entry of either family may
  /// have been left out.
  private(set) var isInconsistent = false
  /// What was not read.
  var missing = MissingOffers()
  /// What matters for tables of sources.
  private(set) var inventory = SourceInventory()
  /// Routes of others found so far.
  private(set) var foreign: ForeignRoutes
  /// The same, without what was heard meanwhile.
  private var leadingRoutes: ForeignRoutes
  private var seen = KeySet()
  private var changed: Set<ForwardingKey> = []
  private var changedPlaces: Set<KernelRouteKey> = []
  /// An entry was found wrong.
  private(set) var hasCorrected = false
  private var heard: Set<RouteIdentity> = []

  init(_ places: ForeignRoutes.Places) {
    foreign = ForeignRoutes(places)
    leadingRoutes = ForeignRoutes(places)
  }

  /// Notes that something may have been left out.
  mutating func disturb() {
    isDisturbed = true
    inventory.mayLackIPv6 = true
  }

  /// Notes that the last dump is taken as it is, though the kernel calls it inconsistent.
  mutating func acceptInconsistency() {
    isInconsistent = true
    inventory.mayLackIPv4 = true
    disturb()
  }

  /// Whether entries of a family may have been left out.
  func mayLack(_ family: AddressFamily) -> Bool {
    isInconsistent || isDisturbed && family == .ipv6
  }

  /// Whether a route of a family that was not read is not there.
  func isProof(for family: AddressFamily) -> Bool { !isOutdated && !mayLack(family) }

  /// Notes what matters for tables of sources. True if the route is nothing but an exception.
  mutating func noteForSources(_ route: KernelRoute, _ sources: SourcePrefixTables?) -> Bool {
    guard let sources else { return false }
    if route.kernelProtocol != KernelRoute.babelProtocol {
      if sources.handles(route.destination.family), sources.isLookedUpLater(route) {
        inventory.foreign.insert(route.destination)
      }
      return false
    }
    guard sources.isException(route) else { return false }
    inventory.exceptions[route.table, default: []].insert(route.destination)
    return true
  }

  /// Notes that an entry was changed by us meanwhile: what was read about it may be old.
  mutating func noteChange(of key: ForwardingKey) { changed.insert(key) }

  /// Notes that the route at a place was changed by us meanwhile: one that is read there may be
  /// old.
  mutating func noteChange(at place: KernelRouteKey) { changedPlaces.insert(place) }

  /// Notes that an entry was wrong and is corrected. If the dump may lack routes, there may be more
  /// wrong ones among those.
  mutating func noteCorrection() { hasCorrected = true }

  /// Notes that an entry is in the kernel, right or to be corrected.
  mutating func noteFound(_ key: ForwardingKey) { seen.insert(key) }

  /// Notes a route of somebody else that was read.
  mutating func noteForeign(_ route: KernelRoute) {
    foreign.insert(route)
    // The kernel lists IPv4 routes of one place in the order in which it prefers them.
    if route.destination.family == .ipv4 { leadingRoutes.insert(route) }
  }

  /// The routes of others at a place that were read so far, without those heard of meanwhile. At
  /// the time when ours is read, packets follow these.
  func leading(at key: KernelRouteKey) -> [KernelRoute] { leadingRoutes.occupants(key) }

  /// A route of somebody else came while the tables are read.
  mutating func heardAdded(_ route: KernelRoute, replacing: Bool) {
    heard.insert(RouteIdentity(route))
    foreign.insert(route, replacing: replacing)
  }

  /// A route of somebody else went while the tables are read.
  mutating func heardRemoved(_ route: KernelRoute) {
    heard.insert(RouteIdentity(route))
    foreign.remove(route)
  }

  /// Whether a route that was read came or went meanwhile. The kernel prepares a piece of its
  /// tables before it is asked for, so what was heard is newer.
  func hasHeard(of route: KernelRoute) -> Bool {
    !heard.isEmpty && heard.contains(RouteIdentity(route))
  }

  /// Whether we changed the route at a place meanwhile.
  func hasChanged(at place: KernelRouteKey) -> Bool { changedPlaces.contains(place) }

  /// Whether an entry was found or changed. Only after ``prepareLookup()``.
  func hasSeen(_ key: ForwardingKey) -> Bool { changed.contains(key) || seen.contains(key) }

  /// To be called between noting and asking.
  mutating func prepareLookup() { seen.prepare() }
}

/// What tells a route of somebody else from every other.
private struct RouteIdentity: Hashable {
  let key: KernelRouteKey
  let kernelProtocol: UInt8
  let typeOfService: UInt8
  let ifindex: Int32?
  let gateway: IPAddress?

  init(_ route: KernelRoute) {
    key = route.key
    kernelProtocol = route.kernelProtocol
    typeOfService = route.typeOfService
    ifindex = route.ifindex
    gateway = route.gateway
  }
}

/// A set of keys held as 64-bit hashes: 8 octets a key while 100,000 routes are compared. Two
/// keys with one hash would hide a missing route until the next comparison.
struct KeySet {
  private var hashes: [UInt64] = []
  private var sortedCount = 0

  /// Adds a key.
  mutating func insert(_ key: ForwardingKey) { hashes.append(Self.hash(key)) }

  /// Makes the set ready to be asked.
  mutating func prepare() {
    guard sortedCount != hashes.count else { return }
    hashes.sort()
    sortedCount = hashes.count
  }

  /// Whether a key was added before the last ``prepare()``.
  func contains(_ key: ForwardingKey) -> Bool {
    let hash = Self.hash(key)
    var low = 0
    var high = sortedCount
    while low < high {
      let middle = (low + high) / 2
      if hashes[middle] < hash { low = middle + 1 } else { high = middle }
    }
    return low < sortedCount && hashes[low] == hash
  }

  private static func hash(_ key: ForwardingKey) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(key)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}
