import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

/// A daemon in a namespace with a pair of links; it runs on the interface `v0`. `prepare` is called
/// in the namespace before the daemon looks at it.
func withDaemon(
  prepare: () throws -> Void = {}, _ body: (Daemon) throws -> Void
) throws {
  try withLinkedNamespace {
    try prepare()
    let words = ["swabeld", "-S", "", "v0"]
    let settings = try Settings.read(CommandLineOptions(words.map { Array($0.utf8) }))
    let log = Log()
    log.level = .error
    let writer = try RouteWriter()
    let monitor = try NetlinkMonitor(ignoring: [writer.portID])
    var reader = try KernelReader()
    var links = LinkTable()
    for link in try reader.links() { links.update(link) }
    for address in try reader.addresses() { links.update(address) }
    let parameters = settings.configuration.nodeParameters(
      routerID: RouterIDChoice.random(1), seqno: Seqno(1), seed: 1)
    let parts = DaemonParts(
      socket: try UDPSocket(port: settings.configuration.protocolPort),
      signals: try SignalDescriptor(), monitor: monitor, reader: reader, writer: writer,
      links: links, sysctls: SavedSysctls(), server: nil,
      lifeFile: LifeFile(beside: StateFile(path: "")))
    let daemon = Daemon(
      settings, log: log, node: BabelNode(parameters, filters: settings.configuration.filters),
      parts: parts)
    try #require(daemon.start(after: nil))
    try body(daemon)
    daemon.stop()
  }
}

@Suite struct `A daemon between two turns of its loop` {
  @Test func `news that come right before a reading ask for one after it`() throws {
    try withDaemon { daemon in
      // The carrier of v0 goes, and with it, without a word, the use of routes.
      try run("ip link set v1 down")
      let began = Instant.now
      daemon.beginReading(at: began)
      #expect(daemon.kernel.readingDue - began < 1_000_000)
    }
  }

  @Test func `a review of a flood that is due by its time looks how full the queue is`() throws {
    try withDaemon { daemon in
      let known = try #require(IPAddress("fe80::9"))
      let source = StormGuard.Source(ifindex: 1, address: known)
      let storms = try #require(daemon.packets.storms(of: .ipv6))
      let early = Instant.now + -10_000_000
      storms.saw(source, isUsable: true, at: early)
      _ = storms.review(at: early + 1_000_000, fillPercent: 0) { _ in nil }
      for _ in 0..<10_000 { _ = storms.admits(known, on: 1, at: early + 1_100_000) }
      _ = storms.review(at: early + 1_100_000, fillPercent: 90) { _ in nil }
      let share = { storms.filter(port: 6696)?.links.first?.senders.first?.share }
      let limited = try #require(share())
      let sender = try UDPSocket(port: 1)
      let loopback = try #require(IPAddress("::1"))
      let noise = [UInt8](repeating: 0, count: 16_000)
      for _ in 0..<5000 where daemon.packets.fillPercent(of: .ipv6) < 80 {
        _ = try sender.send(
          noise.span, to: loopback, port: 6696, ifindex: 1, sourceAddress: loopback)
      }
      #expect(daemon.packets.fillPercent(of: .ipv6) >= 80)
      daemon.watchStorms(at: .now)
      #expect(share() == limited, "more would overflow it at once")
    }
  }
}
