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
  struct Way: Equatable {
    let gateway: IPAddress
    let ifindex: Int32
  }

  private enum State {
    /// Routes are put on the object.
    case current
    /// An earlier life left the object, and no route is to be put on it.
    case leftover
    /// The object is not in the kernel any more, as far as we know. The kernel may still refuse a
    /// route with its number, so it is known until a reading has ended.
    case gone
    /// The number is taken by somebody else.
    case taken
    /// The kernel refuses an object; this is tried again at the next reading.
    case refused
    /// The kernel refuses routes with an object.
    case unusable
  }

  /// An object, or why there is none.
  private struct Row {
    let way: Way
    /// 0 if there is no object.
    let id: UInt32
    var state: State
    /// About how many routes it has, by what the last reading found and what we did since. It is
    /// made for one.
    var uses: Int32 = 1
    /// How many routes with it were read in the reading that goes on, or last.
    var seen: Int32 = 0
    /// A route was put on it, or may have been, since the last reading began.
    var isTouched = true

    /// Whether it is in the kernel and without routes, as far as was read.
    var isIdle: Bool {
      (state == .current || state == .leftover) && seen == 0 && !isTouched
    }
  }

  /// The numbers of our objects.
  static let range: ClosedRange<UInt32> = 42_000_000...42_065_535

  /// Whether routes are to share objects.
  private(set) var isWanted = false
  /// Whether the kernel has none.
  private var isUnsupported = false
  private var rows: [Row] = []
  /// The row that was looked up last: most routes have the same as the one before.
  private var latest = 0
  private var hasRefusals = false
  private var lastID = range.upperBound
  /// Whether every route was found to have the form that it should have.
  private var isSettled = false
  /// Whether something was found since the last reading began, by which that is not so.
  private var isDisturbed = false
  /// Routes were put on other objects, or on none, in the reading that goes on: what they left may
  /// be without routes now.
  private var hasMoved = false

  /// Whether there is anything to translate.
  var isActive: Bool { isWanted || !rows.isEmpty }

  /// Whether routes share objects from now on. True if that is different from before.
  @inline(never)
  mutating func setWanted(_ isWanted: Bool) -> Bool {
    guard isWanted != self.isWanted else { return false }
    self.isWanted = isWanted
    isUnsupported = false
    forget { $0.id == 0 }
    disturb()
    return true
  }

  // MARK: Translation

  /// The gateway and interface by which a route may share an object; nil if it cannot. The kernel
  /// refuses objects for routes with a source prefix.
  @inline(never)
  static func way(_ route: KernelRoute) -> Way? {
    guard route.type == .unicast, route.source.isDefault, let gateway = route.gateway,
      let ifindex = route.ifindex
    else { return nil }
    return Way(gateway: gateway, ifindex: ifindex)
  }

  @inline(never)
  private mutating func find(_ way: Way) -> Int? {
    if latest < rows.count, rows[latest].state == .current, rows[latest].way == way {
      return latest
    }
    for index in rows.indices where rows[index].state == .current && rows[index].way == way {
      latest = index
      return index
    }
    return nil
  }

  /// The number of the object that a route is to have in the kernel, or has when it is deleted; 0
  /// if none. With 0 comes an object if it must be made first; then this is to be asked again.
  @inline(never)
  mutating func number(
    for route: KernelRoute, isDeleted: Bool
  ) -> (id: UInt32, missing: KernelNexthop?) {
    // While routes are taken from their objects, most of them still have one.
    guard let way = Self.way(route), isUsable(way) || isDeleted && !isWanted else {
      return (0, nil)
    }
    if let index = find(way) {
      if !isDeleted { rows[index].isTouched = true }
      return (rows[index].id, nil)
    }
    return (0, isDeleted ? nil : newObject(way))
  }

  private func isUsable(_ way: Way) -> Bool {
    isWanted && !isUnsupported
      && (!hasRefusals || !rows.contains { $0.id == 0 && $0.way == way })
  }

  private mutating func newObject(_ way: Way) -> KernelNexthop {
    repeat {
      lastID = lastID == Self.range.upperBound ? Self.range.lowerBound : lastID + 1
    } while isKnown(lastID)
    return KernelNexthop(id: lastID, gateway: way.gateway, ifindex: way.ifindex)
  }

  /// Whether a number cannot be given now. If there were as many rows as numbers, the kernel would
  /// refuse the one that is tried.
  private func isKnown(_ id: UInt32) -> Bool {
    rows.count < Self.range.count && rows.contains { $0.id == id }
  }

  /// The kernel made an object that ``number(for:isDeleted:)`` asked for, or refused it. True if
  /// the operator should know.
  @inline(never)
  mutating func note(_ object: KernelNexthop, _ error: KernelError?) -> Bool {
    guard let error else {
      append(object, .current)
      return false
    }
    // Somebody has an object of that number: the next one is tried.
    guard error.errno != ErrorNumber.exists else {
      append(object, .taken)
      return false
    }
    disturb()
    if error.errno == ErrorNumber.notSupported {
      isUnsupported = true
    } else {
      append(object, .refused)
    }
    return true
  }

  @inline(never)
  private mutating func append(_ object: KernelNexthop, _ state: State) {
    let way = Way(gateway: object.gateway, ifindex: object.ifindex)
    let isRefusal = state == .refused || state == .unusable
    if isRefusal { hasRefusals = true }
    rows.append(Row(way: way, id: isRefusal ? 0 : object.id, state: state))
  }

  /// Tells gateway and interface of a route that names an object, where the kernel does not (it
  /// never does in a refusal, and with `net.ipv4.nexthop_compat_mode=0` nowhere).
  @inline(never)
  func resolve(_ route: inout KernelRoute) {
    let id = route.nexthopID
    guard id != 0, route.gateway == nil, !route.isMultipath,
      let way = rows.first(where: { $0.id == id && $0.state != .taken })?.way
    else { return }
    route.gateway = way.gateway
    route.ifindex = way.ifindex
  }

  // MARK: Refusals

  /// The number of an object, or 0 for none, with which a change is to be sent once more after the
  /// kernel refused it; nil if it has nothing to do with objects. `isSecond`: it was sent for the
  /// second time.
  @inline(never)
  mutating func retry(
    _ failure: RouteFailure, _ route: KernelRoute, isSecond: Bool
  ) -> Bool {
    guard let way = Self.way(route) else { return false }
    let errno = failure.error.errno
    if failure.change == .delete {
      // As long as both forms are there, it may have had the other one.
      return errno == ErrorNumber.noSuchProcess && !isSettled && !isSecond
        && (route.nexthopID != 0 || find(way) != nil)
    }
    let isAboutPlace =
      failure.change == .replace
      ? errno == ErrorNumber.noEntry || errno == ErrorNumber.noSuchProcess
      : errno == ErrorNumber.exists
    guard route.nexthopID != 0, !isAboutPlace else { return false }
    if !isSecond {
      forget(route.nexthopID)
    } else if isUsable(way) {
      // It is not that somebody removed the object.
      disturb()
      append(KernelNexthop(id: 0, gateway: way.gateway, ifindex: way.ifindex), .unusable)
    }
    return true
  }

  @inline(never)
  private mutating func forget(_ isOver: (Row) -> Bool) {
    rows = rows.filter { !isOver($0) }
    hasRefusals = rows.contains { $0.id == 0 }
  }

  // MARK: Losses

  /// Somebody removed or changed the object of a number.
  mutating func forget(_ id: UInt32) { giveUp { $0.id == id } }

  @inline(never)
  private mutating func giveUp(_ isGone: (Row) -> Bool) {
    for index in rows.indices where rows[index].state == .current && isGone(rows[index]) {
      rows[index].state = .gone
    }
  }

  /// Follows a link: the kernel removes the objects of one that goes down or loses its carrier, and
  /// all their routes, and makes none there. What it refused may work when it is back.
  @inline(never)
  mutating func follow(_ ifindex: Int32, carries: Bool) {
    if carries {
      forget { $0.id == 0 && $0.way.ifindex == ifindex }
    } else {
      giveUp { $0.way.ifindex == ifindex }
    }
  }

  /// Whether a link lost objects, and thereby routes, since the last reading of the tables.
  func hasLost(_ ifindex: Int32) -> Bool {
    rows.contains { $0.state == .gone && $0.way.ifindex == ifindex }
  }

  // MARK: Use

  /// An entry changes from one target to another. True if an object seems to be without routes.
  @inline(never)
  mutating func move(from old: Way?, to new: Way?) -> Bool {
    if let new, let index = find(new) { rows[index].uses &+= 1 }
    guard let old, let index = find(old) else { return false }
    rows[index].uses &-= 1
    return rows[index].uses == 0
  }

  // MARK: Readings

  /// The kernel's objects were read, before its routes are. `isOurs` tells whether what is on an
  /// interface was made by us or an earlier process.
  @inline(never)
  mutating func take(_ list: [KernelNexthop], isOurs: (Int32) -> Bool) {
    forget { $0.state == .refused || $0.state == .taken || $0.state == .leftover }
    giveUp { _ in true }
    for object in list where Self.range.contains(object.id) {
      guard object.kernelProtocol == KernelRoute.babelProtocol,
        object.ifindex == 0 || isOurs(object.ifindex)
      else {
        append(object, .taken)
        continue
      }
      let way = Way(gateway: object.gateway, ifindex: object.ifindex)
      let isFit = !object.gateway.isUnspecified && object.isOnlink && find(way) == nil
      if let index = rows.firstIndex(where: { $0.id == object.id && $0.way == way }) {
        rows[index].state = isFit ? .current : .leftover
      } else {
        append(object, isFit ? .current : .leftover)
      }
    }
    for index in rows.indices {
      rows[index].seen = 0
      rows[index].isTouched = false
    }
    // Until the reading has ended, routes may have the form that they had before.
    isSettled = false
    isDisturbed = false
    hasMoved = false
  }

  /// A route that names an object was read.
  @inline(never)
  mutating func noteRead(_ id: UInt32) {
    if latest < rows.count, rows[latest].id == id {
      rows[latest].seen &+= 1
    } else if let index = rows.firstIndex(where: { $0.id == id }) {
      rows[index].seen &+= 1
      latest = index
    }
  }

  /// Whether a route of ours has an object though it should be a plain one, or the other way round,
  /// or has not the one that it should have.
  @inline(never)
  mutating func hasOtherForm(_ route: KernelRoute) -> Bool {
    guard let way = Self.way(route) else { return false }
    guard isUsable(way) else { return route.nexthopID != 0 }
    return find(way).map { rows[$0].id != route.nexthopID } ?? true
  }

  private mutating func disturb() {
    isSettled = false
    isDisturbed = true
  }

  /// A route was found that has not the form it should have. `isMoved`: it gets that form now.
  mutating func noteOtherForm(isMoved: Bool) {
    disturb()
    if isMoved { hasMoved = true }
  }

  /// Whether some objects have no routes, as far as was read.
  var hasIdle: Bool { rows.contains { $0.isIdle } }

  /// The node wants routes by a way. They may be in a table that was not read.
  mutating func keep(_ way: Way) {
    for index in rows.indices where rows[index].way == way { rows[index].isTouched = true }
  }

  /// The reading has ended: numbers of objects without routes, which may go, and whether a further
  /// reading may find more of them. Without proof routes were perhaps not read, and nothing goes.
  @inline(never)
  mutating func takeIdle(isProof: Bool) -> (ids: [UInt32], mayBeMore: Bool) {
    let isWanted = isWanted
    forget { $0.state == .gone || !isWanted && $0.state == .taken }
    var ids: [UInt32] = []
    for index in rows.indices {
      if rows[index].isIdle { ids.append(rows[index].id) }
      rows[index].uses = max(rows[index].seen, 1)
    }
    // What was not read may have the other form.
    isSettled = isProof && !isDisturbed
    if isProof { return (ids, hasMoved) }
    return ([], hasMoved || !ids.isEmpty)
  }

  /// Numbers of all objects of ours in the kernel, for the end.
  var ids: [UInt32] {
    var ids: [UInt32] = []
    for row in rows where row.state == .current || row.state == .leftover { ids.append(row.id) }
    return ids
  }

  /// An object was removed by us.
  mutating func removed(_ id: UInt32) { forget { $0.id == id } }
}
