import BabelWire
import Testing

@testable import BabelCore

/// What is counted for operators, and what is remembered of others for them.
@Suite struct `Surveys` {
  @Test func `a walk in slices counts what a walk at once does`() throws {
    let bench = try Bench()
    let one = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    let prefixes = (0..<300).map { Example.prefix("2001:db8:\(String($0, radix: 16))::", 48) }
    for (number, prefix) in prefixes.enumerated() {
      one.announce(prefix, metric: 96)
      if number % 3 == 0 { other.announce(prefix, metric: 10, from: Example.otherOrigin) }
    }
    let whole = bench.node.routeSurvey()
    #expect(whole.tally.reached == 300 && whole.tally.routes == 400)
    #expect(whole.tally.shared == 100 && whole.disputes.count == 3)
    #expect(whole.disputes.first?.destination == prefixes[0])
    var survey = RouteSurvey()
    var slices = 1
    while !bench.node.continueSurvey(&survey, limit: 7) { slices += 1 }
    // A slice counts destinations and routes.
    #expect((95...110).contains(slices), "\(slices)")
    #expect(survey.tally == whole.tally && survey.disputes == whole.disputes)
    let accounts = bench.node.neighbourAccounts(survey, at: bench.clock)
    let others = bench.node.neighbourAccounts(at: bench.clock)
    #expect(accounts == others)
    #expect(accounts.map(\.selectedCount).reduce(0, +) == 300)
  }

  @Test func `a default route of several routers is no dispute, our own prefix is one`() throws {
    let bench = try Bench()
    let one = bench.peer(0xB1)
    let other = bench.peer(0xB2)
    one.announce(.ipv6Default, metric: 96)
    other.announce(.ipv6Default, metric: 96, from: Example.otherOrigin)
    bench.offer(Example.own)
    one.announce(Example.own, metric: 96)
    let survey = bench.node.routeSurvey()
    #expect(survey.tally.shared == 1)
    #expect(survey.disputes.first?.one == Example.ownRouterID)
    #expect(survey.disputes.first?.other == Example.origin)
    #expect(survey.disputes.first?.neighbour == one.address)
  }

  @Test func `what the kernel refuses, what starves and what is better but unfeasible is counted`()
    throws
  {
    let bench = try Bench()
    let one = bench.peer(0xB1)
    let other = bench.peer(0xB2, rxcost: 1000)
    one.announce(Example.x, metric: 96)
    other.announce(Example.x, metric: 100)
    let key = ForwardingKey(destination: Example.x, source: .any(.ipv6), table: 254)
    let before = bench.node.routeJudgements
    bench.input { $0.forwardingFailed(key, at: $1, into: &$2) }
    #expect(bench.node.routeJudgements != before)
    let isRefused = bench.node.isRefusedByKernel(Example.x, source: .any(.ipv6))
    #expect(isRefused)
    let survey = bench.node.routeSurvey()
    #expect(survey.tally.refusedByKernel >= 1 && survey.refused == [Example.x])
    one.announce(Example.y, metric: 10)
    bench.run(2)
    one.announce(Example.y, metric: 500)
    let starving = bench.node.routeSurvey()
    #expect(starving.tally.unfeasible + starving.tally.starving <= 1)
  }

  @Test func `who announces our own address is remembered until he says otherwise`() throws {
    let bench = try Bench()
    let own = Prefix(mapped: Example.ownAddress, mappedLength: 128)
    let address = Example.prefix("2001:db8:aa::1", 128)
    let local = KernelOffer(
      destination: address, source: .any(.ipv6), kernelProtocol: nil, interface: nil)
    bench.input { $0.kernelOfferAdded(local, at: $1, into: &$2) }
    #expect(own != address)
    let peer = bench.peer(0xB1)
    func claims() -> [Claim] { bench.node.ownAddressClaims(at: bench.clock) }
    peer.announce(address, metric: 96, from: Example.ownRouterID)
    #expect(claims().isEmpty)
    peer.announce(address, metric: 96)
    #expect(claims().map(\.routerID) == [Example.origin])
    #expect(claims().map(\.neighbour) == [peer.address])
    peer.announce(address, metric: 96, from: Example.otherOrigin)
    #expect(claims().map(\.routerID) == [Example.otherOrigin])
    peer.retract(address)
    #expect(claims().isEmpty)
    peer.announce(address, metric: 96)
    bench.run(57)
    #expect(claims().isEmpty, "it was not repeated")
  }

  @Test func `who has our router-id is told by what is not from us`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    func twins() -> [Prefix] { bench.node.routerIDTwins(at: bench.clock).map(\.destination) }
    func isHeard(_ prefix: Prefix) -> Bool {
      peer.announce(prefix, metric: 96, from: Example.ownRouterID)
      return twins().contains(prefix)
    }
    // What an earlier life announced may still be there.
    #expect(!isHeard(Example.x))
    bench.run(57)
    #expect(isHeard(Example.x))
    let twin = bench.node.routerIDTwins(at: bench.clock).first
    #expect(twin?.neighbour == peer.address && twin?.routerID == Example.ownRouterID)
    // It is dropped as before, and says no more when the neighbour says otherwise.
    #expect(bench.routes(Example.x).isEmpty)
    peer.retract(Example.x)
    #expect(twins().isEmpty)
    #expect(isHeard(Example.x))
    peer.announce(Example.x, metric: 96)
    #expect(twins().isEmpty && bench.selected(Example.x) != nil)
    #expect(isHeard(Example.y))
    bench.run(57)
    #expect(twins().isEmpty, "it was not repeated")
    // What we announce, or did lately, comes back to us in loops.
    bench.offer(Example.own)
    #expect(!isHeard(Example.own))
    bench.run(2)
    bench.withdraw(Example.own)
    bench.run(60)
    #expect(!isHeard(Example.own))
    bench.run(200)
    #expect(isHeard(Example.own))
  }

  @Test func `prefixes that are announced with our router-id are remembered, a few of them`() throws
  {
    let bench = try Bench()
    let peer = bench.peer(0xB1)
    bench.run(60)
    for number in 0..<500 {
      let prefix = Example.prefix("2001:db8:\(String(number, radix: 16))::", 48)
      peer.announce(prefix, metric: 1, from: Example.ownRouterID)
    }
    #expect(bench.node.routerIDTwins(at: bench.clock).count == Claims.twinLimit)
  }

  @Test func `claims are limited`() throws {
    var claims = Claims()
    for number in 0..<100 {
      claims.note(
        Claim(
          destination: Example.prefix("2001:db8::\(String(number, radix: 16))", 128),
          source: .any(.ipv6), routerID: Example.origin, neighbour: Example.ownAddress,
          interface: try #require(InterfaceName("p0")), end: Instant(microseconds: 100)),
        at: Instant(microseconds: 0))
    }
    #expect(claims.current(at: Instant(microseconds: 0)).count == Claims.limit)
    #expect(claims.current(at: Instant(microseconds: 100)).isEmpty)
  }

  @Test func `of those without our key the latest are remembered`() {
    var offenders = Offenders()
    for number in UInt64(0)..<100 {
      let address = IPAddress(high: 0xFE80_0000_0000_0000, low: number)
      let now = Instant(microseconds: Int64(number))
      offenders.note(.wrongMAC, from: address, at: now)
      offenders.note(.wrongMAC, from: address, at: now)
      offenders.note(.replayed, from: address, at: now)
    }
    #expect(offenders.all.count == Offenders.limit)
    #expect(offenders.all.allSatisfy { $0.count == 2 && $0.reason == .wrongMAC })
    #expect(offenders.all.last?.latest == Instant(microseconds: 99))
  }

  @Test func `a sender without our key is named`() throws {
    let bench = try Bench(Signer.parameters())
    let peer = bench.peer(0xB1)
    let status = try #require(bench.authentication)
    #expect(status.offenders.map(\.address) == [peer.address])
    #expect(status.offenders.map(\.reason) == [.unsigned])
  }

  @Test func `who signs is noticed where there is no key`() throws {
    let bench = try Bench()
    let plain = bench.peer(0xC7)
    let signer = Signer(bench)
    signer.multicast(1)
    let accounts = bench.node.neighbourAccounts(at: bench.clock)
    #expect(accounts.count == 2)
    #expect(accounts.allSatisfy { $0.isSigning == ($0.status.address != plain.address) })
  }

  @Test func `where Hellos fill the MTU a short packet follows until somebody is usable`() throws {
    var parameters = InterfaceParameters()
    parameters.probesMTU = true
    let bench = try Bench(parameters)
    func shortPackets() -> Int { bench.sent.filter { $0.bytes.count == 6 }.count }
    bench.run(20)
    #expect(shortPackets() >= 4)
    #expect(bench.sent.filter { !$0.hellos.isEmpty }.allSatisfy { $0.bytes.count > 1400 })
    _ = bench.peer(0xB1)
    bench.forget()
    bench.run(20)
    #expect(shortPackets() == 0)
  }

  @Test func `packets without Hellos are told from silence`() throws {
    let bench = try Bench()
    let peer = bench.peer(0xB1, warm: false)
    for _ in 0..<10 {
      peer.send { _ = $0.appendShortPadding() }
      bench.run(1)
    }
    let account = try #require(bench.node.neighbourAccounts(at: bench.clock).first)
    #expect(account.lastHelloAge == nil && account.lastPacketAge == 1 && account.knownFor == 10)
  }
}
