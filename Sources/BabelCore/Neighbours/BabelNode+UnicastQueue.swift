import BabelWire

extension BabelNode {
  /// Queues a TLV for one neighbour.
  mutating func enqueue(_ tlv: OutgoingTLV, to id: NeighbourID, by deadline: Instant) {
    neighbours.enqueue(tlv, to: id, by: deadline)
  }

  /// Whether a neighbour is sent unicast Hellos because it misses what goes to the group.
  func misses(group neighbour: Neighbour) -> Bool {
    interface(neighbour.interface)?.unicastPeers.contains {
      $0.address == neighbour.address && $0.standing == .missesGroup
    } == true
  }

  /// Queues an urgent TLV for one neighbour.
  mutating func enqueueUrgent(_ tlv: OutgoingTLV, to id: NeighbourID, _ now: Instant) {
    enqueue(tlv, to: id, by: now + urgentDelay(on: neighbours[id].interface))
  }
}
