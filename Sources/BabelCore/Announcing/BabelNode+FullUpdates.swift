import BabelWire

// Before editing, read RFC 8966 §3.7.1 and §3.8.1.1.

extension BabelNode {
  /// Starts or continues the full update of an interface (§3.7.1).
  mutating func continueFullUpdate(
    _ id: InterfaceID, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    let start = interface.announcing.fullUpdatePosition
    if start == nil {
      beginFullUpdate()
      links[announcing: id]?.announcing.fullUpdateBegins(at: now)
    }
    let result = addFullUpdate(from: start ?? 0, &packet, now, &buffer)
    links[announcing: id]?.announcing.fullUpdateStands(
      at: result.position, goesOnAt: result.resumeAt)
    if result.position == nil { announcing.fullUpdateEnds() }
  }

  /// Continues the full update for one neighbour.
  mutating func continueUnicastFullUpdate(
    _ id: NeighbourID, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let result = addFullUpdate(
      from: neighbours[id].fullUpdate.position ?? 0, &packet, now, &buffer)
    if let position = result.position {
      neighbours[fullUpdate: id].pause(at: position, until: result.resumeAt)
    } else {
      endUnicastFullUpdate(id)
    }
  }

  /// Appends Updates of a full update until pacing or the end stops it.
  private mutating func addFullUpdate(
    from start: Int, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) -> (position: Int?, resumeAt: Instant?) {
    var position = start
    guard position < table.order.entries.count else { return (nil, nil) }
    guard links.takeTurn(on: packet.interface, at: now) else {
      return (position, links.nextTurn(on: packet.interface))
    }
    // Destinations that are not announced cost time too: a slice ends after so many rows.
    var rowsLeft = 4096
    while position < table.order.entries.count {
      let row = table.order.entries[position]
      if table.isLive(row), addUpdate(row, &packet, isRequested: false, now) == .full {
        packet.close(&buffer)
        guard links.takeTurn(on: packet.interface, at: now) else {
          return (position, links.nextTurn(on: packet.interface))
        }
        _ = addUpdate(row, &packet, isRequested: false, now)
      }
      position += 1
      rowsLeft -= 1
      if rowsLeft == 0 { return (position, now + 1) }
    }
    return (nil, nil)
  }

  /// A full update of an interface is sent soon.
  mutating func requestFullUpdate(_ id: InterfaceID, _ now: Instant) {
    guard interface(id)?.isUp == true else { return }
    let due = now + urgentDelay(on: id)
    links[announcing: id]?.announcing.restartFullUpdate()
    links[announcing: id]?.announcing.planFullUpdate(at: due)
    links.schedule(id)
  }

  /// A full update begins: the order may be brought up to date if no other is under way.
  private mutating func beginFullUpdate() {
    if announcing.mayReorder { table.refreshAnnouncementOrder() }
    announcing.fullUpdateBegins()
  }

  /// Ends the full update of an interface that goes down.
  mutating func endFullUpdate(_ id: InterfaceID) {
    if links[announcing: id]?.announcing.endFullUpdate() == true { announcing.fullUpdateEnds() }
  }

  /// Sends a neighbour all our routes, unless that was done within a Hello interval or 4 s,
  /// whichever is shorter (§3.8.1.1). When many ask at a time, one full update by multicast serves
  /// all.
  mutating func startUnicastFullUpdate(_ id: NeighbourID, _ now: Instant) {
    let neighbour = neighbours[id]
    guard neighbour.fullUpdate.position == nil, let interface = interface(neighbour.interface)
    else {
      return
    }
    let spacing = interface.spacing(atMost: ProtocolParameters.fullUpdateSpacing)
    if let began = neighbour.fullUpdate.began, now - began < spacing { return }
    neighbours[fullUpdate: id].noteBegin(at: now)
    let status = interface.announcing
    if status.unicastFullUpdates >= ProtocolParameters.unicastFullUpdateLimit {
      guard status.fullUpdatePosition == nil, status.fullUpdateDue == nil else { return }
      if let began = status.fullUpdateBegan, now - began < spacing { return }
      let due = now + urgentDelay(on: neighbour.interface)
      links[announcing: neighbour.interface]?.announcing.planFullUpdate(at: due)
      links.schedule(neighbour.interface)
      return
    }
    beginFullUpdate()
    links[announcing: neighbour.interface]?.announcing.unicastFullUpdateBegins()
    let due = now + urgentDelay(on: neighbour.interface)
    neighbours[fullUpdate: id].plan(at: due)
    neighbours.scheduleUnicast(id)
  }

  /// Sends a neighbour all our routes from the beginning, because it was told to forget them.
  mutating func restartUnicastFullUpdate(_ id: NeighbourID, _ now: Instant) {
    if neighbours[id].fullUpdate.position == nil {
      beginFullUpdate()
      links[announcing: neighbours[id].interface]?.announcing.unicastFullUpdateBegins()
      neighbours[fullUpdate: id].noteBegin(at: now)
    }
    neighbours[fullUpdate: id].plan(at: now)
    neighbours.scheduleUnicast(id)
  }

  /// Ends a neighbour's full update, done or not.
  mutating func endUnicastFullUpdate(_ id: NeighbourID) {
    neighbours[fullUpdate: id].end()
    links[announcing: neighbours[id].interface]?.announcing.unicastFullUpdateEnds()
    announcing.fullUpdateEnds()
  }
}
