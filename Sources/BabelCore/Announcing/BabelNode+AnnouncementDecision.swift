import BabelWire

// Before editing, read RFC 8966 §3.7.

// Here is decided what neighbours are told: whether a change is worth an Update
// (`considerAnnouncement`), and what an Update on an interface says (`addUpdate`). Filters for
// output are applied in `BabelNode+OutputFilter.swift`, and `isTellable` there says whether they
// let a destination pass anywhere. After a restart a prefix may have to wait before it is
// announced: `isWithheld` tells, in the folder `Restart`.

/// What we tell neighbours about a destination.
struct Announcement: Equatable {
  /// Interned router-id.
  let router: RouterRow
  let seqno: Seqno
  let metric: Metric
  /// Interface of the selected route, nil for a prefix of our own.
  let interface: InterfaceID?
}

/// What became of an attempt to append an Update.
enum UpdateOutcome {
  /// A finite Update was appended.
  case announced
  /// A retraction was appended.
  case retracted
  /// There is nothing to say.
  case skipped
  /// It does not fit into the packet.
  case full
}

extension BabelNode {
  /// The finite announcement of a destination, nil if we have none.
  func announcement(_ row: DestinationRow) -> Announcement? {
    let destination = table.destinations[row]
    if destination.flags.contains(.originated) {
      return Announcement(
        router: ownRouter, seqno: ownSeqno.value, metric: table.originatedMetric(row),
        interface: nil)
    }
    guard destination.selected != .none else { return nil }
    let metric = metric(of: destination.selected)
    guard !metric.isInfinite else { return nil }
    let route = table.routes[destination.selected]
    return Announcement(
      router: route.routerID, seqno: route.seqno, metric: metric,
      interface: table.nextHops[route.nextHop].interface)
  }

  // MARK: Triggered updates

  /// Compares what we would announce with what we announced last and triggers an update if the
  /// difference matters (§3.7.2).
  mutating func considerAnnouncement(_ row: DestinationRow, _ now: Instant) {
    let destination = table.destinations[row]
    let wasAnnounced = destination.flags.contains(.announced)
    guard let announcement = announcement(row) else {
      if wasAnnounced, destination.flags.contains(.held), !destination.announcedMetric.isInfinite {
        noteChange(row, isCritical: true, now)
      }
      return
    }
    if !wasAnnounced, isWithheld(row) {
      restart.withhold(row, at: now)
      return
    }
    if !wasAnnounced || announcement.router != destination.sourceRouter
      || destination.announcedMetric.isInfinite
    {
      // Filters keep it from every neighbour, and no neighbour has an old announcement of it that
      // would have to be corrected. So there is nothing to send.
      if !wasAnnounced || destination.announcedMetric.isInfinite,
        !isTellable(row, announcement)
      {
        return
      }
      noteChange(row, isCritical: true, now)
      return
    }
    let old = destination.announcedMetric.rawValue
    let new = announcement.metric.rawValue
    let difference = old > new ? old - new : new - old
    // Small changes wait for the periodic update, so that a quiet mesh stays quiet (§3.7.2). A
    // measured cost always varies a little, so there a change must reach a tenth of the metric, and
    // a quarter where losses count: their penalties go in steps, which all who are behind such a
    // link would pass on. Where costs are fixed, the network itself has changed, even if the metric
    // hardly has.
    let terms = announcement.interface.flatMap { links.terms($0) }
    let isMeasured = terms?.isCostMeasured ?? false
    let share = terms?.isLossMeasured ?? false ? old / 4 : isMeasured ? old / 10 : 0
    if difference >= max(ProtocolParameters.insignificantMetric, share) {
      noteChange(row, isCritical: !isTellable(row, announcement), now)
    }
  }

  /// The selected route moved to another interface. Split horizon hid the former route from
  /// neighbours on the interface where it was learned. They are told of the new one even if its
  /// metric is the same: their own route may have gone just now, and they know of none through us.
  mutating func noteMove(
    _ row: DestinationRow, from old: RouteRow, to best: RouteRow, _ now: Instant
  ) {
    let former = table.nextHops[table.routes[old].nextHop].interface
    guard former != table.nextHops[table.routes[best].nextHop].interface,
      let interface = interface(former), interface.isUp, interface.parameters.splitHorizon
    else { return }
    noteChange(row, isCritical: metric(of: old).isInfinite, now)
  }

  /// Enters a destination into the change log. Each interface sends it after an urgent delay or,
  /// where changes are frequent, at its turn. A critical one is repeated (§3.7.2).
  mutating func noteChange(_ row: DestinationRow, isCritical: Bool, _ now: Instant) {
    guard announcing.readers > 0 else { return }
    let wasScheduled = announcing.isScheduled
    let former = table.destinations[row].logPosition
    table.destinations[row].setLogPosition(announcing.log(row, formerly: former))
    if isCritical { queueCopies(row, now) }
    guard !wasScheduled else { return }
    for id in links.order {
      guard let interface = interface(id), interface.isUp else { continue }
      let turn = interface.announcing.nextTurn(ofInterfaces: announcing.readers)
      let due = max(now + urgentDelay(on: id), turn)
      if interface.announcing.changesDue ?? .distantFuture > due {
        links[announcing: id]?.announcing.planChanges(at: due)
        links.schedule(id)
      }
    }
  }

  /// One further copy, two where a link is wireless, unless the operator wants fewer.
  private mutating func queueCopies(_ row: DestinationRow, _ now: Instant) {
    guard parameters.copyLimit > 0 else { return }
    let isRepeatedTwice =
      parameters.copyLimit > 1
      && links.order.contains { interface($0)?.parameters.linkSensing == .etx }
    if table.destinations[row].planCopies(two: isRepeatedTwice) {
      announcing.planCopy(row, at: now)
    }
  }

  /// The time for another copy has come.
  mutating func sendCopy(_ row: DestinationRow, _ now: Instant) {
    let copy = table.destinations[row].takeCopy()
    guard copy.isSent else { return }
    noteChange(row, isCritical: false, now)
    if copy.isFollowed { announcing.planCopy(row, at: now) }
  }

  /// Something is to be announced on an interface: changes, or a full update.
  mutating func announce(
    on id: InterfaceID, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let interface = interface(id) else { return }
    if interface.announcing.periodicUpdateDue.map({ $0 <= now }) ?? false {
      let next = jitter.fraction(
        of: interface.updateMicroseconds, within: ProtocolParameters.updateJitter)
      links[announcing: id]?.announcing.planPeriodicUpdate(at: now + next)
      links[announcing: id]?.announcing.planFullUpdate(at: now)
    }
    if interface.announcing.changesDue.map({ $0 <= now }) ?? false {
      sendChanges(id, &packet, now, &buffer)
    }
    if let due = self.interface(id)?.announcing.fullUpdateDue, due <= now {
      continueFullUpdate(id, &packet, now, &buffer)
    }
  }

  /// Sends what the change log holds for an interface, as fast as pacing allows.
  private mutating func sendChanges(
    _ id: InterfaceID, _ packet: inout OpenPacket, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard var position = interface(id)?.announcing.logPosition else { return }
    guard links.takeTurn(on: id, at: now) else {
      let resumeAt = links.nextTurn(on: id)
      links[announcing: id]?.announcing.planChanges(at: resumeAt)
      return
    }
    var (isPaced, tellsAnything, fillsPackets) = (false, false, false)
    while let row = announcing.change(at: position) {
      if table.isLive(row), table.destinations[row].logPosition == position {
        var outcome = addChange(row, &packet, now)
        if outcome == .full {
          packet.close(&buffer)
          fillsPackets = true
          guard links.takeTurn(on: id, at: now) else {
            isPaced = true
            break
          }
          outcome = addChange(row, &packet, now)
        }
        tellsAnything = tellsAnything || outcome != .skipped
      }
      position = position.advanced(by: 1)
    }
    // What fills packets would take as many if it had waited for more.
    if tellsAnything, !fillsPackets {
      links[announcing: id]?.announcing.takeTurn(at: now, ofInterfaces: announcing.readers)
    }
    links[announcing: id]?.announcing.read(to: position)
    let resumeAt = isPaced ? links.nextTurn(on: id) : nil
    links[announcing: id]?.announcing.planChanges(at: resumeAt)
    announcing.noteRead(to: position)
  }

  /// Appends an Update for a destination of the change log. When it is a retraction, and no other
  /// interface is told of a finite metric, the destination counts as retracted everywhere.
  private mutating func addChange(
    _ row: DestinationRow, _ packet: inout OpenPacket, _ now: Instant
  ) -> UpdateOutcome {
    if mayMove(row) { return .skipped }
    let outcome = addUpdate(row, &packet, isRequested: false, now)
    if outcome == .retracted, announcement(row).map({ !isTellable(row, $0) }) ?? true {
      table.destinations[row].retracted()
    }
    return outcome
  }

  /// Whether a destination has nothing to tell but that its route became worse by what was
  /// measured, while another one settles or a newer seqno is asked for. In a moment there may be a
  /// better route: neighbours are told of that one, and need not look for ways of their own
  /// meanwhile. When this is decided it is announced what there is. A full update waits for
  /// nothing.
  private func mayMove(_ row: DestinationRow) -> Bool {
    let destination = table.destinations[row]
    guard !destination.flags.isDisjoint(with: [.settling, .requested]),
      destination.flags.contains(.announced), !destination.announcedMetric.isInfinite,
      let announcement = announcement(row), announcement.router == destination.sourceRouter,
      announcement.seqno == destination.sourceDistance.seqno,
      announcement.metric > destination.announcedMetric,
      let terms = announcement.interface.flatMap({ links.terms($0) }),
      terms.isLossMeasured, !terms.splitsHorizon, !terms.carriesPathAttributes
    else { return false }
    let worsening = announcement.metric.rawValue - destination.announcedMetric.rawValue
    return Int(worsening) < ProtocolParameters.drainedDifference
  }

  // MARK: One Update

  /// Appends the current state of a destination: a finite Update, or a retraction while it is
  /// held or when it was asked for.
  mutating func addUpdate(
    _ row: DestinationRow, _ packet: inout OpenPacket, isRequested: Bool, _ now: Instant
  ) -> UpdateOutcome {
    guard let terms = links.terms(packet.interface) else { return .skipped }
    guard let announcement = announcement(row),
      table.destinations[row].flags.contains(.announced) || !isWithheld(row)
    else {
      guard isRequested || table.destinations[row].flags.contains(.held) else { return .skipped }
      return addRetraction(row, &packet)
    }
    if !isRequested, terms.splitsHorizon, announcement.interface == packet.interface {
      return wasAnnouncedLately(row, but: announcement.router, now)
        ? addRetraction(row, &packet) : .skipped
    }
    let prefix = table.destinations[row].prefix
    let source = table.sourcePrefix(row)
    if !source.isDefault, !terms.carriesSourcePrefixes { return .skipped }
    guard let nextHop = terms.nextHop(for: prefix) else {
      return isRequested || links[announcing: packet.interface]?.announcing.retractsIPv4 == true
        ? addRetraction(row, &packet) : .skipped
    }
    let routerID = table.routerIDs[announcement.router]
    var metric = announcement.metric
    if !filters.output.rules.isEmpty, let interface = interface(packet.interface) {
      guard let passed = countedOutput(row, routerID, metric, interface) else {
        let isWanted =
          isRequested || mayHaveBeenTold(row, but: announcement.router, interface, now)
          || passedFormerly(row, by: routerID, interface, now)
        return isWanted ? addRetraction(row, &packet) : .skipped
      }
      metric = passed
    }
    if metric.isInfinite {
      return isRequested || wasAnnouncedLately(row, now) ? addRetraction(row, &packet) : .skipped
    }
    if table.sourceCount >= parameters.sourceLimit,
      table.needsSource(row, announcement.router, at: now)
    {
      // Without a feasibility distance kept, a finite Update could make a loop (§3.7.3).
      counters.countFull(.sources)
      return isRequested || wasAnnouncedLately(row, now) ? addRetraction(row, &packet) : .skipped
    }
    let update = OutgoingUpdate(
      destination: prefix, source: source, routerID: routerID, seqno: announcement.seqno,
      metric: metric, interval: terms.updateInterval, nextHop: nextHop,
      attributes: terms.carriesPathAttributes ? attributes(of: row, at: now) : PathAttributes())
    guard packet.addIfItFits({ $0.append(update) }) else { return .full }
    // Before the Update leaves, the feasibility distance is brought up to date (§3.7.3).
    table.announced(
      row, router: announcement.router,
      FeasibilityDistance(seqno: announcement.seqno, metric: metric), at: now)
    table.destinations[row].announced(announcement.metric)
    return .announced
  }

  /// The attributes we announce a destination with, where Updates carry them.
  private func attributes(of row: DestinationRow, at now: Instant) -> PathAttributes {
    let destination = table.destinations[row]
    if destination.flags.contains(.originated) {
      return PathAttributes(price: 0, roundTripTime: 0)
    }
    let selected = destination.selected
    guard selected != .none else { return PathAttributes() }
    return PathAttributes(
      price: price(of: selected), roundTripTime: pathRoundTripTime(of: selected, at: now))
  }

  private func addRetraction(_ row: DestinationRow, _ packet: inout OpenPacket) -> UpdateOutcome {
    let prefix = table.destinations[row].prefix
    guard let update = makeRetraction(prefix, table.sourcePrefix(row), packet.interface) else {
      return .skipped
    }
    return packet.addIfItFits { $0.append(update) } ? .retracted : .full
  }

  /// A retraction; nil when the interface cannot carry it.
  func makeRetraction(
    _ destination: Prefix, _ source: Prefix, _ id: InterfaceID
  ) -> OutgoingUpdate? {
    guard let terms = links.terms(id) else { return nil }
    if !source.isDefault, !terms.carriesSourcePrefixes { return nil }
    // Which encoding a retraction has does not matter, and it needs no next hop (RFC 9229 §2.2).
    let nextHop = terms.nextHop(for: destination) ?? .packetSource
    return OutgoingUpdate(
      destination: destination, source: source, routerID: parameters.routerID,
      seqno: ownSeqno.value,
      metric: .infinity, interval: terms.updateInterval, nextHop: nextHop)
  }
}
