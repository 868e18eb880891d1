import BabelCore
import BabelKernel
import BabelWire

// Objects of the kernel that routes share; see NexthopObjects.
extension KernelMirror {
  /// Microseconds after which objects that routes were taken from are looked at.
  private static let afterMove: Int64 = 1_000_000
  /// Microseconds after which the routes of an object that was lost are looked at.
  private static let afterLoss: Int64 = 50_000

  /// Whether routes are to share objects from now on. Those in the kernel follow when its tables
  /// are read, which is asked for here.
  mutating func setSharesNexthops(_ isWanted: Bool, at now: Instant) {
    guard ledger.nexthops.setWanted(isWanted) else { return }
    requestReading(at: now)
  }

  /// The kernel's objects were read, before its routes are.
  mutating func take(_ list: [KernelNexthop]) {
    let owners = owners
    ledger.nexthops.take(list) { owners.isOurs(ifindex: $0) }
  }

  /// The node wants a change. True if an object seems to have no routes any more.
  mutating func countMove(_ change: ForwardingChange) -> Bool {
    ledger.nexthops.move(
      from: ledger.route(change.key, change.old), to: ledger.route(change.key, change.new))
  }

  /// A route that was read, with all that is known of its object.
  mutating func resolved(_ route: KernelRoute) -> KernelRoute {
    var route = route
    ledger.nexthops.noteRead(route.nexthopID)
    ledger.nexthops.resolve(&route)
    return route
  }

  /// What is to be sent again in another form, instead of what the kernel refused; nil if that has
  /// nothing to do with objects. `isSecond`: it was sent for the second time.
  mutating func retry<Wishes: ForwardingWishes & ~Copyable>(
    _ failure: RouteFailure, isSecond: Bool, _ wishes: borrowing Wishes
  ) -> RouteStep? {
    // A later change stands.
    let standing = failure.route.map { ledger.standing(ledger.logical($0), wishes) } ?? .unwanted
    switch standing {
    case .wanted where failure.change != .delete: break
    case .unwanted where failure.change == .delete: break
    default: return nil
    }
    guard let step = ledger.nexthops.retry(failure, isSecond: isSecond) else { return nil }
    // Others of that object may be gone.
    if failure.change != .delete { requestReading(at: .now + Self.afterLoss) }
    return step
  }

  /// A reading has ended: the objects that may be removed. One that the node wants routes through
  /// may have routes that were not read.
  mutating func removableNexthops<Wishes: ForwardingWishes & ~Copyable>(
    _ wishes: borrowing Wishes, at now: Instant
  ) -> [KernelNexthop] {
    let isProof = readings.isProof
    let (idle, mayBeMore) = ledger.nexthops.takeIdle(isProof: isProof)
    if mayBeMore { requestReading(at: now + Self.afterMove) }
    guard !idle.isEmpty, !isProof else { return idle }
    var wanted: Set<NexthopObjects.Way> = []
    _ = wishes.forEachDesiredForwarding(from: 0, limit: .max) { key, target in
      if let way = ledger.route(key, target).flatMap({ NexthopObjects.way($0) }) {
        wanted.insert(way)
      }
    }
    return idle.filter { NexthopObjects.way($0).map { !wanted.contains($0) } ?? true }
  }
}

extension ForwardingLedger {
  /// Follows a link: the kernel removes the objects of one that goes down or loses its carrier, and
  /// makes none there, without telling.
  mutating func followObjects(of link: KernelLink) {
    guard nexthops.isActive else { return }
    if link.isUp, link.hasCarrier {
      nexthops.forgive(link.ifindex)
    } else {
      nexthops.lose(link.ifindex)
    }
  }

  /// A route that was read and leads where it should, though it has an object and should have none,
  /// or the other way round, is replaced in place.
  mutating func correctForm(
    _ route: KernelRoute, _ wanted: KernelRoute, into orders: inout [MirrorOrder]
  ) -> Bool {
    guard nexthops.hasOtherForm(tables?.physical(route) ?? route) else { return false }
    // Where somebody else has a route, too, the kernel might replace that one.
    let isMoved = !foreign.mayOccupy(wanted.key)
    nexthops.noteOtherForm(isMoved: isMoved)
    guard isMoved else { return false }
    write(RouteStep(change: .replace, route: wanted), .again, into: &orders)
    return true
  }
}
