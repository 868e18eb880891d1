import BabelWire

// What follows when something that an earlier life left is denied, lost or too old. For what is
// left see `Restart/`.

extension BabelNode {
  /// A neighbour says that it has no route where an adopted entry leads to it.
  mutating func retractAdopted(
    _ update: Update, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard restart.adoption.count > 0, let row = table.find(update.destination, update.source),
      table.destinations[row].flags.contains(.adopted),
      case .via(let path) = restart.adoption[table.destinations[row].adoptedWay].target,
      path.interface == neighbours[id].interface,
      isGateway(path.gateway, of: neighbours[id], id)
    else { return }
    takeBackAdopted(row, now, &buffer)
  }

  /// Looks at a destination that an earlier life announced. If the kernel lost its entry while
  /// nobody was here to see it, it is lost now: retracted, and held (§3.5.4).
  mutating func judgeRestored(
    _ row: DestinationRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard table.isLive(row), table.destinations[row].flags.contains(.announced) else { return }
    let destination = table.destinations[row]
    guard destination.selected == .none,
      destination.flags.isDisjoint(with: [.adopted, .originated, .held])
    else { return }
    let left = destination.sourceExpiry.instant(near: now) - now
    if left <= ProtocolParameters.sourceGarbageCollection / 3 * 2 {
      // More than a third of the entry's time has passed. That is at least how long neighbours keep
      // a route, so none is left.
      table.destinations[row].forgetAnnouncement()
      table.removeIfUnused(row)
      return
    }
    // It was announced with the intervals of the earlier life.
    holdLost(row, for: max(holdTime, left / ProtocolParameters.sourceHolds), now, &buffer)
  }

  /// Begins the sweep when its time has come, and goes on with a walk over all destinations; at
  /// most `budget` rows. Returns how many.
  mutating func runAdoption(_ now: Instant, budget: Int, _ buffer: inout ActionBuffer) -> Int {
    restart.beginSweep(at: now)
    var work = 0
    while work < budget, let row = restart.nextOfWalk(below: table.destinations.capacity) {
      work += 1
      guard table.isLive(row), table.destinations[row].flags.contains(.adopted) else { continue }
      if restart.adoption.isRevoked(table.destinations[row].adoptedWay)
        || restart.adoption.isSweeping
      {
        takeBackAdopted(row, now, &buffer)
      } else if restart.adoption.preferenceDue == nil,
        table.destinations[row].flags.contains(.prefersAdopted)
      {
        table.destinations[row].endPreference()
        reselect(row, now, &buffer)
      }
    }
    return work
  }

  /// Takes one entry back. While neighbours may still send packets here the prefix is held as
  /// unreachable, so that none follows a shorter one back to them (RFC 8966 §3.5.4).
  private mutating func takeBackAdopted(
    _ row: DestinationRow, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    table.destinations[row].endPreference()
    reselect(row, now, &buffer)
    guard table.isLive(row), table.destinations[row].flags.contains(.adopted) else { return }
    guard restart.beginning != .afterCrash || restart.isRecovering else {
      dropAdopted(row, &buffer)
      table.removeIfUnused(row)
      return
    }
    if restart.beginning == .resumed {
      // Neighbours believe that we announce it.
      table.destinations[row].announced(.zero)
    }
    holdLost(row, now, &buffer)
  }

  /// A neighbour has not answered: it is asked again, at growing distances, and told what we
  /// announce behind the retraction.
  mutating func repeatRetraction(to id: NeighbourID, _ now: Instant) {
    guard let recovery = restart.recovery, neighbours[id].restart.awaitsAcknowledgment,
      !neighbours[id].txcost.isInfinite
    else {
      neighbours[restart: id].cancelRetraction()
      return
    }
    neighbours[restart: id].countRetraction(at: now)
    neighbours.enqueueInFront(recovery.retraction, to: id, by: now)
    restartUnicastFullUpdate(id, now)
  }

  /// Announces what was withheld, if nothing stands in the way any more.
  mutating func announceWithheld(_ now: Instant) {
    for row in restart.takeWithheld(at: now) where table.isLive(row) {
      considerAnnouncement(row, now)
    }
  }
}
