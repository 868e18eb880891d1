import BabelWire

extension BabelNode {
  /// Queues a TLV for one neighbour.
  mutating func enqueue(_ tlv: OutgoingTLV, to id: NeighbourID, by deadline: Instant) {
    neighbours.enqueue(tlv, to: id, by: deadline)
  }

  /// Queues an urgent TLV for one neighbour.
  mutating func enqueueUrgent(_ tlv: OutgoingTLV, to id: NeighbourID, _ now: Instant) {
    enqueue(tlv, to: id, by: now + urgentDelay(on: neighbours[id].interface))
  }
}
