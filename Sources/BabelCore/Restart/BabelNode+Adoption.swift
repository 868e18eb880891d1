import BabelWire

// Entries of the kernel that an earlier life made: they go on forwarding until a route confirms
// or replaces them, until their next hop denies them or starts anew, or until their time is over.

extension BabelNode {
  /// Tells of an entry that was found in the kernel at start; to be called before the first
  /// packet is received. The entry counts as asked for: later changes name it as what was there
  /// before. If nothing confirms it within four Hello intervals, and ten seconds, it is taken back;
  /// not before a minute has passed while an interface that entries lead through is down.
  /// One route may be in several tables (``FilterRule/tables``): entries of a destination that do
  /// the same there are all adopted, and share their fate. False if there is one already that does
  /// something else, or if there is no room; the caller removes the second.
  public mutating func adoptForwarding(
    _ key: ForwardingKey, _ target: ForwardingTarget, at now: Instant
  ) -> Bool {
    guard !hasShutDown, target != .absent, !key.destination.isMartian,
      let row = table.findOrInsert(key.destination, key.source)
    else { return false }
    let destination = table.destinations[row]
    if destination.flags.contains(.adopted) { return adoptFurther(key.table, target, row, now) }
    guard destination.forwardedNextHop == .none,
      !destination.flags.contains(.forwardedUnreachable),
      let way = restart.adopt(
        AdoptedTarget(target: target, tables: InstallTables(key.table)), at: now)
    else {
      table.removeIfUnused(row)
      return false
    }
    table.destinations[row].adopt(way, isPreferred: restart.adoption.preferenceDue != nil)
    return true
  }

  /// Adopts a further entry of a destination that has one.
  private mutating func adoptFurther(
    _ number: UInt32, _ target: ForwardingTarget, _ row: DestinationRow, _ now: Instant
  ) -> Bool {
    let former = table.destinations[row].adoptedWay
    guard let wider = restart.adoption.widened(former, by: target, in: number),
      let way = restart.adopt(wider, at: now)
    else { return false }
    restart.removeAdopted()
    let isPreferred = table.destinations[row].flags.contains(.prefersAdopted)
    table.destinations[row].adopt(way, isPreferred: isPreferred)
    return true
  }

  /// Adopted entries that no route has confirmed or replaced.
  public var adoptedForwardingCount: Int { restart.adoption.count }

  // MARK: Confirming

  /// A neighbour became usable: what it does not tell by itself it is asked for.
  mutating func expectAdopted(of id: NeighbourID, _ now: Instant) {
    guard restart.adoption.count > 0, !neighbours[id].restart.wasAskedForAdopted else { return }
    neighbours[restart: id].expectAdopted(by: now + ProtocolParameters.firstFullUpdateTime)
    neighbours.schedule(id)
  }

  /// Entries that lead to a neighbour have not been confirmed by its first full update: it is
  /// asked for each, and if it does not answer, they are taken back.
  mutating func askAboutAdopted(of id: NeighbourID, _ now: Instant) {
    let neighbour = neighbours[id]
    neighbours[restart: id].expectAdopted(by: nil)
    let interface = neighbour.interface
    guard restart.adoption.count > 0,
      restart.adoption.leads(through: interface, where: { mayBeGateway($0, of: neighbour, id) })
    else { return }
    if neighbour.restart.wasAskedForAdopted {
      // Copied, because it reads the tables that are changed.
      let nextHops = table.nextHops
      restart.revoke(interface, isLost: false) {
        $0 == neighbour.address || nextHops.contains(id, interface, gateway: $0)
      }
      return
    }
    neighbours[restart: id].expectAdopted(by: now + ProtocolParameters.adoptedAnswerTime)
    let rows = unconfirmedRows(of: neighbour, id)
    guard rows.count <= ProtocolParameters.adoptedRequestLimit else { return }
    neighbours[restart: id].countQuestion()
    for row in rows {
      let request = RouteRequest(
        destination: table.destinations[row].prefix, source: table.sourcePrefix(row))
      enqueueUrgent(.routeRequest(request), to: id, now)
    }
  }

  /// Adopted entries that lead to a neighbour, at most one more than may be asked for.
  private func unconfirmedRows(of neighbour: Neighbour, _ id: NeighbourID) -> [DestinationRow] {
    var rows: [DestinationRow] = []
    for row in table.destinations.indexes
    where table.isLive(row) && table.destinations[row].flags.contains(.adopted) {
      guard case .via(let path) = restart.adoption[table.destinations[row].adoptedWay].target,
        path.interface == neighbour.interface, mayBeGateway(path.gateway, of: neighbour, id)
      else { continue }
      rows.append(row)
      if rows.count > ProtocolParameters.adoptedRequestLimit { break }
    }
    return rows
  }

  func isGateway(
    _ gateway: IPAddress, of neighbour: Neighbour, _ id: NeighbourID
  ) -> Bool {
    gateway == neighbour.address
      || table.nextHops.contains(id, neighbour.interface, gateway: gateway)
  }

  /// The same, or an IPv4 gateway of which nothing tells whose it is.
  private func mayBeGateway(
    _ gateway: IPAddress, of neighbour: Neighbour, _ id: NeighbourID
  ) -> Bool {
    isGateway(gateway, of: neighbour, id)
      || (gateway.family == .ipv4
        && !table.nextHops.contains(neighbour.interface, gateway: gateway))
  }

  // MARK: Preferring

  /// What a destination with a preferred entry waits for.
  enum Preference {
    /// The route along the entry can be selected.
    case confirmed(RouteRow)
    /// The neighbour has not told of it yet, or the link to it cannot be used yet.
    case awaited
    /// The neighbour tells of it, and it cannot be selected.
    case denied
  }

  /// What became of the preferred entry of a destination. `obstacle` tells why a route cannot be
  /// selected.
  func preference(
    _ row: DestinationRow, obstacle: (RouteRow) -> RouteReason?
  ) -> Preference {
    let way = table.destinations[row].adoptedWay
    var walk = table.routes(of: row)
    while let number = walk.next(in: table) {
      let nextHop = table.nextHops[table.routes[number].nextHop]
      guard restart.adoption.leads(way, along: nextHop) else { continue }
      switch obstacle(number) {
      case nil: return .confirmed(number)
      case .linkUnusable: return .awaited
      default: return .denied
      }
    }
    return restart.adoption.isRevoked(way) ? .denied : .awaited
  }

  // MARK: Withholding

  /// Whether a prefix must not be announced yet: inside it lies an entry that nothing has
  /// confirmed. Its next hop may have lost the prefix long ago and may not hold it any more;
  /// then it would send the packets it gets from us back along the wider prefix.
  mutating func isWithheld(_ row: DestinationRow) -> Bool {
    guard restart.adoption.count > 0, restart.beginning == .afterCrash else { return false }
    let order = restart.adoption.order ?? sortedAdopted()
    if restart.adoption.order == nil { restart.noteOrder(order) }
    let wide = table.destinations[row].prefix
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      if order[middle].prefix <= wide { low = middle + 1 } else { high = middle }
    }
    while low < order.count {
      let (prefix, row) = order[low]
      guard Prefix(mapped: prefix.address, mappedLength: wide.mappedLength).address == wide.address
      else { break }
      if wide.contains(prefix), table.isLive(row),
        table.destinations[row].flags.contains(.adopted),
        table.destinations[row].prefix == prefix,
        restart.adoption.actual(table.destinations[row].adoptedWay) != .unreachable
      {
        return true
      }
      low += 1
    }
    return false
  }

  private func sortedAdopted() -> [(prefix: Prefix, row: DestinationRow)] {
    var order: [(prefix: Prefix, row: DestinationRow)] = []
    for row in table.destinations.indexes
    where table.isLive(row) && table.destinations[row].flags.contains(.adopted) {
      order.append((table.destinations[row].prefix, row))
    }
    order = order.ordered { $0.prefix < $1.prefix }
    return order
  }

  // MARK: Taking back

  /// A neighbour started anew, so it does not keep the order any more that our entries rely on.
  /// IPv4 gateways do not tell whose they are: all on the link are taken.
  mutating func revokeAdopted(of id: NeighbourID) {
    guard restart.adoption.count > 0 else { return }
    let neighbour = neighbours[id]
    restart.revoke(neighbour.interface, isLost: false) {
      $0 == neighbour.address || $0.family == .ipv4
    }
  }

  /// The kernel dropped what led through an interface, or will have to.
  mutating func revokeAdopted(through id: InterfaceID, isLost: Bool) {
    guard restart.adoption.count > 0 else { return }
    restart.revoke(id, isLost: isLost) { _ in true }
  }
}
