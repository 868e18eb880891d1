import BabelCore
import BabelWire
import Testing

@Suite struct `RFC 9229 IPv4 through IPv6 next hops` {
  private let prefix4 = Example.prefix("10.1.0.0", 16)
  private let other4 = Example.prefix("10.2.0.0", 16)
  private let address = IPAddress(ipv4: 0x0A4D_0009)

  /// Encodings of the finite Updates sent for a prefix.
  private func encodings(_ bench: Bench, _ prefix: Prefix) -> Set<UInt8> {
    Set(bench.updates(prefix).filter { !$0.update.isRetraction }.map(\.update.encoding.rawValue))
  }

  private func gateway(_ bench: Bench, _ prefix: Prefix) -> IPAddress? {
    if case .via(let path) = bench.target(prefix) { path.gateway } else { nil }
  }

  @Test func `RFC 9229 §2.1 AE 1 where the interface has an IPv4 address, else AE 4, never both`()
    throws
  {
    for ipv4 in [address, nil] {
      let bench = try Bench(ipv4: ipv4)
      let peer = bench.peer(1)
      bench.offer(other4)
      peer.announce(prefix4, metric: 10)
      bench.run(40)
      let expected: Set<UInt8> = ipv4 == nil ? [4] : [1]
      #expect(encodings(bench, prefix4) == expected)
      #expect(encodings(bench, other4) == expected)
      #expect(bench.updates(other4).last?.update.nextHop == ipv4 ?? Example.ownAddress)
    }
  }

  @Test func `RFC 9229 §2.1 the encoding follows the address of the interface at once`() throws {
    let bench = try Bench()
    _ = bench.peer(1)
    bench.offer(other4)
    bench.run(20)
    for ipv4 in [address, nil, IPAddress(ipv4: 0x0A4D_000A)] {
      bench.forget()
      bench.setLink(bench.interface, isUp: true, ipv4: ipv4)
      bench.run(0.3)
      #expect(encodings(bench, other4) == (ipv4 == nil ? [4] : [1]))
      #expect(bench.updates(other4).last?.update.nextHop == ipv4 ?? Example.ownAddress)
    }
  }

  @Test func `RFC 9229 §2.1 a neighbour's change of encoding changes the kernel's entry`() throws {
    let bench = try Bench()
    let peer = bench.peer(1)
    peer.announce(prefix4, metric: 10)
    #expect(gateway(bench, prefix4) == peer.address)
    let theirs = IPAddress(ipv4: 0x0A4D_0001)
    func announce(_ hop: UpdateNextHop) {
      peer.send {
        _ = $0.append(
          OutgoingUpdate(
            destination: self.prefix4, source: .any(.ipv4), routerID: Example.origin,
            seqno: Seqno(10), metric: Metric(10), interval: Interval(centiseconds: 1600),
            nextHop: hop))
      }
    }
    announce(.ipv4(theirs))
    #expect(gateway(bench, prefix4) == theirs)
    announce(.ipv6)
    #expect(gateway(bench, prefix4) == peer.address)
    #expect(bench.routes(prefix4).count == 1)
  }

  @Test func `RFC 9229 §2.1 without either way IPv4 routes are neither announced nor kept`() throws
  {
    var parameters = InterfaceParameters()
    parameters.v4ViaV6 = false
    let bench = try Bench(parameters, ipv4: address)
    let peer = bench.peer(1)
    bench.offer(other4)
    bench.run(20)
    #expect(encodings(bench, other4) == [1])
    bench.forget()
    bench.setLink(bench.interface, isUp: true, ipv4: nil)
    bench.run(0.3)
    #expect(bench.updates(other4).map(\.update.isRetraction) == [true])
    bench.forget()
    bench.run(60)
    #expect(bench.updates(other4).isEmpty)
    // A request is answered with a retraction.
    peer.request(other4)
    bench.run(2)
    #expect(bench.updates(other4).map(\.update.isRetraction) == [true])
    bench.forget()
    parameters.v4ViaV6 = true
    bench.input { $0.setParameters(parameters, of: bench.interface, at: $1, into: &$2) }
    bench.run(0.3)
    #expect(encodings(bench, other4) == [4])
    bench.forget()
    parameters.v4ViaV6 = false
    bench.input { $0.setParameters(parameters, of: bench.interface, at: $1, into: &$2) }
    bench.run(0.3)
    #expect(bench.updates(other4).map(\.update.isRetraction) == [true])
  }

  @Test func `RFC 9229 §2.2 what cannot be installed is never selected`() throws {
    let bench = try Bench { $0.supportsV4ViaV6 = false }
    let peer = bench.peer(1)
    peer.announce(prefix4, metric: 10)
    bench.run(20)
    #expect(bench.selected(prefix4) == nil && bench.target(prefix4) == .absent)
    #expect(bench.updates(prefix4).isEmpty)
    // With an IPv4 next hop the same prefix can be selected.
    peer.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: self.prefix4, source: .any(.ipv4), routerID: Example.origin,
          seqno: Seqno(10), metric: Metric(10), interval: Interval(centiseconds: 1600),
          nextHop: .ipv4(IPAddress(ipv4: 0x0A4D_0001))))
    }
    #expect(bench.selected(prefix4) != nil)
  }

  @Test func `RFC 9229 §2.3 requests with AE 4 are answered as those with AE 1, and never sent`()
    throws
  {
    let bench = try Bench()
    let peer = bench.peer(1)
    bench.offer(other4)
    bench.run(20)
    bench.forget()
    peer.send(body: [9, 4, 4, 16, 10, 2])
    bench.run(3)
    #expect(bench.updates(other4).contains { !$0.update.isRetraction })
    let seqno = bench.seqno
    let id: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0xAA]
    peer.send(body: [10, 16, 4, 16, 0, UInt8(seqno + 1), 64, 0] + id + [10, 2])
    #expect(bench.seqno == seqno + 1)
    // The node itself asks with AE 1 for a route that was announced with AE 4 and is about to
    // expire.
    peer.announce(prefix4, metric: 10)
    bench.forget()
    bench.run(45)
    let requests = bench.sent.flatMap { requestEncodings($0.bytes) }
    #expect(!requests.isEmpty && !requests.contains(4))
  }

  @Test func `RFC 9229 §2.2 retractions with AE 1 and AE 4 concern the same route`() throws {
    for (first, second) in [(UInt8(1), UInt8(4)), (4, 1)] {
      let bench = try Bench()
      let peer = bench.peer(1)
      let router: [UInt8] = [6, 10, 0, 0] + [2, 0, 0, 0, 0, 0, 0, 1]
      let nextHop: [UInt8] = [7, 6, 1, 0, 10, 77, 0, 1]
      peer.send(
        body: router + nextHop + [8, 12, first, 0, 16, 0, 6, 64, 0, 10, 0, 10, 10, 1])
      #expect(bench.selected(prefix4) != nil)
      peer.send(body: [8, 12, second, 0, 16, 0, 6, 64, 0, 10, 255, 255, 10, 1])
      #expect(bench.selected(prefix4) == nil)
      #expect(bench.routes(prefix4).map(\.reason) == [.retracted])
    }
  }

  /// AE of every request in a packet.
  private func requestEncodings(_ bytes: [UInt8]) -> [UInt8] {
    var found: [UInt8] = []
    var position = 4
    while position + 2 < bytes.count {
      if bytes[position] == 9 || bytes[position] == 10 { found.append(bytes[position + 2]) }
      position += bytes[position] == 0 ? 1 : 2 + Int(bytes[position + 1])
    }
    return found
  }
}
