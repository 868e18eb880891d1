import BabelWire

/// A Babel node (RFC 8966): deterministic, without I/O, clock or randomness of its own.
///
/// Inputs are methods that take the time of the event; what is to be done is appended to a
/// buffer that the caller owns. Nothing happens between calls. The caller
/// 1. calls an input,
/// 2. applies the actions in order and empties the buffer,
/// 3. waits until ``nextDeadline`` or the next event, then calls ``advance(to:budget:into:)``.
/// A spurious `advance` is harmless. `now` must never go backwards.
public struct BabelNode: ~Copyable {
  /// Makes a node without interfaces.
  public init(_ parameters: NodeParameters, filters: FilterSet) {
    fatalError()
  }

  // MARK: Interfaces

  /// Adds an interface that Babel shall run on; it is down until told otherwise. Nil when the
  /// name is there already or the table is full.
  public mutating func addInterface(
    _ name: InterfaceName, _ parameters: InterfaceParameters, at now: Instant,
    into buffer: inout ActionBuffer
  ) -> InterfaceID? { nil }

  /// Removes an interface with its neighbours and their routes.
  public mutating func removeInterface(
    _ id: InterfaceID, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  /// The link of an interface came, went or changed. When `kernelRoutesLost` is set the kernel
  /// has dropped all routes through it (the link went down or was deleted).
  public mutating func interfaceChanged(
    _ id: InterfaceID, _ state: LinkState, kernelRoutesLost: Bool, at now: Instant,
    into buffer: inout ActionBuffer
  ) {}

  // MARK: Packets

  /// A datagram arrived. `port` is its source port.
  public mutating func receive(
    _ bytes: borrowing Span<UInt8>, on interface: InterfaceID, from source: IPAddress, port: UInt16,
    to destination: IPAddress, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  // MARK: Kernel

  /// A kernel route or local address appeared.
  public mutating func kernelOfferAdded(
    _ offer: KernelOffer, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  /// A kernel route or local address went away.
  public mutating func kernelOfferRemoved(
    _ offer: KernelOffer, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  /// A complete list of offers follows; those not named again until
  /// ``kernelSnapshotEnded(at:into:)`` are gone.
  public mutating func kernelSnapshotBegins() {}

  /// The complete list ended.
  public mutating func kernelSnapshotEnded(at now: Instant, into buffer: inout ActionBuffer) {}

  /// The kernel refused a change; the route is not in use and must not be announced.
  public mutating func forwardingFailed(
    _ key: ForwardingKey, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  // MARK: Time

  /// When ``advance(to:budget:into:)`` is to be called at the latest; nil if never.
  public var nextDeadline: Instant? { nil }

  /// Does what is due at `now`. At most about `budget` table rows are worked on; true means
  /// that more is due already, so that the caller can look after its sockets in between.
  public mutating func advance(
    to now: Instant, budget: Int, into buffer: inout ActionBuffer
  ) -> Bool { false }

  /// Retracts everything and says goodbye on every interface (RFC 8966 §3.7, R-111). Forwarding
  /// entries are withdrawn unless `keepingForwarding`. The node must not be used afterwards
  /// but for reading.
  public mutating func shutDown(
    keepingForwarding: Bool, at now: Instant, into buffer: inout ActionBuffer
  ) {}

  // MARK: Reading

  /// Our router-id.
  public var routerID: RouterID { fatalError() }
  /// Our own seqno.
  public var seqno: Seqno { fatalError() }
  /// Whether ``Notice/route(_:_:)`` is emitted.
  public var reportsRoutes: Bool {
    get { false }
    set {}
  }
  /// Interfaces in the order they were added.
  public func interfaces() -> [InterfaceStatus] { [] }
  /// Neighbours, the most recently created first.
  public func neighbours(at now: Instant) -> [NeighbourStatus] { [] }
  /// Redistributed prefixes in babeld's order: by 16-octet length, address, source length,
  /// source address.
  public func originatedPrefixes() -> [OriginatedStatus] { [] }
  /// Handles of all destinations in babeld's dump order (source-specific first, then by
  /// address, then length); stays valid while the tables change.
  public func destinationOrder() -> [UInt32] { [] }
  /// The routes of one destination, the installed one first, then in order of arrival; empty
  /// when the destination is gone.
  public func routes(ofDestination handle: UInt32, at now: Instant) -> [RouteStatus] { [] }
  /// What the node wants forwarded for a key.
  public func desiredForwarding(_ key: ForwardingKey) -> ForwardingTarget { .absent }
}
