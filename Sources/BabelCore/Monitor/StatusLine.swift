import BabelWire

/// Lines of the control socket in babeld's dialect, which its clients parse: one line for each
/// event of a table row, with a final newline. The dialects of babeld's descendants differ in a
/// few fields of neighbours and routes.
///
/// Lines are appended as octets, because a dump may have 100,000 of them.
public enum StatusLine {
  /// `add interface v0 up true ipv6 fe80::1 ipv4 10.0.0.1`.
  public static func append(
    _ event: TableEvent, _ status: InterfaceStatus, to text: inout [UInt8]
  ) {
    append(event, to: &text)
    append("interface \(status.name) up ", to: &text)
    append(status.isUp ? "true" : "false", to: &text)
    if status.isUp {
      if let linkLocal = status.linkLocal { append(" ipv6 \(linkLocal)", to: &text) }
      if let ipv4 = status.ipv4 { append(" ipv4 \(ipv4)", to: &text) }
    }
    text.append(newline)
  }

  /// `add neighbour 1a address fe80::1 if v0 reach ff00 ureach 0000 rxcost 96 txcost 96 cost 96`,
  /// with `rtt MS rttcost N` before the cost when there is a recent sample. Althea's fork is
  /// older than `ureach`; our own dialect has `jitter MS jittercost N` behind `rttcost`.
  public static func append(
    _ event: TableEvent, _ status: NeighbourStatus, in dialect: SocketDialect = .babel,
    to text: inout [UInt8]
  ) {
    append(event, to: &text)
    append("neighbour ", to: &text)
    append(String(status.id, radix: 16), to: &text)
    append(" address \(status.address) if \(status.interface) reach ", to: &text)
    append(fourHexDigits(status.multicastHistory), to: &text)
    if dialect != .althea {
      append(" ureach ", to: &text)
      append(fourHexDigits(status.unicastHistory), to: &text)
    }
    append(" rxcost \(status.rxcost) txcost \(status.txcost)", to: &text)
    if let roundTripTime = status.roundTripTime {
      append(" rtt \(milliseconds(roundTripTime)) rttcost \(status.rttCost)", to: &text)
    }
    if dialect == .swabeld, let jitter = status.jitter {
      append(" jitter \(milliseconds(jitter)) jittercost \(status.jitterCost)", to: &text)
    }
    append(" cost \(status.cost)\n", to: &text)
  }

  /// `add xroute 10.0.0.0/8-0.0.0.0/0 prefix 10.0.0.0/8 from 0.0.0.0/0 metric 0`.
  public static func append(
    _ event: TableEvent, _ status: OriginatedStatus, to text: inout [UInt8]
  ) {
    append(event, to: &text)
    append("xroute ", to: &text)
    status.destination.appendText(to: &text)
    text.append(UInt8(ascii: "-"))
    appendSource(status.source, for: status.destination, to: &text)
    append(" prefix ", to: &text)
    status.destination.appendText(to: &text)
    append(" from ", to: &text)
    appendSource(status.source, for: status.destination, to: &text)
    append(" metric \(status.metric)\n", to: &text)
  }

  /// `add route 1a prefix 10.0.0.0/8 from 0.0.0.0/0 installed yes id 02:… metric 96 refmetric 0
  /// via fe80::1 if v0`.
  ///
  /// AREDN has `nexthop A table N` before `if`. Althea has `price P fee F` before and
  /// `full-path-rtt MS` after `refmetric`, 0 where they are not known; `fee` is ours, which the
  /// price does not include.
  public static func append(
    _ event: TableEvent, _ status: RouteStatus, in dialect: SocketDialect = .babel,
    fee: UInt32 = 0, to text: inout [UInt8]
  ) {
    append(event, to: &text)
    append("route ", to: &text)
    append(String(status.id, radix: 16), to: &text)
    append(" prefix ", to: &text)
    status.destination.appendText(to: &text)
    append(" from ", to: &text)
    appendSource(status.source, for: status.destination, to: &text)
    append(status.isInstalled ? " installed yes id " : " installed no id ", to: &text)
    status.routerID.appendText(to: &text)
    append(" metric ", to: &text)
    append(status.metric.description, to: &text)
    if dialect == .althea { append(" price \(status.price ?? 0) fee \(fee)", to: &text) }
    append(" refmetric ", to: &text)
    append(status.advertisedMetric.description, to: &text)
    if dialect == .althea {
      append(" full-path-rtt \(milliseconds(status.pathRoundTripTime ?? 0))", to: &text)
    }
    append(" via ", to: &text)
    status.neighbour.appendText(to: &text)
    if dialect == .aredn {
      append(" nexthop \(status.nextHop) table \(status.table)", to: &text)
    }
    append(" if ", to: &text)
    text.append(contentsOf: status.interface.octets)
    text.append(newline)
  }

  // MARK: Pieces

  static let newline = UInt8(ascii: "\n")

  static func append(_ piece: String, to text: inout [UInt8]) {
    text.append(contentsOf: piece.utf8)
  }

  private static func append(_ event: TableEvent, to text: inout [UInt8]) {
    switch event {
    case .add: append("add ", to: &text)
    case .change: append("change ", to: &text)
    case .flush: append("flush ", to: &text)
    }
  }

  /// A source prefix of zero length is written in the family of the destination.
  static func sourceText(_ source: Prefix, for destination: Prefix) -> String {
    (source.isDefault ? Prefix.any(destination.family) : source).description
  }

  private static func appendSource(
    _ source: Prefix, for destination: Prefix, to text: inout [UInt8]
  ) {
    (source.isDefault ? Prefix.any(destination.family) : source).appendText(to: &text)
  }

  static func fourHexDigits(_ value: UInt16) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 4 - digits.utf8.count) + digits
  }

  /// Microseconds as milliseconds with three decimals.
  static func milliseconds(_ microseconds: UInt32) -> String {
    let fraction = String(microseconds % 1000)
    return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - fraction.utf8.count)
      + fraction
  }
}
