import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Does what is due about floods without an event.
  func watchStorms(at now: Instant) {
    for family in [AddressFamily.ipv6, .ipv4] {
      guard let due = packets.storms(of: family)?.deadline, due <= now else { continue }
      watchStorms(of: family)
    }
  }

  /// Tells the guards what became of a neighbour.
  func noteForStorms(_ event: TableEvent, _ status: NeighbourStatus, at now: Instant) {
    guard let row = interfaces.index(of: status.interface).map({ interfaces[$0] }),
      let ifindex = row.ifindex,
      let guardian = packets.storms(of: row.parameters.control)
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

  /// Tells the guards which neighbours of an earlier life will come back on a link.
  func expectNeighbours(of name: InterfaceName, on ifindex: Int32, at now: Instant) {
    for address in life.takeNeighbours(of: name) {
      packets.storms(of: address.family)?.expect(
        StormGuard.Source(ifindex: ifindex, address: address), at: now)
    }
  }

  /// Looks whether a socket is flooded, and changes what the kernel lets through.
  func watchStorms(of family: AddressFamily) {
    guard
      let outcome = packets.reviewStorms(of: family, at: .now, seal: { seal(of: $0) })
    else { return }
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

  private func seal(of source: StormGuard.Source) -> StormFilter.Seal? {
    guard let row = interfaces.first(on: source.ifindex),
      let found = node.provedCounter(of: source.address, on: row.id)
    else { return nil }
    return StormFilter.Seal(index: found.index, counter: found.counter)
  }

  private func linkName(_ ifindex: Int32) -> String {
    guard let row = interfaces.first(on: ifindex) else {
      return "interface \(ifindex)"
    }
    return "interface \(row.name)"
  }
}
