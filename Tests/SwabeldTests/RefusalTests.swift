import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

private let busy: Int32 = 16
private let noMemory: Int32 = 12

/// A route of ours, or of somebody else, for one /32.
private func way(
  _ gateway: String?, ifindex: Int32 = 2, proto: UInt8 = KernelRoute.babelProtocol,
  type: RouteType = .unicast
) -> KernelRoute {
  KernelRoute(
    destination: Prefix("172.20.0.2/32") ?? .ipv4Default, kernelProtocol: proto, type: type,
    gateway: gateway.flatMap { IPAddress($0) }, ifindex: ifindex)
}

@Suite struct `What a refusal by the kernel means` {
  private func judge(
    _ change: RouteChange, _ errno: Int32, _ occupancy: PlaceOccupancy = .free,
    isFirst: Bool = true
  ) -> RefusalVerdict {
    RefusalVerdict.judge(change, errno, occupancy, isFirst: isFirst)
  }

  @Test func `a place that is taken by nobody else is taken by us`() {
    #expect(judge(.add, ErrorNumber.exists) == .readTables)
    #expect(judge(.add, ErrorNumber.exists, isFirst: false) == .fulfilled)
  }

  @Test func `somebody else's route counts if it leads our way`() {
    let other = way(nil, proto: 2)
    for isFirst in [true, false] {
      #expect(judge(.add, ErrorNumber.exists, .serving(other), isFirst: isFirst) == .fulfilled)
      #expect(judge(.append, ErrorNumber.exists, .serving(other), isFirst: isFirst) == .fulfilled)
      #expect(
        judge(.add, ErrorNumber.exists, .blocked(other), isFirst: isFirst)
          == .unusable(mayPass: false))
    }
  }

  @Test func `what was not there to be replaced is added`() {
    for errno in [ErrorNumber.noEntry, ErrorNumber.noSuchProcess] {
      #expect(judge(.replace, errno) == .addInstead)
      #expect(judge(.add, errno) == .unusable(mayPass: true))
    }
  }

  @Test func `want of memory and links that are coming pass, want of rights does not`() {
    for errno in [
      noMemory, ErrorNumber.networkDown, ErrorNumber.noBufferSpace, ErrorNumber.wouldBlock,
      ErrorNumber.invalid, ErrorNumber.noDevice, ErrorNumber.networkUnreachable, busy,
    ] {
      for change in [RouteChange.add, .replace, .append] {
        #expect(judge(change, errno) == .unusable(mayPass: true))
      }
    }
    for errno in [ErrorNumber.notPermitted, ErrorNumber.notSupported] {
      #expect(judge(.add, errno) == .unusable(mayPass: false))
    }
  }
}

@Suite struct `Who is at the place of a route` {
  private func judge(
    _ others: [KernelRoute], for wanted: KernelRoute = way("172.20.0.2"),
    pointToPoint: Bool = false
  ) -> PlaceOccupancy {
    PlaceOccupancy.judge(wanted, others) { _ in pointToPoint }
  }

  @Test func `nobody`() { #expect(judge([]) == .free) }

  @Test func `the kernel's own route to the peer of a tunnel serves`() {
    let kernel = way(nil, proto: 2)
    #expect(judge([kernel]) == .serving(kernel))
    #expect(judge([kernel], for: way("fe80::2")) == .serving(kernel))
  }

  @Test func `the same gateway on the same interface serves, whoever made it`() {
    for proto in [2, 3, 4, 9, 12, 16, 186] as [UInt8] {
      let other = way("172.20.0.2", proto: proto)
      #expect(judge([other]) == .serving(other))
    }
  }

  @Test func `another gateway serves only where there is no other end`() {
    let other = way("172.20.0.9", proto: 4)
    #expect(judge([other]) == .blocked(other))
    #expect(judge([other], pointToPoint: true) == .serving(other))
  }

  @Test func `another interface, a refusal, several legs and a dead route block`() {
    let elsewhere = way("172.20.0.2", ifindex: 3, proto: 4)
    #expect(judge([elsewhere], pointToPoint: true) == .blocked(elsewhere))
    let refusal = way(nil, proto: 4, type: .blackhole)
    #expect(judge([refusal]) == .blocked(refusal))
    var legs = way(nil, proto: 4)
    legs.isMultipath = true
    legs.ifindex = nil
    #expect(judge([legs]) == .blocked(legs))
    var dead = way(nil, proto: 2)
    dead.isDead = true
    #expect(judge([dead]) == .blocked(dead))
  }

  @Test func `of several all must lead our way`() {
    let (kernel, other) = (way(nil, proto: 2), way("172.20.0.2", ifindex: 3, proto: 4))
    #expect(judge([kernel, other]) == .blocked(other))
    #expect(judge([other, kernel]) == .blocked(other))
  }

  @Test func `nothing serves for an unreachable entry`() {
    let other = way(nil, proto: 4, type: .unreachable)
    #expect(judge([other], for: way(nil, type: .unreachable)) == .blocked(other))
  }
}

@Suite struct `Entries that the kernel refused for a while` {
  private func key(_ text: String) -> ForwardingKey {
    let prefix = Prefix(text) ?? .ipv6Default
    return ForwardingKey(destination: prefix, source: .any(prefix.family), table: 254)
  }

  private func deadline(_ refused: inout RefusedEntries) throws -> Instant {
    let deadline = refused.deadline()
    return try #require(deadline)
  }

  @Test func `each is tried again after twice as long, up to a minute`() throws {
    var refused = RefusedEntries()
    var now = Instant(microseconds: 5_000_000)
    var waits: [Int64] = []
    for _ in 0..<12 {
      refused.note(key("fd01::/64"), at: now)
      let deadline = try deadline(&refused)
      waits.append(deadline - now)
      let early = refused.takeDue(at: deadline + -1)
      let due = refused.takeDue(at: deadline)
      #expect(early == [] && due == [key("fd01::/64")])
      now = deadline
    }
    #expect(waits.prefix(3) == [250_000, 500_000, 1_000_000])
    #expect(waits.last == RefusedEntries.longestDelay)
  }

  @Test func `one that works is forgotten, and begins anew if it is refused later`() throws {
    var refused = RefusedEntries()
    let now = Instant(microseconds: 0)
    refused.note(key("fd01::/64"), at: now)
    let first = try deadline(&refused)
    let tried = refused.takeDue(at: first)
    #expect(tried.count == 1)
    let second = try deadline(&refused)
    #expect(second > first)
    let rest = refused.takeDue(at: second)
    let none = refused.deadline()
    #expect(rest == [] && none == nil && refused.count == 0)
    refused.note(key("fd01::/64"), at: second)
    let third = try deadline(&refused)
    #expect(third == second + RefusedEntries.firstDelay)
  }

  @Test func `the earliest counts, and order does not depend on chance`() throws {
    var refused = RefusedEntries()
    let now = Instant(microseconds: 0)
    for text in ["fd03::/64", "fd01::/64", "10.0.0.0/8", "fd02::/64"] {
      refused.note(key(text), at: now)
    }
    refused.note(key("fd02::/64"), at: now)
    let earliest = try deadline(&refused)
    #expect(earliest == now + RefusedEntries.firstDelay)
    let due = refused.takeDue(at: now + RefusedEntries.firstDelay)
    #expect(due == [key("10.0.0.0/8"), key("fd01::/64"), key("fd03::/64")])
  }
}

@Suite struct `Routes of others that a reading did not show` {
  private func offer(_ text: String, proto: UInt8? = 4) -> KernelOffer {
    let prefix = Prefix(text) ?? .ipv6Default
    return KernelOffer(
      destination: prefix, source: .any(prefix.family), kernelProtocol: proto, interface: nil)
  }

  @Test func `an undisturbed reading proves that they are gone`() {
    var missing = MissingOffers()
    var questions = 0
    let isGone = missing.isGone(offer("fd01::/64"), isProof: true, after: MissingOffers()) {
      questions += 1
      return true
    }
    #expect(isGone && questions == 0)
  }

  @Test func `after a disturbed one they are asked for, and kept if they are there`() {
    var missing = MissingOffers()
    let isGone = missing.isGone(offer("fd01::/64"), isProof: false, after: MissingOffers()) {
      true
    }
    #expect(!isGone && missing.suspects.isEmpty)
  }

  @Test func `what is not found either is gone only when the next reading agrees`() {
    let one = offer("fd01::/64")
    var first = MissingOffers()
    let isGone = first.isGone(one, isProof: false, after: MissingOffers()) { false }
    #expect(!isGone && first.suspects == [one])
    var second = MissingOffers()
    let isGoneNow = second.isGone(one, isProof: false, after: first) { false }
    #expect(isGoneNow && second.suspects.isEmpty)
    var other = MissingOffers()
    let isBack = other.isGone(one, isProof: false, after: first) { true }
    #expect(!isBack && other.suspects.isEmpty)
  }

  @Test func `addresses are known from a list of their own`() {
    var missing = MissingOffers()
    let isGone = missing.isGone(
      offer("fd01::1/128", proto: nil), isProof: false, after: MissingOffers()
    ) { true }
    #expect(isGone)
  }

  @Test(arguments: ["::/0", "fd01::/64", "fd01::/48", "fd01::/70", "fd01::7/128", "10.0.0.0/8"])
  func `the address asked for lies inside the prefix`(text: String) throws {
    let prefix = try #require(Prefix(text))
    for random in [(UInt64.min, UInt64.min), (0x1234, .max >> 3), (0xFFFF_FFFF, 0x1_2345)] {
      #expect(prefix.contains(MissingOffers.address(in: prefix, random: random)))
    }
  }
}
