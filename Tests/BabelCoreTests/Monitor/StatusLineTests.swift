import BabelWire
import Testing

// Rows are made by the node alone, hence without public initializers.
@testable import BabelCore

@Suite struct `Status lines in babeld's dialect` {
  private func text(_ body: (inout [UInt8]) -> Void) -> String {
    var octets: [UInt8] = []
    body(&octets)
    return String(decoding: octets, as: UTF8.self)
  }

  @Test func `an interface that is up shows its addresses`() throws {
    let status = InterfaceStatus(
      id: InterfaceID(0), name: try #require(InterfaceName("v0")), isUp: true,
      linkLocal: IPAddress("fe80::f8b9:abff:feef:34e0"), ipv4: IPAddress("10.77.0.2"))
    #expect(
      text { StatusLine.append(.add, status, to: &$0) }
        == "add interface v0 up true ipv6 fe80::f8b9:abff:feef:34e0 ipv4 10.77.0.2\n")
  }

  @Test func `an interface that is down shows nothing else`() throws {
    let status = InterfaceStatus(
      id: InterfaceID(0), name: try #require(InterfaceName("v0")), isUp: false,
      linkLocal: IPAddress("fe80::1"), ipv4: nil)
    #expect(
      text { StatusLine.append(.change, status, to: &$0) } == "change interface v0 up false\n")
  }

  private func neighbour(roundTripTime: UInt32?, jitter: UInt32? = nil) throws -> NeighbourStatus {
    NeighbourStatus(
      id: 0x5638_11e9_1590, address: try #require(IPAddress("fe80::701f:1aff:fea7:6580")),
      interface: try #require(InterfaceName("v0")), interfaceIsUp: true,
      multicastHistory: 0xE00, unicastHistory: 0, rxcost: Metric(96), txcost: .infinity,
      roundTripTime: roundTripTime, rttCost: .zero, jitter: jitter, jitterCost: Metric(7),
      loss: nil, lossGrade: nil, lossCost: .zero, cost: .infinity)
  }

  @Test func `histories have four digits and infinite costs are 65535`() throws {
    let status = try neighbour(roundTripTime: nil)
    #expect(
      text { StatusLine.append(.change, status, to: &$0) }
        == "change neighbour 563811e91590 address fe80::701f:1aff:fea7:6580 if v0 reach 0e00 "
        + "ureach 0000 rxcost 96 txcost 65535 cost 65535\n")
  }

  @Test func `a round-trip time has three decimals of a millisecond`() throws {
    let status = try neighbour(roundTripTime: 12_034)
    #expect(
      text { StatusLine.append(.change, status, to: &$0) }
        .contains("txcost 65535 rtt 12.034 rttcost 0 cost 65535\n"))
  }

  @Test func `jitter is shown in our own dialect only`() throws {
    let status = try neighbour(roundTripTime: 12_034, jitter: 5_001)
    for dialect in [SocketDialect.babel, .aredn, .althea] {
      #expect(!text { StatusLine.append(.add, status, in: dialect, to: &$0) }.contains("jitter"))
    }
    #expect(
      text { StatusLine.append(.add, status, in: .swabeld, to: &$0) }
        .contains("rtt 12.034 rttcost 0 jitter 5.001 jittercost 7 cost 65535\n"))
    let silent = try neighbour(roundTripTime: nil)
    #expect(!text { StatusLine.append(.add, silent, in: .swabeld, to: &$0) }.contains("jitter"))
  }

  @Test func `a prefix without source is from everywhere in its own family`() throws {
    let status = OriginatedStatus(
      destination: try #require(Prefix("10.77.0.2/32")), source: .ipv6Default, metric: .zero)
    #expect(
      text { StatusLine.append(.add, status, to: &$0) }
        == "add xroute 10.77.0.2/32-0.0.0.0/0 prefix 10.77.0.2/32 from 0.0.0.0/0 metric 0\n")
  }

  private func route(
    isInstalled: Bool = true, reason: RouteReason = .selected
  ) throws -> RouteStatus {
    RouteStatus(
      id: 0x5638_11e9_1860, destination: try #require(Prefix("2001:db8:aa:1::/64")),
      source: try #require(Prefix("2001:db8:bb::/48")), isInstalled: isInstalled,
      isFeasible: true, routerID: RouterID(0x0200_0000_0000_000a), seqno: Seqno(34180),
      metric: Metric(96),
      smoothedMetric: Metric(100), advertisedMetric: .zero, age: 2, secondsLeft: 55,
      neighbour: try #require(IPAddress("fe80::701f:1aff:fea7:6580")),
      nextHop: try #require(IPAddress("10.77.0.1")), interface: try #require(InterfaceName("v0")),
      reason: reason, table: 21, pathRoundTripTime: 1500,
      price: 300)
  }

  @Test func `a route shows its neighbour, not its next hop`() throws {
    let status = try route()
    #expect(
      text { StatusLine.append(.change, status, to: &$0) }
        == "change route 563811e91860 prefix 2001:db8:aa:1::/64 from 2001:db8:bb::/48 installed "
        + "yes id 02:00:00:00:00:00:00:0a metric 96 refmetric 0 via fe80::701f:1aff:fea7:6580 "
        + "if v0\n")
  }

  @Test func `a table dump has what babeld's has`() throws {
    let dump = text {
      TableDump.appendHeader(
        routerID: RouterID(0x0200_0000_0000_000b), seqno: Seqno(47409), to: &$0)
    }
    #expect(dump == "\nMy id 02:00:00:00:00:00:00:0b seqno 47409\n")
    let status = try route()
    #expect(
      text { TableDump.append(status, to: &$0) }
        == "2001:db8:aa:1::/64 from 2001:db8:bb::/48 metric 96 (100) refmetric 0 id "
        + "02:00:00:00:00:00:00:0a seqno 34180 age 2 via v0 neigh fe80::701f:1aff:fea7:6580 "
        + "nexthop 10.77.0.1 (installed)\n")
    for (reason, words) in [
      (RouteReason.worse, " (feasible)\n"), (.notInstallable, " (cannot be installed)\n"),
    ] {
      let status = try route(isInstalled: false, reason: reason)
      #expect(text { TableDump.append(status, to: &$0) }.hasSuffix("10.77.0.1" + words))
    }
    let other = try neighbour(roundTripTime: nil)
    #expect(
      text { TableDump.append(other, to: &$0) }
        == "Neighbour fe80::701f:1aff:fea7:6580 dev v0 reach 0e00 ureach 0000 rxcost 96 txcost "
        + "65535 rtt 0.000 rttcost 0.\n")
  }
}
