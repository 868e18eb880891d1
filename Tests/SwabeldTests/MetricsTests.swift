import BabelCore
import BabelWire
import Testing

@testable import swabeld

@Suite struct `Metrics as text` {
  private func text(_ body: (inout MetricText) -> Void) -> String {
    var text = MetricText()
    body(&text)
    return String(decoding: text.octets, as: UTF8.self)
  }

  @Test func `a family has a meaning and a type, and then its samples`() {
    let written = text {
      $0.begin("swabeld_x", .gauge, "What it is.")
      $0.add(7)
      $0.add(MetricLabels(("a", "b"), ("c", "d")), 8)
      $0.begin("swabeld_y_total", .counter, "Another.")
      $0.add(count: UInt64.max)
    }
    #expect(
      written == """
        # HELP swabeld_x What it is.
        # TYPE swabeld_x gauge
        swabeld_x 7
        swabeld_x{a="b",c="d"} 8
        # HELP swabeld_y_total Another.
        # TYPE swabeld_y_total counter
        swabeld_y_total 18446744073709551615

        """)
  }

  @Test func `what would end a label's value is escaped`() {
    let labels = MetricLabels(("interface", "a\"b\\c\nd"))
    #expect(String(decoding: labels.octets, as: UTF8.self) == #"{interface="a\"b\\c\nd"}"#)
  }

  @Test(arguments: [
    (0, "0.000000"), (1, "0.000001"), (999_999, "0.999999"), (1_000_000, "1.000000"),
    (12_345_678, "12.345678"), (-1, "-0.000001"), (Int64.min, "-9223372036854.775808"),
  ])
  func `microseconds are written as seconds`(microseconds: Int64, written: String) {
    #expect(MetricText.decimal(microseconds, places: 6) == written)
  }
}

@Suite struct `Requests for the page of metrics` {
  private func request(_ text: String) -> HTTPRequest? { HTTPRequest(Array(text.utf8)) }

  @Test func `the page is asked for with GET or HEAD`() {
    #expect(request("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n") == .metrics(isHead: false))
    #expect(request("HEAD /metrics HTTP/1.0\r\n\r\n") == .metrics(isHead: true))
    #expect(request("GET /metrics?a=b HTTP/1.0\n\n") == .metrics(isHead: false))
  }

  @Test func `a request has no end before its empty line`() {
    let whole = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    for count in 0..<whole.utf8.count {
      #expect(HTTPRequest(Array(whole.utf8.prefix(count))) == nil)
    }
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\n\n", HTTPRequest.unknown), ("GET /metrics/x HTTP/1.1\n\n", .unknown),
    ("GET metrics HTTP/1.1\n\n", .unknown), ("PUT /metrics HTTP/1.1\n\n", .notAllowed),
    ("get /metrics HTTP/1.1\n\n", .notAllowed), ("GET /metrics\n\n", .malformed),
    ("GET /metrics FTP/1\n\n", .malformed), ("\n\n", .malformed), ("dump\n\n", .malformed),
  ])
  func `nothing else is served`(text: String, request: HTTPRequest) {
    #expect(HTTPRequest(Array(text.utf8)) == request)
    #expect(!request.head(pageCount: 0).isEmpty)
  }

  @Test func `a request that never ends is too long`() {
    let start = Array("GET /metrics HTTP/1.1\r\nX: ".utf8)
    let rest = [UInt8](repeating: 0x78, count: HTTPRequest.limit - start.count)
    #expect(HTTPRequest(start + rest.dropLast()) == nil)
    #expect(HTTPRequest(start + rest) == .tooLong)
  }
}
