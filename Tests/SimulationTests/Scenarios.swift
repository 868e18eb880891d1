import BabelCore
import BabelWire
import Testing

extension Network {
  /// Whether a host forwards towards another for a prefix.
  func forwards(_ host: Int, _ destination: Prefix, to next: Int) -> Bool {
    guard let number = destinations.number(destination),
      case .via(let path) = hosts[host].entry(number)
    else { return false }
    return nextHop(hosts[host], path) == next
  }

  func seqno(of host: Int) -> Seqno? {
    guard let daemon = hosts[host].daemon else { return nil }
    return daemon.node.seqno
  }

  func target(_ host: Int, _ destination: Prefix) -> ForwardingTarget {
    destinations.number(destination).map { hosts[host].entry($0) } ?? .absent
  }

  /// The row of a neighbour, if there is one.
  func neighbour(_ host: Int, _ port: Int = 0) -> NeighbourStatus? {
    let host = hosts[host]
    return host.daemon?.node.neighbours(at: host.clock(now)).first {
      $0.interface == host.ports[port].name
    }
  }
}

/// Small networks under a script (RFC 8966 §2, §3).
@Suite struct `Scenarios` {
  @Test func `a line of three learns all prefixes within a third of a second`() throws {
    let network = try Network.line(3)
    network.startAll()
    let time = try network.run(atMost: 30) { $0.isConverged }
    #expect(try #require(time) <= 0.3)
    try network.run(seconds: 60)
    try network.requireConverged()
    try network.requireTidy()
  }

  @Test func `a ring of ten is on all shortest paths half a second after the last start`() throws {
    let network = try Network.ring(10)
    network.startAll(within: 0.5)
    #expect(try #require(try network.run(atMost: 60) { $0.isConverged }) <= 1)
  }

  @Test func `a ring reroutes within 30 ms a hop of a carrier loss`() throws {
    let network = try Network.ring(10)
    network.startAll(within: 0.5)
    try network.run(seconds: 60)
    try network.requireConverged()
    try network.setCarrier(segment: 0, false)
    #expect(try #require(try network.run(atMost: 60) { $0.isConverged }) <= 0.3)
    try network.run(seconds: 120)
    try network.requireTidy()
  }

  @Test func `a ring reroutes within 30 ms a hop once a silent cut has shown`() throws {
    let network = try Network.ring(10)
    network.startAll(within: 0.5)
    try network.run(seconds: 60)
    network.setCut(segment: 0, true)
    // Two and a half Hello intervals.
    #expect(try #require(try network.run(atMost: 60) { $0.isConverged }) <= 10.3)
  }

  @Test func `a healed ring goes back to the shortest paths`() throws {
    let network = try Network.ring(6)
    network.startAll(within: 0.5)
    try network.run(seconds: 30)
    try network.setCarrier(segment: 0, false)
    try network.run(seconds: 60)
    try network.setCarrier(segment: 0, true)
    #expect(try network.run(atMost: 90) { $0.isConverged } != nil)
    try network.run(seconds: 60)
    try network.requireConverged()
  }

  @Test func `a silent cut is noticed after two and a half to three Hello intervals`() throws {
    for seed in UInt64(1)...10 {
      let network = try Network.line(2, seed: seed)
      var lastHello: Int64 = 0
      network.onTransmit = { host, _, _, bytes in
        if host == 0, !network.segments[0][0, 1].isCut, containsHello(bytes) {
          lastHello = network.now
        }
      }
      network.startAll(within: 1)
      try network.run(seconds: 40 + Double(seed) * 0.37)
      try network.requireConverged()
      network.setCut(segment: 0, true)
      _ = try network.run(atMost: 20, step: 0.01) { $0.neighbour(1)?.cost.isInfinite ?? true }
      let silence = Double(network.now - lastHello) / 4_000_000
      #expect(silence >= 2.49 && silence <= 3, "seed \(seed): \(silence) intervals")
      #expect(!network.forwards(1, prefix(of: 0), to: 0))
    }
  }

  @Test func `carrier loss is acted upon at once`() throws {
    // The way by host 2 is dearer (200 instead of 150) but feasible (100).
    let network = Network(seed: 4)
    try network.addHosts(3)
    network.connect([0, 1], .wired(cost: 150))
    network.connect([1, 2], .wired(cost: 100))
    network.connect([2, 0], .wired(cost: 100))
    network.startAll()
    try network.run(seconds: 30)
    try network.setCarrier(segment: 0, false)
    try network.run(seconds: 0.005)
    #expect(network.forwards(0, prefix(of: 1), to: 2))
    #expect(network.forwards(1, prefix(of: 0), to: 2))
  }

  @Test func `a one-way link carries no routes`() throws {
    let network = try Network.line(2)
    network.setCut(segment: 0, from: 0, to: 1, true)
    network.startAll()
    try network.run(seconds: 60)
    #expect(network.target(0, prefix(of: 1)) == .absent)
    #expect(network.target(1, prefix(of: 0)) == .absent)
    try network.requireConverged()
  }

  @Test func `hosts on one multi-access link reach each other and what lies behind`() throws {
    let network = Network(seed: 3)
    try network.addHosts(6)
    network.connect([0, 1, 2, 3], .wired())
    network.connect([3, 4], .wired())
    network.connect([4, 5], .wired())
    network.startAll(within: 1)
    #expect(try network.run(atMost: 30) { $0.isConverged } != nil)
    try network.run(seconds: 60)
    try network.requireTidy()
  }

  @Test func `an IPv4 prefix crosses links without IPv4 addresses`() throws {
    let network = try Network.line(4)
    try network.addOffer(0, ipv4Prefix(of: 0))
    network.startAll()
    #expect(try network.run(atMost: 30) { $0.isConverged } != nil)
    try network.removeOffer(0, ipv4Prefix(of: 0))
    #expect(try network.run(atMost: 5) { !$0.reaches(3, ipv4Prefix(of: 0)) } != nil)
    try network.run(seconds: 150)
    try network.requireConverged()
  }

  @Test func `an interface can be taken out of the configuration and put back`() throws {
    let network = try Network.ring(4)
    network.startAll()
    try network.run(seconds: 60)
    try network.setConfigured(0, 0, false)
    try network.run(seconds: 0.01)
    #expect(!network.hosts[0].kernel.contains { $0.leads(0) })
    #expect(try network.run(atMost: 60) { $0.reaches(0, prefix(of: 1)) } != nil)
    try network.run(seconds: 60)
    try network.setConfigured(0, 0, true)
    try network.run(seconds: 90)
    try network.requireConverged()
    try network.requireTidy()
  }

  @Test func `a route the kernel refuses is not announced, and is tried again`() throws {
    let network = try Network.line(3)
    network.hosts[1].refusals = 1
    try network.start(0)
    try network.start(1)
    try network.start(2)
    let time = try network.run(atMost: 60) { $0.isConverged }
    #expect(try #require(time) <= 45)
    #expect(network.hosts[1].refusals == 0)
    try network.run(seconds: 60)
    try network.requireTidy()
  }

  @Test func `a lossy link is avoided when ETX says so, and used again afterwards`() throws {
    let network = Network(seed: 5)
    try network.addHosts(3)
    network.connect([0, 1], .radio(hello: 1000))
    network.connect([1, 2], .radio(hello: 1000))
    network.connect([0, 2], .radio(hello: 1000))
    network.startAll()
    try network.run(seconds: 60)
    try network.requireConverged()
    var bad = Quality()
    bad.lossPermille = 600
    network.setQuality(segment: 2, bad)
    #expect(try network.run(atMost: 90) { $0.forwards(0, prefix(of: 2), to: 1) } != nil)
    network.setQuality(segment: 2, Quality())
    #expect(try network.run(atMost: 120) { $0.isConverged } != nil)
  }
}

extension Network {
  func reaches(_ host: Int, _ destination: Prefix) -> Bool {
    if case .via = target(host, destination) { true } else { false }
  }
}

extension ForwardingTarget {
  /// Whether packets leave by an interface.
  func leads(_ interface: UInt16) -> Bool {
    if case .via(let path) = self { path.interface.rawValue == interface } else { false }
  }
}

extension Network {
  /// Whether all other hosts reach each other without a host that is gone.
  func isReroutedAround(_ gone: Int) -> Bool {
    hosts.indices.allSatisfy { from in
      hosts.indices.allSatisfy { to in
        from == to || from == gone || to == gone
          || reaches(from, prefix(of: to)) && !forwards(from, prefix(of: to), to: gone)
      }
    }
  }
}

/// Whether a packet's body holds a Hello TLV (type 4).
func containsHello(_ packet: [UInt8]) -> Bool {
  var i = 4
  while i + 1 < packet.count {
    if packet[i] == 4 { return true }
    i += packet[i] == 0 ? 1 : 2 + Int(packet[i + 1])
  }
  return false
}
