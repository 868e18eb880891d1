import BabelWire

/// What an operator adds to the cost of links for a while, so that traffic leaves them.
public struct Surcharge: Equatable, Sendable {
  /// Added to the cost of a drained interface, in both directions: more than any ordinary path
  /// costs, and so little that a path over three links, each drained at one end, can still be
  /// used.
  public static let drained = Metric(16_384)

  /// Added for all neighbours of the interface.
  public var ofInterface = Metric.zero
  /// Added for some neighbours, by address; each is named once.
  public var ofNeighbours: [(address: IPAddress, cost: Metric)] = []

  /// Nothing is added.
  public init() {}

  /// Whether both add the same.
  public static func == (a: Surcharge, b: Surcharge) -> Bool {
    a.ofInterface == b.ofInterface && a.ofNeighbours.elementsEqual(b.ofNeighbours, by: ==)
  }
}

extension InterfaceParameters {
  /// What is added to the cost of the link to a neighbour, and told to it as our cost of receiving,
  /// so that it counts in both directions.
  func surcharge(of neighbour: IPAddress) -> Metric {
    let own = surcharge.ofNeighbours.first { $0.address == neighbour }?.cost ?? .zero
    return surcharge.ofInterface.adding(own)
  }
}
