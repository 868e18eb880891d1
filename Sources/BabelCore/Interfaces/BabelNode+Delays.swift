import BabelWire

// Before editing, read RFC 8966 §3.1.

extension BabelNode {
  /// The interface of a number; nil if there is none.
  func interface(_ id: InterfaceID) -> Interface? { links[id] }

  /// A random delay for an urgent TLV (§3.1). What a loss needs travels from hop to hop, so it is
  /// long only where it keeps senders from colliding; elsewhere a few milliseconds gather what
  /// belongs together.
  mutating func urgentDelay(on id: InterfaceID) -> Int64 {
    jitter.within(
      collides(id) ? ProtocolParameters.radioDelay : ProtocolParameters.relayDelay)
  }

  /// A random delay for the answer to a request: urgent where senders do not collide.
  mutating func answerDelay(on id: InterfaceID) -> Int64 {
    guard collides(id), let interface = interface(id) else { return urgentDelay(on: id) }
    return normalDelay(interface)
  }

  /// Whether senders on a link may not hear one another: it is a radio, or counts as one.
  private func collides(_ id: InterfaceID) -> Bool {
    interface(id)?.parameters.linkSensing == .etx
  }

  /// A random delay for any other TLV: a quarter of a Hello interval at most (§3.1).
  mutating func normalDelay(_ interface: Interface) -> Int64 {
    let bounds = ProtocolParameters.normalTimeout
    let most = min(max(interface.helloMicroseconds / 4, bounds.lowerBound), bounds.upperBound)
    return jitter.within((most / 4)...most)
  }

  /// Queues a TLV for everyone on an interface.
  mutating func enqueue(_ tlv: OutgoingTLV, on id: InterfaceID, by deadline: Instant) {
    links.enqueue(tlv, on: id, by: deadline)
  }
}
