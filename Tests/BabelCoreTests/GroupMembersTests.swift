import BabelCore
import BabelWire
import Testing

/// Interfaces of WireGuard whose peers are neighbours: nothing reaches the group.
@Suite struct `Links where peers stand for the group` {
  private let members = [0xB1, 0xB2, 0xB3].map { IPAddress(high: 0xFE80_0000_0000_0000, low: $0) }

  private func parameters(_ words: (inout InterfaceSettings) -> Void = { _ in })
    -> InterfaceParameters
  {
    var settings = InterfaceSettings()
    settings.keepsWireGuardPeers = true
    words(&settings)
    var parameters = InterfaceParameters(
      settings, type: .tunnel, wirelessHello: 4000, wiredHello: 4000)
    parameters.groupMembers = members
    return parameters
  }

  @Test func `each member gets every multicast Hello, and nothing goes to the group`() throws {
    let bench = try Bench(parameters())
    bench.run(30)
    let all = bench.sent.flatMap(\.hellos).filter { !$0.isUnicast }.map(\.seqno)
    #expect(bench.sent.filter(\.isMulticast).isEmpty)
    for member in members {
      let hellos = bench.sent.filter { $0.destination == .unicast(member) }.flatMap(\.hellos)
      #expect(hellos.count > 7 && hellos.count * members.count == all.count)
      for (a, b) in zip(hellos, hellos.dropFirst()) { #expect(b.seqno == a.seqno.next) }
    }
  }

  @Test func `updates go to neighbours alone, and so does the farewell`() throws {
    let bench = try Bench(parameters())
    let peer = bench.peer(0xB1)
    bench.run(12)
    #expect(bench.neighbour(peer)?.cost.isInfinite == false)
    bench.forget()
    bench.offer(Example.own)
    bench.run(2)
    let updates = bench.updates(Example.own).map { $0.packet.destination }
    #expect(!updates.isEmpty && updates.allSatisfy { $0 == .unicast(members[0]) })
    #expect(bench.sent.filter(\.isMulticast).isEmpty)
  }

  @Test func `costs that each end measures by itself are off, unless they are asked for`() {
    #expect(parameters().maxRTTPenalty == .zero && parameters().timestamps)
    #expect(parameters { $0.maxRTTPenalty = 50 }.maxRTTPenalty == Metric(50))
    let wired = parameters { $0.splitHorizon = true }
    #expect(!wired.splitHorizon && wired.unicast)
    let ipv4 = parameters { $0.ipv4Control = true }
    #expect(!ipv4.keepsWireGuardPeers && !ipv4.unicast && ipv4.maxRTTPenalty > .zero)
  }
}
