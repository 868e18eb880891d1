import BabelWire
import TestSupport
import Testing

@testable import BabelKernel

@Suite struct `Probes: questions and answers` {
  private let query = DNSQuery(Array("example.org.".utf8), id: 0xABCD)

  private func answer(_ code: UInt8) -> [UInt8] {
    var octets = query.octets
    octets[2] = 0x81
    octets[3] = 0x80 | code
    return octets
  }

  @Test func `a query is as RFC 1035 has it`() {
    #expect(
      query.octets == [0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("example".utf8) + [3]
        + Array("org".utf8) + [0, 0, 1, 0, 1])
  }

  @Test func `only an answer to the question counts`() {
    for code in UInt8(0)..<16 { #expect(query.responseCode(of: answer(code)[...]) == code) }
    #expect(query.responseCode(of: (answer(0) + [1, 2, 3])[...]) == 0)
    // The question itself, other ids, other names, and what is too short.
    #expect(query.responseCode(of: query.octets[...]) == nil)
    for index in answer(0).indices where index != 3 && !(6...11).contains(index) {
      var other = answer(0)
      other[index] ^= 0x10
      #expect(query.responseCode(of: other[...]) == nil, "octet \(index)")
    }
    for count in 0..<answer(0).count { #expect(query.responseCode(of: answer(0)[..<count]) == nil) }
  }

  @Test(arguments: [
    ("HTTP/1.0 200 OK\r\n", WebQuery.Reading.status(200)), ("HTTP/1.1 204 No", .status(204)),
    ("HTTP/1.1 302 ", .status(302)), ("", .incomplete), ("HTTP", .incomplete),
    ("HTTP/1.1 20", .incomplete), ("HTTP/1.1 0200", .foreign), ("HTTP/2 200 ", .foreign),
    ("SSH-2.0", .foreign), ("HTTP/1.1 2x0 ", .foreign), ("HTTP/1.1 000 ", .foreign),
    ("HTTP/1.12 200", .foreign), ("HTTP/1.0 2000 OK", .foreign), ("HTTP/1.0 200\r\n", .status(200)),
    ("HTTP/1.0 200", .incomplete),
  ])
  func `a status is read from the first line`(text: String, reading: WebQuery.Reading) {
    #expect(WebQuery.read(Array(text.utf8)) == reading)
  }

  @Test(arguments: 0..<50)
  func `whatever comes does no harm`(seed: UInt64) {
    var chance = Chance(seed: seed)
    for _ in 0..<200 {
      var octets = chance.oneIn(2) ? answer(0) : Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
      for _ in 0..<chance.below(4) {
        switch chance.below(3) {
        case 0: octets.removeLast(chance.below(octets.count))
        case 1: octets[chance.below(octets.count)] = UInt8(chance.below(256))
        default: octets.append(UInt8(chance.below(256)))
        }
      }
      _ = query.responseCode(of: octets[...])
      if case .status(let status) = WebQuery.read(octets) { #expect((100...999).contains(status)) }
    }
  }

  @Test func `a request names the host`() {
    #expect(
      WebQuery.request(Array("/a".utf8), host: "192.0.2.1")
        == Array("GET /a HTTP/1.0\r\nHost: 192.0.2.1\r\nUser-Agent: swabeld\r\n\r\n".utf8))
  }

  @Test func `an interface that is not there is told apart`() throws {
    let way = ProbeWay(interface: try #require(InterfaceName("none-such")))
    for question in [UplinkProbe.Question.tcp(80), .dns(Array("a".utf8))] {
      let error = #expect(throws: KernelError.self) {
        try UplinkProbe(question, to: IPAddress(ipv4: 0x0909_0909), through: way)
      }
      #expect([ErrorNumber.noDevice, ErrorNumber.notPermitted].contains(error?.errno ?? 0))
    }
  }
}
