import BabelCore
import BabelKernel
import BabelWire

/// What the mirror of the kernel wants done. The daemon carries orders out one after another.
enum MirrorOrder: Equatable {
  /// The kernel is asked for a change, which is told in its own words.
  case write(RouteStep, RouteAttempt)
  /// The node is told that the kernel refused an entry. What the node wants after that is told to
  /// the mirror, by ``KernelMirror/verdictGiven(_:_:into:)``.
  case failed(ForwardingKey)
  /// The node is told that what was refused for a destination may work now; nil means all.
  case mayWork(Prefix?, source: Prefix?)
  /// The node is told that a list of all offers follows.
  case snapshotBegins
  /// The node is told of something to redistribute.
  case offerAdded(KernelOffer)
  /// The node is told that an offer is gone. With `asksBack`, the mirror is told if the node does
  /// not know it while it knows others for the same prefix, by ``KernelMirror/removalWasUnclear``.
  case offerRemoved(KernelOffer, asksBack: Bool)
  /// An interface lost all its routes.
  case routesLost(ifindex: Int32)
  /// A link is gone, and all its routes with it.
  case linkLost(ifindex: Int32)
  /// A link lost the addresses that packets of a family leave from.
  case addressesLost(ifindex: Int32, AddressFamily)
  /// The operator is told something.
  case remark(MirrorRemark)
}

/// What an operator should know about the kernel's tables.
enum MirrorRemark: Equatable {
  /// The kernel refused a change of a route. `occupant` is what somebody else has at its place, if
  /// the kernel said that there is something.
  case refused(RouteFailure, KernelRoute, occupant: KernelRoute?)
  /// A route of ours cannot be there, because somebody else has one that leads elsewhere.
  case blocked(KernelRoute, by: KernelRoute)
  /// The kernel has a route of ours that it should not have, or has not as it should be.
  case spurious(KernelRoute)
  /// The kernel does not have a route of ours.
  case missing(KernelRoute)
  /// Notifications of the kernel were lost.
  case notificationsLost
}

/// How often a change was asked for. The number is the tag that the kernel's refusal brings back.
enum RouteAttempt: UInt64 {
  /// Nothing was looked up since the wish for it came up.
  case first = 0
  /// The tables were read before, or it was refused once.
  case again = 1
}

/// What the mirror asks the node.
protocol ForwardingWishes: ~Copyable {
  /// What the node wants forwarded for a key.
  func desiredForwarding(_ key: ForwardingKey) -> ForwardingTarget
  /// The entries the node wants forwarded, from a position on; see `BabelNode`.
  func forEachDesiredForwarding(
    from position: UInt32, limit: Int, _ body: (ForwardingKey, ForwardingTarget) -> Void
  ) -> UInt32?
  /// The offers that were not named since the last list of all began.
  func unconfirmedOffers() -> [KernelOffer]
  /// Whether an offer is known but was not named since then.
  func isUnconfirmed(_ offer: KernelOffer) -> Bool
  /// Whether routes of the node still name an interface.
  func usesInterface(_ id: InterfaceID) -> Bool
}

extension BabelNode: ForwardingWishes {}
