import BabelWire
import Testing

@Suite struct `§4.6.5 Hello` {
  @Test func `a Multicast Hello is eight octets`() {
    let hello = Hello(
      isUnicast: false, seqno: Seqno(7), interval: .cs(400), transmitTimestamp: nil)
    #expect(encodedBody { $0.append(hello) } == "0406000000070190")
    #expect(decodeBody("0406000000070190") == [.tlv(.hello(hello))])
  }

  @Test func `the U flag and the timestamp are written and read back`() {
    let hello = Hello(
      isUnicast: true, seqno: Seqno(0xFFFF), interval: .cs(0), transmitTimestamp: 0x0102_0304)
    #expect(encodedBody { $0.append(hello) } == "040c8000ffff0000030401020304")
    #expect(decodeBody("040c8000ffff0000030401020304") == [.tlv(.hello(hello))])
    #expect(!hello.isScheduled)
  }

  @Test func `the encoder tells where to stamp, and takes one stamp per packet`() {
    var encoder = PacketEncoder(limit: 512)
    let plain = Hello(
      isUnicast: false, seqno: Seqno(1), interval: .cs(400), transmitTimestamp: nil)
    let stamped = Hello(
      isUnicast: false, seqno: Seqno(1), interval: .cs(400), transmitTimestamp: 0xAABB_CCDD)
    expectTrue(encoder.append(plain) && encoder.timestampOffset == nil)
    expectTrue(encoder.append(stamped))
    #expect(encoder.timestampOffset == 22)
    #expect(hex(encoder.bytes[22..<26]) == "aabbccdd")
    expectTrue(!encoder.append(stamped) && encoder.count == 26)
    expectTrue(encoder.append(plain) && encoder.timestampOffset == 22)
    encoder.reset()
    #expect(encoder.timestampOffset == nil)
  }

  @Test func `that the sender measures losses stands behind the stamp`() {
    let hello = Hello(
      isUnicast: false, seqno: Seqno(7), interval: .cs(400), transmitTimestamp: 0x0102_0304,
      measuresLoss: true)
    let octets = "04100000000701900304010203047a027377"
    #expect(encodedBody { $0.append(hello) } == octets)
    #expect(decodeBody(octets) == [.tlv(.hello(hello))])
  }

  @Test(arguments: ["040a0000003201907a027378", "04090000003201907a0173"])
  func `another experiment with the same number is passed over, §4.4`(octets: String) {
    #expect(decodeBody(octets) == [.tlv(.hello(FaultRow.hello))])
  }

  @Test func `undefined flags do not matter, §4.6`() {
    #expect(decodeBody("04067fff00320190") == [.tlv(.hello(FaultRow.hello))])
  }

  @Test func `a timestamp that is too short is passed over, §4.4`() {
    #expect(decodeBody("040b0000003201900303010203") == [.tlv(.hello(FaultRow.hello))])
  }

  @Test(arguments: [
    FaultRow("040500000001ff", .tooShort, "five octets"),
    FaultRow("04080000000101909000", .mandatorySubTLV, "an unknown mandatory sub-TLV"),
    FaultRow("040a00000001019080022020", .mandatorySubTLV, "a source prefix"),
    FaultRow("0408000000010190010a", .subTLVOverrun, "padding longer than the TLV"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }
}
