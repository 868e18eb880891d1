import BabelWire
import Testing

/// An Update of 2001:db8::/32, and one of 10.0.0.0/8, as octets; ignored without context.
private let updateIPv6 = "080e0200200006400001000020010db8"
private let updateIPv4 = "080b010008000640000100000a"
private let routerID = "060a000002000000000000aa"

@Suite struct `§4.6.7 Router-Id` {
  @Test func `a router-id is read`() {
    #expect(decodeBody(routerID) == [.tlv(.routerID(RouterID(0x0200_0000_0000_00AA)))])
    #expect(decodeBody("060affff02000000000000aa") == decodeBody(routerID))
  }

  @Test(arguments: [
    FaultRow("0609000002000000000000", .tooShort, "nine octets"),
    FaultRow("0600", .tooShort, "empty"),
    FaultRow("060a00000000000000000000", .forbiddenRouterID, "all zero, §4.1.3"),
    FaultRow("060a0000ffffffffffffffff", .forbiddenRouterID, "all one, §4.1.3"),
  ])
  func `a bad one leaves no router-id behind`(_ row: FaultRow) {
    row.check()
    #expect(decodeBody(routerID + row.hex + updateIPv6).last == .ignored(type: 8, .noRouterID))
  }

  @Test func `a mandatory sub-TLV does not keep it from being noted, §4.5`() {
    FaultRow("060c000002000000000000aa8000", .mandatorySubTLV, "").check()
    let found = decodeBody("060c000002000000000000aa8000" + updateIPv6)
    guard case .tlv(.update(let update))? = found.last else {
      Issue.record("the update was ignored")
      return
    }
    #expect(update.routerID == RouterID(0x0200_0000_0000_00AA))
  }
}

@Suite struct `§4.6.8 Next Hop` {
  @Test(arguments: [
    ("07060100c0000201", IPAddress.of("192.0.2.1")),
    ("0706015ac0000201", IPAddress.of("192.0.2.1")),
    ("0712020020010db8000000000000000000000001", IPAddress.of("2001:db8::1")),
    ("070a03000000000000000005", IPAddress.of("fe80::5")),
  ])
  func `a next hop is read`(_ hex: String, _ address: IPAddress) {
    #expect(decodeBody(hex) == [.tlv(.nextHop(address))])
  }

  @Test(arguments: [
    FaultRow("070103", .tooShort, "one octet"),
    FaultRow("0711020020010db80000000000000000000000", .addressTruncated, "fifteen octets"),
    FaultRow("0709030000000000000000", .addressTruncated, "seven octets"),
    FaultRow(
      "0712020000000000000000000000ffffc0000202", .martian, "IPv4 dressed up as IPv6"),
    FaultRow("0700", .tooShort, "empty"),
  ])
  func `one that cannot be used leaves IPv6 without a next hop`(_ row: FaultRow) {
    row.check()
    #expect(
      decodeBody(routerID + row.hex + updateIPv6).last == .ignored(type: 8, .noNextHop))
  }

  @Test func `a truncated IPv4 one forgets the IPv4 next hop only`() {
    let found = decodeBody(routerID + "07060100c0000201" + "07050100c00002" + updateIPv4)
    #expect(found[2] == .ignored(type: 7, .addressTruncated))
    #expect(found[3] == .ignored(type: 8, .noNextHop))
    guard case .tlv(.update)? = decodeBody(routerID + "07050100c00002" + updateIPv6).last else {
      Issue.record("the IPv6 next hop was lost")
      return
    }
  }

  @Test(arguments: [
    FaultRow("07020000", .forbiddenAE, "AE 0"),
    FaultRow("07060400c0000201", .forbiddenAE, "AE 4"),
    FaultRow("07060600c0000201", .unknownAE, "AE 6"),
  ])
  func `one whose encoding names no family changes nothing`(_ row: FaultRow) {
    row.check()
    let found = decodeBody(routerID + row.hex + updateIPv6)
    guard case .tlv(.update(let update))? = found.last else {
      Issue.record("the update was ignored")
      return
    }
    #expect(update.nextHop == .neighbour)
  }
}
