import BabelWire

/// What operators are told when it is known in full: what became of the routes of a neighbour that
/// was lost, and changes of routes that come in bursts.
struct News {
  /// Microseconds without a change that end a burst.
  private static let pause: Int64 = 1_000_000
  /// Microseconds that a burst lasts at most.
  private static let longest: Int64 = 10_000_000
  /// Most destinations found in a burst that are remembered.
  private static let findingLimit = 1024

  /// Neighbours that were lost, while their routes are being looked at.
  private var losses: [NeighbourID: NeighbourChange] = [:]
  private var burst = RouteNews()
  /// Destinations that were found or regained in the burst.
  private var findings: [DestinationRow: RouteShift.Kind] = [:]

  // MARK: Routes

  /// Counts the change of a selected route. The former one led through `neighbour`. Returns whether
  /// it is wanted as an example, for ``keep(_:of:)``.
  mutating func count(
    _ kind: RouteShift.Kind, _ reason: RouteReason, of neighbour: NeighbourID?, at now: Instant
  ) -> Bool {
    // Counts are changed where they stand: a copy of them for each route that moves is dear.
    if let loss = loss(of: neighbour) {
      losses.values[loss].routes.count(kind, reason, at: now)
      return losses.values[loss].routes.wantsExample
    }
    burst.count(kind, reason, at: now)
    return burst.wantsExample
  }

  /// Keeps one change as an example.
  mutating func keep(_ example: RouteShift, of neighbour: NeighbourID?) {
    if let loss = loss(of: neighbour) {
      losses.values[loss].routes.keep(example)
    } else {
      burst.keep(example)
    }
  }

  /// Notes a destination that has a way now and had none before.
  mutating func noteFinding(of row: DestinationRow, _ kind: RouteShift.Kind) {
    if findings.count < Self.findingLimit { findings[row] = kind }
  }

  /// The new way to a destination is none. Returns whether it was found in the burst under way;
  /// then neither is told.
  mutating func takeBack(_ row: DestinationRow, _ destination: Prefix) -> Bool {
    guard let kind = findings.removeValue(forKey: row) else { return false }
    burst.takeBack(kind, destination)
    return true
  }

  /// The place of a neighbour among those that were lost.
  private func loss(
    of neighbour: NeighbourID?
  ) -> Dictionary<NeighbourID, NeighbourChange>.Index? {
    guard !losses.isEmpty, let neighbour else { return nil }
    return losses.index(forKey: neighbour)
  }

  /// When the burst under way is to be told; nil if there is none.
  var firstDeadline: Instant? {
    burst.isEmpty ? nil : min(burst.last + Self.pause, burst.first + Self.longest)
  }

  /// The burst that has ended.
  mutating func takeBurst(at now: Instant) -> RouteNews? {
    guard let due = firstDeadline, due <= now else { return nil }
    defer {
      burst = RouteNews()
      findings.removeAll(keepingCapacity: false)
    }
    return burst
  }

  // MARK: Neighbours

  /// A neighbour was lost whose routes are still to be looked at. What is known already of its loss
  /// stays the cause.
  mutating func await(_ change: NeighbourChange, of id: NeighbourID) {
    if losses[id] == nil { losses[id] = change } else { losses[id]?.to = change.to }
  }

  /// The loss of a neighbour whose routes have been looked at, if there is one.
  mutating func takeLoss(of id: NeighbourID) -> NeighbourChange? {
    losses.isEmpty ? nil : losses.removeValue(forKey: id)
  }
}
