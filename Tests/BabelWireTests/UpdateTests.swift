import BabelWire
import Testing

private let routerIDHex = "060a000002000000000000aa"
private let aa = RouterID(0x0200_0000_0000_00AA)
/// Sets 2001:db8:1:2::/64 as default prefix.
private let defaultHex = "08120280400006400001000020010db800010002"
/// Needs six octets of the default prefix: 2001:db8:1:7::/64.
private let dependentHex = "080c020040060640000100000007"

private func lastUpdate(_ hex: String) -> Update? {
  guard case .tlv(.update(let update))? = decodeBody(hex).last else { return nil }
  return update
}

@Suite struct `§4.6.9 Update` {
  @Test func `fields are read`() {
    let update = Update(
      encoding: .ipv6, flags: 0xBF, omitted: 0, interval: .cs(1600), seqno: Seqno(77),
      metric: Metric(258), destination: .of("2001:db8:1:8000::/49"), source: .any(.ipv6),
      routerID: aa, nextHop: .neighbour)
    #expect(
      lastUpdate(routerIDHex + "081102bf31000640004d010220010db80001ff") == update)
  }

  @Test func `octets left out come from the default prefix`() {
    let prefix = lastUpdate(routerIDHex + defaultHex + dependentHex)?.destination
    #expect(prefix == .of("2001:db8:1:7::/64"))
  }

  @Test func `a wildcard retraction is written and read back`() {
    let hex = "080a00000000ffff0007ffff"
    #expect(encodedBody { $0.appendWildcardRetraction(seqno: Seqno(7)) } == hex)
    #expect(decodeBody(hex) == [.tlv(.wildcardRetraction)])
  }

  @Test(arguments: [
    FaultRow("0809020000000640000100", .tooShort, "nine octets"),
    FaultRow("080a00000000064000010000", .finiteWildcard, "AE 0 with a finite metric"),
    FaultRow("080a0000080006400001ffff", .wildcardLength, "AE 0 with Plen 8"),
    FaultRow("080a0000000106400001ffff", .wildcardLength, "AE 0 with Omitted 1"),
    FaultRow("080a0000000000000001ffff", .intervalZero, "AE 0 with interval zero"),
    FaultRow("080c0000000006400001ffff8000", .sourcePrefixOnWildcard, "source on AE 0"),
    FaultRow("080c0000000006400001ffff8100", .mandatorySubTLV, "mandatory sub-TLV on AE 0"),
    FaultRow("080a05000000064000010000", .unknownAE, "AE 5"),
    FaultRow("080a02008100064000010000", .prefixLength, "IPv6 with 129 bits"),
    FaultRow("080a02000801064000010000", .omittedWithoutDefault, "Omitted without default"),
    FaultRow("080a02000802064000010000", .omittedTooLarge, "Omitted 2 of one octet"),
    FaultRow("080a02000800064000010000", .prefixTruncated, "prefix missing"),
    FaultRow("080a02000000000000010000", .intervalZero, "interval zero"),
    FaultRow("080a02000000064000010000", .noRouterID, "no router-id"),
    FaultRow("081203008000064000010000" + "0000000000000001", .martian, "link-local"),
    FaultRow("080b0300450106400001000000", .omittedWithoutDefault, "AE 3 with Omitted"),
    FaultRow(
      "081a0200800006400001000000000000000000000000ffff0a000001", .martian,
      "IPv4 dressed up as IPv6"),
    FaultRow("080c020000000640000100009000", .mandatorySubTLV, "mandatory sub-TLV"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }

  @Test func `martians that a filter judges are decoded`() {
    #expect(lastUpdate(routerIDHex + "080b02000800064000010000ff")?.destination.isMartian == true)
    #expect(lastUpdate("080b0100080006400001ffff7f")?.destination.isMartian == true)
  }

  @Test func `a retraction needs neither router-id nor next hop`() {
    let update = lastUpdate("080b0100080006400001ffff0a")
    #expect(update?.isRetraction == true)
    #expect(update?.routerID == nil && update?.nextHop == nil)
  }
}

@Suite struct `§4.5 Parser state` {
  struct Row: Sendable, CustomTestStringConvertible {
    let hex: String
    let isKept: Bool
    let testDescription: String
    init(_ hex: String, keeps isKept: Bool, _ why: String) {
      (self.hex, self.isKept, testDescription) = (hex, isKept, why)
    }
  }

  @Test(arguments: [
    Row("080a02800000000000010000", keeps: false, "P with interval zero sets ::/0"),
    Row("080a02808100064000010000", keeps: false, "P, Plen too large"),
    Row("080a02800802064000010000", keeps: false, "P, Omitted too large"),
    Row("080a02804000064000010000", keeps: false, "P, prefix missing"),
    Row("08020280", keeps: false, "P, cut short"),
    Row("080102", keeps: false, "cut short before the flags"),
    Row("0800", keeps: false, "empty"),
    Row("08020200", keeps: true, "no P, cut short"),
    Row("08020180", keeps: true, "P for AE 1, cut short"),
    Row("080a02008100064000010000", keeps: true, "no P, Plen too large"),
    Row("080a05808100064000010000", keeps: true, "P, unknown AE"),
    Row("080a00800000064000010000", keeps: true, "P, AE 0"),
    Row("080a04800000064000010000", keeps: true, "P, AE 4"),
    Row("081203808000064000010000" + "0000000000000001", keeps: true, "P, AE 3"),
  ])
  func `what a bad Update would have set is forgotten, and nothing else`(_ row: Row) {
    let prefix = lastUpdate(routerIDHex + defaultHex + row.hex + routerIDHex + dependentHex)?
      .destination
    #expect((prefix == .of("2001:db8:1:7::/64")) == row.isKept)
  }

  @Test(arguments: [
    Row("080a02408100064000010000", keeps: false, "R, Plen too large"),
    Row("08020240", keeps: false, "R, cut short"),
    Row("080a02400000064000010000", keeps: false, "R with a forbidden router-id"),
    Row("080a02808100064000010000", keeps: true, "no R"),
    Row("080a05408100064000010000", keeps: true, "R, unknown AE"),
  ])
  func `a router-id that cannot be known is forgotten, §4.5`(_ row: Row) {
    #expect(lastUpdate(routerIDHex + row.hex + defaultHex)?.routerID == (row.isKept ? aa : nil))
  }

  @Test func `a martian Update sets the default prefix all the same, §4.5`() {
    let mapped = "081a0280800006400001000000000000000000000000ffff0a000001"
    let update = lastUpdate(routerIDHex + mapped + "080a0200580b064000010000")
    #expect(update?.destination == .of("::ff00:0:0/88"))
  }

  @Test func `each packet starts afresh, §4.5`() {
    _ = decodeBody(routerIDHex + defaultHex)
    #expect(
      decodeBody(routerIDHex + dependentHex).last == .ignored(type: 8, .omittedWithoutDefault))
    #expect(decodeBody(defaultHex).last == .ignored(type: 8, .noRouterID))
  }
}
