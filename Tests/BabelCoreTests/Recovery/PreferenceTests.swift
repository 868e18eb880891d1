import BabelCore
import BabelWire
import Testing

/// In a life that goes on where an earlier one ended, the neighbour that is heard first draws no
/// traffic away from the one that the kernel's entry leads to.
@Suite struct `Preferred entries` {
  /// A node with an entry of an earlier life that leads to the first peer. The second one, which
  /// is heard first, announces the same prefix with this metric.
  private func resumed(metric: UInt16 = 1) throws -> (Bench, Peer) {
    let bench = try Bench(beginning: .resumed, adopting: [(Example.x, Recovery.via(1))])
    let other = Recovery.peer(bench, 2, answering: nil)
    other.announce(Example.x, metric: metric)
    return (bench, other)
  }

  @Test func `the neighbour of the entry is waited for, and its route is kept`() throws {
    let (bench, other) = try resumed(metric: 300)
    bench.run(2)
    #expect(bench.forwardingChanges == 0)
    #expect(bench.selected(Example.x) == nil)
    #expect(bench.route(Example.x, other)?.reason == .awaitingFormer)
    #expect(bench.updates(Example.x).isEmpty)
    let peer = Recovery.peer(bench, 1, answering: nil)
    peer.announce(Example.x, metric: 10)
    #expect(bench.selected(Example.x)?.neighbour == peer.address)
    bench.run(30)
    #expect(bench.forwardingChanges == 0)
    #expect(bench.route(Example.x, other)?.reason == .unfeasible)
  }

  @Test func `once the entry is confirmed a better route is chosen as always`() throws {
    let (bench, other) = try resumed()
    let peer = bench.peer(1, hello: 20, warm: false)
    peer.isTalking = true
    peer.announce(Example.x, metric: 200)
    // The link to it cannot be used yet.
    #expect(bench.route(Example.x, peer)?.reason == .linkUnusable)
    #expect(bench.route(Example.x, other)?.reason == .awaitingFormer)
    #expect(bench.forwardingChanges == 0)
    bench.run(0.5)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
    #expect(bench.route(Example.x, peer)?.reason == .unfeasible)
    #expect(bench.forwardingChanges == 1)
  }

  @Test func `if it is gone another route is used as soon as that could be noticed`() throws {
    let (bench, other) = try resumed()
    // The interface came up at the beginning, and Hellos leave every four seconds.
    bench.run(11.9 - bench.seconds)
    #expect(bench.forwardingChanges == 0)
    bench.run(0.2)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
    #expect(bench.adoptedCount == 0)
    #expect(bench.forwardingChanges == 1)
  }

  @Test(arguments: [true, false])
  func `if it denies the entry another route is used at once`(isRetracted: Bool) throws {
    let (bench, other) = try resumed()
    let peer = Recovery.peer(bench, 1, answering: nil)
    if isRetracted { peer.retract(Example.x) } else { peer.announce(Example.x, metric: 65_500) }
    #expect(bench.selected(Example.x)?.neighbour == other.address)
    #expect(bench.forwardingChanges == 1)
  }

  @Test func `if it does not answer another route is used soon after it was asked`() throws {
    let (bench, other) = try resumed()
    _ = Recovery.peer(bench, 1, answering: nil)
    bench.run(3.2)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
    #expect(bench.seconds < 5)
  }

  @Test func `if the link is lost another route is used at once`() throws {
    let bench = try Bench(
      beginning: .resumed, adopting: [(Example.x, Recovery.via(1, interface: 1))])
    let id = try bench.addInterface("p1")
    let other = Recovery.peer(bench, 2, answering: nil)
    other.announce(Example.x, metric: 1)
    #expect(bench.selected(Example.x) == nil)
    bench.setLink(id, isUp: false)
    bench.run(0.1)
    #expect(bench.selected(Example.x)?.neighbour == other.address)
  }
}
