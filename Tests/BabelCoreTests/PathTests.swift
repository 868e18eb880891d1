import BabelCore
import BabelWire
import Testing

/// What a node does with questions for ways; docs/path-tlvs.md says what it is to do.
@Suite struct `Ways of packets` {
  private static let target = IPAddress(high: 0x2001_0DB8_0001_0000, low: 7)
  private static let any = Prefix.any(.ipv6)

  private static func answering(_ answers: Bool? = true) -> InterfaceParameters {
    var parameters = InterfaceParameters()
    parameters.answersPaths = answers
    return parameters
  }

  /// A node with two neighbours, the second of which leads to ``Example/x``.
  private static func scene(
    _ answers: Bool? = true
  ) throws -> (bench: Bench, asker: Peer, next: Peer) {
    let bench = try Bench(answering(answers))
    let second = try bench.addInterface("p1", answering(answers))
    let asker = bench.peer(0xB1)
    let next = bench.peer(0xB2, on: second)
    next.announce(Example.x, metric: 100)
    bench.run(1)
    bench.forget()
    return (bench, asker, next)
  }

  private static func ask(
    _ peer: Peer, nonce: UInt32 = 9, hop: UInt8 = 1, of address: IPAddress = target,
    toMulticast: Bool = false
  ) {
    peer.send(toMulticast: toMulticast) {
      _ = $0.append(PathRequest(nonce: nonce, hop: hop, destination: address, source: any))
    }
    peer.bench.run(0.001)
  }

  private static func answer(
    _ peer: Peer, nonce: UInt32 = 9, hop: UInt8 = 2, _ status: PathStatus = .forwarded
  ) {
    peer.send(toMulticast: false) {
      _ = $0.append(
        PathReply(
          nonce: nonce, hop: hop, routerID: Example.origin, step: PathStep(status: status)))
    }
    peer.bench.run(0.001)
  }

  private static func replies(_ bench: Bench) -> [PathReply] { bench.sent.flatMap(\.pathReplies) }
  private static func requests(_ bench: Bench) -> [PathRequest] {
    bench.sent.flatMap(\.pathRequests)
  }

  // MARK: Others ask

  @Test func `a neighbour is told our step, and who follows is asked in turn`() throws {
    let (bench, asker, next) = try Self.scene()
    Self.ask(asker)
    let reply = try #require(Self.replies(bench).first)
    #expect(reply.nonce == 9 && reply.hop == 1 && reply.routerID == Example.ownRouterID)
    #expect(
      reply.step.status == .forwarded && reply.step.metric == Metric(196)
        && reply.step.linkCost == Metric(96) && reply.step.prefixLength == 64
        && reply.step.nextHop == next.address && reply.step.loss == 0)
    let packets = bench.sent.filter { !$0.pathRequests.isEmpty }
    #expect(packets.map(\.destination) == [.unicast(next.address)])
    #expect(Self.requests(bench).map(\.hop) == [2])
    #expect(
      bench.sent.filter { !$0.pathReplies.isEmpty }.map(\.destination) == [.unicast(asker.address)])
    bench.forget()
    Self.answer(next, hop: 2)
    Self.answer(next, hop: 3, .ownAddress)
    #expect(Self.replies(bench).map(\.hop) == [2, 3])
    let answers = bench.sent.filter { !$0.pathReplies.isEmpty }
    #expect(answers.allSatisfy { $0.destination == .unicast(asker.address) })
  }

  @Test func `replies go only from the one who was asked to the one who asked, for a while`() throws
  {
    let (bench, asker, next) = try Self.scene()
    Self.ask(asker)
    bench.forget()
    Self.answer(asker, hop: 2)
    Self.answer(next, nonce: 8, hop: 2)
    Self.answer(next, hop: 1)
    Self.answer(next, hop: 33)
    #expect(Self.replies(bench).isEmpty)
    for hop: UInt8 in 2..<60 { Self.answer(next, hop: min(hop, 32)) }
    #expect(Self.replies(bench).count == 32)
    bench.forget()
    Self.ask(asker, nonce: 10)
    bench.run(5)
    bench.forget()
    Self.answer(next, nonce: 10, hop: 2)
    #expect(Self.replies(bench).isEmpty)
  }

  @Test func `the longest prefix counts`() throws {
    let (bench, asker, next) = try Self.scene()
    var nonce: UInt32 = 100
    func status(of address: IPAddress) -> (PathStatus?, UInt8?) {
      nonce += 1
      bench.forget()
      Self.ask(asker, nonce: nonce, of: address)
      bench.run(2)
      let reply = Self.replies(bench).first
      return (reply?.step.status, reply?.step.prefixLength)
    }
    next.announce(Example.prefix("2001:db8::", 32), metric: 5)
    bench.offer(Example.own)
    #expect(status(of: Self.target) == (.forwarded, 64))
    #expect(status(of: Example.y.address) == (.forwarded, 32))
    #expect(status(of: Example.own.address) == (.originated, 64))
    #expect(status(of: IPAddress(high: 0x2002 << 48, low: 1)) == (.noRoute, nil))
    #expect(status(of: IPAddress(ipv4: 0x0A01_0203)) == (.noRoute, nil))
    // What is lost is held, so that nobody follows the shorter prefix.
    bench.run(20)
    next.retract(Example.x)
    bench.run(0.5)
    #expect(status(of: Self.target) == (.unreachable, 64))
    let address = Example.prefix("2001:db8:1::7", 128)
    let local = KernelOffer(
      destination: address, source: Self.any, kernelProtocol: nil, interface: nil)
    bench.input { $0.kernelOfferAdded(local, at: $1, into: &$2) }
    #expect(status(of: Self.target).0 == .ownAddress)
  }

  @Test func `the source of packets decides where routes depend on it`() throws {
    let (bench, asker, next) = try Self.scene()
    let source = Example.prefix("2001:db8:5::", 48)
    next.send {
      _ = $0.append(
        OutgoingUpdate(
          destination: .ipv6Default, source: source, routerID: Example.origin, seqno: Seqno(3),
          metric: Metric(7), interval: Interval(centiseconds: 1600), nextHop: .packetSource))
    }
    bench.run(1)
    for (nonce, from, status) in [
      (UInt32(1), Self.any, PathStatus.noRoute),
      (2, Prefix(mapped: source.address, mappedLength: 128), .forwarded),
    ] {
      bench.forget()
      asker.send(toMulticast: false) {
        _ = $0.append(
          PathRequest(
            nonce: nonce, hop: 1, destination: IPAddress(high: 0x2002 << 48, low: 1), source: from))
      }
      bench.run(0.001)
      #expect(Self.replies(bench).map(\.step.status) == [status])
      #expect(Self.requests(bench).allSatisfy { $0.source == from })
    }
  }

  @Test func `strangers, the group, and links without keys are not answered`() throws {
    for answers: Bool? in [nil, false] {
      let (bench, asker, _) = try Self.scene(answers)
      Self.ask(asker)
      #expect(Self.replies(bench).isEmpty && Self.requests(bench).isEmpty)
    }
    let (bench, asker, _) = try Self.scene()
    Self.ask(asker, toMulticast: true)
    let stranger = bench.peer(0xB9, warm: false)
    Self.ask(stranger)
    #expect(Self.replies(bench).isEmpty && Self.requests(bench).isEmpty)
  }

  @Test func `with keys neighbours are answered, unless bad signatures are accepted`() throws {
    for accepts in [false, true] {
      let bench = try Bench(Signer.parameters { $0.acceptsBadSignatures = accepts })
      let peer = Signer(bench)
      peer.join()
      for counter: UInt32 in 20..<24 {
        let ihu = IHU(
          address: Example.ownAddress, rxcost: Metric(96),
          interval: Interval(centiseconds: 3000), timestamps: nil)
        peer.deliver(
          peer.packet(counter, toMulticast: false) { _ = $0.append(ihu) }, toMulticast: false)
        bench.run(4)
      }
      bench.forget()
      let request = PathRequest(nonce: 1, hop: 1, destination: Self.target, source: Self.any)
      peer.deliver(
        peer.packet(40, toMulticast: false) { _ = $0.append(request) }, toMulticast: false)
      bench.run(0.001)
      #expect(Self.replies(bench).map(\.step.status) == (accepts ? [] : [.noRoute]))
    }
  }

  @Test func `a link that must not be asked ends the way, and so does the limit`() throws {
    let bench = try Bench(Self.answering())
    let second = try bench.addInterface("p1")
    let asker = bench.peer(0xB1)
    let next = bench.peer(0xB2, on: second)
    next.announce(Example.x, metric: 100)
    bench.run(1)
    bench.forget()
    Self.ask(asker)
    #expect(Self.replies(bench).map(\.step.status) == [.notAsked])
    #expect(Self.replies(bench).first?.step.nextHop == next.address)
    #expect(Self.requests(bench).isEmpty)
    let (other, peer, _) = try Self.scene()
    Self.ask(peer, nonce: 1, hop: 33)
    #expect(Self.replies(other).isEmpty)
    Self.ask(peer, nonce: 2, hop: 32)
    #expect(Self.replies(other).map(\.step.status) == [.hopLimit])
    #expect(Self.requests(other).isEmpty)
  }

  @Test func `a request that comes back is told to go in a circle, once`() throws {
    let (bench, asker, next) = try Self.scene()
    Self.ask(asker)
    bench.forget()
    for hop: UInt8 in 3..<8 { Self.ask(next, hop: hop) }
    #expect(Self.replies(bench).map(\.step.status) == [.seenBefore])
    #expect(Self.requests(bench).isEmpty)
  }

  @Test func `a flood of requests costs a bounded number of packets`() throws {
    let (bench, asker, next) = try Self.scene()
    for nonce: UInt32 in 1000..<4000 { Self.ask(asker, nonce: nonce) }
    #expect(Self.replies(bench).count <= 8 * 4 && Self.requests(bench).count <= 8 * 4)
    #expect(Self.replies(bench).count >= 8 * 2)
    // The other neighbour is answered all the same.
    bench.forget()
    Self.ask(next, nonce: 5000)
    #expect(Self.replies(bench).count == 1)
  }

  // MARK: We ask

  @Test func `our own question is answered hop by hop`() throws {
    let (bench, _, next) = try Self.scene()
    bench.input { _ = $0.beginPath(to: Self.target, from: Self.any, at: $1, into: &$2) }
    let own = try #require(bench.pathNews.first)
    guard case .hop(let first) = own.news else { return #expect(Bool(false)) }
    #expect(first.number == 0 && first.routerID == Example.ownRouterID && !own.news.isEnd)
    #expect(first.interface?.description == "p1" && first.step.nextHop == next.address)
    bench.run(0.001)
    let nonce = try #require(Self.requests(bench).first?.nonce)
    Self.answer(next, nonce: nonce, hop: 1)
    Self.answer(next, nonce: nonce, hop: 1)
    Self.answer(next, nonce: nonce, hop: 3, .originated)
    let hops = bench.pathNews.compactMap {
      if case .hop(let hop) = $0.news { hop.number } else { nil }
    }
    #expect(hops == [0, 1, 3] && bench.pathNews.last?.news.isEnd == true)
    #expect(bench.node.pathQuestions.isEmpty)
    bench.run(5)
    #expect(bench.pathNews.count == 3)
  }

  @Test func `silence is noticed after three tries, behind the last hop that is known`() throws {
    let (bench, _, next) = try Self.scene()
    bench.input { _ = $0.beginPath(to: Self.target, from: Self.any, at: $1, into: &$2) }
    bench.run(0.001)
    Self.answer(next, nonce: try #require(Self.requests(bench).first?.nonce), hop: 1)
    bench.run(2)
    #expect(Self.requests(bench).count == 3 && bench.pathNews.count == 2)
    #expect(Set(Self.requests(bench).map(\.nonce)).count == 3)
    bench.run(0.2)
    guard case .silence(let last) = bench.pathNews.last?.news else {
      return #expect(Bool(false), "\(bench.pathNews)")
    }
    #expect(last.number == 1 && bench.node.pathQuestions.isEmpty)
    bench.run(10)
    #expect(Self.requests(bench).count == 3)
  }

  @Test func `a way that ends here asks nobody, and only a few are asked at a time`() throws {
    let (bench, _, _) = try Self.scene()
    bench.input { _ = $0.beginPath(to: Self.target, from: Self.any, at: $1, into: &$2) }
    var ids: [PathID?] = []
    let own = try #require(bench.node.pathQuestions.first)
    for _ in 0..<5 {
      bench.input { ids.append($0.beginPath(to: Self.target, from: Self.any, at: $1, into: &$2)) }
    }
    #expect(ids.compactMap(\.self).count == 3 && bench.node.pathQuestions.count == 4)
    bench.input { node, _, _ in node.endPath(own) }
    #expect(bench.node.pathQuestions.count == 3)
    let (other, _, _) = try Self.scene(nil)
    other.input { _ = $0.beginPath(to: Self.target, from: Self.any, at: $1, into: &$2) }
    other.run(1)
    #expect(other.pathNews.count == 1 && other.pathNews.first?.news.isEnd == true)
    #expect(Self.requests(other).isEmpty && other.node.pathQuestions.isEmpty)
  }
}
