import BabelWire

extension BabelNode {
  /// Neighbours, the most recently created first.
  public func neighbours(at now: Instant) -> [NeighbourStatus] {
    var result: [NeighbourStatus] = []
    for id in links.order {
      guard let interface = interface(id) else { continue }
      for neighbour in interface.neighbours {
        if let status = neighbourStatus(neighbour, now) { result.append(status) }
      }
    }
    return result.ordered { $0.id > $1.id }
  }

  /// The shortest of the intervals, in microseconds, at which neighbours send Hellos of a kind; the
  /// greatest number there is if none does.
  public var shortestHelloInterval: Int64 {
    var shortest = Int64.max
    for id in links.order {
      for neighbour in interface(id)?.neighbours ?? [] {
        shortest = min(shortest, neighbours.shortestHelloInterval(of: neighbour))
      }
    }
    return shortest
  }

  func neighbourStatus(_ id: NeighbourID, _ now: Instant) -> NeighbourStatus? {
    let neighbour = neighbours[id]
    guard let interface = interface(neighbour.interface) else { return nil }
    let counts = neighbour.measuring.counts(interface.parameters)
    return NeighbourStatus(
      id: neighbour.objectID, address: neighbour.address, interface: interface.name,
      interfaceIsUp: interface.isUp, multicastHistory: neighbour.multicast.bits,
      unicastHistory: neighbour.unicast.bits, rxcost: neighbour.rxcost,
      txcost: neighbour.txcost, roundTripTime: neighbour.roundTrip.current(at: now),
      rttCost: neighbour.rttCost, jitter: neighbour.roundTrip.jitter(at: now),
      jitterCost: neighbour.jitterCost,
      loss: counts ? neighbour.measuring.meter.permille : nil,
      lossGrade: counts ? neighbour.measuring.meter.grade : nil,
      lossCost: neighbour.measuring.cost, cost: neighbour.cost)
  }

  /// Tells monitors, but only what changed.
  mutating func reportNeighbour(
    _ event: TableEvent, _ id: NeighbourID, _ now: Instant, _ buffer: inout ActionBuffer
  ) {
    guard let status = neighbourStatus(id, now) else { return }
    guard neighbours.noteReport(status, isChange: event == .change, of: id) else { return }
    buffer.actions.append(.notify(.neighbour(event, status)))
  }
}
