import BabelWire
import Testing

@testable import BabelCore

@Suite struct `Merged forwarding changes` {
  private static func key(_ number: UInt32, table: UInt32 = 254) -> ForwardingKey {
    ForwardingKey(
      destination: Example.prefix("10.0.\(number).0", 24), source: .any(.ipv4), table: table)
  }

  private static func via(_ number: UInt32) -> ForwardingTarget {
    .via(
      ForwardingPath(
        gateway: IPAddress(ipv4: number), interface: InterfaceID(0), kernelMetric: 0))
  }

  private static func forward(
    _ key: ForwardingKey, _ old: ForwardingTarget, _ new: ForwardingTarget
  ) -> Action {
    .forward(ForwardingChange(key: key, old: old, new: new))
  }

  private func merged(_ actions: [Action]) -> [Action] {
    var buffer = ActionBuffer()
    buffer.actions = actions
    buffer.mergeForwarding()
    return buffer.actions
  }

  @Test func `an entry that comes back to what it was is not touched`() {
    let key = Self.key(1)
    #expect(
      merged([
        Self.forward(key, Self.via(1), Self.via(2)), Self.forward(key, Self.via(2), .unreachable),
        Self.forward(key, .unreachable, Self.via(1)),
      ]).isEmpty)
  }

  @Test func `the first and the last state count, where the last change stood`() {
    let (a, b) = (Self.key(1), Self.key(2))
    #expect(
      merged([
        Self.forward(a, Self.via(1), Self.via(2)), Self.forward(b, .absent, Self.via(3)),
        Self.forward(a, Self.via(2), .absent),
      ]) == [Self.forward(b, .absent, Self.via(3)), Self.forward(a, Self.via(1), .absent)])
  }

  @Test func `other actions and other tables stay as they are`() {
    let notice = Action.notify(.recovered(milliseconds: 1, answers: 2, unanswered: 3))
    let actions = [
      Self.forward(Self.key(1), Self.via(1), .absent), notice,
      Self.forward(Self.key(1, table: 7), .absent, Self.via(1)), notice,
    ]
    #expect(merged(actions) == actions)
  }
}
