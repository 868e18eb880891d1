import BabelWire

// Reads tables that have no lines in babeld's dump; nothing is changed here.
extension BabelNode {
  /// The pending seqno requests, destination by destination; at most `limit`.
  public func requestAccounts(limit: Int, at now: Instant) -> [RequestAccount] {
    guard requests.count > 0 else { return [] }
    var result: [RequestAccount] = []
    for row in table.destinations.indexes
    where table.isLive(row) && table.destinations[row].flags.contains(.requested) {
      var next = requests.first(row)
      while next != .none, result.count < limit {
        let request = requests[next]
        result.append(
          RequestAccount(
            destination: table.destinations[row].prefix, source: table.sourcePrefix(row),
            routerID: table.routerIDs[request.router], seqno: request.seqno,
            isOwn: request.isOwn, repeatsLeft: Int(request.repeatsLeft),
            age: UInt32(clamping: max(0, now - request.sentAt) / 1_000_000)))
        next = request.next
      }
      guard result.count < limit else { break }
    }
    return result
  }

  /// All limits, and how full the tables are.
  public func limitAccounts() -> [LimitAccount] {
    var fullest = 0
    var fullestRoutes = 0
    for id in links.order {
      let ids = interface(id)?.neighbours ?? []
      fullest = max(fullest, ids.count)
      for neighbour in ids {
        fullestRoutes = max(fullestRoutes, neighbours[neighbour].routes.count)
      }
    }
    func account(_ limit: Limit, _ most: Int, _ used: Int) -> LimitAccount {
      LimitAccount(limit: limit, most: most, used: used, refused: counters[limit])
    }
    return [
      account(.interfaces, parameters.interfaceLimit, links.order.count),
      account(.neighbours, parameters.neighbourLimit, fullest),
      account(.routes, parameters.routeLimit, table.routes.count),
      account(.neighbourRoutes, parameters.neighbourRouteLimit, fullestRoutes),
      account(.sources, parameters.sourceLimit, table.sourceCount),
      account(.originatedPrefixes, parameters.originatedLimit, offers.count),
      account(.requests, parameters.requestLimit, requests.count),
    ]
  }
}

extension BabelNode {
  /// Whole seconds since a packet came to an interface from an address that we have there: somebody
  /// else on the link has it, or the link sends our own packets back. Nil if none came.
  public func ownPacketAge(on name: InterfaceName, at now: Instant) -> UInt32? {
    guard let id = links.id(named: name), let at = links[id]?.ownPacketAt else { return nil }
    return UInt32(clamping: max(0, now - at) / 1_000_000)
  }

  /// A prefix of `family` that we announce and that is not just an address of this machine, so that
  /// neighbours send us packets to forward; nil if there is none. Without `includingLearned` only
  /// prefixes of our own count.
  public func forwardedPrefix(_ family: AddressFamily, includingLearned: Bool) -> Prefix? {
    for row in table.destinations.indexes where table.isLive(row) {
      let destination = table.destinations[row]
      guard destination.flags.contains(.announced), !destination.announcedMetric.isInfinite,
        includingLearned || destination.flags.contains(.originated)
      else { continue }
      let prefix = destination.prefix
      if prefix.family == family, !offers.isOwnAddress(prefix) { return prefix }
    }
    return nil
  }

  /// Handles of all destinations that are announced with a finite metric, in the order of their
  /// prefixes.
  public func exportedOrder() -> [DestinationHandle] {
    var rows: [(prefix: Prefix, row: DestinationRow)] = []
    for row in table.destinations.indexes where table.isLive(row) && announcement(row) != nil {
      rows.append((table.destinations[row].prefix, row))
    }
    rows = rows.ordered { $0.prefix < $1.prefix }
    return rows.map { DestinationHandle(row: $0.row) }
  }

  /// What is announced of a destination; nil if nothing is.
  public func exportAccount(of handle: DestinationHandle) -> ExportAccount? {
    guard table.isLive(handle.row), let announcement = announcement(handle.row) else { return nil }
    let destination = table.destinations[handle.row].prefix
    let source = table.sourcePrefix(handle.row)
    let verdicts = announcementAccounts(of: destination, source: source)
    var (told, interfaces) = (0, 0)
    for account in verdicts where account.verdict != .interfaceDown {
      interfaces += 1
      if case .announced = account.verdict { told += 1 }
    }
    return ExportAccount(
      destination: destination, source: source, metric: announcement.metric,
      routerID: table.routerIDs[announcement.router], isOwn: announcement.interface == nil,
      told: told, interfaces: interfaces)
  }
}
