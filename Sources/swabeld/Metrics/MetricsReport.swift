import BabelCore
import BabelKernel
import BabelWire

/// What is told of the node in the exposition format. Nothing is told of single routes, so that the
/// text is as long as there are interfaces, neighbours and rules.
struct MetricsReport {
  private(set) var text = MetricText()

  /// Tells which program this is and when it began.
  mutating func tellProcess(
    version: String, router: String, seqno: UInt16, generation: Int, start: Int64?
  ) {
    text.begin("swabeld_build_info", .gauge, "Always 1. The program that runs, by its version.")
    text.add(MetricLabels(("version", version)), 1)
    text.begin("swabeld_router_info", .gauge, "Always 1. The router-id of this node.")
    text.add(MetricLabels(("router_id", router)), 1)
    if let start {
      text.begin(
        "swabeld_start_time_seconds", .gauge,
        "When the daemon began, since 1970. A restart that keeps the routes is a new beginning.")
      text.add(text: String(start))
    }
    text.begin("swabeld_router_seqno", .gauge, "Our own sequence number, modulo 65536.")
    text.add(Int(seqno))
    text.begin(
      "swabeld_configuration_generation", .gauge,
      "Configurations that were in effect since the start, the present one included.")
    text.add(generation)
  }

  /// Tells of interfaces.
  mutating func tell(_ interfaces: [InterfaceStatus]) {
    text.begin("swabeld_interface_up", .gauge, "Whether Babel runs on the interface now.")
    for status in interfaces {
      text.add(MetricLabels(("interface", status.name.description)), status.isUp ? 1 : 0)
    }
  }

  /// Tells of neighbours.
  mutating func tell(_ neighbours: [NeighbourRoutes]) {
    let rows = neighbours.map { row in
      (
        status: row.neighbour, routeCount: row.routeCount,
        labels: MetricLabels(
          ("interface", row.neighbour.interface.description),
          ("address", row.neighbour.address.description))
      )
    }
    text.begin(
      "swabeld_neighbour_reachability_ratio", .gauge,
      "Of the last 16 expected Hellos, how many were received.")
    for row in rows {
      let received = max(
        row.status.multicastHistory.nonzeroBitCount, row.status.unicastHistory.nonzeroBitCount)
      text.add(row.labels, text: MetricText.decimal(Int64(received) * 625, places: 4))
    }
    text.begin(
      "swabeld_neighbour_rxcost", .gauge,
      "Cost of receiving from the neighbour, as we tell it; 65535 is infinity.")
    for row in rows { text.add(row.labels, Int(row.status.rxcost.rawValue)) }
    text.begin(
      "swabeld_neighbour_txcost", .gauge,
      "Cost of sending to the neighbour, as it told us; 65535 is infinity.")
    for row in rows { text.add(row.labels, Int(row.status.txcost.rawValue)) }
    text.begin(
      "swabeld_neighbour_cost", .gauge, "Cost of the link to the neighbour; 65535 is infinity.")
    for row in rows { text.add(row.labels, Int(row.status.cost.rawValue)) }
    text.begin(
      "swabeld_neighbour_routes", .gauge,
      "Routes learned from the neighbour, those that are not used included.")
    for row in rows { text.add(row.labels, row.routeCount) }
    tellTimes(rows.map { ($0.status, $0.labels) })
  }

  private mutating func tellTimes(_ rows: [(status: NeighbourStatus, labels: MetricLabels)]) {
    if rows.contains(where: { $0.status.roundTripTime != nil }) {
      text.begin(
        "swabeld_neighbour_rtt_seconds", .gauge, "Smoothed round-trip time to the neighbour.")
      for row in rows {
        if let time = row.status.roundTripTime {
          text.add(row.labels, microseconds: Int64(time))
        }
      }
    }
    if rows.contains(where: { $0.status.jitter != nil }) {
      text.begin(
        "swabeld_neighbour_jitter_seconds", .gauge,
        "Mean deviation of the round-trip time to the neighbour.")
      for row in rows {
        if let jitter = row.status.jitter { text.add(row.labels, microseconds: Int64(jitter)) }
      }
    }
    tellLosses(rows.filter { $0.status.loss != nil })
  }

  private mutating func tellLosses(_ rows: [(status: NeighbourStatus, labels: MetricLabels)]) {
    guard !rows.isEmpty else { return }
    text.begin(
      "swabeld_neighbour_loss_ratio", .gauge,
      "Average of how many of the neighbour's Hellos get lost.")
    for row in rows {
      let loss = Int64(row.status.loss ?? 0)
      text.add(row.labels, text: MetricText.decimal(loss, places: 3))
    }
    text.begin(
      "swabeld_neighbour_loss_grade", .gauge,
      "What losses are taken for: 0 clean, 1 poor, 2 bad.")
    for row in rows { text.add(row.labels, Int(row.status.lossGrade?.rawValue ?? 0)) }
    text.begin(
      "swabeld_neighbour_loss_cost", .gauge, "What losses add to the cost of the link.")
    for row in rows { text.add(row.labels, Int(row.status.lossCost.rawValue)) }
  }

  /// Tells of routes.
  mutating func tell(_ census: RouteCensus) {
    text.begin(
      "swabeld_routes", .gauge, "Routes in the table, by why they are or are not selected.")
    for reason in RouteReason.allCases {
      text.add(MetricLabels(("reason", reason.description)), census[reason])
    }
    text.begin("swabeld_routes_installed", .gauge, "Destinations that a route is selected for.")
    text.add(census.selected)
    text.begin(
      "swabeld_kernel_destinations", .gauge,
      "Destinations that the kernel was asked to forward to, or to hold as unreachable.")
    text.add(MetricLabels(("state", "forwarded")), census.forwarded)
    text.add(MetricLabels(("state", "unreachable")), census.unreachable)
    text.begin("swabeld_originated_prefixes", .gauge, "Prefixes that are announced as our own.")
    text.add(census.originated)
  }

  /// Tells of what arrived and of what was refused.
  mutating func tell(_ counters: NodeCounters, sent: UInt64, unsent: UInt64, flooding: UInt64) {
    text.begin("swabeld_packets_received_total", .counter, "Babel packets that arrived.")
    text.add(count: counters.packets)
    text.begin("swabeld_packets_dropped_total", .counter, "Packets that were dropped whole.")
    for reason in DropReason.allCases {
      text.add(MetricLabels(("reason", reason.description)), count: counters[reason])
    }
    text.begin("swabeld_tlvs_ignored_total", .counter, "TLVs that were ignored.")
    for fault in TLVFault.allCases {
      text.add(MetricLabels(("reason", fault.description)), count: counters[fault])
    }
    text.begin(
      "swabeld_updates_refused_total", .counter,
      "Updates that were well-formed and not taken into the table.")
    for refusal in UpdateRefusal.allCases {
      text.add(MetricLabels(("reason", refusal.description)), count: counters[refusal])
    }
    text.begin("swabeld_packets_sent_total", .counter, "Packets that were sent.")
    text.add(count: sent)
    text.begin("swabeld_packets_unsent_total", .counter, "Packets that could not be sent.")
    text.add(count: unsent)
    text.begin(
      "swabeld_packets_flooding_total", .counter, "Datagrams that were not looked at in a flood.")
    text.add(count: flooding)
  }

  /// Tells how full the tables are.
  mutating func tellTables(of node: borrowing BabelNode) {
    text.begin(
      "swabeld_table_rows", .gauge,
      "Rows of a table; where each interface or neighbour has one, of the fullest.")
    for table in Limit.allCases {
      text.add(MetricLabels(("table", table.description)), node.occupancy(of: table))
    }
    text.add(MetricLabels(("table", "denied routes")), node.deniedRoutes.count)
    text.begin("swabeld_table_rows_limit", .gauge, "The most rows that a table may have.")
    for table in Limit.allCases {
      text.add(MetricLabels(("table", table.description)), node.limit(of: table))
    }
    text.add(MetricLabels(("table", "denied routes")), node.deniedRoutes.limit)
    text.begin(
      "swabeld_table_refusals_total", .counter, "Newcomers that found no room in a table.")
    for table in Limit.allCases {
      text.add(MetricLabels(("table", table.description)), count: node.counters[table])
    }
  }

  /// Tells how packets fare on interfaces with keys.
  mutating func tell(_ authentications: [AuthenticationStatus]) {
    guard !authentications.isEmpty else { return }
    let rows = authentications.map { (status: $0, name: $0.interface.description) }
    text.begin(
      "swabeld_authentication_packets_total", .counter,
      "Packets on an interface with keys, by how they were judged.")
    for row in rows {
      for (verdict, count) in row.status.counters.verdicts {
        text.add(MetricLabels(("interface", row.name), ("verdict", verdict)), count: count)
      }
    }
    text.begin(
      "swabeld_authentication_unverified_packets_total", .counter,
      "Packets that failed and were processed all the same (accept-bad-signatures).")
    for row in rows {
      text.add(MetricLabels(("interface", row.name)), count: row.status.counters.unverified)
    }
    text.begin(
      "swabeld_authentication_challenges_total", .counter,
      "Challenges and answers that were sent, or kept back because there were too many.")
    for row in rows {
      for (message, count) in row.status.counters.exchanges {
        text.add(MetricLabels(("interface", row.name), ("message", message)), count: count)
      }
    }
    text.begin("swabeld_authentication_keys", .gauge, "Keys that count now, by what they do.")
    for row in rows {
      text.add(MetricLabels(("interface", row.name), ("use", "sign")), row.status.signingKeys)
      text.add(MetricLabels(("interface", row.name), ("use", "verify")), row.status.verifyingKeys)
    }
    text.begin(
      "swabeld_authentication_strict", .gauge, "Whether packets that fail are dropped.")
    for row in rows {
      text.add(MetricLabels(("interface", row.name)), row.status.isStrict ? 1 : 0)
    }
  }

  /// Tells of the peers of WireGuard interfaces.
  mutating func tell(_ peers: [(labels: MetricLabels, peer: WireGuardPeer)]) {
    guard !peers.isEmpty else { return }
    text.begin(
      "swabeld_wireguard_peer_handshake_timestamp_seconds", .gauge,
      "When the last handshake with a peer of WireGuard was, since 1970.")
    for row in peers where row.peer.handshake > 0 {
      text.add(row.labels, text: String(row.peer.handshake))
    }
    text.begin(
      "swabeld_wireguard_peer_received_bytes_total", .counter, "Octets that came from a peer.")
    for row in peers { text.add(row.labels, count: row.peer.received) }
    text.begin("swabeld_wireguard_peer_sent_bytes_total", .counter, "Octets that went to a peer.")
    for row in peers { text.add(row.labels, count: row.peer.sent) }
    text.begin(
      "swabeld_wireguard_peer_allowed_ips", .gauge, "Prefixes that a peer may send from.")
    for row in peers { text.add(row.labels, row.peer.allowedIPs.count) }
  }

  /// Tells how often each rule has decided something.
  mutating func tellRules(of node: borrowing BabelNode) {
    text.begin(
      "swabeld_filter_rule_matches_total", .counter,
      "How often a rule has decided something; its number is that of show rules.")
    for chain in [FilterChainName.input, .output, .redistribute, .install] {
      for (index, count) in node.ruleMatches(of: chain).enumerated() {
        text.add(
          MetricLabels(("chain", chain.word), ("number", String(index + 1))), count: count)
      }
    }
  }

  /// Tells how many problems operators were told of that are not over.
  mutating func tell(_ problems: ProblemWatch) {
    text.begin(
      "swabeld_problems", .gauge, "Problems that have lasted and are not over, by kind.")
    for kind in ProblemKind.allCases {
      text.add(MetricLabels(("kind", kind.word)), problems.count(of: kind))
    }
  }

  /// Tells of gateways.
  mutating func tell(_ gateways: [GatewayReport]) {
    guard !gateways.isEmpty else { return }
    let rows = gateways.map { report in
      (
        report: report,
        labels: MetricLabels(
          ("gateway", report.gateway.title), ("interface", report.gateway.interface.description))
      )
    }
    text.begin(
      "swabeld_gateway_up", .gauge, "Whether the uplink of the gateway works, as far as is known.")
    for row in rows {
      let isUp = row.report.state == .up || row.report.state == .failing
      text.add(row.labels, isUp ? 1 : 0)
    }
    text.begin("swabeld_gateway_rounds_total", .counter, "Rounds of probes, by their outcome.")
    for row in rows {
      let name = row.report.gateway.title
      for (outcome, count) in [
        ("good", row.report.account.goodRounds), ("bad", row.report.account.badRounds),
      ] {
        text.add(MetricLabels(("gateway", name), ("outcome", outcome)), count: count)
      }
    }
    text.begin(
      "swabeld_gateway_changes_total", .counter, "How often the uplink died or came back.")
    for row in rows { text.add(row.labels, count: row.report.account.changes) }
    text.begin("swabeld_gateway_flaps", .gauge, "Failures of the uplink that are not forgiven yet.")
    for row in rows { text.add(row.labels, row.report.flaps) }
    text.begin(
      "swabeld_gateway_probe_seconds", .gauge,
      "How long the last good round took until its first answer.")
    for row in rows {
      if let time = row.report.account.time { text.add(row.labels, microseconds: time) }
    }
  }

  /// Tells of what the kernel was asked for, and of who is connected.
  mutating func tell(_ tally: KernelTally, clients: Int, monitors: Int, clientLimit: Int) {
    text.begin(
      "swabeld_kernel_route_requests_total", .counter,
      "Changes of routes that the kernel was asked for.")
    for (word, count) in tally.requests {
      text.add(MetricLabels(("operation", word)), count: count)
    }
    text.begin(
      "swabeld_kernel_route_refusals_total", .counter,
      "Changes of routes that the kernel refused; some are expected and tried in another way.")
    for (word, count) in tally.refusals {
      text.add(MetricLabels(("operation", word)), count: count)
    }
    text.begin("swabeld_socket_clients", .gauge, "Clients of the local socket.")
    text.add(clients)
    text.begin("swabeld_socket_monitors", .gauge, "Clients of the local socket that monitor.")
    text.add(monitors)
    text.begin("swabeld_socket_clients_limit", .gauge, "The most clients of the local socket.")
    text.add(clientLimit)
  }

  /// Tells what the process takes, where the kernel says so.
  mutating func tell(residentOctets: UInt64?, processorMicroseconds: Int64) {
    if let residentOctets {
      text.begin("swabeld_resident_memory_bytes", .gauge, "Resident memory of the process.")
      text.add(text: String(residentOctets))
    }
    text.begin(
      "swabeld_cpu_seconds_total", .counter, "Time of a processor that the process has taken.")
    text.add(microseconds: processorMicroseconds)
  }
}

extension AuthenticationCounters {
  /// Packets by verdict; each packet is in one of them.
  fileprivate var verdicts: [(String, UInt64)] {
    [
      ("accepted", accepted), ("unsigned", unsigned), ("wrong MAC", wrongMAC),
      ("no packet counter", noCounter), ("unknown index", unknownIndex),
      ("other index", otherIndex), ("replayed", replayed),
    ]
  }

  /// Messages of the exchange of challenges.
  fileprivate var exchanges: [(String, UInt64)] {
    [("challenge", challenges), ("reply", replies), ("suppressed", suppressed)]
  }
}
