import BabelWire

// Before editing, read RFC 8966 §3.7.

extension BabelNode {
  /// Retracts on an interface everything that was announced there, and tells that no Hello
  /// follows. To be called, and its packets to be sent, before ``removeInterface(_:at:into:)``
  /// where the link still works: keys and addresses of the interface are needed for that.
  /// Nothing is sent on one that is down.
  public mutating func sayGoodbye(
    on id: InterfaceID, at now: Instant, into buffer: inout ActionBuffer
  ) {
    guard !hasShutDown, interface(id)?.isUp == true else { return }
    sayGoodbye(id, now, &buffer)
  }

  /// Whether forwarding entries may still name an interface, be it removed: the entries of many
  /// routes are withdrawn in slices.
  public func usesInterface(_ id: InterfaceID) -> Bool {
    table.nextHops.uses(id) || restart.adoption.uses(id)
  }
}
