import BabelKernel
import BabelWire
import CLinux
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct `Hearing of changes` {
  /// All events that wait.
  private func drain(_ monitor: inout NetlinkMonitor) throws -> [KernelEvent] {
    var events: [KernelEvent] = []
    var turns = 0
    while try monitor.receive(into: &events), turns < 10_000 { turns += 1 }
    return events
  }

  @Test func `our own changes are not heard, foreign ones are`() throws {
    try withLinkedNamespace {
      var writer = try RouteWriter()
      var stranger = try RouteWriter()
      var monitor = try NetlinkMonitor(ignoring: [1, writer.portID, 2])
      let v0 = try link("v0").ifindex
      let ours = try ["10.1.0.0/16", "fd01::/16"].map {
        KernelRoute(
          destination: try prefix($0), gateway: try address("fe80::2"), ifindex: v0,
          isOnlink: true)
      }
      let theirs = try ["10.2.0.0/16", "fd02::/16"].map {
        KernelRoute(
          destination: try prefix($0), gateway: try address("fe80::2"), ifindex: v0,
          isOnlink: true)
      }
      for route in ours { try writer.enqueue(.add, route, tag: 0) }
      try writer.flush()
      for route in theirs { try stranger.enqueue(.add, route, tag: 0) }
      try stranger.flush()
      // The kernel would not tell of a replacement that changes nothing.
      for var route in theirs {
        route.gateway = try address("fe80::3")
        try stranger.enqueue(.replace, route, tag: 0)
      }
      try stranger.flush()
      for route in ours { try writer.enqueue(.delete, route, tag: 0) }
      try writer.flush()
      for var route in theirs {
        route.gateway = try address("fe80::3")
        try stranger.enqueue(.delete, route, tag: 0)
      }
      try stranger.flush()
      var told: [String] = []
      for event in try drain(&monitor) {
        switch event {
        case .routeAdded(let route, let replacing):
          told.append("\(replacing ? "replaced" : "added") \(route.destination)")
        case .routeRemoved(let route): told.append("removed \(route.destination)")
        default: break
        }
      }
      #expect(
        told == [
          "added 10.2.0.0/16", "added fd02::/16", "replaced 10.2.0.0/16",
          "replaced fd02::/16", "removed 10.2.0.0/16", "removed fd02::/16",
        ])
    }
  }

  @Test func `a flood into a tiny buffer is told as an overflow`() throws {
    try withLinkedNamespace {
      var writer = try RouteWriter()
      var monitor = try NetlinkMonitor(receiveBuffer: 4096)
      for i in 0..<20_000 {
        let destination = try #require(
          Prefix(IPAddress(ipv4: 0x0B00_0000 + UInt32(i) << 8), length: 24))
        try writer.enqueue(
          .add, KernelRoute(destination: destination, type: .unreachable), tag: 0)
      }
      try writer.flush()
      #expect(try drain(&monitor).contains(.overflow))
      // The socket still works.
      try run("ip route add 10.9.0.0/16 via 10.0.0.2")
      #expect(try drain(&monitor).count == 1)
      var reader = try KernelReader()
      #expect(try reader.routes(tables: [KernelRoute.mainTable]).count > 20_000)
    }
  }

  @Test func `links and addresses are told`() throws {
    let namespace = try NetworkNamespace.make()
    try namespace.enter {
      var monitor = try NetlinkMonitor()
      try run("ip link add v0 type veth peer name v1")
      try run("ip link set v0 up; ip link set v1 up; ip addr add 10.0.0.1/24 dev v0")
      let fd00 = try address("fd00::1")
      try AddressRequest.add(fd00, prefixLength: 64, to: try link("v0").ifindex)
      // The kernel notices the carrier in a task of its own, so this takes a moment.
      var first: [KernelEvent] = []
      for _ in 0..<200 {
        first += try drain(&monitor)
        let now = try link("v0")
        if now.isRunning, first.contains(.linkChanged(now)) { break }
        usleep(10_000)
      }
      let v0 = try link("v0")
      #expect(v0.isUp && v0.isRunning && v0.kind == .veth && v0.mtu == 1500)
      #expect(v0.hardwareType == 1 && v0.hardwareAddress.count == 6 && !v0.isTunnel)
      #expect(first.contains(.linkChanged(v0)))
      let ipv4 = first.compactMap {
        if case .addressChanged(let row) = $0 { row } else { nil }
      }
      #expect(ipv4.contains { $0.address == IPAddress(ipv4: 0x0A00_0001) && $0.prefixLength == 24 })
      #expect(ipv4.contains { $0.address == fd00 && $0.ifindex == v0.ifindex })
      var reader = try KernelReader()
      #expect(try reader.addresses().contains { $0.address == fd00 && !$0.isDuplicate })
      try AddressRequest.remove(fd00, prefixLength: 64, from: v0.ifindex)
      #expect(throws: KernelError.self) {
        try AddressRequest.remove(fd00, prefixLength: 64, from: v0.ifindex)
      }
      try run("ip link del v0")
      let last = try drain(&monitor)
      #expect(
        last.contains {
          if case .addressRemoved(let row) = $0 { row.address == fd00 } else { false }
        })
      #expect(
        last.contains {
          if case .linkRemoved(let row) = $0 { row.ifindex == v0.ifindex } else { false }
        })
    }
  }

  @Test func `kinds of links are recognised`() throws {
    let namespace = try NetworkNamespace.make()
    try namespace.enter {
      try run("ip link add br0 type bridge")
      try run("ip tuntap add dev t0 mode tun")
      try run("ip link add v0 type veth peer name v1; ip link set v1 master br0")
      #expect(try link("br0").kind == .bridge)
      let t0 = try link("t0")
      #expect(t0.kind == .tun && t0.isTunnel && t0.isPointToPoint)
      #expect(try link("lo").kind == .none)
      #expect(try link("lo").isLoopback)
      #expect(try link("v1").master == link("br0").ifindex)
      #expect(WirelessProbe.isWireless(try link("v0").name) != true)
    }
  }

  @Test func `a dump can be about one protocol or one interface`() throws {
    let namespace = try NetworkNamespace.make()
    try namespace.enter {
      try run(
        "ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up; "
          + "ip addr add 10.0.0.1/24 dev v0; ip route add 10.1.0.0/16 via 10.0.0.2 proto 42; "
          + "ip route add 10.2.0.0/16 via 10.0.0.2 proto static; "
          + "ip route add unreachable 10.3.0.0/16 proto 42; "
          + "ip -6 route add fd01::/64 via fe80::1 dev v1 proto 42; "
          + "ip -6 route add unreachable fd02::/64 proto 42")
      var reader = try KernelReader()
      let v1 = try link("v1").ifindex
      let all = try reader.routes(tables: [254], KernelReader.Selection(kernelProtocol: 42))
      #expect(
        Set(all.map { $0.destination.description })
          == ["10.1.0.0/16", "10.3.0.0/16", "fd01::/64", "fd02::/64"])
      let some = try reader.routes(
        tables: [254], KernelReader.Selection(kernelProtocol: 42, ifindex: v1))
      #expect(some.map { $0.destination.description } == ["fd01::/64"])
      #expect(
        try reader.routes(tables: [4711], KernelReader.Selection(kernelProtocol: 42)) == [])
    }
  }

  @Test func `a dump of many routes comes in slices`() throws {
    try withLinkedNamespace {
      var writer = try RouteWriter()
      for i in 0..<5000 {
        let destination = try #require(
          Prefix(IPAddress(high: 0xFD00_0000_0000_0000 + UInt64(i), low: 0), length: 64))
        try writer.enqueue(
          .add, KernelRoute(destination: destination, table: 1000, type: .unreachable), tag: 0)
      }
      try writer.flush()
      var reader = try KernelReader()
      var routes: [KernelRoute] = []
      reader.startRoutes(tables: [1000])
      var most = 0
      var turns = 0
      var progress = KernelReader.Progress.more
      while progress == .more, turns < 1000 {
        let before = routes.count
        progress = try reader.continueRoutes(into: &routes)
        most = max(most, routes.count - before)
        turns += 1
      }
      #expect(progress == .finished(isConsistent: true))
      #expect(routes.count == 5000)
      #expect(most < 1000)
      // A dump that is given up half-way does not disturb the next one.
      reader.startRoutes(tables: [1000])
      _ = try reader.continueRoutes(into: &routes)
      #expect(try reader.links().count == 3)
      #expect(try reader.routes(tables: [1000]).count == 5000)
      #expect(try reader.routes(tables: [4711]) == [])
    }
  }
}
