#if DEBUG
  @testable import BabelCore
  import BabelKernel
  import BabelWire
  import Foundation
  import Testing

  @testable import swabeld

  @Suite struct `The way of a received Update` {
    private struct Step: Equatable, CustomStringConvertible {
      let function: String
      let file: String
      var description: String { "\(function) in \(file)" }
    }

    /// The steps that the page on architecture tells of.
    private func toldSteps() throws -> [Step] {
      try page("architecture.md").split(separator: "\n").filter { $0.contains(/^\| \d+ \|/) }.map {
        let cells = $0.split(separator: "|").map {
          $0.filter { $0 != "`" }.trimmingCharacters(in: .whitespaces)
        }
        return Step(function: try #require(cells.dropFirst(2).first), file: cells.last ?? "")
      }
    }

    /// The steps that were taken.
    private func takenSteps(_ daemon: Daemon) -> [Step] {
      daemon.node.trace.steps.map { step in
        let file = "\(step.file)"
        let sources = file.range(of: "/Sources/", options: .backwards)
        return Step(
          function: String("\(step.function)".prefix { $0 != "(" }),
          file: String(file[(sources?.upperBound ?? file.startIndex)...]))
      }
    }

    /// A neighbour at the other end of the link, in a namespace of its own, that says raw packets.
    private final class Neighbour {
      private var namespace: NetworkNamespace
      private var socket: UDPSocket?
      private var ifindex: Int32 = 0

      init() throws { namespace = try NetworkNamespace.make() }

      /// Takes the end `v1` of the link to its namespace, and waits until the link is up.
      func takeLink() throws {
        try run("ip link set v1 netns \(namespace.path)")
        try namespace.enter {
          try run("ip link set v1 up; ip addr add fe80::2/64 dev v1 nodad")
          ifindex = try link("v1").ifindex
          socket = try UDPSocket(port: 6696)
        }
        try run(
          "timeout 5 sh -c 'until ip link show v0 | grep -q \"state UP\"; do sleep 0.02; done'")
      }

      /// Sends TLVs to all, and lets the daemon read them.
      func say(_ tlvs: [UInt8], to daemon: Daemon) throws {
        let packet = [42, 2, 0, UInt8(tlvs.count)] + tlvs
        let sent = try socket?.send(
          packet.span, to: try address("ff02::1:6"), port: 6696, ifindex: ifindex,
          sourceAddress: try address("fe80::2"))
        try #require(sent == true)
        var poll = PollSet()
        let datagram = try #require(daemon.packets.addDatagrams(of: .ipv6, to: &poll))
        _ = try poll.wait(until: Instant.now.microseconds + 5_000_000)
        let isReadable = poll.isReadable(datagram)
        try #require(isReadable)
        daemon.receivePackets(over: .ipv6)
      }

      /// A Hello every four seconds, and an IHU for fe80::1 of rxcost 96 every twelve.
      func greeting(_ seqno: UInt8) -> [UInt8] {
        [4, 6, 0, 0, 0, seqno, 0x01, 0x90]
          + [5, 14, 3, 0, 0, 96, 0x04, 0xB0, 0, 0, 0, 0, 0, 0, 0, 1]
      }
    }

    @Test func `goes through the functions of the page on architecture in their order`() throws {
      let neighbour = try Neighbour()
      try withDaemon(prepare: neighbour.takeLink) { daemon in
        for seqno: UInt8 in 1...3 { try neighbour.say(neighbour.greeting(seqno), to: daemon) }
        #expect(takenSteps(daemon).isEmpty, "nothing is noted before a test asks for it")
        daemon.node.trace.begin()
        // A Router-Id, and an Update for 2001:db8:1::/64 with metric 0 that lasts for 70 seconds.
        try neighbour.say(
          [6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]
            + [8, 18, 2, 0, 64, 0, 0x07, 0xD0, 0, 1, 0, 0, 0x20, 0x01, 0x0D, 0xB8, 0, 1, 0, 0],
          to: daemon)
        let taken = takenSteps(daemon)
        try run("ip -6 route show 2001:db8:1::/64 via fe80::2 dev v0 | grep -q babel")
        #expect(try toldSteps() == taken)
      }
    }
  }
#endif
