import BabelCore
import BabelKernel
import BabelWire

@testable import swabeld

/// The kernel's links and its main table, as far as they matter for the mirror: routes compete for
/// places, go with their links, and changes of others are told as long as there is room for that.
struct RouteKernel {
  struct Link {
    let ifindex: Int32
    let name: InterfaceName
    var isUp = true
    var hasCarrier = true
    /// In the words of a link event.
    var asKernelLink: KernelLink {
      KernelLink(
        ifindex: ifindex, name: name, flags: !isUp ? 0 : hasCarrier ? 0x1_0041 : 0x1)
    }
  }

  private(set) var links: [Link]
  private(set) var routes: [KernelRoute] = []
  /// IPv6 routes go with their link without a word, too.
  var isSilentOnDown = false
  /// Places where somebody else ever had a route.
  private(set) var visited: Set<KernelRouteKey> = []
  /// A link where another Babel daemon lives: all routes through it are that one's.
  let foreignLink: Int32
  private var touched: [KernelRoute] = []
  private var told: [KernelEvent] = []
  private var hasLostEvents = false
  /// Events that wait at most.
  private static let room = 12

  init(_ links: [Link], foreignLink: Int32) {
    self.links = links
    self.foreignLink = foreignLink
  }

  /// Whether we made a route, or a former process of ours.
  func isMadeByUs(_ route: KernelRoute) -> Bool {
    route.kernelProtocol == KernelRoute.babelProtocol && route.ifindex != foreignLink
  }

  /// Hands over the routes of others that changes of ours hit.
  mutating func takeTouched() -> [KernelRoute] {
    defer { touched = [] }
    return touched
  }

  // MARK: Rules

  /// Which sources are looked up in which tables, before the main table.
  private(set) var rules: [KernelRule] = []

  /// Adds a rule of ours.
  mutating func add(_ rule: KernelRule) { if !rules.contains(rule) { rules.append(rule) } }
  /// Removes a rule, whoever made it.
  mutating func remove(_ rule: KernelRule) { rules.removeAll { $0 == rule } }

  /// The route that a packet takes; nil if there is none.
  func way(from source: IPAddress, to destination: IPAddress) -> KernelRoute? {
    let tables = rules.filter { $0.source.contains(source) }
      .sorted { $0.priority < $1.priority }.map { $0.table }
    for table in tables + [KernelRoute.mainTable] {
      let found = routes.filter {
        $0.table == table && $0.destination.contains(destination) && !$0.isDead
      }.max {
        ($0.destination.length, $1.metric) < ($1.destination.length, $0.metric)
      }
      if let found, found.type != .throw { return found }
    }
    return nil
  }

  // MARK: What is told

  private mutating func tell(_ event: KernelEvent) {
    if told.count < Self.room { told.append(event) } else { hasLostEvents = true }
  }

  /// What waits to be heard. That some were lost is told first.
  mutating func receive() -> [KernelEvent] {
    let events = (hasLostEvents ? [.overflow] : []) + told
    told = []
    hasLostEvents = false
    return events
  }

  /// The socket's buffer is full: what waits is lost.
  mutating func overflow() {
    told = []
    hasLostEvents = true
  }

  // MARK: Changes of ours

  /// Carries out a change of ours. Returns the error number if it is refused.
  mutating func apply(_ change: RouteChange, _ route: KernelRoute) -> Int32? {
    if change != .delete, let errno = refusal(route) { return errno }
    let stored = stored(route)
    let place = routes.firstIndex { $0.key == route.key }
    switch change {
    case .add:
      guard place == nil else { return ErrorNumber.exists }
      routes.append(stored)
    case .append:
      guard !routes.contains(where: { $0.key == route.key && $0.forwardsLike(stored) }) else {
        return ErrorNumber.exists
      }
      routes.append(stored)
    case .replace:
      guard let place else { return ErrorNumber.noEntry }
      if !isMadeByUs(routes[place]) { touched.append(routes[place]) }
      routes[place] = stored
    case .delete:
      // The kernel has the routes of a destination in the order of their metrics.
      let meant = routes.indices.filter { isMeant(route, routes[$0]) }
      guard let index = meant.min(by: { routes[$0].metric < routes[$1].metric }) else {
        return ErrorNumber.noSuchProcess
      }
      let gone = routes.remove(at: index)
      if !isMadeByUs(gone) { touched.append(gone) }
    }
    return nil
  }

  /// Why the kernel takes no route that leads somewhere.
  private func refusal(_ route: KernelRoute) -> Int32? {
    guard route.type == .unicast, !route.isMultipath else { return nil }
    guard let link = links.first(where: { $0.ifindex == route.ifindex }) else {
      return ErrorNumber.noDevice
    }
    return link.isUp ? nil : ErrorNumber.networkDown
  }

  private func stored(_ route: KernelRoute) -> KernelRoute {
    var stored = route
    stored.metric = route.storedMetric
    return stored
  }

  /// Whether a route is one that a request to delete is about.
  private func isMeant(_ wanted: KernelRoute, _ route: KernelRoute) -> Bool {
    route.destination == wanted.destination && route.table == wanted.table
      // For IPv4, 0 means any.
      && (wanted.storedMetric == 0 || wanted.storedMetric == route.metric)
      && route.kernelProtocol == wanted.kernelProtocol && route.type == wanted.type
      && (wanted.gateway == nil || wanted.gateway == route.gateway)
      && (wanted.ifindex == nil || wanted.ifindex == route.ifindex)
  }

  // MARK: Changes of others

  /// The other way of a route of somebody else that has two.
  private static let secondGateway = IPAddress("fe80::99")

  /// A link loses its carrier or gets it back. The kernel does not use the routes of others that
  /// lead there meanwhile, and does not tell so.
  mutating func setCarrier(_ hasCarrier: Bool, _ ifindex: Int32) {
    guard let index = links.firstIndex(where: { $0.ifindex == ifindex }), links[index].isUp,
      links[index].hasCarrier != hasCarrier
    else { return }
    links[index].hasCarrier = hasCarrier
    for index in routes.indices where routes[index].ifindex == ifindex {
      routes[index].isDead = !hasCarrier
    }
    tell(.linkChanged(links[index].asKernelLink))
  }

  /// Somebody gives an IPv6 route through a link that is not ours a second way, or takes the second
  /// way from it. Of the first only the way that went is told.
  mutating func toggleSecondWay(at index: Int, through ifindex: Int32) {
    var route = routes[index]
    guard route.destination.family == .ipv6,
      route.kernelProtocol != KernelRoute.babelProtocol
    else { return }
    if route.isMultipath {
      route.isMultipath = false
      route.gateway = IPAddress("fe80::1")
      route.ifindex = ifindex
      guard let link = links.first(where: { $0.ifindex == ifindex }), link.isUp else { return }
      route.isDead = !link.hasCarrier
      routes[index] = route
      route.gateway = Self.secondGateway
      tell(.routeRemoved(route))
    } else if route.ifindex == ifindex {
      route.isMultipath = true
      route.gateway = nil
      route.ifindex = nil
      route.isDead = false
      routes[index] = route
      tell(.routeAdded(route, replacing: false))
    }
  }

  /// How others put a route in place.
  enum Manner { case add, first, replace }

  /// Somebody else adds or replaces a route.
  mutating func insert(_ route: KernelRoute, _ manner: Manner) {
    guard refusal(route) == nil else { return }
    var stored = stored(route)
    stored.isDead = links.contains { $0.ifindex == route.ifindex && !$0.hasCarrier }
    let place = routes.firstIndex { $0.key == route.key }
    if !isMadeByUs(route) { visited.insert(route.key) }
    switch (manner, place) {
    case (.replace, let index?): routes[index] = stored
    // IPv6 would make one route with two legs of both.
    case (.first, let index?) where route.destination.family == .ipv4:
      guard !routes.contains(where: { $0.key == route.key && $0.forwardsLike(stored) }) else {
        return
      }
      routes.insert(stored, at: index)
    case (_, nil): routes.append(stored)
    default: return
    }
    tell(.routeAdded(stored, replacing: manner == .replace && place != nil))
  }

  /// Somebody else removes a route, perhaps one of ours.
  mutating func remove(at index: Int) { tell(.routeRemoved(routes.remove(at: index))) }

  /// A link goes down or comes up.
  mutating func setUp(_ isUp: Bool, _ ifindex: Int32) {
    guard let index = links.firstIndex(where: { $0.ifindex == ifindex }),
      links[index].isUp != isUp
    else { return }
    links[index].isUp = isUp
    links[index].hasCarrier = true
    let gone = isUp ? [] : routes.filter { $0.ifindex == ifindex }
    routes.removeAll { gone.contains($0) }
    for route in gone where route.destination.family == .ipv6 && !isSilentOnDown {
      tell(.routeRemoved(route))
    }
    tell(.linkChanged(links[index].asKernelLink))
  }

  // MARK: Reading

  /// Where a dump is: IPv4 goes by destinations, IPv6 counts its way and so leaves routes out
  /// when others before them are removed.
  struct Dump {
    fileprivate var isIPv6 = false
    fileprivate var last: Prefix?
    fileprivate var position = 0
    init() {}
  }

  /// The next piece of a dump; nil at its end.
  func next(_ dump: inout Dump) -> [KernelRoute]? {
    let family = dump.isIPv6 ? AddressFamily.ipv6 : .ipv4
    let mine = routes.filter { $0.destination.family == family }
    let destinations = Set(mine.map { $0.destination }).sorted()
    // The kernel has a fixed order of places, and keeps that of the routes at one place.
    let sorted = destinations.flatMap { one in mine.filter { $0.destination == one } }
    if dump.isIPv6 {
      guard dump.position < sorted.count else { return nil }
      let piece = Array(sorted[dump.position..<min(dump.position + 2, sorted.count)])
      dump.position += piece.count
      return piece
    }
    let last = dump.last
    guard let next = destinations.first(where: { one in last.map { $0 < one } ?? true }) else {
      dump.isIPv6 = true
      return []
    }
    dump.last = next
    return sorted.filter { $0.destination == next }
  }

  /// The route that leads to a destination alone, for a question about it.
  func lookUp(_ destination: Prefix) -> KernelRoute? {
    routes.filter { $0.destination == destination }.min { $0.metric < $1.metric }
  }
}
