import BabelWire

// Before editing, read RFC 8966 §3.4 and §3.3.

// A neighbour that we hear, and that does not hear us, may only miss what goes to the group, or
// something may be stuck here. What can be done about it from here is done, more and more rarely.

extension BabelNode {
  /// The next step is due for a neighbour that does not hear us.
  mutating func heal(_ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer) {
    guard neighbours.mayHeal(id, at: now) else { return }
    let opaque = UInt16(truncatingIfNeeded: jitter.next())
    let step = neighbours.takeHealingStep(of: id, opaque, at: now)
    let neighbour = neighbours[id]
    buffer.actions.append(
      .notify(.neighbourHealed(step, neighbour.address, interface: neighbour.interfaceName)))
    switch step {
    case .asked:
      sendIHU(to: id, now)
      enqueue(.acknowledgmentRequest(opaque), to: id, by: now)
    case .renewed: renew(id, now, &buffer)
    case .greetedByUnicast, .hearsGroup, .relapsed: break
    }
  }

  /// An acknowledgment came. If it answers our question, the neighbour hears what goes to it alone:
  /// it is sent Hellos of its own, as it may not hear those to the group.
  mutating func receiveHealingAnswer(
    _ answer: Acknowledgment, from id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    if neighbours.acknowledgedGroup(answer.opaque, by: id) {
      return endUnicastHellos(to: id, because: .hearsGroup, now, &buffer)
    }
    guard neighbours.acknowledged(answer.opaque, by: id) else { return }
    let neighbour = neighbours[id]
    guard let interface = interface(neighbour.interface),
      !interface.parameters.rfc6126Compatible, neighbour.healing.mayBeGreeted,
      !interface.greetsByUnicast(neighbour.address),
      greetByUnicast(id, because: .missesGroup)
    else { return }
    neighbours.beginGroupTrials(of: id, at: now)
    buffer.actions.append(
      .notify(
        .neighbourHealed(
          .greetedByUnicast, neighbour.address, interface: neighbour.interfaceName)))
  }

  /// A neighbour is of another use. If it is sent unicast Hellos because it misses those to the
  /// group, and it never hears them for long, they do harm: its routes come and go.
  mutating func judgeUnicastHellos(
    to id: NeighbourID, from former: NeighbourUse, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let neighbour = neighbours[id]
    let state = neighbour.standing.told
    guard misses(group: neighbour), state == .usable || (former == .usable && state == .deaf),
      !neighbours.noteHealing(of: id, hearsUs: state == .usable, at: now)
    else { return }
    endUnicastHellos(to: id, because: .relapsed, now, &buffer)
  }

  /// A neighbour that is sent unicast Hellos because it misses those to the group may hear them
  /// again: a link loses much for some minutes, or a switch forgets who listens. So it is asked for
  /// an acknowledgment by a packet to the group, and is sent none any more if it answers.
  mutating func tryGroup(of id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer) {
    let neighbour = neighbours[id]
    guard misses(group: neighbour), let interface = interface(neighbour.interface) else {
      return neighbours.endGroupTrials(of: id)
    }
    let opaque = UInt16(truncatingIfNeeded: jitter.next())
    neighbours.takeGroupTrial(of: id, opaque, at: now)
    guard interface.isUp, !neighbour.cost.isInfinite else { return }
    var packet = OpenPacket(neighbour.interface, interface, to: .multicast)
    add(.acknowledgmentRequest(opaque), &packet, now, &buffer)
    packet.close(&buffer)
  }

  private mutating func endUnicastHellos(
    to id: NeighbourID, because step: HealingStep, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let neighbour = neighbours[id]
    guard misses(group: neighbour) else { return }
    links.removeUnicastPeers(of: neighbour.interface) {
      $0.address == neighbour.address && $0.standing == .missesGroup
    }
    neighbours.endGroupTrials(of: id)
    buffer.actions.append(
      .notify(.neighbourHealed(step, neighbour.address, interface: neighbour.interfaceName)))
    if step == .hearsGroup, let interface = self.interface(neighbour.interface) {
      judgeProbes(to: id, interface, now)
    }
  }

  /// Makes the row of a neighbour anew, as if it had just come. What we heard of its Hellos stays:
  /// it may well use the link in the other direction, and would be told that we do not hear it.
  private mutating func renew(
    _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    let former = neighbours[id]
    let wasGreeted = misses(group: former)
    let place = interface(former.interface)?.neighbours.firstIndex(of: id)
    flush(id, because: .renewed, now, &buffer)
    guard let new = findOrAddNeighbour(former.interface, former.address, now, &buffer) else {
      return
    }
    neighbours.inherit(former, as: new)
    if let place { links.move(new, to: place, on: former.interface) }
    if wasGreeted { _ = greetByUnicast(new, because: .missesGroup) }
    neighbours.schedule(new)
    computeCost(new, now, &buffer)
  }
}
