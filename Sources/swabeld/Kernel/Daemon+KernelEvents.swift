import BabelCore
import BabelKernel
import BabelWire

// What the kernel tells goes to the mirror.
extension Daemon {
  /// Events worked on in one turn.
  private static let eventsPerTurn = 512
  /// Hears what the kernel has to tell. The mirror notes at once where others have routes,
  /// and the rest waits in its queue. Called also right before routes are changed, so that a
  /// replacement cannot hit what somebody put in our place a moment ago.
  func hearNotifications(limit: Int = KernelConnection.notificationLimit) {
    kernel.hear(limit: limit)
    followOrders(at: .now)
  }

  /// Works on all that the kernel had to tell up to now, so that what is read from it next is
  /// newer. Bounded: others may change things without a pause.
  func catchUp() {
    hearNotifications()
    for _ in 0...KernelConnection.notificationLimit / Self.eventsPerTurn
    where kernel.notificationCount > 0 {
      receiveEvents()
    }
  }

  /// Works on what the kernel has told.
  func receiveEvents() {
    if kernel.notificationCount < Self.eventsPerTurn {
      hearNotifications(limit: Self.eventsPerTurn)
    }
    let now = Instant.now
    var needsCheck = false
    for event in kernel.takeNotifications(limit: Self.eventsPerTurn) {
      kernel.followNexthops(event)
      if kernel.work(on: event, node, at: now) { needsCheck = true }
      followOrders(at: now)
    }
    if needsCheck { checkInterfaces(at: now) }
    carryOut(at: now)
  }
}
