import BabelCore
import BabelWire
import Testing

/// What the kernel does with packets after a neighbour fell silent (`neighbour-loss`).
@Suite struct `The loss of a neighbour` {
  /// A node with one neighbour, which leads to a prefix and then falls silent.
  struct Silence {
    let bench: Bench
    let peer: Peer
    let path: ForwardingTarget
    /// Seconds from the last Hello until the neighbour counts as lost.
    static let notice = 11.0

    init(_ loss: NeighbourLoss, isAnnounced: Bool = true) throws {
      // With split horizon the only neighbour is not told of its own route, nor is anybody else.
      var parameters = InterfaceParameters()
      parameters.splitHorizon = !isAnnounced
      bench = try Bench(parameters) { $0.neighbourLoss = loss }
      peer = bench.peer(0xB1)
      peer.announce(Example.x, metric: 100, interval: 65534)
      bench.run(1)
      path = bench.target(Example.x)
      guard case .via = path else { throw Unreached() }
      bench.forget()
      peer.isTalking = false
      bench.run(Self.notice)
      #expect(bench.selected(Example.x) == nil)
      #expect(bench.updates(Example.x).contains { $0.update.metric.isInfinite } == isAnnounced)
    }

    struct Unreached: Error {}
  }

  @Test func `packets are refused unless something else is configured`() throws {
    let silence = try Silence(
      NodeParameters(routerID: Example.origin, seqno: Seqno(0), seed: 0).neighbourLoss)
    #expect(silence.bench.target(Example.x) == .unreachable)
  }

  @Test func `keep: the entry stays for so long, then packets are refused`() throws {
    let silence = try Silence(.keep(milliseconds: 12_000))
    #expect(silence.bench.target(Example.x) == silence.path)
    silence.bench.run(5)
    #expect(silence.bench.target(Example.x) == silence.path)
    silence.bench.run(8)
    #expect(silence.bench.target(Example.x) == .unreachable)
  }

  @Test func `keep: the entry stays if nobody was told of the prefix, and then goes`() throws {
    let silence = try Silence(.keep(milliseconds: 12_000), isAnnounced: false)
    #expect(silence.bench.target(Example.x) == silence.path)
    silence.bench.run(5)
    #expect(silence.bench.target(Example.x) == silence.path)
    silence.bench.run(8)
    #expect(silence.bench.target(Example.x) == .absent)
  }

  @Test(arguments: [NeighbourLoss.unreachable, .covering])
  func `a prefix that nobody was told of is not held`(loss: NeighbourLoss) throws {
    let silence = try Silence(loss, isAnnounced: false)
    #expect(silence.bench.target(Example.x) == .absent)
  }

  @Test func `covering: there is no entry, and the prefix is retracted all the same`() throws {
    let silence = try Silence(.covering)
    #expect(silence.bench.target(Example.x) == .absent)
  }

  @Test(arguments: [NeighbourLoss.keep(milliseconds: 60_000), .covering])
  func `a new route replaces what was there meanwhile`(loss: NeighbourLoss) throws {
    let silence = try Silence(loss)
    let other = silence.bench.peer(0xB2)
    other.announce(Example.x, metric: 10, from: Example.otherOrigin, interval: 65534)
    silence.bench.run(0.1)
    guard case .via(let path) = silence.bench.target(Example.x) else {
      Issue.record("\(silence.bench.target(Example.x))")
      return
    }
    #expect(path.gateway == other.address)
    // What was planned for the former one does not touch it.
    silence.bench.run(70)
    #expect(silence.bench.target(Example.x) == .via(path))
  }

  @Test func `the neighbour that comes back finds its entry as it was`() throws {
    let silence = try Silence(.keep(milliseconds: 60_000))
    let changes = silence.bench.forwardingChanges
    silence.peer.isTalking = true
    silence.bench.run(20)
    #expect(silence.bench.selected(Example.x)?.neighbour == silence.peer.address)
    #expect(silence.bench.forwardingChanges == changes)
    silence.bench.run(60)
    #expect(silence.bench.target(Example.x) == silence.path)
  }

  @Test func `a neighbour that says it has no route gets no packets`() throws {
    let silence = try Silence(.keep(milliseconds: 60_000))
    silence.peer.retract(Example.x)
    silence.bench.run(0.1)
    #expect(silence.bench.target(Example.x) == .unreachable)
  }

  @Test func `a neighbour that retracts everything gets no packets`() throws {
    let silence = try Silence(.keep(milliseconds: 60_000))
    silence.peer.send { _ = $0.appendWildcardRetraction(interval: .infinite, seqno: Seqno(0)) }
    silence.bench.run(0.1)
    #expect(silence.bench.target(Example.x) == .unreachable)
  }

  @Test func `an entry that the kernel loses with its interface is not kept`() throws {
    let silence = try Silence(.keep(milliseconds: 60_000))
    silence.bench.loseAll(through: silence.bench.interface)
    silence.bench.setLink(silence.bench.interface, isUp: false)
    silence.bench.run(0.1)
    #expect(silence.bench.target(Example.x) == .unreachable)
  }

  @Test(arguments: [NeighbourLoss.keep(milliseconds: 60_000), .covering])
  func `a route that is retracted while its neighbour lives is refused`(loss: NeighbourLoss) throws
  {
    let bench = try Bench { $0.neighbourLoss = loss }
    let peer = bench.peer(0xB1)
    peer.announce(Example.x, metric: 100)
    bench.run(1)
    peer.retract(Example.x)
    bench.run(1)
    #expect(bench.target(Example.x) == .unreachable)
  }

  @Test func `keep ends with the hold, and nothing is left`() throws {
    let silence = try Silence(.keep(milliseconds: 600_000))
    silence.bench.run(600)
    #expect(silence.bench.target(Example.x) == .absent)
    #expect(silence.bench.routes(Example.x).isEmpty)
  }
}
