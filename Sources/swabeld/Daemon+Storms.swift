import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// When a guard wants to look again though nothing arrives.
  var stormDeadline: Instant? {
    guard let ipv4 = ipv4Socket?.storms.deadline else { return storms.deadline }
    return min(ipv4, storms.deadline ?? .distantFuture)
  }

  /// Datagrams that were dropped unread because there were too many from strangers.
  var floodingPackets: UInt64 {
    storms.refusedInAll &+ (ipv4Socket?.storms.refusedInAll ?? 0)
  }

  /// Does what is due about floods without an event.
  func watchStorms(at now: Instant) {
    if let due = storms.deadline, due <= now { watch(socket, storms) }
    if let ipv4Socket, let due = ipv4Socket.storms.deadline, due <= now {
      watch(ipv4Socket.socket, ipv4Socket.storms)
    }
  }

  /// Tells the guards that an interface is not ours any more, or not by this number.
  func forgetStorms(on ifindex: Int32, at now: Instant) {
    storms.forget(ifindex: ifindex, at: now)
    ipv4Socket?.storms.forget(ifindex: ifindex, at: now)
  }

  /// Tells the guards what became of a neighbour.
  func noteForStorms(_ event: TableEvent, _ status: NeighbourStatus, at now: Instant) {
    guard let row = interfaces.first(where: { $0.name == status.interface }),
      let ifindex = row.ifindex,
      let guardian = row.parameters.control == .ipv4 ? ipv4Socket?.storms : storms
    else { return }
    let source = StormGuard.Source(ifindex: ifindex, address: status.address)
    if event == .flush {
      guardian.lost(source)
    } else {
      guardian.saw(
        source, isUsable: !status.cost.isInfinite,
        isProved: node.provedCounter(of: status.address, on: row.id) != nil, at: now)
    }
  }

  /// Looks whether a socket is flooded, and changes what the kernel lets through.
  func watch(_ socket: borrowing UDPSocket, _ storms: StormGuard) {
    let now = Instant.now
    // Asked for each time: that fewer datagrams came than there was room for does not prove that
    // none are left, and before a review that is due by its time nothing was read at all.
    let fill = socket.fillPercent
    guard storms.needsReview(at: now, fillPercent: fill) else { return }
    let outcome = storms.review(at: now, fillPercent: fill) { seal(of: $0) }
    if outcome.needsFilter { install(storms, in: socket) }
    for ifindex in outcome.began {
      log.write(
        .flood, subject: .link(ifindex),
        "\(linkName(ifindex)) is flooded: only a part of what strangers send is looked at")
    }
    for ifindex in outcome.ended {
      log.write(
        .flood, subject: .link(ifindex), level: .info,
        "The flood on \(linkName(ifindex)) is over")
    }
  }

  private func install(_ storms: StormGuard, in socket: borrowing UDPSocket) {
    let port = settings.configuration.protocolPort
    var limit = StormGuard.senderLimit
    while let filter = storms.filter(port: port, senders: limit) {
      if socket.filter(filter) { return }
      // The old program counts as long as the new one is not there.
      _ = socket.filter(nil)
      if socket.filter(filter) || limit == 0 { return }
      limit /= 2
    }
    _ = socket.filter(nil)
  }

  private func seal(of source: StormGuard.Source) -> StormFilter.Seal? {
    guard let row = interfaces.first(where: { $0.ifindex == source.ifindex }),
      let found = node.provedCounter(of: source.address, on: row.id)
    else { return nil }
    return StormFilter.Seal(index: found.index, counter: found.counter)
  }

  private func linkName(_ ifindex: Int32) -> String {
    guard let row = interfaces.first(where: { $0.ifindex == ifindex }) else {
      return "interface \(ifindex)"
    }
    return "interface \(row.name)"
  }
}
