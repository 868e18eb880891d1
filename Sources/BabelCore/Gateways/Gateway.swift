import BabelWire

/// One question to the far side of an uplink.
public struct GatewayProbe: Equatable, Sendable {
  /// What is asked, and what counts as an answer.
  public enum Kind: Equatable, Sendable {
    /// An ICMP echo request; the echo reply.
    case icmp
    /// A TCP connection to a port; that it is accepted.
    case tcp(UInt16)
    /// `GET` of a path by HTTP/1.0 at a port; a status from 200 to 299.
    case http(UInt16, path: [UInt8])
    /// A DNS query for the IPv4 address of a name; an answer that says what it is, or that there is
    /// none.
    case dns([UInt8])
  }

  /// Who is asked.
  public let address: IPAddress
  /// What is asked.
  public let kind: Kind

  /// Makes a probe.
  public init(_ kind: Kind, at address: IPAddress) {
    self.address = address
    self.kind = kind
  }
}

/// An uplink that is probed: routes through it are announced only while it answers. See `gateway`
/// in the configuration language.
public struct Gateway: Equatable, Sendable {
  /// Its name, 1 to 63 octets.
  public let name: [UInt8]
  /// The interface by which probes leave, and to which the routes lead that depend on them.
  public let interface: InterfaceName
  /// The destinations of these routes, of one family.
  public internal(set) var prefixes: [Prefix] = []
  /// The kernel's table that they are in; nil for any.
  public internal(set) var table: UInt32?
  /// What is asked in each round, 1 to ``probeLimit``, of the same family.
  public internal(set) var probes: [GatewayProbe] = []
  /// How many answers make a round a good one.
  public internal(set) var needed = 1
  /// Milliseconds between the beginnings of two rounds.
  public internal(set) var interval: UInt32 = 2000
  /// Milliseconds that answers have; nil stands for half of the interval, a minute at most.
  public internal(set) var patience: UInt32?
  /// How many bad rounds in a row make the uplink dead.
  public internal(set) var failures: UInt32 = 3
  /// Milliseconds for which a dead uplink has to answer without a break before it counts again.
  public internal(set) var recovery: UInt32 = 20_000
  /// The most that ``recovery`` grows to when the uplink dies again and again.
  public internal(set) var longestRecovery: UInt32 = 600_000
  /// What is added to the metric of the routes while the uplink is dead; nil means that they are
  /// not announced then.
  public internal(set) var penalty: Metric?
  /// The mark of the packets of probes, for routing rules; 0 is none.
  public internal(set) var mark: UInt32 = 0
  /// Where it was written.
  public internal(set) var position: ConfigurationPosition?

  /// Most probes of a gateway: each takes a descriptor.
  public static let probeLimit = 4
  /// Most prefixes of a gateway.
  public static let prefixLimit = 16
  /// Most gateways.
  public static let limit = 32

  init(name: [UInt8], interface: InterfaceName) {
    self.name = name
    self.interface = interface
  }

  /// Milliseconds that answers have: a minute at most.
  public var effectivePatience: UInt32 { patience ?? min(interval / 2, 60_000) }

  /// Whether another one says the same, wherever it was written.
  public func saysTheSame(as other: Gateway) -> Bool {
    var copy = other
    copy.position = position
    return copy == self
  }

  /// The name for people.
  public var title: String { printable(name, limit: 63) }
}

/// What a gateway does to the routes that depend on it.
public enum GatewayEffect: Hashable, Sendable {
  /// It is not known yet whether the uplink works. What is announced already stays so; nothing else
  /// is announced.
  case pending
  /// They are announced as the rules say.
  case none
  /// They are announced with a greater metric.
  case penalty(Metric)
  /// They are not announced.
  case withdrawn
}

/// A gateway as the node sees it.
public struct GatewayRule: Equatable, Sendable {
  /// The interface of the routes that it is about.
  public let interface: InterfaceName
  /// Their destinations.
  public let prefixes: [Prefix]
  /// Their table; nil for any.
  public let table: UInt32?
  /// What becomes of them.
  public let effect: GatewayEffect

  /// The rule for a gateway.
  public init(_ gateway: Gateway, _ effect: GatewayEffect) {
    interface = gateway.interface
    prefixes = gateway.prefixes
    table = gateway.table
    self.effect = effect
  }

  /// Whether a kernel route depends on the gateway. Local addresses never do, nor do routes with
  /// several ways.
  func matches(_ offer: KernelOffer) -> Bool {
    offer.kernelProtocol != nil && offer.interface == interface
      && table ?? offer.table == offer.table && prefixes.contains(offer.destination)
  }
}
