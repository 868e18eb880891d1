import BabelWire

// Before editing, read RFC 8966 §3.4.1 and docs/loss.md.

// Quick unicast Hellos, from which a neighbour can tell how many packets get lost. Any Babel
// implementation takes them for ordinary Hellos.

extension BabelNode {
  /// Begins or ends quick Hellos to a neighbour: those are sent where the link can be used, and
  /// where multicast reaches it, since else unicast Hellos are all it has to go by.
  mutating func judgeProbes(to id: NeighbourID, _ interface: Interface, _ now: Instant) {
    let interval = interface.probeMicroseconds
    let isWanted =
      interval > 0 && !neighbours[id].cost.isInfinite && !misses(group: neighbours[id])
      && (neighbours[id].measuring.isMutual || !interface.parameters.probesWhoMeasures)
    guard isWanted != (neighbours[id].measuring.probeDue != nil) else { return }
    if isWanted {
      let due = now + jitter.within(1...interval)
      neighbours.beginProbes(to: id, after: interface.helloSeqno, at: due)
    } else {
      neighbours.endProbes(to: id)
    }
  }

  /// Appends a quick Hello if one is due. It is not filled up to the MTU.
  mutating func addProbe(
    _ id: NeighbourID, _ interface: Interface, _ packet: inout OpenPacket, _ now: Instant,
    _ buffer: inout ActionBuffer
  ) {
    guard let due = neighbours[id].measuring.probeDue, due <= now else { return }
    let interval = interface.probeMicroseconds
    guard interval > 0, let seqno = neighbours.takeUnicastSeqno(of: id) else {
      neighbours.endProbes(to: id)
      return
    }
    // Those to all neighbours leave at a few points of time, so that a node with many tunnels is
    // not woken for each. None is later than promised.
    let next = now + jitter.fraction(of: interval, within: ProtocolParameters.helloJitter)
    let surplus = next.microseconds % (interval / ProtocolParameters.probePoints)
    neighbours.planProbe(to: id, at: next + -surplus)
    let hello = Hello(
      isUnicast: true, seqno: seqno, interval: interface.probeInterval, transmitTimestamp: nil)
    packet.add(&buffer) { $0.append(hello) }
  }

  /// A unicast Hello that goes with a multicast one, as a neighbour is to get it: with the seqno
  /// and the interval of the quick Hellos, if there are some.
  mutating func unicastHello(
    _ hello: Hello, to id: NeighbourID?, _ interface: Interface
  ) -> Hello {
    guard let id, let seqno = neighbours.takeUnicastSeqno(of: id) else { return hello }
    let isProbed = hello.isScheduled && neighbours[id].measuring.probeDue != nil
    return Hello(
      isUnicast: true, seqno: seqno,
      interval: isProbed ? interface.probeInterval : hello.interval,
      transmitTimestamp: hello.transmitTimestamp, measuresLoss: hello.measuresLoss)
  }
}
