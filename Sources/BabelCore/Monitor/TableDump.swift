import BabelWire

/// Lines of the table dump that babeld writes on SIGUSR1: an empty line, the node, neighbours,
/// redistributed prefixes, routes. Humans and old scripts read it.
public enum TableDump {
  /// The empty line and `My id 02:… seqno 7`.
  public static func appendHeader(routerID: RouterID, seqno: Seqno, to text: inout [UInt8]) {
    StatusLine.append("\nMy id \(routerID) seqno \(seqno)\n", to: &text)
  }

  /// `Neighbour fe80::1 dev v0 reach ff00 ureach 0000 rxcost 96 txcost 96 rtt 0.000 rttcost 0.`
  public static func append(_ status: NeighbourStatus, to text: inout [UInt8]) {
    let reach = StatusLine.fourHexDigits(status.multicastHistory)
    let ureach = StatusLine.fourHexDigits(status.unicastHistory)
    let rtt = StatusLine.milliseconds(status.roundTripTime ?? 0)
    StatusLine.append("Neighbour \(status.address) dev \(status.interface)", to: &text)
    StatusLine.append(" reach \(reach) ureach \(ureach)", to: &text)
    StatusLine.append(" rxcost \(status.rxcost) txcost \(status.txcost)", to: &text)
    StatusLine.append(" rtt \(rtt) rttcost \(status.rttCost)", to: &text)
    StatusLine.append(status.interfaceIsUp ? ".\n" : " (down).\n", to: &text)
  }

  /// `10.0.0.0/8 from 0.0.0.0/0 metric 128 (exported)`.
  public static func append(_ status: OriginatedStatus, to text: inout [UInt8]) {
    let source = StatusLine.sourceText(status.source, for: status.destination)
    StatusLine.append("\(status.destination) from \(source)", to: &text)
    StatusLine.append(" metric \(status.metric) (exported)\n", to: &text)
  }

  /// One route with its smoothed metric in parentheses; `nexthop` only when it differs from the
  /// neighbour. Not in babeld: `(cannot be installed)` where a filter denies it or the kernel
  /// refused it.
  public static func append(_ status: RouteStatus, to text: inout [UInt8]) {
    let source = StatusLine.sourceText(status.source, for: status.destination)
    StatusLine.append("\(status.destination) from \(source)", to: &text)
    StatusLine.append(" metric \(status.metric) (\(status.smoothedMetric))", to: &text)
    StatusLine.append(" refmetric \(status.advertisedMetric) id \(status.routerID)", to: &text)
    StatusLine.append(" seqno \(status.seqno) age \(status.age)", to: &text)
    StatusLine.append(" via \(status.interface) neigh \(status.neighbour)", to: &text)
    if status.nextHop != status.neighbour {
      StatusLine.append(" nexthop \(status.nextHop)", to: &text)
    }
    if status.reason == .notInstallable, !status.isInstalled {
      StatusLine.append(" (cannot be installed)\n", to: &text)
      return
    }
    StatusLine.append(
      status.isInstalled ? " (installed)\n" : status.isFeasible ? " (feasible)\n" : "\n",
      to: &text)
  }

  /// Not in babeld: how packets fared on an interface with keys.
  public static func append(_ status: AuthenticationStatus, to text: inout [UInt8]) {
    let counters = status.counters
    StatusLine.append("Authentication on \(status.interface)", to: &text)
    StatusLine.append(status.isStrict ? " strict" : " permissive", to: &text)
    StatusLine.append(
      " signing-keys \(status.signingKeys) verifying-keys \(status.verifyingKeys)", to: &text)
    StatusLine.append(" senders \(status.peers) accepted \(counters.accepted)", to: &text)
    StatusLine.append(" unsigned \(counters.unsigned) wrong-mac \(counters.wrongMAC)", to: &text)
    StatusLine.append(" no-counter \(counters.noCounter)", to: &text)
    StatusLine.append(" unknown-index \(counters.unknownIndex)", to: &text)
    StatusLine.append(" other-index \(counters.otherIndex)", to: &text)
    StatusLine.append(
      " replayed \(counters.replayed) unverified \(counters.unverified)", to: &text)
    StatusLine.append(" challenges \(counters.challenges) replies \(counters.replies)", to: &text)
    StatusLine.append(" suppressed \(counters.suppressed).\n", to: &text)
  }
}
