import BabelCore
import BabelKernel
import BabelWire
import Testing

@testable import swabeld

@Suite struct `Dialects of the control socket` {
  private func request(_ text: String, _ dialect: SocketDialect) -> DialectRequest? {
    DialectRequest(Array(text.utf8), in: dialect)
  }

  @Test func `babeld's dialect has none of the others' requests`() {
    for text in ["dump-interfaces", "dump-neighbors", "fee 5", "metric-factor 1900"] {
      #expect(request(text, .babel) == nil)
      #expect(request(text, .swabeld) == nil)
    }
  }

  @Test func `AREDN asks for parts of a dump`() {
    #expect(
      request("dump-routable-neighbors\r", .aredn)
        == .dump(DumpScope(neighbours: true, onlyRoutable: true)))
    #expect(
      request("  dump-installed-routes # now", .aredn)
        == .dump(DumpScope(routes: true, onlyInstalled: true)))
    #expect(request("dump-xroutes", .aredn) == .dump(DumpScope(originated: true)))
    #expect(request("dump-xroutes now", .aredn) == nil)
    #expect(request("fee 5", .aredn) == nil)
    #expect(request("dump", .aredn) == nil)
  }

  @Test func `Althea sets fee and factor`() {
    #expect(request("fee 5", .althea) == .fee(5))
    #expect(request("metric-factor 2000 ", .althea) == .metricFactor(2000))
    #expect(request("fee -1", .althea) == nil)
    #expect(request("fee", .althea) == nil)
    #expect(request("dump-xroutes", .althea) == nil)
    #expect(DialectRequest.fee(1).isReadOnly == false)
  }

  @Test func `Althea's dump begins with fee and factor`() {
    let form = LineForm(dialect: .althea, pricing: Pricing(fee: 7))
    #expect(form.preamble == "local fee 7\nmetric factor 1900\n")
    #expect(form.protocolName == "ALTHEA 0.1")
    #expect(LineForm().preamble.isEmpty)
  }
}

@Suite struct `Time of a log line` {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
    (1_709_251_199, "2024-02-29T23:59:59.000Z"), (1_795_264_500, "2026-11-21T12:35:00.000Z"),
    (4_107_542_399, "2100-02-28T23:59:59.000Z"),
  ])
  func `is that of the calendar`(seconds: Int, text: String) {
    #expect(WallClock.stamp(seconds: Int64(seconds), milliseconds: 0) == text)
  }
}
