import BabelCore
import BabelWire

/// One of the interfaces Babel is told to run on.
struct BabelInterface {
  /// Its name; the link may come and go.
  let name: InterfaceName
  /// Its number in the node.
  private(set) var id: InterfaceID
  /// What it was taken for when its parameters were resolved.
  private(set) var type: ResolvedLinkType
  /// Whether that was configured, not found out.
  private(set) var hasConfiguredType = false
  /// The parameters the node has.
  private(set) var parameters: InterfaceParameters
  /// The link it is bound to now; nil while there is none.
  private(set) var ifindex: Int32?
  /// Somebody else spoke Babel on the link when we came.
  private(set) var isShared = false
  /// What the node was told last.
  private(set) var reported = LinkState(isUp: false, mtu: 1280, linkLocals: [], ipv4: nil)
  /// Whether the multicast group is joined and the reverse-path filter off.
  private(set) var isPrepared = false
  /// What the kernel refused when that was tried last; nil if it worked.
  private(set) var failure: String?
  /// Set when the link went down or away: the kernel has dropped its routes.
  private(set) var hasLostRoutes = false
  /// Set when the link is gone: one that has its number now is another.
  private(set) var hasLostLink = false
  /// Set when the link lost the addresses that packets leave from, if only for a moment.
  private(set) var hasLostAddresses = false
  /// Since when an address to speak from is missing; nil if there is one, or if that was told.
  private(set) var missingAddressSince: Instant?
  /// The link-local address we gave to the link it is bound to, which had none.
  private(set) var madeLinkLocal: IPAddress?
  /// How many addresses were tried before that and found to be somebody else's.
  private(set) var linkLocalAttempt = 0
  /// What operators were told of it; nil before the first time.
  private(set) var condition: InterfaceCondition?
  /// Set once the operator was told that it is missing.
  private(set) var hasComplained = false

  /// Whether packets are exchanged.
  var isUp: Bool { reported.isUp && controlAddress != nil }

  /// Where packets leave from; nil if there is no such address.
  var controlAddress: IPAddress? { reported.controlAddress(parameters.control) }

  init(
    _ name: InterfaceName, _ id: InterfaceID, _ type: ResolvedLinkType, isConfigured: Bool,
    _ parameters: InterfaceParameters
  ) {
    self.name = name
    self.id = id
    self.type = type
    self.parameters = parameters
    hasConfiguredType = isConfigured
  }

  // MARK: What the node knows

  /// The node got the interface anew, under another number and with other parameters. It counts as
  /// down there.
  mutating func renew(
    _ id: InterfaceID, _ type: ResolvedLinkType, _ parameters: InterfaceParameters
  ) {
    self.id = id
    self.type = type
    self.parameters = parameters
  }

  /// What it is taken for, and whether that was configured.
  mutating func setType(_ type: ResolvedLinkType, isConfigured: Bool) {
    self.type = type
    hasConfiguredType = isConfigured
  }

  /// The node has other parameters for it.
  mutating func setParameters(_ parameters: InterfaceParameters) { self.parameters = parameters }

  /// The node is told a state. False if it was told the same last.
  mutating func report(_ state: LinkState) -> Bool {
    guard state != reported else { return false }
    reported = state
    return true
  }

  /// The node is told that it is down. False if it knows.
  mutating func reportDown() -> Bool {
    guard reported.isUp else { return false }
    reported.isUp = false
    return true
  }

  // MARK: Its link

  /// It belongs to a link from now on, or to none.
  mutating func bind(to ifindex: Int32?, isShared: Bool) {
    self.ifindex = ifindex
    self.isShared = isShared
  }

  /// The group is joined, or it is not; `failure` is what the kernel refused.
  mutating func setPrepared(_ isPrepared: Bool, failure: String? = nil) {
    self.isPrepared = isPrepared
    self.failure = failure
  }

  /// Whether something of its link was lost, if only for a moment.
  var hasLosses: Bool { hasLostRoutes || hasLostLink || hasLostAddresses }
  /// The kernel has dropped its routes.
  mutating func loseRoutes() { hasLostRoutes = true }
  /// The link is gone.
  mutating func loseLink() { hasLostLink = true }
  /// The addresses that packets leave from are gone.
  mutating func loseAddresses() { hasLostAddresses = true }
  /// What was lost has been dealt with.
  mutating func forgetLosses() {
    hasLostRoutes = false
    hasLostLink = false
    hasLostAddresses = false
  }

  // MARK: What operators know

  /// Notes what state it is in. Returns what that was before, if it is another one.
  mutating func note(_ condition: InterfaceCondition) -> InterfaceConditionChange? {
    guard condition != self.condition else { return nil }
    defer { self.condition = condition }
    return InterfaceConditionChange(former: self.condition, now: condition)
  }

  // MARK: An address to speak from

  /// An address is missing; returns since when.
  mutating func missAddress(at now: Instant) -> Instant {
    let since = missingAddressSince ?? now
    missingAddressSince = since
    return since
  }

  /// The operator is told that an address is missing.
  mutating func complain() { hasComplained = true }

  /// No address is missing any more.
  mutating func findAddress() {
    missingAddressSince = nil
    hasComplained = false
  }

  /// We gave it a link-local address.
  mutating func noteMade(_ address: IPAddress) { madeLinkLocal = address }

  /// Hands over the link-local address that we gave it, which counts as taken back.
  mutating func takeMade() -> IPAddress? {
    defer { madeLinkLocal = nil }
    return madeLinkLocal
  }

  /// The address that we gave it is somebody else's: the next attempt is for another one.
  mutating func tryOtherAddress() { linkLocalAttempt += 1 }
}
