import BabelCore
import BabelWire
import Testing

extension Peer {
  /// Announces a route for packets from one prefix.
  func announce(
    _ prefix: Prefix, from source: Prefix, seqno: UInt16 = 10, metric: UInt16,
    gateway: UpdateNextHop? = nil
  ) {
    send {
      _ = $0.append(
        OutgoingUpdate(
          destination: prefix, source: source, routerID: Example.origin, seqno: Seqno(seqno),
          metric: Metric(metric), interval: Interval(centiseconds: 1600),
          nextHop: gateway ?? (prefix.family == .ipv4 ? .ipv6 : .packetSource)))
    }
  }
}

extension Bench {
  /// All routes to a destination from a source.
  func routes(_ prefix: Prefix, from source: Prefix) -> [RouteStatus] {
    node.destinationOrder().flatMap { node.routes(ofDestination: $0, at: clock) }
      .filter { $0.destination == prefix && $0.source == source }
  }

  /// What is wanted of the kernel for a pair.
  func target(_ prefix: Prefix, from source: Prefix) -> ForwardingTarget {
    wanted(ForwardingKey(destination: prefix, source: source, table: 254))
  }
}

/// Source Plen of every Source Prefix sub-TLV in the Updates of a packet.
private func sourceLengths(_ bytes: [UInt8]) -> [UInt8] {
  var lengths: [UInt8] = []
  var position = 4
  while position + 1 < bytes.count {
    let type = bytes[position]
    if type == 0 {
      position += 1
      continue
    }
    let body = Array(bytes[(position + 2)..<(position + 2 + Int(bytes[position + 1]))])
    position += 2 + body.count
    guard type == 8, body[0] != 0 else { continue }
    var sub = 10 + (Int(body[2]) + 7) / 8 - Int(body[3])
    while sub + 2 < body.count {
      if body[sub] == 128 { lengths.append(body[sub + 2]) }
      sub += 2 + Int(body[sub + 1])
    }
  }
  return lengths
}

@Suite struct `RFC 9079 Source-specific routing` {
  private let s = Example.prefix("2001:db8:5::", 48)
  private let t = Example.prefix("2001:db8:6::", 48)
  private let any = Prefix.any(.ipv6)

  @Test func `RFC 9079 §4 what the kernel cannot hold is neither selected nor announced`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.announce(Example.x, from: s, metric: 10)
    bench.run(1)
    let key = ForwardingKey(destination: Example.x, source: s, table: 254)
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    bench.forget()
    bench.run(40)
    #expect(bench.routes(Example.x, from: s).map(\.reason) == [.notInstallable])
    #expect(bench.updates(Example.x).allSatisfy { $0.update.isRetraction })
  }

  @Test func `RFC 9079 §4 source-specific IPv4 routes are ignored where no table can hold them`()
    throws
  {
    let destination = Example.prefix("10.1.0.0", 16)
    let source = Example.prefix("10.2.0.0", 16)
    for canHold in [false, true] {
      let bench = try Bench { $0.supportsSourceSpecificIPv4 = canHold }
      let peer = bench.peer(1)
      peer.announce(destination, from: source, metric: 10)
      #expect(bench.routes(destination, from: source).count == (canHold ? 1 : 0))
      #expect((bench.target(destination, from: source) == .absent) == !canHold)
    }
  }

  @Test func `RFC 9079 §5 a route for any source is sent without a source prefix`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    bench.offer(Example.own)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.y, from: s, metric: 10)
    bench.run(60)
    let lengths = bench.sent.flatMap { sourceLengths($0.bytes) }
    #expect(!lengths.isEmpty && Set(lengths) == [48])
    #expect(bench.updates(Example.x).contains { $0.update.source == any })
  }

  @Test func `RFC 9079 §5.1 all tables know source prefixes`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    let other = bench.peer(2)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.x, from: s, metric: 20)
    other.announce(Example.x, from: t, metric: 30)
    bench.run(20)
    #expect(bench.routes(Example.x, from: any).map(\.advertisedMetric) == [Metric(10)])
    #expect(bench.routes(Example.x, from: s).map(\.advertisedMetric) == [Metric(20)])
    #expect(bench.routes(Example.x, from: t).map(\.neighbour) == [other.address])
    // Each pair has its own feasibility distance: the one of x does not count for (x, s).
    peer.announce(Example.x, from: s, metric: 200)
    #expect(bench.routes(Example.x, from: s).first?.advertisedMetric == Metric(20))
    peer.announce(Example.x, metric: 11)
    #expect(bench.routes(Example.x, from: any).first?.advertisedMetric == Metric(11))
    // Requests are about a pair, too: the newer seqno is asked for (x, s).
    bench.run(3)
    let asked = bench.seqnoRequests.map(\.request)
    #expect(!asked.isEmpty && asked.allSatisfy { $0.source == s && $0.destination == Example.x })
    peer.announce(Example.x, from: s, metric: 65535)
    #expect(bench.target(Example.x, from: s) == .unreachable)
    #expect(bench.target(Example.x, from: any) != .unreachable)
  }

  @Test func `RFC 9079 §5.2 a wildcard retraction takes source-specific routes along`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.announce(Example.x, from: s, metric: 20)
    bench.run(1)
    peer.send { _ = $0.appendWildcardRetraction(seqno: Seqno(0)) }
    bench.run(0.1)
    #expect(bench.routes(Example.x, from: s).map(\.reason) == [.retracted])
  }

  @Test func `RFC 9079 §5.2 a wildcard request is answered with source-specific routes, too`()
    throws
  {
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.announce(Example.x, from: s, metric: 20)
    bench.run(20)
    bench.forget()
    peer.send(toMulticast: false) { _ = $0.appendWildcardRequest() }
    bench.run(1)
    #expect(bench.updates(Example.x).contains { $0.update.source == s })
  }

  @Test func `RFC 9079 §5.2 §7 malformed source prefixes are ignored with their TLV`() throws {
    let router: [UInt8] = [6, 10, 0, 0] + [2, 0, 0, 0, 0, 0, 0, 1]
    let update: [UInt8] = [2, 0, 8, 0, 6, 64, 0, 1, 0, 1, 0x20]
    let prefix: [UInt8] = [128, 5, 32, 0x20, 1, 0x0d, 0xb8]
    let bad: [[UInt8]] = [
      [128, 1, 0], [128, 4, 32, 0x20, 1, 0x0d], [128, 0], [128, 2, 129, 0], prefix + prefix,
      [128, 9] + prefix.dropFirst(2),
    ]
    for sub in bad {
      let bench = try Bench()
      let peer = bench.peer(1)
      peer.send(body: router + [8, UInt8(update.count + sub.count)] + update + sub)
      #expect(bench.node.destinationOrder().isEmpty, "\(sub)")
    }
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.send(body: router + [8, UInt8(update.count + prefix.count)] + update + prefix)
    #expect(bench.node.destinationOrder().count == 1)
    // A wildcard with a source prefix is ignored: it is neither a retraction nor a request.
    bench.run(20)
    bench.forget()
    peer.send(body: [8, 17, 0, 0, 0, 0, 6, 64, 0, 1, 255, 255] + prefix)
    peer.send(body: [9, 9, 0, 0] + prefix)
    bench.run(0.5)
    #expect(bench.node.destinationOrder().count == 1)
    let route = try #require(
      bench.node.routes(ofDestination: bench.node.destinationOrder()[0], at: bench.clock).first)
    #expect(route.isInstalled)
    #expect(bench.sent.flatMap(\.updates).isEmpty)
  }

  @Test func `RFC 9079 §6 nothing source-specific is sent to nodes of RFC 6126`() throws {
    var old = InterfaceParameters()
    old.rfc6126Compatible = true
    let bench = try Bench(old)
    let peer = bench.peer(1)
    peer.announce(Example.x, from: s, metric: 20)
    bench.run(20)
    peer.send(toMulticast: false) {
      _ = $0.append(RouteRequest(destination: Example.x, source: self.s))
    }
    bench.run(3)
    #expect(bench.sent.allSatisfy { sourceLengths($0.bytes).isEmpty })
    #expect(bench.updates(Example.x).isEmpty)
  }
}

@Suite struct `Filters on source prefixes` {
  private let s = Example.prefix("2001:db8:5::", 48)
  private let inside = Example.prefix("2001:db8:5:1::", 64)

  private func bench(_ text: String) throws -> Bench {
    try Bench(filters: try parse(text + "\nredistribute local deny\n").filters)
  }

  @Test func `in: a denied source is ignored, another one costs more`() throws {
    let bench = try bench(
      "in ip ::/0 src-ip 2001:db8:5::/48 src-ge 64 deny\nin ip ::/0 src-ge 1 metric 1000")
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.x, from: s, metric: 10)
    peer.announce(Example.x, from: inside, metric: 10)
    #expect(bench.routes(Example.x, from: .any(.ipv6)).first?.metric == Metric(106))
    #expect(bench.routes(Example.x, from: s).first?.metric == Metric(1106))
    #expect(bench.routes(Example.x, from: inside).isEmpty)
  }

  @Test func `out: only what has no source prefix is told`() throws {
    let bench = try bench("out ip ::/0 src-eq 0 allow\nout ip ::/0 deny")
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.x, from: s, metric: 10)
    bench.run(30)
    let told = bench.updates(Example.x).map(\.update)
    #expect(!told.isEmpty && told.allSatisfy { $0.source.isDefault })
  }

  @Test func `redistribute: src-prefix makes a route source-specific, src-ip finds those that are`()
    throws
  {
    let bench = try bench(
      """
      redistribute src-ip 2001:db8:5::/48 src-le 48 metric 300
      redistribute ip ::/0 eq 0 src-prefix 2001:db8:5::/48 metric 200
      """)
    _ = bench.peer(1)
    let any = Prefix.any(.ipv6)
    for (destination, source) in [(any, any), (Example.x, s), (Example.y, inside)] {
      let offer = KernelOffer(
        destination: destination, source: source, kernelProtocol: 4, interface: nil, table: 254)
      bench.input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    }
    bench.run(30)
    let told = Set(
      bench.sent.flatMap(\.updates).map { "\($0.destination) \($0.source) \($0.metric)" })
    #expect(told == ["::/0 \(s) 200", "\(Example.x) \(s) 300"])
    // The retraction names the same pair as the announcement.
    let offer = KernelOffer(
      destination: any, source: any, kernelProtocol: 4, interface: nil, table: 254)
    bench.forget()
    bench.input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
    bench.run(1)
    let last = bench.sent.flatMap(\.updates).last
    #expect(last?.destination == any && last?.source == s && last?.isRetraction == true)
  }

  @Test func `install: a denied source is not put into the kernel`() throws {
    let bench = try bench("install ip ::/0 src-ip 2001:db8:5::/48 deny")
    let peer = bench.peer(1)
    peer.announce(Example.x, metric: 10)
    peer.announce(Example.x, from: s, metric: 10)
    #expect(bench.target(Example.x, from: s) == .absent)
    #expect(bench.target(Example.x, from: .any(.ipv6)) != .absent)
  }
}
