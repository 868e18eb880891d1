import BabelWire
import Testing

@Suite struct `§4.6.6 IHU` {
  struct Row: Sendable, CustomTestStringConvertible {
    let address: IPAddress?
    let hex: String
    var testDescription: String { address?.description ?? "nobody in particular" }
  }

  @Test(arguments: [
    Row(address: nil, hex: "05060000006004b0"),
    Row(address: .of("192.0.2.2"), hex: "050a0100006004b0c0000202"),
    Row(address: .of("fe80::b1"), hex: "050e0300006004b000000000000000b1"),
    Row(
      address: .of("2001:db8::1"), hex: "05160200006004b020010db8000000000000000000000001"),
  ])
  func `each encoding is written at its shortest and read back`(_ row: Row) {
    let ihu = IHU(
      address: row.address, rxcost: Metric(96), interval: .cs(1200), timestamps: nil)
    #expect(encodedBody { $0.append(ihu) } == row.hex)
    #expect(decodeBody(row.hex) == [.tlv(.ihu(ihu))])
  }

  @Test func `timestamps follow the address`() {
    let ihu = IHU(
      address: .of("fe80::b1"), rxcost: .infinity, interval: .cs(300),
      timestamps: IHUTimestamps(origin: 5, receive: 6))
    let hex = "05180300ffff012c00000000000000b103080000000500000006"
    #expect(encodedBody { $0.append(ihu) } == hex)
    #expect(decodeBody(hex) == [.tlv(.ihu(ihu))])
  }

  @Test func `a link-local address may come in full, and Reserved does not matter, §4.6`() {
    let ihu = IHU(address: .neighbour, rxcost: .zero, interval: .cs(1), timestamps: nil)
    let hex = "0516025a00000001fe8000000000000000000000000000a1"
    #expect(decodeBody(hex) == [.tlv(.ihu(ihu))])
  }

  @Test(arguments: [
    FaultRow("05050000006004", .tooShort, "five octets"),
    FaultRow("05060500006004b0", .unknownAE, "AE 5"),
    FaultRow("050aff00006004b0c0000202", .unknownAE, "AE 255"),
    FaultRow("050a0400006004b0c0000202", .forbiddenAE, "AE 4"),
    FaultRow("05090100006004b0c00002", .addressTruncated, "three octets of IPv4"),
    FaultRow("050d0300006004b000000000000000", .addressTruncated, "seven octets of AE 3"),
    FaultRow(
      "05150200006004b020010db80000000000000000000000", .addressTruncated,
      "fifteen octets of IPv6"),
    FaultRow(
      "05160200006004b000000000000000000000ffffc0000202", .martian, "IPv4 dressed up as IPv6"),
    FaultRow("0506000000600000", .intervalZero, "interval zero"),
    FaultRow("05080000006004b0c000", .mandatorySubTLV, "a mandatory sub-TLV"),
    FaultRow("05070000006004b003", .subTLVOverrun, "a lone sub-TLV type"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }
}
