import BabelKernel
import BabelWire
import Testing

@testable import swabeld

@Suite struct `Routes of others that change` {
  private let places = ForeignRoutes.Places(tables: [254], metrics: [0...0, 1024...1024])
  private let prefix = Prefix("10.91.0.0/24") ?? .ipv4Default

  private func route(
    _ gateway: String = "10.0.0.1", metric: UInt32 = 0, ifindex: Int32 = 2
  ) -> KernelRoute {
    KernelRoute(
      destination: prefix, metric: metric, kernelProtocol: 4, gateway: IPAddress(gateway),
      ifindex: ifindex)
  }

  @Test func `a place is taken until the last of them is gone`() {
    var foreign = ForeignRoutes(places)
    let (one, other) = (route(), route(ifindex: 3))
    foreign.insert(one)
    foreign.insert(one)
    foreign.insert(other)
    let isFirstKnown = foreign.remove(one)
    #expect(isFirstKnown)
    #expect(foreign.occupy(one.key))
    let isSecondKnown = foreign.remove(other)
    #expect(isSecondKnown)
    #expect(!foreign.occupy(one.key))
  }

  @Test func `another one than those known makes the place doubtful`() {
    var foreign = ForeignRoutes(places)
    let isClear = foreign.remove(route())
    #expect(isClear)
    foreign.insert(route())
    let isStillClear = foreign.remove(route("10.0.0.2"))
    #expect(!isStillClear)
    #expect(foreign.occupy(route().key))
  }

  @Test func `another metric, table or type of service is another place`() {
    var foreign = ForeignRoutes(places)
    foreign.insert(route(metric: 7))
    var special = route()
    special.typeOfService = 16
    foreign.insert(special)
    var elsewhere = route()
    elsewhere.table = 1000
    foreign.insert(elsewhere)
    #expect(!foreign.occupy(route().key))
    #expect(!foreign.mayOccupy(route().key))
  }

  @Test func `after lost notifications any place may be taken`() {
    var foreign = ForeignRoutes(places)
    foreign.isUncertain = true
    #expect(foreign.mayOccupy(route().key))
    #expect(!foreign.occupy(route().key))
  }

  @Test func `a place counts as freed if nobody is there any more, or if that was not known`() {
    var foreign = ForeignRoutes(places)
    let empty = foreign
    foreign.insert(route())
    let (isKept, isGained) = (foreign.mayBeFreed(by: foreign), empty.mayBeFreed(by: foreign))
    let isLost = foreign.mayBeFreed(by: empty)
    #expect(!isKept && !isGained && isLost)
    foreign.isUncertain = true
    let mayBeLost = foreign.mayBeFreed(by: foreign)
    #expect(mayBeLost)
  }

  @Test func `a place counts as freed if one of several is gone: the others may lead our way`() {
    var (foreign, rest) = (ForeignRoutes(places), ForeignRoutes(places))
    foreign.insert(route())
    foreign.insert(route(ifindex: 3))
    rest.insert(route())
    let (isFreed, isStill) = (foreign.mayBeFreed(by: rest), rest.mayBeFreed(by: foreign))
    #expect(isFreed && !isStill)
    var dead = route()
    dead.isDead = true
    var before = ForeignRoutes(places)
    before.insert(dead)
    let isAlive = before.mayBeFreed(by: rest)
    #expect(isAlive, "what was dead may serve now")
  }

  @Test func `where notifications were lost, a dump that may leave routes out frees no place`() {
    var (before, after) = (ForeignRoutes(places), ForeignRoutes(places))
    before.isUncertain = true
    let isDoubtful = after.keep(from: before) { $0 == .ipv6 }
    let ipv6 = KernelRoute(destination: Prefix("fd91::/64") ?? .ipv6Default)
    #expect(isDoubtful && after.mayOccupy(ipv6.key))
    #expect(!after.mayOccupy(route().key), "IPv4 dumps leave nothing out")
  }

  @Test func `what an IPv6 dump left out is kept from before`() throws {
    var before = ForeignRoutes(places)
    let ipv6 = KernelRoute(
      destination: try #require(Prefix("fd91::/64")), metric: 1024, kernelProtocol: 4,
      gateway: IPAddress("fe80::1"), ifindex: 2)
    before.insert(route())
    before.insert(ipv6)
    var after = ForeignRoutes(places)
    after.keep(from: before) { $0 == .ipv6 }
    #expect(!after.occupy(route().key))
    #expect(after.occupy(ipv6.key))
    after.keep(from: before) { _ in true }
    #expect(after.occupy(route().key), "of an inconsistent one IPv4, too")
  }

  @Test func `only an undisturbed reading proves that something is not there`() {
    var reading = KernelReading(places)
    #expect(reading.isProof(for: .ipv4) && reading.isProof(for: .ipv6))
    reading.disturb()
    #expect(reading.isProof(for: .ipv4) && !reading.isProof(for: .ipv6))
    reading.isOutdated = true
    #expect(!reading.isProof(for: .ipv4) && !reading.isProof(for: .ipv6))
  }

  @Test func `a dump that the kernel calls inconsistent proves nothing of either family`() {
    var reading = KernelReading(places)
    reading.acceptInconsistency()
    for family in [AddressFamily.ipv4, .ipv6] {
      #expect(!reading.isProof(for: family))
      #expect(reading.mayLack(family) && reading.inventory.mayLack(family))
    }
  }

  @Test func `what cannot be proved is looked for ever more seldom`() {
    var patience = Patience(first: 500_000, longest: 300_000_000)
    var waits: [Int64] = []
    for _ in 0..<12 { waits.append(patience.next()) }
    #expect(waits[..<4] == [500_000, 1_000_000, 2_000_000, 4_000_000])
    #expect(waits[10...] == [300_000_000, 300_000_000])
    patience.reset()
    #expect(patience.next() == 500_000)
    var odd = Patience(first: 0, longest: -1)
    #expect(odd.next() == 1 && odd.next() == 1)
  }

  @Test func `what was heard during a reading is newer than what was read`() {
    var reading = KernelReading(places)
    #expect(!reading.hasHeard(of: route()))
    reading.noteForeign(route())
    reading.heardRemoved(route())
    reading.heardAdded(route("10.0.0.2"), replacing: false)
    #expect(reading.hasHeard(of: route()))
    #expect(reading.hasHeard(of: route("10.0.0.2")))
    #expect(!reading.hasHeard(of: route("10.0.0.3")))
    #expect(reading.foreign.occupant(route().key)?.gateway == IPAddress("10.0.0.2"))
  }
}
