import BabelCore
import BabelWire
import Testing

/// A neighbour that we hear does not hear us: what can be done from here is done, more and more
/// rarely.
@Suite struct `§3.4 Neighbours that do not hear us` {
  /// The address of the neighbour.
  private static let far = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB1)

  /// Lets a neighbour send Hellos every 4 s for some time. It hears only what `hears` says.
  private static func greet(
    _ bench: Bench, _ peer: Peer, for seconds: Int, answers: Bool = false,
    hears: (Bench) -> Bool = { _ in false }
  ) {
    var answered = bench.sent.count
    for _ in 0..<seconds / 4 {
      peer.send { _ = $0.append(peer.nextHello()) }
      if hears(bench) { peer.send { _ = $0.append(peer.ihu()) } }
      bench.run(4)
      let news = bench.sent[min(answered, bench.sent.count)...]
      answered = bench.sent.count
      guard answers else { continue }
      for packet in news where packet.destination == .unicast(Self.far) {
        for request in packet.acknowledgmentRequests {
          peer.send(toMulticast: false) { _ = $0.append(Acknowledgment(opaque: request.opaque)) }
        }
      }
    }
  }

  private static func steps(_ bench: Bench) -> [HealingStep] {
    bench.notices.compactMap {
      if case .neighbourHealed(let step, _, _) = $0 { step } else { nil }
    }
  }

  @Test func `it is asked by unicast, ever more rarely, and made anew`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 300)
    let asked = bench.sent.filter { !$0.acknowledgmentRequests.isEmpty }
    #expect(asked.allSatisfy { $0.destination == .unicast(Self.far) && !$0.ihus.isEmpty })
    let first = try #require(asked.first)
    #expect((16_000_000...30_000_000).contains(first.time), "\(first.time)")
    #expect(
      Self.steps(bench) == [.asked, .asked, .renewed, .asked, .asked, .renewed],
      "\(asked.map { $0.time })")
    let gaps = zip(asked, asked.dropFirst()).map { $1.time - $0.time }
    #expect(gaps == gaps.sorted() && gaps.allSatisfy { $0 >= 8_000_000 }, "\(gaps)")
    #expect(bench.neighbour(peer)?.rxcost.isInfinite == false, "its Hellos still count")
    let account = try #require(bench.node.neighbourAccounts(at: bench.clock).first)
    #expect(account.knownFor >= 298, "it was not away")
    #expect(bench.sent.allSatisfy { $0.isMulticast || $0.hellos.isEmpty })
    Self.greet(bench, peer, for: 7200)
    let count = Self.steps(bench).count
    #expect((20...35).contains(count), "\(count): one in five minutes in the end")
  }

  @Test func `one that answers by unicast is sent unicast Hellos, and heals`() throws {
    let bench = try Bench()
    bench.offer(Example.own)
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 60, answers: true) { bench in
      bench.sent.contains { $0.destination == .unicast(Self.far) && !$0.hellos.isEmpty }
    }
    #expect(Self.steps(bench) == [.asked, .greetedByUnicast])
    #expect(bench.neighbour(peer)?.cost == Metric(96))
    bench.forget()
    Self.greet(bench, peer, for: 600) { _ in true }
    #expect(Self.steps(bench).isEmpty, "there is nothing to heal any more")
    let hellos = bench.sent.filter { $0.destination == .unicast(Self.far) }.flatMap(\.hellos)
    #expect(hellos.count > 100 && hellos.allSatisfy { $0.isUnicast && $0.isScheduled })
    #expect(
      bench.updates(Example.own).contains { $0.packet.destination == .unicast(Self.far) },
      "what goes to the group does not reach it")
    bench.run(100)
    #expect(bench.neighbourCount == 0)
    bench.forget()
    bench.run(20)
    #expect(bench.sent.allSatisfy { $0.isMulticast }, "it is gone")
  }

  @Test func `one that hears the group again is sent unicast Hellos no longer`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 60, answers: true) { bench in
      bench.sent.contains { $0.destination == .unicast(Self.far) && !$0.hellos.isEmpty }
    }
    bench.forget()
    Self.greet(bench, peer, for: 300, answers: true) { _ in true }
    let trials = bench.sent.filter { $0.isMulticast && !$0.acknowledgmentRequests.isEmpty }
    #expect((4...5).contains(trials.count), "about once a minute, and it answers none of them")
    let opaque = try #require(trials.last?.acknowledgmentRequests.first).opaque
    peer.send(toMulticast: false) { _ = $0.append(Acknowledgment(opaque: opaque &+ 1)) }
    #expect(Self.steps(bench).isEmpty, "that is no answer")
    peer.send(toMulticast: false) { _ = $0.append(Acknowledgment(opaque: opaque)) }
    #expect(Self.steps(bench) == [.hearsGroup])
    bench.forget()
    Self.greet(bench, peer, for: 300, answers: true) { _ in true }
    #expect(bench.sent.allSatisfy { $0.isMulticast || $0.hellos.isEmpty })
    #expect(bench.sent.allSatisfy { $0.acknowledgmentRequests.isEmpty })
    #expect(bench.neighbour(peer)?.cost == Metric(96))
  }

  @Test func `one that still does not hear us keeps its unicast Hellos in its new row`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 200, answers: true)
    #expect(Self.steps(bench).contains(.renewed))
    bench.forget()
    Self.greet(bench, peer, for: 40)
    #expect(bench.sent.contains { $0.destination == .unicast(Self.far) && !$0.hellos.isEmpty })
  }

  @Test func `one that comes to hear us, or is not heard, is left alone`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 24)
    Self.greet(bench, peer, for: 40) { _ in true }
    #expect(bench.neighbour(peer)?.cost == Metric(96))
    let done = Self.steps(bench)
    Self.greet(bench, peer, for: 300) { _ in true }
    #expect(Self.steps(bench) == done)
    let silent = bench.peer(0xB2, warm: false)
    silent.send { _ = $0.append(silent.nextHello()) }
    bench.run(300)
    #expect(Self.steps(bench) == done)
  }

  @Test func `an answer that was not asked for, or is forged, does nothing`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    for opaque in 0..<2000 {
      peer.send(toMulticast: false) { _ = $0.append(Acknowledgment(opaque: UInt16(opaque))) }
    }
    Self.greet(bench, peer, for: 60)
    #expect(!Self.steps(bench).contains(.greetedByUnicast))
    #expect(bench.sent.allSatisfy { $0.isMulticast || $0.hellos.isEmpty })
  }

  @Test func `a link of RFC 6126 sees no unicast Hello`() throws {
    var parameters = InterfaceParameters()
    parameters.rfc6126Compatible = true
    let bench = try Bench(parameters)
    let peer = bench.peer(0xB1, warm: false)
    Self.greet(bench, peer, for: 100, answers: true)
    #expect(Self.steps(bench).contains(.asked) && !Self.steps(bench).contains(.greetedByUnicast))
  }

  @Test func `many that do not hear us make us send little`() throws {
    let bench = try Bench()
    let peers = (0..<200).map { bench.peer(0x1000 + UInt64($0), warm: false) }
    for _ in 0..<25 {
      for peer in peers { peer.send { _ = $0.append(peer.nextHello()) } }
      bench.run(4)
    }
    let asked = bench.sent.filter { !$0.acknowledgmentRequests.isEmpty }
    #expect(Set(asked.map { "\($0.destination)" }).count == 200, "each has its turn")
    let seconds = Dictionary(grouping: asked) { $0.time / 1_000_000 }.mapValues(\.count)
    #expect(seconds.values.allSatisfy { $0 <= 21 }, "\(seconds.values.max() ?? 0)")
  }

  @Test func `one that forgets unicast Hellos every few seconds is sent none in the end`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    var hears = 0
    Self.greet(bench, peer, for: 400, answers: true) { bench in
      // It hears us for two Hellos after it was greeted, then it forgets us for two.
      let last = bench.sent.last { $0.destination == .unicast(Self.far) }
      guard let last, !last.hellos.isEmpty else { return false }
      hears += 1
      if hears % 4 >= 2 {
        peer.send {
          _ = $0.append(
            IHU(
              address: Example.ownAddress, rxcost: .infinity,
              interval: Interval(centiseconds: 1200), timestamps: nil))
        }
      }
      return hears % 4 < 2
    }
    #expect(Self.steps(bench).prefix(2) == [.asked, .greetedByUnicast])
    #expect(Self.steps(bench).filter { $0 == .relapsed }.count == 1)
    #expect(Self.steps(bench).filter { $0 == .greetedByUnicast }.count == 1)
    bench.forget()
    Self.greet(bench, peer, for: 100, answers: true)
    #expect(bench.sent.allSatisfy { $0.isMulticast || $0.hellos.isEmpty })
  }
}
