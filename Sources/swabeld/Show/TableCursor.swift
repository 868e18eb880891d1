import BabelCore
import BabelWire

/// What is still to be written of a table that may have many rows: the tables go on changing while
/// it is written, piece by piece.
struct TableCursor {
  /// Where the rows come from.
  private enum Rows {
    case routes([DestinationHandle])
    case sources(position: UInt32?)
    case exported([DestinationHandle])
  }

  private let query: ShowQuery
  private let writer: TableWriter
  private var rows: Rows
  private var next = 0

  /// Rows are written in groups of this many destinations.
  private static let group = 64

  /// Begins a table of routes, sources or exported prefixes; nil for another one, which has few
  /// rows.
  init?(
    _ query: ShowQuery, of node: borrowing BabelNode, at now: Instant,
    into output: inout OutputQueue
  ) {
    self.query = query
    switch query.table {
    case .routes:
      rows = .routes(node.destinationOrder())
      writer = TableWriter(RouteRows.columns(for: node, at: now), query.form)
    case .sources:
      rows = .sources(position: 0)
      writer = TableWriter(SourceRows.columns, query.form)
    case .exported:
      rows = .exported(node.exportedOrder())
      writer = TableWriter(ExportRows.columns, query.form)
    case .interfaces, .neighbours, .requests, .limits, .load, .gateways, .wireguard: return nil
    }
    let writer = writer
    output.append { writer.appendTitles(to: &$0) }
  }

  /// Writes until `output` holds enough for now. Returns true when all is written.
  mutating func feed(
    _ output: inout OutputQueue, from node: borrowing BabelNode, at now: Instant
  ) -> Bool {
    while output.count < OutputQueue.comfortable {
      switch rows {
      case .routes(let handles):
        guard next < handles.count else { return true }
        let end = min(next + Self.group, handles.count)
        for index in next..<end { writeRoutes(of: handles[index], node, now, &output) }
        next = end
      case .exported(let handles):
        guard next < handles.count else { return true }
        let end = min(next + Self.group, handles.count)
        for index in next..<end { writeExport(of: handles[index], node, now, &output) }
        next = end
      case .sources(let position):
        guard let position else { return true }
        let (query, writer) = (query, writer)
        let following = node.forEachSource(from: position, limit: Self.group, at: now) { record in
          guard query.prefix?.contains(record.destination) ?? true else { return }
          output.append { writer.append(SourceRows.cells(record), to: &$0) }
        }
        rows = .sources(position: following)
      }
    }
    return false
  }

  private func writeRoutes(
    of handle: DestinationHandle, _ node: borrowing BabelNode, _ now: Instant,
    _ output: inout OutputQueue
  ) {
    if let prefix = query.prefix {
      guard let one = node.prefixes(of: handle), prefix.contains(one.destination) else { return }
    }
    for status in node.routes(ofDestination: handle, includingDenied: true, at: now) {
      if let neighbour = query.neighbour, status.neighbour != neighbour { continue }
      if let interface = query.interface, status.interface != interface { continue }
      let cells =
        query.form == .aligned ? RouteRows.narrowCells(status) : RouteRows.cells(status)
      output.append { writer.append(cells, to: &$0) }
    }
  }

  private func writeExport(
    of handle: DestinationHandle, _ node: borrowing BabelNode, _ now: Instant,
    _ output: inout OutputQueue
  ) {
    guard let one = node.prefixes(of: handle), query.prefix?.contains(one.destination) ?? true,
      let account = node.exportAccount(of: handle)
    else { return }
    output.append { writer.append(ExportRows.cells(account), to: &$0) }
  }
}

/// Rows of `show routes`.
enum RouteRows {
  /// The columns with room for the names and addresses there are.
  static func columns(for node: borrowing BabelNode, at now: Instant) -> [TableColumn] {
    let neighbours = node.neighbours(at: now)
    return TableColumn.fitted(
      columns,
      [
        ("interface", neighbours.reduce(0) { max($0, $1.interface.description.utf8.count) }),
        ("next_hop", neighbours.reduce(0) { max($0, $1.address.description.utf8.count) }),
      ], atTheCostOf: "prefix")
  }

  static let columns = [
    TableColumn("", "selected", 1), TableColumn("PREFIX", "prefix", 22),
    TableColumn("METRIC", "metric", 6, isRight: true), TableColumn("IF", "interface", 7),
    TableColumn("NEXT HOP", "next_hop", 21), TableColumn("AGE", "age", 6, isRight: true),
    TableColumn("WHY NOT", "reason", 11),
    TableColumn("REFMET", "refmetric", 6, isRight: true, isWide: true),
    TableColumn("SMOOTH", "smoothed", 6, isRight: true, isWide: true),
    TableColumn("SEQNO", "seqno", 5, isRight: true, isWide: true),
    TableColumn("ROUTER-ID", "router_id", 23, isWide: true),
    TableColumn("LEFT", "expires", 6, isRight: true, isWide: true),
    TableColumn("FEASIBLE", "feasible", 8, isWide: true),
    TableColumn("NEIGHBOUR", "neighbour", 25, isWide: true),
    TableColumn("TABLE", "table", 5, isRight: true, isWide: true),
    TableColumn("FROM", "source", 4, isWide: true),
  ]

  /// All cells of a row.
  static func cells(_ route: RouteStatus) -> [TableCell] {
    [
      .flag(route.isInstalled, mark: "*"), .text(route.destination.description),
      .metric(route.metric), .text(route.interface.description),
      .text(route.nextHop.description), .seconds(route.age), reason(route),
      .metric(route.advertisedMetric), .metric(route.smoothedMetric),
      .number(Int(route.seqno.rawValue)), .text(route.routerID.description),
      .seconds(route.secondsLeft), .flag(route.isFeasible, mark: "yes"),
      .text(route.neighbour.description), .count(UInt64(route.table)),
      route.source.isDefault ? .none : .text(route.source.description),
    ]
  }

  /// The first of them, without those of the wide columns.
  static func narrowCells(_ route: RouteStatus) -> [TableCell] {
    [
      .flag(route.isInstalled, mark: "*"), .text(route.destination.description),
      .metric(route.metric), .text(route.interface.description),
      .text(route.nextHop.description), .seconds(route.age), reason(route),
    ]
  }

  /// One or two words; `explain PREFIX` says it in full.
  private static func reason(_ route: RouteStatus) -> TableCell {
    switch route.reason {
    case .selected: .text("")
    case .retracted: .text("retracted")
    case .expired: .text("expired")
    case .linkUnusable: .text("link down")
    case .metricInfinite: .text("too far")
    case .unfeasible: .text("unfeasible")
    case .worse: .text("worse")
    case .settling: .text("settling")
    case .withinMargin: .text("too close")
    case .redistributedHere: .text("own prefix")
    case .ownAddress: .text("own address")
    case .deniedByFilter: .text("in filter")
    case .notInstallable: .text("no install")
    case .awaitingSeqno: .text("not safe yet")
    case .awaitingFormer: .text("restart wait")
    }
  }
}

/// Rows of `show sources`.
private enum SourceRows {
  static let columns = [
    TableColumn("PREFIX", "prefix", 30), TableColumn("ROUTER-ID", "router_id", 23),
    TableColumn("SEQNO", "seqno", 5, isRight: true),
    TableColumn("METRIC", "metric", 6, isRight: true),
    TableColumn("LEFT", "expires", 6, isRight: true), TableColumn("FROM", "source", 4),
  ]

  static func cells(_ record: SourceRecord) -> [TableCell] {
    [
      .text(record.destination.description), .text(record.routerID.description),
      .number(Int(record.seqno.rawValue)), .metric(record.metric), .seconds(record.secondsLeft),
      record.source.isDefault ? .none : .text(record.source.description),
    ]
  }
}

/// Rows of `show exported`.
private enum ExportRows {
  static let columns = [
    TableColumn("PREFIX", "prefix", 28), TableColumn("METRIC", "metric", 6, isRight: true),
    TableColumn("ROUTER-ID", "router_id", 23), TableColumn("ORIGIN", "origin", 7),
    TableColumn("TOLD", "told", 4, isRight: true),
    TableColumn("OF", "interfaces", 3, isRight: true),
    TableColumn("FROM", "source", 4, isWide: true),
  ]

  static func cells(_ account: ExportAccount) -> [TableCell] {
    [
      .text(account.destination.description), .metric(account.metric),
      .text(account.routerID.description), .text(account.isOwn ? "here" : "learned"),
      .number(account.told), .number(account.interfaces),
      account.source.isDefault ? .none : .text(account.source.description),
    ]
  }
}
