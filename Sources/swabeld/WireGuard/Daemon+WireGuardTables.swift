import BabelCore
import BabelKernel
import BabelWire

// The peers of WireGuard interfaces, for operators and meters.
extension Daemon {
  /// Octets of a key that are enough to tell peers apart by sight.
  private static let shortKey = 12

  /// All peers that are known of, by interface.
  private var wireGuardRows: [(interface: InterfaceName, peer: WireGuardPeer)] {
    interfaces.all.flatMap { row in
      (wireGuardDevice(row.name)?.peers ?? []).map { (row.name, $0) }
    }
  }

  /// Writes the table of peers.
  func appendWireGuard(_ query: ShowQuery, to text: inout [UInt8]) {
    for row in interfaces.all { refreshWireGuard(row.name) }
    let rows = wireGuardRows.filter { row in query.interface.map { $0 == row.interface } ?? true }
    let longest = rows.reduce(0) { max($0, $1.interface.description.utf8.count) }
    let columns = TableColumn.fitted(
      [
        TableColumn("IF", "interface", 7),
        TableColumn("PEER", "public_key", query.form == .wide ? 44 : Self.shortKey),
        TableColumn("ENDPOINT", "endpoint", 23),
        TableColumn("HANDSHAKE", "handshake_age", 9, isRight: true),
        TableColumn("RECEIVED", "received", 10, isRight: true),
        TableColumn("SENT", "sent", 10, isRight: true),
        TableColumn("ADDRESS", "address", 25, isWide: true),
        TableColumn("ALLOWED", "allowed_ips", 7, isRight: true, isWide: true),
        TableColumn("GIVEN", "given", 5, isRight: true, isWide: true),
      ], [("interface", longest)], atTheCostOf: "endpoint")
    let writer = TableWriter(columns, query.form)
    writer.appendTitles(to: &text)
    for (name, peer) in rows {
      let key = peer.keyText
      let address = peers.peers(on: name).first { $0.key == peer.publicKey }?.address
      writer.append(
        [
          .text(name.description),
          .text(query.form == .aligned ? Self.short(key) : key),
          peer.endpoint.map { .text(Self.text(of: $0.address, port: $0.port)) } ?? .none,
          handshakeAge(of: peer).map { .seconds(UInt32(clamping: $0)) } ?? .none,
          .count(peer.received), .count(peer.sent),
          address.map { .text($0.description) } ?? .none, .number(peer.allowedIPs.count),
          peers.contains(name) ? .number(peers.ownCount(on: name, of: peer.publicKey)) : .none,
        ], to: &text)
    }
  }

  private static func short(_ key: String) -> String {
    String(decoding: key.utf8.prefix(shortKey), as: UTF8.self)
  }

  private static func text(of address: IPAddress, port: UInt16) -> String {
    address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
  }

  /// Tells meters of the peers.
  func tellWireGuard(_ report: inout MetricsReport) {
    report.tell(
      wireGuardRows.map { row in
        (
          MetricLabels(
            ("interface", row.interface.description), ("public_key", row.peer.keyText)), row.peer
        )
      })
  }
}
