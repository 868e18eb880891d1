import BabelKernel
import BabelWire
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct `Writing kernel routes` {
  /// Applies changes and returns what failed.
  private func apply(_ changes: [(RouteChange, KernelRoute)]) throws -> [RouteFailure] {
    var writer = try RouteWriter()
    var failures: [RouteFailure] = []
    for (i, (change, route)) in changes.enumerated() {
      try writer.enqueue(change, route, tag: UInt64(i))
    }
    try writer.flush()
    writer.takeFailures(into: &failures)
    #expect(writer.unansweredCount == 0)
    return failures
  }

  private func routes(_ table: UInt32) throws -> [KernelRoute] {
    var reader = try KernelReader()
    return try reader.routes(tables: [table]).filter {
      $0.kernelProtocol == KernelRoute.babelProtocol
    }
  }

  @Test(arguments: [KernelRoute.mainTable, 1000, 32766, .max])
  func `routes of both families are added, replaced and deleted in any table`(
    table: UInt32
  ) throws {
    try withLinkedNamespace {
      let v0 = try link("v0").ifindex
      let old4 = KernelRoute(
        destination: try prefix("10.1.0.0/16"), table: table, metric: 7,
        gateway: try address("10.0.0.2"), ifindex: v0, preferredSource: try address("10.0.0.1"),
        isOnlink: true)
      let old6 = KernelRoute(
        destination: try prefix("fd01::/16"), table: table, gateway: try address("fe80::2"),
        ifindex: v0, isOnlink: true)
      #expect(try apply([(.add, old4), (.add, old6)]) == [])
      var found = try routes(table)
      #expect(found.map { $0.key } == [old4.key, old6.key])
      #expect(found.first?.forwardsLike(old4) == true)
      #expect(found.last?.forwardsLike(old6) == true)
      var (new4, new6) = (old4, old6)
      new4.gateway = try address("10.0.0.3")
      new6.gateway = try address("fe80::3")
      #expect(try apply([(.replace, new4), (.replace, new6)]) == [])
      found = try routes(table)
      #expect(found.map { $0.gateway } == [new4.gateway, new6.gateway])
      #expect(try apply([(.delete, old4), (.delete, old6)]).count == 2)
      #expect(try apply([(.delete, new4), (.delete, new6)]) == [])
      #expect(try routes(table) == [])
    }
  }

  @Test func `routes share an object, are put on it and taken off it in place`() throws {
    try withLinkedNamespace {
      let v0 = try link("v0").ifindex
      var writer = try RouteWriter()
      let object = KernelNexthop(id: 42_000_007, gateway: try address("fe80::2"), ifindex: v0)
      #expect(writer.make(object) == nil)
      let same = writer.make(object)
      #expect(same?.errno == ErrorNumber.exists)
      let wanted = try ["10.1.0.0/16", "fd01::/16"].map {
        KernelRoute(
          destination: try prefix($0), metric: 7, gateway: try address("fe80::2"), ifindex: v0,
          isOnlink: true)
      }
      var failures: [RouteFailure] = []
      func change(_ change: RouteChange, _ nexthop: UInt32) throws {
        for route in wanted { try writer.enqueue(change, route, nexthop: nexthop, tag: 9) }
        try writer.flush()
        writer.takeFailures(into: &failures)
      }
      for (kind, id) in [(RouteChange.add, object.id), (.replace, 0), (.replace, object.id)] {
        try change(kind, id)
        #expect(failures == [])
        let found = try routes(254)
        #expect(found.map { $0.nexthopID } == [id, id])
        #expect(zip(found, wanted).allSatisfy { $0.forwardsLike($1) })
      }
      // A deletion that names the gateway does not hit an IPv4 route with an object.
      try writer.enqueue(.delete, wanted[0], tag: 3)
      try writer.flush()
      writer.takeFailures(into: &failures)
      #expect(failures.map { $0.error.errno } == [ErrorNumber.noSuchProcess])
      failures = []
      try change(.delete, object.id)
      #expect(failures == [])
      #expect(try routes(254) == [])
      // A refusal repeats the number, and not what it stands for.
      try change(.add, 42_000_008)
      #expect(failures.map { $0.route?.nexthopID } == [42_000_008, 42_000_008])
      #expect(failures.allSatisfy { $0.tag == 9 && $0.route?.gateway == nil })
      #expect(writer.remove(object.id) == nil)
      let gone = writer.remove(object.id)
      #expect(gone?.errno == ErrorNumber.noEntry)
      #expect(writer.unansweredCount == 0)
    }
  }

  @Test func `an object that the kernel refuses does not count as a route`() throws {
    try withLinkedNamespace {
      let v0 = try link("v0").ifindex
      var writer = try RouteWriter()
      try run("ip link set v0 down")
      let route = KernelRoute(
        destination: try prefix("10.1.0.0/16"), gateway: try address("10.0.0.2"), ifindex: v0)
      try writer.enqueue(.delete, route, tag: 5)
      let object = KernelNexthop(id: 42_000_007, gateway: try address("fe80::2"), ifindex: v0)
      let error = writer.make(object)
      #expect(error?.errno == ErrorNumber.networkDown)
      #expect(error?.kernelMessage.isEmpty == false)
      var failures: [RouteFailure] = []
      writer.takeFailures(into: &failures)
      #expect(failures.map { $0.tag } == [5])
    }
  }

  @Test func `an IPv4 destination may have an IPv6 next hop`() throws {
    try withLinkedNamespace {
      let route = KernelRoute(
        destination: try prefix("10.2.0.0/16"), gateway: try address("fe80::2"),
        ifindex: try link("v0").ifindex, isOnlink: true)
      #expect(try apply([(.add, route)]) == [])
      #expect(try routes(KernelRoute.mainTable).map { $0.gateway } == [route.gateway])
      try run("ip route show 10.2.0.0/16 | grep -q 'via inet6 fe80::2 dev v0 proto babel'")
      #expect(try apply([(.delete, route)]) == [])
      #expect(try routes(KernelRoute.mainTable) == [])
    }
  }

  @Test func `an IPv6 route may have a source prefix`() throws {
    try withLinkedNamespace {
      let general = KernelRoute(
        destination: try prefix("::/0"), gateway: try address("fe80::2"),
        ifindex: try link("v0").ifindex, isOnlink: true)
      var specific = general
      specific.source = try prefix("2001:db8::/32")
      #expect(try apply([(.add, general), (.add, specific)]) == [])
      let found = try routes(KernelRoute.mainTable)
      #expect(Set(found.map { $0.source }) == [general.source, specific.source])
      #expect(try apply([(.delete, specific)]) == [])
      #expect(try routes(KernelRoute.mainTable).map { $0.source } == [general.source])
    }
  }

  @Test func `unreachable routes take the place of unicast ones and give it back`() throws {
    try withLinkedNamespace {
      for (destination, gateway) in [("fd02::/16", "fe80::2"), ("10.3.0.0/16", "10.0.0.2")] {
        let unicast = KernelRoute(
          destination: try prefix(destination), metric: 100, gateway: try address(gateway),
          ifindex: try link("v0").ifindex, isOnlink: true)
        var unreachable = unicast
        unreachable.type = .unreachable
        unreachable.gateway = nil
        unreachable.ifindex = nil
        #expect(
          try apply([(.add, unicast), (.replace, unreachable)]) == [])
        #expect(try routes(KernelRoute.mainTable).map { $0.type } == [.unreachable])
        #expect(try routes(KernelRoute.mainTable).allSatisfy { $0.forwardsLike(unreachable) })
        #expect(try apply([(.replace, unicast)]) == [])
        #expect(try routes(KernelRoute.mainTable).map { $0.type } == [.unicast])
        #expect(try apply([(.delete, unicast)]) == [])
      }
    }
  }

  @Test func `the largest metric is possible, as for retracted routes`() throws {
    try withLinkedNamespace {
      let routes4 = try ["fd02::/16", "10.3.0.0/16"].map {
        KernelRoute(destination: try prefix($0), metric: .max, type: .unreachable)
      }
      #expect(try apply(routes4.map { (.add, $0) }) == [])
      #expect(try routes(KernelRoute.mainTable).map { $0.metric } == [.max, .max])
      #expect(try apply(routes4.map { (.delete, $0) }) == [])
      #expect(try routes(KernelRoute.mainTable) == [])
    }
  }

  @Test func `errors in the middle of a batch come back with their own tags`() throws {
    try withLinkedNamespace {
      let v0 = try link("v0").ifindex
      var changes: [(RouteChange, KernelRoute)] = []
      for i in 0..<200 {
        let destination = try #require(
          Prefix(IPAddress(ipv4: 0x0A80_0000 + UInt32(i) << 8), length: 24))
        changes.append(
          (
            .add,
            KernelRoute(
              destination: destination, gateway: try address("10.0.0.2"), ifindex: v0,
              isOnlink: true)
          ))
      }
      changes[33] = changes[12]
      changes[63] = changes[13]
      changes[100].0 = .replace
      changes[150].0 = .delete
      changes[151].1.ifindex = 4711
      let failures = try apply(changes)
      #expect(failures.map { $0.tag } == [33, 63, 100, 150, 151])
      #expect(failures.map { $0.change } == [.add, .add, .replace, .delete, .add])
      #expect(
        failures.map { $0.error.errno } == [
          ErrorNumber.exists, ErrorNumber.exists, ErrorNumber.noEntry,
          ErrorNumber.noSuchProcess, ErrorNumber.noDevice,
        ])
      #expect(
        failures.map { $0.route?.destination }
          == failures.map {
            changes[Int($0.tag)].1.destination
          })
      #expect(try routes(KernelRoute.mainTable).count == 195)
    }
  }

  @Test func `the kernel's own words are kept`() throws {
    try withLinkedNamespace {
      let bad = KernelRoute(
        destination: try prefix("10.4.0.0/16"), gateway: try address("192.0.2.1"),
        ifindex: try link("v0").ifindex)
      let failure = try #require(try apply([(.add, bad)]).first)
      #expect(failure.error.errno == ErrorNumber.networkUnreachable)
      #expect(failure.error.kernelMessage == "Nexthop has invalid gateway")
      #expect(
        failure.error.description
          == "add route: Network is unreachable (Nexthop has invalid gateway)")
    }
  }

  @Test func `an answer counts if it is about a change that is not answered yet`() {
    #expect(RouteWriter.isInFlight(6, answered: 5, sent: 7))
    #expect(RouteWriter.isInFlight(7, answered: 5, sent: 7))
    #expect(!RouteWriter.isInFlight(8, answered: 5, sent: 7))
    #expect(!RouteWriter.isInFlight(5, answered: 5, sent: 7))
    // Numbers wrap.
    #expect(RouteWriter.isInFlight(2, answered: .max - 1, sent: 3))
    #expect(!RouteWriter.isInFlight(4, answered: .max - 1, sent: 3))
    // After answers were lost, those that still come are older than what counts as answered. They
    // lie further ahead than an Int of 32 bits can say.
    for age in [1, 2, 1000, 1 << 31] as [UInt32] {
      #expect(!RouteWriter.isInFlight(10 &- age, answered: 10, sent: 12))
    }
  }

  @Test func `a route behind a foreign one takes over at the moment when that goes`() throws {
    try withLinkedNamespace {
      try run("ip route add 10.6.0.2/32 dev v0 proto kernel scope link")
      let ours = KernelRoute(
        destination: try prefix("10.6.0.2/32"), gateway: try address("10.6.0.2"),
        ifindex: try link("v0").ifindex, isOnlink: true)
      #expect(try apply([(.append, ours)]) == [])
      let again = try apply([(.append, ours)])
      #expect(again.map { $0.error.errno } == [ErrorNumber.exists])
      #expect(again.map { $0.change } == [.append])
      try run("ip route get 10.6.0.2 | grep -qv via && ip route del 10.6.0.2/32 proto kernel")
      try run("ip route show 10.6.0.2 | grep -q 'via 10.6.0.2 dev v0 proto babel'")
      #expect(try apply([(.delete, ours)]) == [])
    }
  }

  @Test func `a foreign route of the same key stops an add`() throws {
    try withLinkedNamespace {
      try run("ip route add 10.5.0.0/16 via 10.0.0.9")
      let ours = KernelRoute(
        destination: try prefix("10.5.0.0/16"), gateway: try address("10.0.0.2"),
        ifindex: try link("v0").ifindex)
      #expect(try apply([(.add, ours)]).map { $0.error.errno } == [ErrorNumber.exists])
      #expect(try apply([(.delete, ours)]).map { $0.error.errno } == [ErrorNumber.noSuchProcess])
      try run("ip route show 10.5.0.0/16 | grep -q 'via 10.0.0.9'")
    }
  }
}
