import BabelKernel
import BabelWire

/// The next-hop objects of the kernel that our routes share (`kernel-nexthops true`): one for each
/// gateway on an interface.
///
/// Routes are decided on as if there were none. Only what goes to the kernel is translated: the
/// route names the number of an object in place of its gateway and interface. Which routes have an
/// object is not kept for each; the kernel tells when its tables are read, and a route that is not
/// as it should be is replaced then. Numbers come from a range of ours and are not used again soon.
struct NexthopObjects {
  /// What tells two objects apart.
  struct Way: Hashable {
    let gateway: IPAddress
    let ifindex: Int32
  }

  /// An object of ours that routes may be put on.
  private struct Object {
    let id: UInt32
    /// About how many routes it has, by what the last reading found and what we did since. It is
    /// made for one.
    var uses = 1
    /// Routes of it were read in the reading that goes on, or last.
    var seen = 0
    /// A route was put on it since the last reading began.
    var isTouched = true
  }

  /// An object of a former life that no route is to be put on.
  private struct Leftover {
    let object: KernelNexthop
    /// Routes of it were read in the reading that goes on, or last.
    var isSeen = false
  }

  /// A gateway whose objects the kernel does not take for the routes of a family.
  private struct Unusable: Equatable {
    let way: Way
    let family: AddressFamily
  }

  /// What a change of a route takes.
  enum Form: Equatable {
    /// It can be sent.
    case ready(RouteStep)
    /// First this object must be made.
    case needs(KernelNexthop)
  }

  /// The numbers of our objects.
  static let range: ClosedRange<UInt32> = 42_000_000...42_065_535
  /// Microseconds after which an object that seems to have no routes any more is looked at.
  static let idlePatience: Int64 = 10_000_000

  /// Whether routes are to share objects.
  private(set) var isWanted = false
  /// Why the kernel has none; nil if it has, or was not asked.
  private(set) var fault: KernelError?
  private var objects: [Way: Object] = [:]
  /// What the numbers stand for that we gave in this life, or took over. Those that are given up
  /// stay until a reading has ended, because the kernel may still refuse a route of such a number.
  private var ways: [UInt32: Way] = [:]
  /// Numbers of our range that are not ours.
  private var taken: [UInt32] = []
  private var leftovers: [Leftover] = []
  /// Gateways for which the kernel refused an object; they are tried again at the next reading.
  private var refused: [Way] = []
  private var unusable: [Unusable] = []
  /// Links that lost objects, and thereby routes, since the last reading.
  private var bereft: [Int32] = []
  private var lastID = range.upperBound
  /// Whether every route was found to have the form that it should have.
  private(set) var isSettled = false
  /// Routes were put on other objects, or on none, in the reading that goes on: what they left may
  /// be without routes now.
  private var hasMoved = false
  /// The object looked up last: most routes have the same as the one before.
  private var latest: (way: Way, id: UInt32)?

  /// Whether there is anything to translate.
  var isActive: Bool { isWanted || !objects.isEmpty || !leftovers.isEmpty }
  /// Objects with their numbers of routes, for the operator.
  var count: Int { objects.count }

  /// Whether routes share objects from now on. True if that is different from before.
  mutating func setWanted(_ isWanted: Bool) -> Bool {
    guard isWanted != self.isWanted else { return false }
    self.isWanted = isWanted
    fault = nil
    refused = []
    unusable = []
    isSettled = false
    return true
  }

  // MARK: Translation

  /// The gateway and interface by which a route may share an object; nil if it cannot.
  static func way(_ route: KernelRoute) -> Way? {
    // The kernel refuses objects for routes with a source prefix.
    guard route.type == .unicast, route.source.isDefault, let gateway = route.gateway,
      let ifindex = route.ifindex
    else { return nil }
    return Way(gateway: gateway, ifindex: ifindex)
  }

  private func isUsable(_ way: Way, for family: AddressFamily) -> Bool {
    isWanted && fault == nil && !refused.contains(way)
      && !unusable.contains(Unusable(way: way, family: family))
  }

  /// What a change takes. A deletion must name what the route has.
  mutating func form(_ step: RouteStep) -> Form {
    var route = step.route
    guard let way = Self.way(route) else { return .ready(step) }
    if step.change == .delete {
      let unusable = Unusable(way: way, family: route.destination.family)
      if route.nexthopID == 0, !self.unusable.contains(unusable) {
        route.nexthopID = id(of: way) ?? 0
      }
      return .ready(RouteStep(change: .delete, route: route))
    }
    route.nexthopID = 0
    guard isUsable(way, for: route.destination.family) else {
      return .ready(RouteStep(change: step.change, route: route))
    }
    guard let id = id(of: way) else {
      return newObject(way).map { .needs($0) } ?? .ready(RouteStep(change: step.change, route: route))
    }
    if objects[way]?.isTouched == false { objects[way]?.isTouched = true }
    route.nexthopID = id
    return .ready(RouteStep(change: step.change, route: route))
  }

  private mutating func id(of way: Way) -> UInt32? {
    if let latest, latest.way == way { return latest.id }
    guard let id = objects[way]?.id else { return nil }
    latest = (way, id)
    return id
  }

  private mutating func newObject(_ way: Way) -> KernelNexthop? {
    for _ in Self.range {
      lastID = lastID == Self.range.upperBound ? Self.range.lowerBound : lastID + 1
      if !taken.contains(lastID), ways[lastID] == nil,
        !leftovers.contains(where: { $0.object.id == lastID })
      {
        return KernelNexthop(id: lastID, gateway: way.gateway, ifindex: way.ifindex)
      }
    }
    refused.append(way)
    return nil
  }

  /// The kernel made an object that ``form(_:)`` asked for.
  mutating func made(_ object: KernelNexthop) {
    guard let way = Self.way(object) else { return }
    objects[way] = Object(id: object.id)
    ways[object.id] = way
  }

  /// The kernel refused to make it. True if the operator should know.
  mutating func refused(_ object: KernelNexthop, _ error: KernelError) -> Bool {
    guard let way = Self.way(object) else { return false }
    if error.errno == ErrorNumber.exists {
      // Somebody has an object of that number: the next one is tried.
      taken.append(object.id)
      return false
    }
    isSettled = false
    if error.errno == ErrorNumber.notSupported {
      fault = error
    } else {
      refused.append(way)
    }
    return true
  }

  static func way(_ object: KernelNexthop) -> Way? {
    guard let gateway = object.gateway, let ifindex = object.ifindex else { return nil }
    return Way(gateway: gateway, ifindex: ifindex)
  }

  /// Tells gateway and interface of a route that names an object, where the kernel does not (it
  /// never does in a refusal, and with `net.ipv4.nexthop_compat_mode=0` nowhere).
  func resolve(_ route: inout KernelRoute) {
    guard route.gateway == nil, !route.isMultipath, let way = ways[route.nexthopID] else { return }
    route.gateway = way.gateway
    route.ifindex = way.ifindex
  }

  /// Whether a route of ours, which leads where it should, has an object though it should be a
  /// plain one, or the other way round, or has not the one that it should have.
  func hasOtherForm(_ route: KernelRoute) -> Bool {
    guard isActive || route.nexthopID != 0, let way = Self.way(route) else { return false }
    guard isUsable(way, for: route.destination.family) else { return route.nexthopID != 0 }
    return objects[way].map { $0.id != route.nexthopID } ?? true
  }

  // MARK: Refusals

  /// What to do about the refusal of a change whose route names an object, or should perhaps have
  /// done so; nil if it has nothing to do with objects. `isSecond`: the change was sent for the
  /// second time.
  mutating func retry(_ failure: RouteFailure, isSecond: Bool) -> RouteStep? {
    guard var route = failure.route, let way = Self.way(route) else { return nil }
    let errno = failure.error.errno
    if failure.change == .delete {
      // As long as both forms are there, it may have had the other one.
      guard errno == ErrorNumber.noSuchProcess, !isSettled, !isSecond else { return nil }
      let other = route.nexthopID == 0 ? id(of: way) : 0
      guard let other else { return nil }
      route.nexthopID = other
      return RouteStep(change: .delete, route: route)
    }
    guard route.nexthopID != 0 else { return nil }
    let isAboutPlace =
      failure.change == .replace
      ? errno == ErrorNumber.noEntry || errno == ErrorNumber.noSuchProcess
      : errno == ErrorNumber.exists
    if isAboutPlace { return nil }
    if isSecond {
      // It is not that somebody removed the object.
      let found = Unusable(way: way, family: route.destination.family)
      if !unusable.contains(found) { unusable.append(found) }
      isSettled = false
    } else {
      forget(route.nexthopID)
    }
    return RouteStep(change: failure.change, route: route)
  }

  // MARK: Losses

  /// Somebody removed or changed the object of a number.
  mutating func forget(_ id: UInt32) {
    guard let way = ways[id], objects[way]?.id == id else { return }
    objects[way] = nil
    if latest?.id == id { latest = nil }
  }

  /// A link is down, or has no carrier: the kernel has removed its objects and all their routes.
  mutating func lose(_ ifindex: Int32) {
    let lost = objects.keys.filter { $0.ifindex == ifindex }
    if !lost.isEmpty { bereft.append(ifindex) }
    for way in lost { objects[way] = nil }
    latest = nil
  }

  /// What the kernel refused at a link may work now.
  mutating func forgive(_ ifindex: Int32) {
    refused.removeAll { $0.ifindex == ifindex }
    unusable.removeAll { $0.way.ifindex == ifindex }
  }

  /// Whether a link lost objects, and thereby routes, since the last reading of the tables.
  func hasLost(_ ifindex: Int32) -> Bool { bereft.contains(ifindex) }

  // MARK: Use

  /// An entry changes from one target to another. True if an object seems to be without routes.
  mutating func move(from old: KernelRoute?, to new: KernelRoute?) -> Bool {
    if let way = new.flatMap({ Self.way($0) }) { objects[way]?.uses += 1 }
    guard let way = old.flatMap({ Self.way($0) }), let uses = objects[way]?.uses else {
      return false
    }
    objects[way]?.uses = uses - 1
    return uses == 1
  }

  // MARK: Readings

  /// The kernel's objects were read, before its routes are. `isOurs` tells whether what is on an
  /// interface was made by us or a former process.
  mutating func take(_ list: [KernelNexthop], isOurs: (Int32) -> Bool) {
    let former = leftovers
    taken = []
    leftovers = []
    refused = []
    bereft = []
    latest = nil
    var found: [UInt32] = []
    for object in list where Self.range.contains(object.id) {
      guard object.kernelProtocol == KernelRoute.babelProtocol,
        object.ifindex.map(isOurs) == true || former.contains(where: { $0.object.id == object.id })
      else {
        taken.append(object.id)
        continue
      }
      guard let way = Self.way(object), object.isOnlink, !object.isSpecial,
        objects[way].map({ $0.id == object.id }) ?? true
      else {
        leftovers.append(Leftover(object: object))
        continue
      }
      found.append(object.id)
      if objects[way] == nil { objects[way] = Object(id: object.id) }
      ways[object.id] = way
    }
    // Those that were not found any more are gone.
    let known = objects
    objects = [:]
    for id in found {
      guard let way = ways[id], var object = known[way] else { continue }
      object.seen = 0
      object.isTouched = false
      objects[way] = object
    }
    isSettled = true
    hasMoved = false
  }

  /// A route that names an object was read.
  mutating func noteRead(_ id: UInt32) {
    if let latest, latest.id == id {
      objects[latest.way]?.seen += 1
    } else if let way = ways[id], objects[way]?.id == id {
      latest = (way, id)
      objects[way]?.seen += 1
    } else {
      for index in leftovers.indices where leftovers[index].object.id == id {
        leftovers[index].isSeen = true
      }
    }
  }

  /// A route was found that has not the form it should have. `isMoved`: it gets that form now.
  mutating func noteOtherForm(isMoved: Bool) {
    isSettled = false
    if isMoved { hasMoved = true }
  }

  /// The reading has ended: objects without routes, which may go unless the node wants some by
  /// their way, and whether a further reading may find more of them.
  mutating func takeIdle(isProof: Bool) -> (objects: [KernelNexthop], mayBeMore: Bool) {
    // What was not read may have the other form.
    if !isProof { isSettled = false }
    var idle: [KernelNexthop] = []
    for (way, object) in objects {
      objects[way]?.uses = max(object.seen, object.isTouched ? 1 : 0)
      if object.seen == 0, !object.isTouched {
        idle.append(KernelNexthop(id: object.id, gateway: way.gateway, ifindex: way.ifindex))
      }
    }
    ways = ways.filter { objects[$0.value]?.id == $0.key }
    for leftover in leftovers where !leftover.isSeen { idle.append(leftover.object) }
    return (idle.ordered { $0.id < $1.id }, hasMoved)
  }

  /// Everything of ours in the kernel, for the end.
  func all() -> [KernelNexthop] {
    let own = objects.map {
      KernelNexthop(id: $0.value.id, gateway: $0.key.gateway, ifindex: $0.key.ifindex)
    }
    return (own + leftovers.map { $0.object }).ordered { $0.id < $1.id }
  }

  /// An object was removed by us.
  mutating func removed(_ object: KernelNexthop) {
    leftovers.removeAll { $0.object.id == object.id }
    forget(object.id)
  }
}
