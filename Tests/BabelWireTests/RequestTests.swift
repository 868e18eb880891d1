import BabelWire
import Testing

@Suite struct `§4.6.10 Route Request` {
  struct Row: Sendable, CustomTestStringConvertible {
    let destination: String
    var source = ""
    let hex: String
    var testDescription: String { destination + " " + source }
    var request: RouteRequest {
      let prefix = Prefix.of(destination)
      return RouteRequest(
        destination: prefix, source: source.isEmpty ? .any(prefix.family) : .of(source))
    }
  }

  @Test(arguments: [
    Row(destination: "2001:db8:1:c000::/50", hex: "0909023220010db80001c0"),
    Row(destination: "10.1.240.0/20", hex: "090501140a01f0"),
    Row(destination: "::/0", hex: "09020200"),
    Row(destination: "0.0.0.0/0", hex: "09020100"),
    Row(destination: "10.1.2.3/32", hex: "090601200a010203"),
    Row(
      destination: "::/0", source: "2001:db8:aa::/48",
      hex: "090b02008007" + "3020010db800aa"),
    Row(destination: "0.0.0.0/0", source: "10.0.0.0/8", hex: "090601008002080a"),
  ])
  func `a request is written and read back`(_ row: Row) {
    #expect(encodedBody { $0.append(row.request) } == row.hex)
    #expect(decodeBody(row.hex) == [.tlv(.routeRequest(row.request))])
  }

  @Test func `AE 4 means the same as AE 1`() {
    #expect(decodeBody("090404100a05") == decodeBody("090401100a05"))
  }

  @Test func `a wildcard asks for everything`() {
    #expect(encodedBody { $0.appendWildcardRequest() } == "09020000")
    #expect(decodeBody("09020000") == [.tlv(.wildcardRequest)])
  }

  @Test(arguments: [
    FaultRow("090100", .tooShort, "one octet"),
    FaultRow("09020008", .wildcardLength, "wildcard with a length"),
    FaultRow("09020700", .unknownAE, "AE 7"),
    FaultRow("0907012100000000ff", .prefixLength, "IPv4 with 33 bits"),
    FaultRow("0907042100000000ff", .prefixLength, "AE 4 with 33 bits"),
    FaultRow("0903028100", .prefixLength, "IPv6 with 129 bits"),
    FaultRow("090401180a01", .prefixTruncated, "two octets where three are needed"),
    FaultRow("090a03800000000000000001", .martian, "link-local"),
    FaultRow("0902030a", .martian, "link-local, shorter than what is implied"),
    FaultRow("0912028000000000000000000000ffff0a000001", .martian, "IPv4 dressed up as IPv6"),
    FaultRow("09040200c800", .mandatorySubTLV, "a mandatory sub-TLV"),
    FaultRow("090400008000", .sourcePrefixOnWildcard, "a source prefix on a wildcard"),
    FaultRow("0900", .tooShort, "empty"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }
}

@Suite struct `§4.6.11 Seqno Request` {
  @Test func `a request is written with Reserved zero and read back`() {
    let request = SeqnoRequest(
      destination: .of("2001:db8:1::/48"), source: .any(.ipv6), seqno: Seqno(0xFFFE),
      hopCount: 64, routerID: RouterID(0x0200_0000_0000_00AA))
    let hex = "0a140230fffe400002000000000000aa20010db80001"
    #expect(encodedBody { $0.append(request) } == hex)
    #expect(decodeBody(hex) == [.tlv(.seqnoRequest(request))])
    let reserved = "0a140230fffe40ff02000000000000aa20010db80001"
    #expect(decodeBody(reserved) == [.tlv(.seqnoRequest(request))])
  }

  @Test func `a source prefix is written and read back`() {
    let request = SeqnoRequest(
      destination: .of("10.0.0.0/8"), source: .of("10.2.0.0/15"), seqno: Seqno(1),
      hopCount: 255, routerID: RouterID(1))
    let hex = "0a1401080001ff000000000000000001" + "0a" + "80030f0a02"
    #expect(encodedBody { $0.append(request) } == hex)
    #expect(decodeBody(hex) == [.tlv(.seqnoRequest(request))])
  }

  @Test(arguments: [
    FaultRow("0a0d02000001400002000000000000", .tooShort, "thirteen octets"),
    FaultRow("0a0e00000001400002000000000000aa", .forbiddenAE, "AE 0"),
    FaultRow("0a0e05000001400002000000000000aa", .unknownAE, "AE 5"),
    FaultRow("0a0e02000001000002000000000000aa", .hopCountZero, "hop count zero"),
    FaultRow("0a0e0200000140000000000000000000", .forbiddenRouterID, "router-id zero"),
    FaultRow("0a0e020000014000ffffffffffffffff", .forbiddenRouterID, "router-id all one"),
    FaultRow("0a0e02080001400002000000000000aa", .prefixTruncated, "prefix missing"),
    FaultRow("0a0e01210001400002000000000000aa", .prefixLength, "IPv4 with 33 bits"),
    FaultRow("0a1002000001400002000000000000aa9000", .mandatorySubTLV, "mandatory sub-TLV"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }
}

@Suite struct `RFC 9079 §7.1 Source Prefix` {
  /// A request for ::/0 with these sub-TLVs.
  private static func request(_ subTLVs: String, _ fault: TLVFault, _ why: String) -> FaultRow {
    let count = String(subTLVs.utf8.count / 2 + 2, radix: 16)
    return FaultRow("09" + (count.count < 2 ? "0" : "") + count + "0200" + subTLVs, fault, why)
  }

  @Test(arguments: [
    request("8000", .sourcePrefixTruncated, "empty"),
    request("800100", .sourcePrefixLength, "length zero"),
    request("800181", .sourcePrefixLength, "129 bits"),
    request("80023020", .sourcePrefixTruncated, "one octet where six are needed"),
    request("80022020", .sourcePrefixTruncated, "one octet where four are needed"),
    request("80031020018003102002", .sourcePrefixTwice, "two of them"),
    request("80130a", .subTLVOverrun, "longer than the TLV"),
    request("80118000000000000000000000ffff0a000001", .martian, "IPv4 dressed up as IPv6"),
  ])
  func `faults`(_ row: FaultRow) { row.check() }

  @Test func `surplus octets and bits beyond the length do not matter`() {
    let request = RouteRequest(destination: .ipv6Default, source: .of("2001::/20"))
    #expect(decodeBody("0909020080051420010f99") == [.tlv(.routeRequest(request))])
  }
}
