import BabelCore
import BabelWire

/// Whom interfaces of WireGuard with `wireguard-peers` have as peers, by their link-local
/// addresses. It is part of the settings, because parameters of interfaces follow from it.
struct LinkPeers {
  /// Costs of links differ by less than this.
  private static let spread: UInt64 = 32

  private struct Row {
    let name: InterfaceName
    let own: IPAddress
    let peers: [IPAddress]
  }

  private var rows: [Row] = []

  /// Notes the peers of an interface, and the address that it has itself. False if they are known.
  mutating func set(_ peers: [IPAddress], own: IPAddress, of name: InterfaceName) -> Bool {
    if let index = rows.firstIndex(where: { $0.name == name }) {
      guard rows[index].peers != peers || rows[index].own != own else { return false }
      rows.remove(at: index)
    }
    rows.append(Row(name: name, own: own, peers: peers))
    return true
  }

  /// Forgets an interface.
  mutating func remove(_ name: InterfaceName) { rows.removeAll { $0.name == name } }

  /// Lets the peers of an interface be neighbours. Each link gets a cost of its own beside the
  /// nominal one, the same at both ends: so two ways hardly ever have the same metric, and the best
  /// way from one end is the best way from the other.
  func complete(_ parameters: inout InterfaceParameters, of name: InterfaceName) {
    guard let row = rows.first(where: { $0.name == name }) else { return }
    parameters.groupMembers = row.peers
    for peer in row.peers {
      let cost = Self.cost(between: row.own, and: peer)
      if let index = parameters.surcharge.ofNeighbours.firstIndex(where: { $0.address == peer }) {
        let former = parameters.surcharge.ofNeighbours[index].cost
        parameters.surcharge.ofNeighbours[index].cost = former.adding(cost)
      } else {
        parameters.surcharge.ofNeighbours.append((peer, cost))
      }
    }
  }

  /// What is added to the cost of a link between two addresses, whichever is ours: 0 to 31.
  static func cost(between one: IPAddress, and other: IPAddress) -> Metric {
    var bits = one.low ^ other.low
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    return Metric(UInt16(bits % spread))
  }
}
