import BabelWire

/// What the link to a neighbour is good for, as an operator sees it.
public enum NeighbourUse: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// It was heard, but not long enough to be used.
  case new
  /// Packets go both ways.
  case usable
  /// We hear it, but it does not hear us.
  case deaf
  /// We do not hear it.
  case unheard
  /// Its row is gone.
  case gone

  /// One word.
  public var description: String {
    switch self {
    case .new: "new"
    case .usable: "usable"
    case .deaf, .unheard: "one-way"
    case .gone: "gone"
    }
  }

  /// What the costs of both directions say.
  init(rxcost: Metric, txcost: Metric) {
    self = rxcost.isInfinite ? .unheard : txcost.isInfinite ? .deaf : .usable
  }
}

/// Why the state of a neighbour is another one.
public enum NeighbourCause: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// It hears us, and we hear it.
  case bothHear
  /// It says that it does not hear us.
  case saysSo
  /// It has not said for too long that it hears us.
  case noIHU
  /// It says that it hears us, but none of its Hellos comes here.
  case noHello
  /// Its Hellos are missing.
  case silent
  /// It said goodbye.
  case left
  /// It began anew.
  case restarted
  /// Our interface went down, or lost its address.
  case linkDown
  /// We do not run on the interface any more.
  case interfaceRemoved
  /// It has a new row, because it did not hear us for long; it is not told as gone.
  case renewed
  /// Its place went to a newcomer.
  case displaced

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .bothHear: "both hear each other"
    case .saysSo: "it says that it does not hear us"
    case .noIHU: "it no longer says that it hears us"
    case .noHello: "it hears us, but its Hellos do not arrive here"
    case .silent: "silent"
    case .left: "it said goodbye"
    case .restarted: "it restarted"
    case .linkDown: "the interface went down"
    case .interfaceRemoved: "the interface was removed"
    case .renewed: "its row was made anew"
    case .displaced: "its place went to a newcomer"
    }
  }
}

/// A neighbour came to be of another use than before.
public struct NeighbourChange: Equatable, Sendable {
  /// Address packets come from.
  public let address: IPAddress
  /// Name of the interface it is heard on.
  public let interface: InterfaceName
  /// What it was.
  public internal(set) var from: NeighbourUse
  /// What it is now.
  public internal(set) var to: NeighbourUse
  /// Why.
  public internal(set) var cause: NeighbourCause
  /// Microseconds since its last Hello; nil if there was none.
  public let silence: Int64?
  /// Cost of the link now.
  public let cost: Metric
  /// When it happened.
  public let time: Instant
  /// Whether it was ever usable, or is now. Whoever was not may be a stranger who sent one packet.
  public let wasUsable: Bool
  /// What became of the routes that led through it.
  public internal(set) var routes = RouteNews()

  /// A change.
  public init(
    address: IPAddress, interface: InterfaceName, from: NeighbourUse, to: NeighbourUse,
    cause: NeighbourCause, silence: Int64?, cost: Metric, time: Instant, wasUsable: Bool,
    routes: RouteNews = RouteNews()
  ) {
    self.address = address
    self.interface = interface
    self.from = from
    self.to = to
    self.cause = cause
    self.silence = silence
    self.cost = cost
    self.time = time
    self.wasUsable = wasUsable
    self.routes = routes
  }
}

extension Neighbour {
  /// What was told last of a neighbour, and what is to be told if it lasts.
  struct Standing {
    /// What was told last.
    private(set) var told = NeighbourUse.new
    private var candidate = NeighbourUse.new
    private var since = Instant(microseconds: 0)
    /// Whether it was ever told as usable.
    private(set) var wasUsable = false
    /// When it last retracted everything.
    private(set) var retractedAt: Instant?

    /// It retracts everything.
    mutating func retracts(at now: Instant) { retractedAt = now }

    /// Takes what the costs say now. Returns what was told before, if something else is to be told.
    /// A link that becomes usable, or ceases to be, is told at once; that a newcomer hears us only
    /// in one direction is told when it has lasted for `patience`, as it is so with all at first.
    mutating func take(
      _ state: NeighbourUse, patience: Int64, at now: Instant
    ) -> NeighbourUse? {
      guard state != told else {
        candidate = told
        return nil
      }
      if state != .usable, told != .usable {
        if candidate != state { (candidate, since) = (state, now) }
        guard now - since >= patience else { return nil }
      }
      if state == .usable { wasUsable = true }
      defer { (told, candidate) = (state, state) }
      return told
    }
  }
}
