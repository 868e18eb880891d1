import BabelWire
import Testing

@Suite struct `§4.6.3 Acknowledgment Request and §4.6.4 Acknowledgment` {
  @Test func `a request is written with reserved octets zero and read back, §4.6`() {
    let request = AcknowledgmentRequest(opaque: 0xBEEF, interval: .cs(50))
    #expect(encodedBody { $0.append(request) } == "02060000beef0032")
    #expect(decodeBody("02060000beef0032") == [.tlv(.acknowledgmentRequest(request))])
    #expect(decodeBody("0206ffffbeef0032") == [.tlv(.acknowledgmentRequest(request))])
  }

  @Test func `an answer is written and read back`() {
    let answer = Acknowledgment(opaque: 0x1234)
    #expect(encodedBody { $0.append(answer) } == "03021234")
    #expect(decodeBody("03021234") == [.tlv(.acknowledgment(answer))])
    #expect(decodeBody("0306123401020000") == [.tlv(.acknowledgment(answer))])
  }

  @Test(arguments: [
    FaultRow("02050000beef00", .tooShort, "a request of five octets"),
    FaultRow("0200", .tooShort, "an empty request"),
    FaultRow("02060000beef0000", .intervalZero, "a request with interval zero"),
    FaultRow("02080000beef00328000", .mandatorySubTLV, "a request with a mandatory sub-TLV"),
    FaultRow("02080000beef00320501", .subTLVOverrun, "a request with a sub-TLV too long"),
    FaultRow("030112", .tooShort, "an answer of one octet"),
    FaultRow("03041234ff00", .mandatorySubTLV, "an answer with a mandatory sub-TLV"),
    FaultRow("0303123405", .subTLVOverrun, "an answer with a lone sub-TLV type"),
  ])
  func `faults, §4.4`(_ row: FaultRow) { row.check() }
}
