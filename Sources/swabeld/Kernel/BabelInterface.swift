import BabelCore
import BabelWire

/// One of the interfaces Babel is told to run on.
struct BabelInterface {
  /// Its name; the link may come and go.
  let name: InterfaceName
  /// Its number in the node.
  var id: InterfaceID
  /// What it was taken for when its parameters were resolved.
  var type: ResolvedLinkType
  /// Whether that was configured, not found out.
  var hasConfiguredType = false
  /// The parameters the node has.
  var parameters: InterfaceParameters
  /// The link it is bound to now; nil while there is none.
  var ifindex: Int32?
  /// Somebody else spoke Babel on the link when we came.
  var isShared = false
  /// What the node was told last.
  var reported = LinkState(isUp: false, mtu: 1280, linkLocals: [], ipv4: nil)
  /// Whether the multicast group is joined and the reverse-path filter off.
  var isPrepared = false
  /// Set when the link went down or away: the kernel has dropped its routes.
  var hasLostRoutes = false
  /// Set when the link is gone: one that has its number now is another.
  var hasLostLink = false
  /// Set when the link lost the addresses that packets leave from, if only for a moment.
  var hasLostAddresses = false
  /// Since when an address to speak from is missing; nil if there is one, or if that was told.
  var missingAddressSince: Instant?
  /// The link-local address we gave to the link it is bound to, which had none.
  var madeLinkLocal: IPAddress?
  /// How many addresses were tried before that and found to be somebody else's.
  var linkLocalAttempt = 0
  /// Set once the operator was told that it is missing.
  var hasComplained = false

  /// Whether packets are exchanged.
  var isUp: Bool { reported.isUp && controlAddress != nil }

  /// Where packets leave from; nil if there is no such address.
  var controlAddress: IPAddress? { reported.controlAddress(parameters.control) }
}
