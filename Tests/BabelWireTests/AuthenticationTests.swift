import BabelWire
import Testing

@Suite struct `RFC 8967 §6 MAC, PC and Challenge TLVs` {
  private let header: [UInt8] = [42, 2, 0, 0]

  @Test(arguments: [
    FaultRow("1103000000", .tooShort, "a PC of three octets"),
    FaultRow(
      "112500000001" + String(repeating: "00", count: 33), .tooLong, "an index of 33 octets"),
    FaultRow("12c1" + String(repeating: "00", count: 193), .tooLong, "a nonce of 193 octets"),
    FaultRow("13c1" + String(repeating: "00", count: 193), .tooLong, "a reply of 193 octets"),
    FaultRow("1000", .misplaced, "a MAC in the body"),
  ])
  func `faults`(_ row: FaultRow) {
    let type = octetsFromHex(row.hex)[0]
    #expect(
      decodeBody(row.hex + FaultRow.helloHex, toMulticast: false) == [
        .ignored(type: type, row.fault), .tlv(.hello(FaultRow.hello)),
      ])
  }

  @Test func `only the first PC that can be read counts`() {
    let found = decodeBody("1103000000" + "1105000000016a" + "1105000000026a")
    #expect(
      found == [
        .ignored(type: 17, .tooShort),
        .tlv(.packetCounter(PacketCounter(counter: 1, index: OctetRange(offset: 15, count: 1)))),
        .ignored(type: 17, .duplicate),
      ])
  }

  @Test func `a challenge counts only in a unicast packet`() {
    #expect(decodeBody("120101", toMulticast: true) == [.ignored(type: 18, .notUnicast)])
    #expect(
      decodeBody("120101", toMulticast: false) == [
        .tlv(.challengeRequest(OctetRange(offset: 6, count: 1)))
      ])
  }

  @Test func `only padding and MACs mean anything in the trailer, §4.2`() throws {
    let trailer = "00" + "0102abcd" + "10020102" + FaultRow.helloHex + "110400000001" + "1001ff"
    #expect(
      try decodeAll(header + octetsFromHex(trailer)) == [
        .tlv(.pad1), .tlv(.padN(count: 2)), .tlv(.mac(OctetRange(offset: 11, count: 2))),
        .ignored(type: 4, .misplaced), .ignored(type: 17, .misplaced),
        .tlv(.mac(OctetRange(offset: 29, count: 1))),
      ])
  }

  @Test func `a TLV that overruns the body does not hide the trailer`() throws {
    let packet = octetsFromHex("2a020003" + "0406ff" + "1001ff" + "10")
    #expect(
      try decodeAll(packet) == [
        .ignored(type: 4, .overrunsBody), .tlv(.mac(OctetRange(offset: 9, count: 1))),
        .ignored(type: 16, .overrunsBody),
      ])
  }

  @Test func `challenges are written`() {
    #expect(encodedBody { $0.appendChallengeRequest(nonce: [1, 2, 3]) } == "1203010203")
    #expect(encodedBody { $0.appendChallengeReply(nonce: []) } == "1300")
    let tooLong = [UInt8](repeating: 0, count: 193)
    #expect(encodedBody { $0.appendChallengeReply(nonce: tooLong) } == "does not fit")
  }
}
