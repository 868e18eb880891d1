import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// The version without the name of the program.
  private static var versionNumber: String {
    String(decoding: Usage.version.utf8.drop { $0 != UInt8(ascii: "-") }.dropFirst(), as: UTF8.self)
  }

  /// The answer to `metrics`; nil if a request is another one.
  func metricsAnswer(to line: [UInt8], at now: Instant) -> String? {
    let words = RequestLines.words(line)
    guard words.count == 1, words[0].elementsEqual("metrics".utf8) else { return nil }
    return String(decoding: metricsText(at: now), as: UTF8.self) + "ok\n"
  }

  /// All that is counted, in the exposition format of Prometheus.
  func metricsText(at now: Instant) -> [UInt8] {
    var report = MetricsReport()
    report.tellProcess(
      version: Self.versionNumber, router: node.routerID.description, seqno: node.seqno.rawValue,
      generation: reloading.generation, start: metrics.startSecond())
    report.tell(node.interfaces())
    report.tell(node.neighbourRoutes(at: now))
    report.tell(node.routeCensus())
    report.tell(
      node.counters, sent: packets.sentCount, unsent: packets.unsentCount,
      flooding: packets.floodingCount)
    report.tellTables(of: node)
    report.tell(node.authenticationStatus())
    tellWireGuard(&report)
    report.tellRules(of: node)
    report.tell(problems)
    report.tell(gateways.reports(at: now))
    report.tell(
      kernel.tally, clients: server?.clientCount ?? 0, monitors: server?.monitorCount ?? 0,
      clientLimit: ControlServer.connectionLimit)
    report.tell(
      residentOctets: ProcessUsage.residentOctets,
      processorMicroseconds: ProcessUsage.processorMicroseconds)
    return report.text.octets
  }
}
