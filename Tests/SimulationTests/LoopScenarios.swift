import BabelCore
import BabelWire
import Testing

/// The examples of RFC 8966 §2: loops that a distance-vector protocol would build.
@Suite struct `§2 Loop avoidance` {
  @Test func `losing the only way to a prefix does not count to infinity`() throws {
    // S hangs on A; A, B and C form a triangle (§2.2, §2.3).
    let network = Network(seed: 11)
    try network.addHosts(4)
    network.connect([0, 1])
    network.connect([1, 2])
    network.connect([2, 3])
    network.connect([3, 1])
    network.startAll()
    try network.run(seconds: 40)
    try network.requireConverged()
    var metrics: [Int: Set<UInt16>] = [:]
    network.parameters = { $1.reportsRoutes = true }
    for host in network.hosts { host.daemon?.node.reportsRoutes = true }
    network.onNotice = { host, notice in
      if case .route(_, let route) = notice, route.destination == prefix(of: 0),
        !route.metric.isInfinite
      {
        metrics[host, default: []].insert(route.metric.rawValue)
      }
    }
    try network.setCarrier(segment: 0, false)
    #expect(try #require(try network.run(atMost: 30) { !$0.reaches(2, prefix(of: 0)) }) <= 0.1)
    try network.run(seconds: 150)
    for host in 1...3 {
      #expect(network.target(host, prefix(of: 0)) == .absent)
      // The two ways round the triangle, no more.
      #expect((metrics[host] ?? []).count <= 3, "host \(host): \(metrics[host] ?? [])")
    }
    try network.requireTidy()
  }

  @Test func `a starving node is fed by one seqno increase`() throws {
    // S–A costs 96, S–B 192, A–B 96: B's way is not feasible for A (§2.5).
    let network = Network(seed: 12)
    try network.addHosts(3)
    network.connect([0, 1], .wired(cost: 96))
    network.connect([0, 2], .wired(cost: 192))
    network.connect([1, 2], .wired(cost: 96))
    network.startAll()
    try network.run(seconds: 60)
    try network.requireConverged()
    let before = try #require(network.seqno(of: 0))
    try network.setCarrier(segment: 0, false)
    try network.run(seconds: 0.005)
    #expect(network.target(1, prefix(of: 0)) == .unreachable)
    let time = try network.run(atMost: 10) { $0.forwards(1, prefix(of: 0), to: 2) }
    #expect(try #require(time) <= 0.1)
    try network.run(seconds: 30)
    let after = try #require(network.seqno(of: 0))
    #expect(after == before.next)
    try network.requireConverged()
  }

  @Test func `starvation ends across several hops`() throws {
    // A long detour: the request must travel from host 1 all the way round to host 0.
    let network = try Network.ring(8, seed: 13, .wired())
    network.startAll(within: 0.3)
    try network.run(seconds: 60)
    try network.setCarrier(segment: 0, false)
    #expect(try #require(try network.run(atMost: 20) { $0.isConverged }) <= 0.25)
  }

  @Test func `starvation ends although one packet in ten is lost`() throws {
    for seed in UInt64(1)...10 {
      let network = try Network.ring(6, seed: seed)
      network.startAll(within: 0.3)
      try network.run(seconds: 60)
      var quality = Quality()
      quality.lossPermille = 100
      for segment in network.segments.indices {
        network.setQuality(segment: segment, quality)
      }
      try network.setCarrier(segment: 0, false)
      let time = try network.run(atMost: 60) { network in
        (1..<6).allSatisfy { network.reaches($0, prefix(of: 0)) }
      }
      #expect(time != nil, "seed \(seed)")
    }
  }

  @Test func `while a prefix is held unreachable no packet follows the default route`() throws {
    // ::/0 via host 0, a /64 from host 2; host 1 in the middle.
    let network = try Network.line(3)
    try network.addOffer(0, .ipv6Default)
    network.startAll()
    try network.run(seconds: 40)
    try network.setCarrier(segment: 1, false)
    try network.run(seconds: 0.005)
    #expect(network.target(1, prefix(of: 2)) == .unreachable)
    try network.run(seconds: 0.3)
    #expect(network.target(1, prefix(of: 2)) != .absent || !network.reaches(0, prefix(of: 2)))
    try network.run(seconds: 150)
    #expect(network.target(1, prefix(of: 2)) == .absent)
    #expect(network.target(0, prefix(of: 2)) == .absent)
  }

  @Test func `a prefix with two origins goes to the nearer one and survives its loss`() throws {
    let shared = prefix(of: 100)
    let network = try Network.line(5, withEndsAt: shared)
    #expect(network.forwards(1, shared, to: 0))
    try network.removeOffer(0, shared)
    #expect(try #require(try network.run(atMost: 60) { $0.isConverged }) <= 20)
  }
}

/// Crashes and restarts (RFC 8966 §3.2.2, §3.2.5, §3.4.1).
@Suite struct `Restarts` {
  static func crashed(
    _ memory: Memory, forgets: Bool, asksForLostSeqno: Bool = true, seed: UInt64
  ) throws -> (Network, Double?) {
    let network = try Network.line(4, seed: seed)
    network.asksForLostSeqno = asksForLostSeqno
    network.startAll(within: 0.5)
    try network.run(seconds: 60)
    try network.requireConverged()
    network.crash(0, forgettingKernelRoutes: forgets)
    try network.run(seconds: 3)
    try network.restart(0, memory)
    let time = try network.run(atMost: 300) { $0.isConverged }
    return (network, time)
  }

  @Test(arguments: UInt64(1)...10)
  func `a crashed origin with its saved seqno is back within ten seconds`(seed: UInt64) throws {
    let (network, time) = try Self.crashed(.savedSeqno, forgets: true, seed: seed)
    #expect(try #require(time) <= 10)
    try network.run(seconds: 150)
    try network.requireTidy()
  }

  @Test(arguments: UInt64(1)...10)
  func `a crashed origin with a lost seqno is back within twenty seconds`(seed: UInt64) throws {
    // A neighbour asks for a seqno that is newer than the one it remembers.
    let (network, time) = try Self.crashed(.lostSeqno, forgets: true, seed: seed)
    #expect(try #require(time) <= 20)
    try network.run(seconds: 150)
    try network.requireTidy()
  }

  @Test(arguments: UInt64(1)...10)
  func `another program that lost its seqno is back when its neighbours forget it`(
    seed: UInt64
  ) throws {
    // A seqno that looks old is unfeasible to all who announced the former one; a request raises
    // it by one only (§3.8.1.2), so they must forget their distance first: three minutes (§3.7.3).
    let (network, time) = try Self.crashed(
      .lostSeqno, forgets: true, asksForLostSeqno: false, seed: seed)
    #expect(try #require(time) <= 200)
    try network.run(seconds: 150)
    try network.requireTidy()
  }

  @Test(arguments: UInt64(1)...5)
  func `a crashed origin with a new router-id is back within ten seconds`(seed: UInt64) throws {
    let (network, time) = try Self.crashed(.newIdentity, forgets: true, seed: seed)
    #expect(try #require(time) <= 10)
    try network.run(seconds: 150)
    try network.requireTidy()
  }

  @Test func `a node that stops is forgotten within a second`() throws {
    let network = try Network.ring(6)
    network.startAll(within: 0.5)
    try network.run(seconds: 60)
    try network.requireConverged()
    try network.stop(2)
    #expect(network.hosts[2].kernel.allSatisfy { $0 == .absent })
    #expect(try #require(try network.run(atMost: 30) { $0.isReroutedAround(2) }) <= 1)
    try network.run(seconds: 150)
    try network.requireConverged()
    try network.requireTidy()
  }

  @Test func `a relay that forgot everything builds no loop over one who is dead`() throws {
    // 3 sends to 2, which is dead and sends to 1, which was told by nobody.
    let network = Network(seed: 14)
    try network.addHosts(4)
    let uplink = network.connect([0, 1])
    network.connect([1, 2])
    network.connect([2, 3], .radio())
    let bypass = network.connect([3, 1])
    network.startAll()
    try network.setCarrier(segment: bypass, false)
    try network.run(seconds: 60)
    #expect(network.forwards(3, prefix(of: 0), to: 2))
    #expect(network.forwards(2, prefix(of: 0), to: 1))
    network.crash(2, forgettingKernelRoutes: false)
    network.crash(1, forgettingKernelRoutes: true)
    try network.setCarrier(segment: uplink, false)
    try network.run(seconds: 2)
    try network.restart(1, .savedSeqno)
    try network.run(seconds: 6)
    try network.setCarrier(segment: bypass, true)
    // Throws where a loop is built.
    try network.run(seconds: 5)
    #expect(network.forwards(3, prefix(of: 0), to: 2))
    #expect(network.target(1, prefix(of: 0)) == .unreachable)
    try network.setCarrier(segment: uplink, true)
    let time = try network.run(atMost: 20) { $0.forwards(1, prefix(of: 0), to: 0) }
    #expect(try #require(time) <= 1)
    try network.restart(2, .savedSeqno)
    try network.run(seconds: 150)
    try network.requireConverged()
  }

  @Test(arguments: UInt64(1)...10)
  func `a relay that forgot everything forwards again within seven seconds`(seed: UInt64) throws {
    let network = try Network.line(6, seed: seed)
    network.startAll(within: 0.5)
    try network.run(seconds: 60)
    network.crash(2, forgettingKernelRoutes: true)
    try network.run(seconds: 1)
    try network.restart(2, .savedSeqno)
    let time = try network.run(atMost: 60) { $0.isConverged }
    #expect(try #require(time) <= 7)
  }

  @Test func `a relay that crashes and keeps its kernel routes never builds a loop`() throws {
    for seed in UInt64(1)...20 {
      let network = try Network.ring(5, seed: seed)
      try network.addOffer(0, .ipv6Default)
      network.startAll(within: 0.5)
      try network.run(seconds: 60)
      network.crash(2, forgettingKernelRoutes: false)
      try network.run(seconds: 0.5)
      try network.restart(2, .savedSeqno)
      try network.run(seconds: 60)
      try network.requireConverged()
    }
  }
}
