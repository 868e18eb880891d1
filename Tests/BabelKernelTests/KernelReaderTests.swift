import BabelKernel
import BabelWire
import CLinux
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct `Reading kernel tables` {
  @Test func `links and addresses are read in the middle of a dump of routes`() throws {
    try withLinkedNamespace {
      let count = 3000
      try run(
        "seq 1 \(count) | awk '{printf \"route add 10.64.%d.%d/32 dev v0\\n\", $1/256, $1%256}'"
          + " | ip -batch -")
      var reader = try KernelReader()
      var routes: [KernelRoute] = []
      reader.startRoutes(tables: [KernelRoute.mainTable])
      let first = try reader.continueRoutes(into: &routes)
      #expect(first == .more)
      #expect(!routes.isEmpty && routes.count < count)
      #expect(try reader.links().contains { $0.kind == .veth })
      #expect(try !reader.addresses().isEmpty)
      var progress = KernelReader.Progress.more
      while progress == .more { progress = try reader.continueRoutes(into: &routes) }
      #expect(progress == .finished(isConsistent: true))
      #expect(routes.count { $0.destination.length == 32 } == count)
    }
  }

  @Test func `an entry is found when it is asked for alone`() throws {
    try withLinkedNamespace {
      try run("ip route add 10.7.0.0/16 via 10.0.0.2 proto 4 metric 5")
      try run("ip -6 route add fd07::/64 via fe80::9 dev v0 proto 4")
      try run("ip -6 route add fd07::/80 via fe80::9 dev v0 proto 5")
      try run("ip -6 route add unreachable fd08::/64")
      var query = try RouteQuery()
      let found4 = try query.entry(to: try address("10.7.1.2"))
      let ipv4 = try #require(found4)
      #expect(try ipv4.destination == prefix("10.7.0.0/16"))
      #expect(ipv4.kernelProtocol == 4 && ipv4.metric == 5 && ipv4.table == 254)
      let found6 = try query.entry(to: try address("fd07::7:0:0:0"))
      let ipv6 = try #require(found6)
      #expect(try ipv6.destination == prefix("fd07::/64"))
      #expect(try ipv6.kernelProtocol == 4 && ipv6.gateway == address("fe80::9"))
      // A longer prefix hides the entry, so the answer proves nothing.
      let hiding = try query.entry(to: try address("fd07::1"))
      #expect(hiding?.kernelProtocol == 5)
      let refusing = try query.entry(to: try address("fd08::1"))
      let unknown = try query.entry(to: try address("fd99::1"))
      #expect(refusing == nil && unknown == nil)
      let again = try query.entry(to: try address("10.7.1.2"))
      #expect(again == ipv4)
    }
  }

  @Test func `an entry that a rule leads to is said to be in its table`() throws {
    try withLinkedNamespace {
      for (family, route) in [("-4", "10.7.0.0/16 via 10.0.0.2"), ("-6", "fd07::/64 via fe80::9")] {
        try run("ip \(family) rule add lookup 77 priority 50")
        try run("ip \(family) route add \(route) dev v0 proto 4 table 77")
      }
      var query = try RouteQuery()
      let ipv4 = try query.entry(to: try address("10.7.1.2"))
      let ipv6 = try query.entry(to: try address("fd07::7"))
      #expect(ipv4?.table == 77 && ipv4?.kernelProtocol == 4)
      #expect(ipv6?.table == 77 && ipv6?.kernelProtocol == 4)
    }
  }

  @Test func `a route counts as dead when the kernel does not use it, and not before`() throws {
    try withLinkedNamespace {
      try run("ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up")
      try run("ip addr add 10.9.0.1/24 dev w0; ip addr add fe80::5/64 dev w0 nodad")
      try run("ip route add 10.7.0.0/16 via 10.0.0.2; ip -6 route add fd07::/64 via fe80::9 dev v0")
      try run("ip route add 10.8.0.0/16 nexthop via 10.0.0.2 nexthop via 10.9.0.2")
      try run("ip route add 10.10.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3")
      let names = try ["10.7.0.0/16", "fd07::/64", "10.8.0.0/16", "10.10.0.0/16"].map {
        try prefix($0)
      }
      func dead() throws -> [Bool] {
        var reader = try KernelReader()
        let all = try reader.routes(tables: [KernelRoute.mainTable])
        return try names.map { name in try #require(all.first { $0.destination == name }).isDead }
      }
      #expect(try dead() == [false, false, false, false])
      try run("ip link set v1 down")
      // The kernel notices the carrier in a task of its own, so this takes a moment.
      for _ in 0..<200 where try link("v0").isRunning { usleep(10_000) }
      #expect(try dead() == [false, false, false, false])
      var monitor = try NetlinkMonitor()
      for family in ["ipv4", "ipv6"] {
        try Sysctl.write("\(family)/conf/v0/ignore_routes_with_linkdown", 1)
        var events: [KernelEvent] = []
        try monitor.receive(into: &events)
        #expect(events == [.routeUseChanged])
      }
      #expect(try dead() == [true, true, false, true])
    }
  }

  @Test func `a route whose time is over is dead, though it is still there`() throws {
    try withLinkedNamespace {
      try run("ip -6 route add fd07::/64 via fe80::9 dev v0 proto ra expires 1")
      try run("ip -6 route add fd08::/64 via fe80::9 dev v0 proto ra expires 600")
      func routes() throws -> [KernelRoute] {
        var reader = try KernelReader()
        return try reader.routes(tables: [KernelRoute.mainTable], .init(kernelProtocol: 9))
      }
      let before = try routes()
      #expect(before.map { $0.isDead } == [false, false])
      #expect(before.allSatisfy { $0.lifetime ?? 0 > 0 })
      #expect(before.last?.lifetime ?? 0 > 500_000_000)
      usleep(1_500_000)
      let after = try routes()
      #expect(after.last?.isDead == false)
      // The kernel may have removed the route meanwhile.
      #expect(after.count == 1 || after.first?.isDead == true)
    }
  }

  @Test func `next-hop objects are read with all that tells them apart`() throws {
    try withLinkedNamespace {
      let v0 = try link("v0").ifindex
      try run("ip nexthop add id 7 via 10.0.0.2 dev v0 proto babel onlink")
      try run("ip -6 nexthop add id 4294967295 via fe80::7 dev v0 proto babel onlink")
      try run("ip nexthop add id 9 dev v0; ip nexthop add id 10 blackhole")
      try run("ip nexthop add id 11 group 9; ip nexthop add id 12 via fe80::7 dev v0 fdb || true")
      var reader = try KernelReader()
      let found = try reader.nexthops().filter { $0.id != 12 }
      let ours = try [
        KernelNexthop(id: 7, gateway: address("10.0.0.2"), ifindex: v0),
        KernelNexthop(id: .max, gateway: address("fe80::7"), ifindex: v0),
      ]
      #expect(found.map { $0.id } == [7, 9, 10, 11, .max])
      #expect(found.filter { $0.kernelProtocol == KernelRoute.babelProtocol } == ours)
      #expect(found.map { $0.isOnlink } == [true, false, false, false, true])
      #expect(found.map { $0.gateway.isUnspecified } == [false, true, true, true, false])
    }
  }

  @Test func `a next-hop object that goes is told`() throws {
    try withLinkedNamespace {
      try run("ip nexthop add id 7 via 10.0.0.2 dev v0; ip route add 10.7.0.0/16 nhid 7")
      var monitor = try NetlinkMonitor()
      try run("ip nexthop add id 8 via 10.0.0.3 dev v0")
      try run("ip nexthop del id 7")
      var events: [KernelEvent] = []
      try monitor.receive(into: &events)
      #expect(events.contains(.nexthopChanged(7)))
      #expect(!events.contains(.nexthopChanged(8)))
      events = []
      try run("ip nexthop replace id 8 via 10.0.0.4 dev v0")
      try monitor.receive(into: &events)
      #expect(events == [.nexthopChanged(8)])
    }
  }
}
