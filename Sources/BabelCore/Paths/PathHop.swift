import BabelWire

/// Names a question for a way, from ``BabelNode/beginPath(to:from:at:into:)`` until it is answered
/// or ended.
public struct PathID: Hashable, Sendable {
  let rawValue: UInt32
}

/// One hop of a way: a node on it, and what it does with the packets.
public struct PathHop: Equatable, Sendable {
  /// How many links the node is away; 0 for this node.
  public let number: Int
  /// The node's router-id.
  public let routerID: RouterID
  /// What it does.
  public let step: PathStep
  /// The interface that the packets leave by; known of this node only.
  public let interface: InterfaceName?

  /// Makes a hop.
  public init(
    number: Int, routerID: RouterID, step: PathStep, interface: InterfaceName? = nil
  ) {
    self.number = number
    self.routerID = routerID
    self.step = step
    self.interface = interface
  }
}

/// What is heard of a way.
public enum PathNews: Equatable, Sendable {
  /// A hop. If its status is an end, nothing follows.
  case hop(PathHop)
  /// Nobody has answered behind this hop, and nothing follows.
  case silence(behind: PathHop)

  /// Whether nothing follows.
  public var isEnd: Bool {
    switch self {
    case .hop(let hop): hop.step.status.isEnd
    case .silence: true
    }
  }
}

/// A neighbour that outlives its row: somebody who takes the row has another place.
struct PathPlace: Equatable {
  let interface: InterfaceID
  let address: IPAddress
}
