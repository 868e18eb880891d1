import BabelCore
import BabelWire
import Testing

/// Many prefixes at once (§3.1 pacing, §3.7.1, §3.8.1.1).
@Suite struct `Large tables` {
  static let count = 20_000

  static func destinations() -> [Prefix] {
    (0..<count).map { i in
      Prefix(
        mapped: IPAddress(high: 0x2001_0DB8_1000_0000 | UInt64(i) << 8, low: 0), mappedLength: 64)
    }
  }

  static func held(_ network: Network, by host: Int) -> Int {
    network.hosts[host].kernel.reduce(0) { sum, target in
      if case .via = target { sum + 1 } else { sum }
    }
  }

  @Test func `a late neighbour has 20,000 routes two seconds after its link is usable`() throws {
    let network = try Network.line(2)
    for destination in Self.destinations() { try network.addOffer(0, destination) }
    try network.start(0)
    try network.run(seconds: 30)
    try network.start(1)
    let usable = try network.run(atMost: 20, step: 0.01) { network in
      network.neighbour(1).map { !$0.cost.isInfinite } ?? false
    }
    #expect(usable != nil)
    let time = try network.run(atMost: 20, step: 0.05) { Self.held($0, by: 1) == Self.count + 1 }
    #expect(try #require(time) <= 2)
  }

  @Test func `a burst of 20,000 prefixes never overflows a slow reader's socket buffer`() throws {
    // `Limits.burst` holds every interface to 128 datagrams in any 100 ms besides.
    let network = try Network.line(2)
    network.hosts[1].socket = SocketBuffer(microsecondsPerPacket: 1_000_000 / 700)
    network.startAll()
    try network.run(seconds: 30)
    for destination in Self.destinations() { try network.addOffer(0, destination) }
    let time = try network.run(atMost: 20, step: 0.05) { Self.held($0, by: 1) == Self.count + 1 }
    #expect(try #require(time) <= 5)
    try network.run(seconds: 60)
    let socket = try #require(network.hosts[1].socket)
    #expect(socket.dropped == 0, "peak \(socket.peak) octets")
    for destination in Self.destinations() { try network.removeOffer(0, destination) }
    let gone = try network.run(atMost: 20, step: 0.05) { Self.held($0, by: 1) == 1 }
    #expect(try #require(gone) <= 5)
    #expect(network.hosts[1].socket?.dropped == 0)
  }

  @Test func `20,000 routes move to another neighbour without a gap`() throws {
    // Both 1 and 2 lead to 0; 3 hears them from both.
    let network = Network(seed: 21)
    for _ in 0..<4 { network.addHost() }
    for (a, b) in [(0, 1), (0, 2), (1, 3), (2, 3)] { network.connect([a, b]) }
    for destination in Self.destinations() { try network.addOffer(0, destination) }
    network.startAll()
    try network.run(seconds: 40)
    #expect(Self.held(network, by: 3) == Self.count)
    var gaps = 0
    network.onForward = { host, change in
      if host == 3, change.new == .unreachable || change.new == .absent { gaps += 1 }
    }
    let next = network.forwards(3, Self.destinations()[0], to: 1) ? 1 : 2
    let segment = next == 1 ? 2 : 3
    network.setCut(segment: segment, true)
    let moved = try network.run(atMost: 30) { network in
      Self.destinations().allSatisfy { network.forwards(3, $0, to: 3 - next) }
    }
    #expect(try #require(moved) <= 12.5)
    #expect(gaps == 0)
  }

  @Test func `Hellos leave on time while 20,000 routes are dumped`() throws {
    let network = try Network.line(3)
    for destination in Self.destinations() { try network.addOffer(0, destination) }
    var last: Int64?
    var longest: Int64 = 0
    network.onTransmit = { host, port, _, bytes in
      guard host == 1, port == 0, containsHello(bytes) else { return }
      if let last { longest = max(longest, network.now - last) }
      last = network.now
    }
    network.startAll()
    try network.run(seconds: 90)
    // The announced interval is 4 s.
    #expect(longest <= 4_050_000, "\(longest) us between two Hellos")
  }
}
