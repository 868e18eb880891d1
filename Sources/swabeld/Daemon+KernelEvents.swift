import BabelCore
import BabelKernel
import BabelWire

// What the kernel tells goes to the mirror.
extension Daemon {
  /// Events worked on in one turn.
  private static let eventsPerTurn = 512
  /// Most events that wait in memory; who makes more at a time is not followed one by one.
  static let notificationLimit = 16_384

  /// Hears what the kernel has to tell. Where others have routes the mirror notes at once, the
  /// rest waits there for its turn. Called also right before routes are changed, so that a
  /// replacement cannot hit what somebody put in our place a moment ago.
  func hearNotifications(limit: Int = notificationLimit) {
    var events: [KernelEvent] = []
    do throws(KernelError) {
      let hasMore = try monitor.receive(into: &events, limit: limit)
      // Somebody changes routes faster than we can listen.
      if hasMore, limit == Self.notificationLimit { events.append(.overflow) }
    } catch {
      log.write(.overflow, subject: .monitorFailed, "netlink: \(error)")
      events.append(.overflow)
    }
    guard !events.isEmpty else { return }
    let now = Instant.now
    for event in events { mirror.hear(event, at: now, into: &orders) }
    followOrders(at: now)
  }

  /// Works on all that the kernel had to tell up to now, so that what is read from it next is
  /// newer. Bounded: others may change things without a pause.
  func catchUp() {
    hearNotifications()
    for _ in 0...Self.notificationLimit / Self.eventsPerTurn where mirror.notificationCount > 0 {
      receiveEvents()
    }
  }

  /// Works on what the kernel has told.
  func receiveEvents() {
    if mirror.notificationCount < Self.eventsPerTurn {
      hearNotifications(limit: Self.eventsPerTurn)
    }
    let now = Instant.now
    var needsCheck = false
    for event in mirror.takeNotifications(limit: Self.eventsPerTurn) {
      if mirror.work(on: event, node, at: now, into: &orders) { needsCheck = true }
      followOrders(at: now)
    }
    if needsCheck { checkInterfaces(at: now) }
    carryOut(at: now)
  }
}
