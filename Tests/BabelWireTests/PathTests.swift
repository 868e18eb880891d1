import BabelWire
import Testing

@Suite struct `docs/path-tlvs.md` {
  private static let aa = RouterID(0x0200_0000_0000_00AA)

  private static func request(
    _ destination: String, source: Prefix? = nil, hop: UInt8 = 1
  ) -> PathRequest {
    let address = IPAddress.of(destination)
    return PathRequest(
      nonce: 0x0102_0304, hop: hop, destination: address, source: source ?? .any(address.family))
  }

  struct RequestRow: Sendable, CustomTestStringConvertible {
    let request: PathRequest
    let hex: String
    var testDescription: String { hex }
  }

  @Test(arguments: [
    RequestRow(request: request("10.1.2.3"), hex: "f00c7377010203040101" + "0a010203"),
    RequestRow(
      request: request("2001:db8::1", hop: 32),
      hex: "f0187377010203042002" + "20010db8000000000000000000000001"),
    RequestRow(
      request: request("10.1.2.3", source: .of("10.9.0.0/16")),
      hex: "f0117377010203040101" + "0a010203" + "8003100a09"),
  ])
  func `a request is written and read back`(_ row: RequestRow) {
    #expect(encodedBody { $0.append(row.request) } == row.hex)
    #expect(decodeBody(row.hex, toMulticast: false) == [.tlv(.pathRequest(row.request))])
    #expect(row.request.onward.hop == row.request.hop + 1)
  }

  @Test func `a reply is written and read back`() {
    let known = PathReply(
      nonce: 0x0102_0304, hop: 3, routerID: Self.aa,
      step: PathStep(
        status: .notAsked, metric: Metric(288), linkCost: Metric(96), roundTripTime: 1500,
        history: 0xFFFE, prefixLength: 24, nextHop: .of("fe80::5")))
    let hex = "f12473770102030403050200" + "0000000000aa0120" + "0060000005dcfffe1803"
    #expect(encodedBody { $0.append(known) } == hex + "0000000000000005")
    let bare = PathReply(
      nonce: 1, hop: 1, routerID: Self.aa, step: PathStep(status: .ownAddress, metric: .zero))
    let bareHex = "f11c73770000000101010200" + "0000000000aa0000" + "ffffffffffff0000ff00"
    #expect(encodedBody { $0.append(bare) } == bareHex)
    for (reply, text) in [(known, hex + "0000000000000005"), (bare, bareHex)] {
      #expect(decodeBody(text, toMulticast: false) == [.tlv(.pathReply(reply))])
    }
  }

  @Test func `sub-TLVs without the mandatory bit and unknown statuses are passed over`() {
    let request = Self.request("10.1.2.3")
    #expect(
      decodeBody("f00f7377010203040101" + "0a010203" + "7f0100", toMulticast: false)
        == [.tlv(.pathRequest(request))])
    let hex = "f11f737700000001014d0200" + "0000000000aa0000" + "ffffffffffff0000ff00" + "7f0100"
    guard case .tlv(.pathReply(let reply)) = decodeBody(hex, toMulticast: false).first else {
      return #expect(Bool(false), "no reply")
    }
    #expect(reply.step.status == .unknown && reply.step.status.isEnd)
  }

  @Test(arguments: [
    FaultRow("f0077377010203040101", .tooShort, "seven octets"),
    FaultRow("f00c5678010203040101" + "0a010203", .unknownType, "another experiment"),
    FaultRow("f00c7377010203040001" + "0a010203", .hopCountZero, "hop zero"),
    FaultRow("f0087377010203040100", .forbiddenAE, "AE 0"),
    FaultRow("f00c7377010203040104" + "0a010203", .forbiddenAE, "AE 4"),
    FaultRow("f0107377010203040103" + "0000000000000001", .forbiddenAE, "AE 3"),
    FaultRow("f00c7377010203040109" + "0a010203", .unknownAE, "AE 9"),
    FaultRow("f00b7377010203040101" + "0a0102", .addressTruncated, "three octets of IPv4"),
    FaultRow("f00c7377010203040101" + "e0000001", .martian, "a group"),
    FaultRow("f00e7377010203040101" + "0a010203" + "f000", .mandatorySubTLV, "mandatory sub-TLV"),
    FaultRow("f00e7377010203040101" + "0a010203" + "7f05", .subTLVOverrun, "overrun"),
    FaultRow("f11b73770000000101010200000000" + "0000aa0000ffffffffffff0000ff", .tooShort, "27"),
    FaultRow(
      "f11c73770000000100010200000000" + "0000aa0000ffffffffffff0000ff00", .hopCountZero, "0"),
    FaultRow(
      "f11c73770000000101010000000000" + "0000000000ffffffffffff0000ff00", .forbiddenRouterID,
      "router-id zero"),
    FaultRow(
      "f11c73770000000101010200000000" + "0000aa0000ffffffffffff00008100", .prefixLength, "129"),
    FaultRow(
      "f11c73770000000101010200000000" + "0000aa0000ffffffffffff0000ff03", .addressTruncated,
      "no next hop"),
    FaultRow(
      "f11c12340000000101010200000000" + "0000aa0000ffffffffffff0000ff00", .unknownType,
      "another experiment"),
  ])
  func `faults, §4.4`(_ row: FaultRow) {
    let type = octetsFromHex(row.hex)[0]
    // Some rows name more octets than there are: their length is put right.
    var octets = octetsFromHex(row.hex)
    octets = Array(octets[..<min(octets.count, 2 + Int(octets[1]))])
    #expect(
      decodeBody(hex(octets) + FaultRow.helloHex, toMulticast: false) == [
        .ignored(type: type, row.fault), .tlv(.hello(FaultRow.hello)),
      ], "\(row.why)")
  }

  @Test func `none of them counts in a packet to the group`() {
    for hex in ["f00c7377010203040101" + "0a010203", "f100"] {
      let type = octetsFromHex(hex)[0]
      #expect(decodeBody(hex) == [.ignored(type: type, .notUnicast)])
    }
    let other = decodeBody("f00c1234010203040101" + "0a010203")
    #expect(other == [.ignored(type: 0xF0, .unknownType)], "another experiment may do so")
  }

  @Test func `loss counts from the first Hello that was heard`() {
    func loss(_ history: UInt16) -> Int? { PathStep(status: .forwarded, history: history).loss }
    #expect(loss(0xFFFF) == 0 && loss(0xE000) == 0 && loss(0) == nil)
    #expect(loss(0xA000) == 33 && loss(0x7FFF) == 6 && loss(0x0001) == 93)
  }
}
