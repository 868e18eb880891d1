import BabelCore
import BabelKernel
import BabelWire

// Next-hop objects that routes share (`kernel-nexthops`); see NexthopObjects. Nothing here has
// anything to do while there are none and none are wanted.
extension KernelConnection {
  /// Microseconds after which an object that seems to have no routes any more is looked at.
  private static let idlePatience: Int64 = 10_000_000
  /// Microseconds after which objects that routes were taken from are looked at.
  private static let afterMove: Int64 = 1_000_000
  /// Microseconds after which the routes of an object that was lost are looked at.
  private static let afterLoss: Int64 = 50_000

  /// Whether routes share objects from now on. Those in the kernel follow by the next reading.
  @inline(never)
  func setSharesNexthops(_ isWanted: Bool, at now: Instant) {
    if outlet.setShares(isWanted) { requestReading(at: now) }
  }

  /// The node wants a change: notes which objects have more routes or fewer by it.
  func countMove(_ change: ForwardingChange) {
    guard outlet.hasObjects else { return }
    if outlet.move(from: way(change.key, change.old), to: way(change.key, change.new)) {
      requestReading(at: .now + Self.idlePatience)
    }
  }

  /// The way of a target, as far as routes to it may share objects.
  private func way(_ key: ForwardingKey, _ target: ForwardingTarget) -> NexthopObjects.Way? {
    mirror.ledger.route(key, target).flatMap { NexthopObjects.way($0) }
  }

  /// Takes a refusal before the mirror does. True if it has to do with objects, and the change was
  /// sent again in another form.
  func retries(
    _ failure: inout RouteFailure, _ node: borrowing BabelNode, at now: Instant
  ) -> Bool {
    guard outlet.hasObjects else { return false }
    let isDeletion = failure.change == .delete
    let isRetried = outlet.retries(&failure) { route in
      switch mirror.ledger.standing(mirror.ledger.logical(route), node) {
      case .wanted: !isDeletion
      case .unwanted: isDeletion
      case .otherWanted: false
      }
    }
    // Other routes of the object may be gone.
    if isRetried, !isDeletion { requestReading(at: now + Self.afterLoss) }
    return isRetried
  }

  /// Follows what removes objects, before the mirror works on it.
  func followNexthops(_ event: KernelEvent) {
    if outlet.hasObjects { outlet.follow(event) }
  }

  /// Reads the kernel's objects, before its routes are read. At the start this happens in any case:
  /// an earlier process may have left some.
  @inline(never)
  func readNexthops(atStart isStart: Bool = false) {
    guard isStart || outlet.hasObjects else { return }
    do throws(KernelError) {
      let owners = mirror.owners
      // A reading of routes that goes on keeps its socket.
      var reader = try KernelReader()
      outlet.take(try reader.nexthops()) { owners.isOurs(ifindex: $0) }
    } catch {
      // A kernel that has none says so when one is to be made.
      guard error.errno != ErrorNumber.notSupported else { return }
      log.write(.overflow, subject: .tablesNotRead, "netlink: \(error)")
    }
  }

  /// A route that was read, with what the kernel may not say of it. If it leads where it should,
  /// but has an object and should have none, or the other way round, it is replaced in place.
  func resolved(_ physical: KernelRoute, _ node: borrowing BabelNode) -> KernelRoute {
    guard outlet.hasObjects else { return physical }
    var physical = physical
    guard outlet.resolve(&physical),
      case .wanted(let wanted) = mirror.ledger.standing(mirror.ledger.logical(physical), node)
    else { return physical }
    do throws(KernelError) {
      // Where somebody else has a route, too, the kernel might replace that one.
      try outlet.correct(physical, isShared: mirror.ledger.foreign.mayOccupy(wanted.key))
    } catch {
      requestReading(at: .now + Self.afterMove)
    }
    return physical
  }

  /// A reading is about to end: objects without routes go. One stays that the node wants routes by
  /// in a table that is not read any more: they leave that only after this.
  func removeIdleNexthops(_ node: borrowing BabelNode, at now: Instant) {
    guard outlet.hasObjects else { return }
    if outlet.hasIdleObjects {
      let tables = mirror.tablesToRead
      _ = node.forEachDesiredForwarding(from: 0, limit: .max) { key, target in
        if !tables.contains(key.table), let way = way(key, target) { outlet.keep(way) }
      }
    }
    if outlet.removeIdle(isProof: mirror.isProof) { requestReading(at: now + Self.afterMove) }
  }
}
