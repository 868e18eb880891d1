extension BabelNode {
  /// Whether the kernel keeps the entry of a destination that is held.
  func keepsEntry(_ destination: Destination) -> Bool {
    destination.flags.contains(.keepsEntry) && destination.forwardedNextHop != .none
      && !table.nextHops[destination.forwardedNextHop].isLostByKernel
  }
}
