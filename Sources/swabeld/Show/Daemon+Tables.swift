import BabelCore
import BabelKernel
import BabelWire

// Tables with few rows, written at once.
extension Daemon {
  /// Answers a request for a table: with its lines, or with a cursor that writes them.
  func answer(to query: ShowQuery, at now: Instant) -> ControlAnswer {
    var text: [UInt8] = []
    switch query.table {
    case .routes, .sources, .exported: return .table(query)
    case .interfaces: appendInterfaces(query, at: now, to: &text)
    case .neighbours: appendNeighbours(query, at: now, to: &text)
    case .requests: appendRequests(query, at: now, to: &text)
    case .limits: appendLimits(query, to: &text)
    case .load: appendLoad(query, to: &text)
    case .gateways: appendGateways(query, at: now, to: &text)
    case .wireguard: appendWireGuard(query, to: &text)
    }
    return .lines(String(decoding: text, as: UTF8.self) + "ok\n")
  }

  private func appendInterfaces(
    _ query: ShowQuery, at now: Instant, to text: inout [UInt8]
  ) {
    let writer = TableWriter(
      [
        TableColumn("NAME", "name", 15), TableColumn("STATE", "up", 7),
        TableColumn("NEIGH", "neighbours", 5, isRight: true),
        TableColumn("HELLO", "hello_interval_ms", 6, isRight: true),
        TableColumn("RXCOST", "rxcost", 6, isRight: true),
        TableColumn("ADDRESS", "address", 25), TableColumn("WHY DOWN", "obstacle", 8),
        TableColumn("UPDATE", "update_interval_ms", 6, isRight: true, isWide: true),
        TableColumn("IPV4", "ipv4", 15, isWide: true), TableColumn("TYPE", "type", 8, isWide: true),
        TableColumn("MTU", "mtu", 5, isRight: true, isWide: true),
        TableColumn("SPLIT", "split_horizon", 5, isWide: true),
        TableColumn("KEYS", "keys", 4, isRight: true, isWide: true),
        TableColumn("DRAINED", "drained", 7, isWide: true),
      ], query.form)
    writer.appendTitles(to: &text)
    var counts: [InterfaceName: Int] = [:]
    for neighbour in node.neighbours(at: now) { counts[neighbour.interface, default: 0] += 1 }
    for row in interfaces.all where query.interface.map({ $0 == row.name }) ?? true {
      let parameters = row.parameters
      let isDrained = settings.live.isDrained(row.name)
      let state = row.isUp ? (isDrained ? "drained" : "up") : "down"
      writer.append(
        [
          .text(row.name.description),
          query.form == .json ? .flag(row.isUp, mark: "up") : .text(state),
          .number(counts[row.name] ?? 0), interval(parameters.helloInterval, query.form),
          .metric(parameters.rxcost), row.controlAddress.map { .text($0.description) } ?? .none,
          obstacle(to: row).map { .text($0.reason) } ?? (query.form == .json ? .none : .text("")),
          interval(parameters.updateInterval, query.form),
          row.reported.ipv4.map { .text($0.description) } ?? .none, .text(row.type.description),
          .count(UInt64(row.reported.mtu)), .flag(parameters.splitHorizon, mark: "yes"),
          .number(parameters.authentication.keys.count), .flag(isDrained, mark: "yes"),
        ], to: &text)
    }
  }

  private func interval(_ milliseconds: UInt32, _ form: TableForm) -> TableCell {
    if form == .json { return .number(Int(milliseconds)) }
    let rest = milliseconds % 1000
    return .text(rest == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds / 1000).\(rest / 100)s")
  }

  private func appendNeighbours(
    _ query: ShowQuery, at now: Instant, to text: inout [UInt8]
  ) {
    let accounts = node.neighbourAccounts(problems.routes(of: node), at: now)
    let longest = accounts.reduce(0) { max($0, $1.status.interface.description.utf8.count) }
    let columns = TableColumn.fitted(
      [
        TableColumn("ADDRESS", "address", 25), TableColumn("IF", "interface", 7),
        TableColumn("STATE", "state", 7), TableColumn("COST", "cost", 5, isRight: true),
        TableColumn("RX", "rxcost", 5, isRight: true),
        TableColumn("TX", "txcost", 5, isRight: true),
        TableColumn("REACH", "reach", 5, isRight: true),
        TableColumn("RTT", "rtt_us", 6, isRight: true),
        TableColumn("ROUTES", "routes", 6, isRight: true),
        TableColumn("USED", "selected", 6, isRight: true, isWide: true),
        TableColumn("JITTER", "jitter_us", 6, isRight: true, isWide: true),
        TableColumn("LOSS", "loss_permille", 4, isRight: true, isWide: true),
        TableColumn("GRADE", "loss_grade", 5, isWide: true),
        TableColumn("+COST", "loss_cost", 5, isRight: true, isWide: true),
        TableColumn("KNOWN", "known", 6, isRight: true, isWide: true),
        TableColumn("HELLO", "last_hello", 5, isRight: true, isWide: true),
        TableColumn("IHU", "ihu_left", 5, isRight: true, isWide: true),
      ], [("interface", longest)], atTheCostOf: "address")
    let writer = TableWriter(columns, query.form)
    writer.appendTitles(to: &text)
    for account in accounts {
      let status = account.status
      guard query.neighbour.map({ $0 == status.address }) ?? true,
        query.interface.map({ $0 == status.interface }) ?? true
      else { continue }
      writer.append(
        [
          .text(status.address.description), .text(status.interface.description),
          .text(NeighbourState(account).word), .metric(status.cost), .metric(status.rxcost),
          .metric(status.txcost),
          .text("\(Self.heard(status))/16"),
          status.roundTripTime.map { .microseconds($0) } ?? .none, .number(account.routeCount),
          .number(account.selectedCount), status.jitter.map { .microseconds($0) } ?? .none,
          status.loss.map { .number(Int($0)) } ?? .none,
          status.lossGrade.map { .text($0.description) } ?? .none,
          status.loss == nil ? .none : .metric(status.lossCost), .seconds(account.knownFor),
          account.lastHelloAge.map { .seconds($0) } ?? .none,
          account.ihuLeft.map { .seconds($0) } ?? .none,
        ], to: &text)
    }
  }

  /// How many of the last 16 Hellos came, of the kind that came more often.
  private static func heard(_ status: NeighbourStatus) -> Int {
    max(status.multicastHistory.nonzeroBitCount, status.unicastHistory.nonzeroBitCount)
  }

  private func appendRequests(
    _ query: ShowQuery, at now: Instant, to text: inout [UInt8]
  ) {
    let writer = TableWriter(
      [
        TableColumn("PREFIX", "prefix", 28), TableColumn("ROUTER-ID", "router_id", 23),
        TableColumn("SEQNO", "seqno", 5, isRight: true), TableColumn("FOR", "for", 7),
        TableColumn("SENT", "age", 5, isRight: true),
        TableColumn("LEFT", "repeats_left", 4, isRight: true),
        TableColumn("FROM", "source", 4, isWide: true),
      ], query.form)
    writer.appendTitles(to: &text)
    for request in node.requestAccounts(limit: 10_000, at: now)
    where query.prefix?.contains(request.destination) ?? true {
      writer.append(
        [
          .text(request.destination.description), .text(request.routerID.description),
          .number(Int(request.seqno.rawValue)), .text(request.isOwn ? "us" : "others"),
          .seconds(request.age), .number(request.repeatsLeft),
          request.source.isDefault ? .none : .text(request.source.description),
        ], to: &text)
    }
  }

  private func appendLimits(_ query: ShowQuery, to text: inout [UInt8]) {
    let writer = TableWriter(
      [
        TableColumn("LIMIT", "limit", 26), TableColumn("MOST", "most", 9, isRight: true),
        TableColumn("USED", "used", 9, isRight: true),
        TableColumn("REFUSED", "refused", 9, isRight: true),
      ], query.form)
    writer.appendTitles(to: &text)
    for account in node.limitAccounts() {
      writer.append(
        [
          .text(account.limit.description), .number(account.most), .number(account.used),
          .count(account.refused),
        ], to: &text)
    }
  }
}

/// How it stands with a neighbour, in a word.
enum NeighbourState {
  /// Packets go both ways.
  case usable
  /// We hear it, and it says that it does not hear us, or nothing.
  case doesNotHearUs
  /// It hears us, and its Hellos do not come, or not well enough.
  case isNotHeard
  /// Neither.
  case lost

  init(_ account: NeighbourAccount) {
    let status = account.status
    switch (status.rxcost.isInfinite, status.txcost.isInfinite) {
    case (false, false): self = .usable
    case (false, true): self = .doesNotHearUs
    case (true, false): self = .isNotHeard
    case (true, true): self = .lost
    }
  }

  var word: String {
    switch self {
    case .usable: "usable"
    case .doesNotHearUs: "one-way"
    case .isNotHeard: "unheard"
    case .lost: "lost"
    }
  }
}
