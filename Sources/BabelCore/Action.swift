import BabelWire

/// What the node asks its owner to do. Actions are applied in order.
public enum Action: Equatable, Sendable {
  /// Send a packet.
  case transmit(Datagram)
  /// Change one forwarding entry.
  case forward(ForwardingChange)
  /// Tell whoever listens: log, monitors, tests.
  case notify(Notice)
  /// Tell who asked for a way what is heard of it.
  case tellPath(PathID, PathNews)
}

/// Where a packet goes.
public enum DatagramDestination: Equatable, Sendable {
  /// The Babel group of the interface's control family (RFC 8966 §4).
  case multicast
  /// One neighbour.
  case unicast(IPAddress)
}

/// A packet to be sent, as a range of the buffer's bytes.
///
/// Stamping and signing happen last, at the socket: first the four octets at
/// `timestampOffset` (if any) are overwritten with the low 32 bits of the transmit time in
/// microseconds (RFC 9616 §3.2), then the packet is signed. The encoder has reserved room for
/// the PC and MAC TLVs.
public struct Datagram: Equatable, Sendable {
  /// The interface to send on.
  public let interface: InterfaceID
  /// The group or one neighbour.
  public let destination: DatagramDestination
  /// Header and body inside ``ActionBuffer/bytes``.
  public let bytes: Range<Int>
  /// Where a transmit timestamp is to be written, relative to the packet's first octet.
  public let timestampOffset: Int?
  /// Whether it has to be signed by ``BabelNode/seal(_:_:from:to:at:)`` (RFC 8967).
  public let isSigned: Bool
  /// Whether the packet must not be fragmented, for MTU probing.
  public let dontFragment: Bool
}

/// The key of a forwarding entry.
public struct ForwardingKey: Hashable, Sendable {
  /// Destination prefix.
  public let destination: Prefix
  /// Source prefix; zero length when the entry is not source-specific (RFC 9079).
  public let source: Prefix
  /// Kernel table, 1 … 2^32−1.
  public let table: UInt32

  /// Makes a key.
  public init(destination: Prefix, source: Prefix, table: UInt32) {
    self.destination = destination
    self.source = source
    self.table = table
  }
}

/// What a forwarding entry does with a packet.
public enum ForwardingTarget: Hashable, Sendable {
  /// There is no entry.
  case absent
  /// The prefix is held as unreachable, so that no shorter route is followed (RFC 8966 §3.5.4).
  case unreachable
  /// Packets go to a neighbour.
  case via(ForwardingPath)
}

/// A way out.
public struct ForwardingPath: Hashable, Sendable {
  /// Next hop; may be IPv6 for an IPv4 destination (RFC 9229).
  public let gateway: IPAddress
  /// Interface of the next hop.
  public let interface: InterfaceID
  /// Kernel metric (route priority).
  public let kernelMetric: UInt32
  /// Source address the kernel shall prefer, from an install filter.
  public let preferredSource: IPAddress?

  /// Makes a path.
  public init(
    gateway: IPAddress, interface: InterfaceID, kernelMetric: UInt32,
    preferredSource: IPAddress? = nil
  ) {
    self.gateway = gateway
    self.interface = interface
    self.kernelMetric = kernelMetric
    self.preferredSource = preferredSource
  }
}

/// A change of one forwarding entry, from what was asked for before to what is wanted now.
public struct ForwardingChange: Equatable, Sendable {
  /// Which entry.
  public let key: ForwardingKey
  /// What the node asked for last; ``ForwardingTarget/absent`` also when the kernel is known to
  /// have dropped it (the link went down).
  public let old: ForwardingTarget
  /// What the node wants now.
  public let new: ForwardingTarget

  /// Makes a change.
  public init(key: ForwardingKey, old: ForwardingTarget, new: ForwardingTarget) {
    self.key = key
    self.old = old
    self.new = new
  }
}

/// A reusable list of actions with the bytes of their packets, owned by the caller.
public struct ActionBuffer: Sendable {
  /// What to do, in order.
  public internal(set) var actions: [Action] = []
  /// Storage of all packets in ``actions``.
  public internal(set) var bytes: [UInt8] = []

  /// Makes an empty buffer.
  public init() {}

  /// Forgets everything but keeps the storage.
  public mutating func removeAll() {
    actions.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  /// Of several changes of one forwarding entry leaves only what is left in the end, in the place
  /// of the last one: nothing if the entry becomes what it was.
  public mutating func mergeForwarding() {
    var first: [ForwardingKey: ForwardingTarget] = [:]
    var last: [ForwardingKey: Int] = [:]
    for (number, action) in actions.enumerated() {
      guard case .forward(let change) = action else { continue }
      if last.updateValue(number, forKey: change.key) == nil { first[change.key] = change.old }
    }
    var merged: [Action] = []
    for (number, action) in actions.enumerated() {
      guard case .forward(let change) = action else {
        merged.append(action)
        continue
      }
      guard last[change.key] == number, let old = first[change.key], old != change.new
      else { continue }
      merged.append(.forward(ForwardingChange(key: change.key, old: old, new: change.new)))
    }
    actions = merged
  }

  /// Whether there is nothing to do.
  public var isEmpty: Bool { actions.isEmpty }
}
