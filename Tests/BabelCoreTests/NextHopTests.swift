import BabelCore
import BabelWire
import Testing

@Suite struct `§4.6.8 Next hops` {
  @Test func `a next hop that is our address on another link is accepted`() throws {
    let bench = try Bench()
    let other = try bench.addInterface("p1")
    let peer = bench.peer(0xB1)
    // The ends of numbered tunnels are often fe80::1 and fe80::2, and each of these may be ours on
    // another link.
    let state = LinkState(isUp: true, mtu: 1500, linkLocals: [peer.address], ipv4: nil)
    bench.input {
      $0.interfaceChanged(other, state, kernelRoutesLost: false, at: $1, into: &$2)
    }
    peer.announce(Example.x, metric: 10)
    #expect(bench.selected(Example.x)?.nextHop == peer.address)
  }
}
