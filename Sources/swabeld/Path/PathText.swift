import BabelCore
import BabelWire

/// Writes a way, line by line.
struct PathText {
  private let destination: IPAddress
  private let form: TableForm
  private let writer: TableWriter
  /// The last hop that was written.
  private var last: Int?

  init(_ query: PathQuery) {
    destination = query.destination
    form = query.form
    writer = TableWriter(
      [
        TableColumn("HOP", "hop", 3, isRight: true), TableColumn("ROUTER-ID", "router_id", 23),
        TableColumn("NEXT HOP", "next_hop", 25), TableColumn("COST", "cost", 5, isRight: true),
        TableColumn("METRIC", "metric", 6, isRight: true),
        TableColumn("RTT", "rtt_us", 5, isRight: true),
        TableColumn("LOSS", "loss_percent", 4, isRight: true),
        TableColumn("IF", "interface", 15, isWide: true),
        TableColumn("PREFIX", "prefix", 28, isWide: true),
        TableColumn("STATUS", "status", 11, isWide: true),
      ], form)
  }

  /// Writes what was heard, and how it ends if it does.
  mutating func append(_ news: PathNews, to text: inout [UInt8]) {
    switch news {
    case .hop(let hop):
      if last == nil { begin(hop, to: &text) }
      // The answer of a node may get lost while that of the next one arrives.
      if let last, form != .json {
        for number in (last + 1)..<max(hop.number, last + 1) {
          text.append(contentsOf: "\(number < 10 ? "  " : " ")\(number) (no answer)\n".utf8)
        }
      }
      last = hop.number
      writer.append(cells(of: hop), to: &text)
      if hop.step.status.isEnd { appendEnd(hop.step.status.word, hop, sentence(hop), to: &text) }
    case .silence(let hop): appendEnd("silence", hop, silence(behind: hop), to: &text)
    }
  }

  /// Says how packets leave this node, and what the columns are.
  private func begin(_ hop: PathHop, to text: inout [UInt8]) {
    guard form != .json else { return }
    if let interface = hop.interface, let prefix = prefix(of: hop) {
      let line = "To \(destination), by the route to \(prefix), out of \(interface):"
      text.append(contentsOf: (form == .wide ? line + "\n" : Paragraph.text(line, indent: 0)).utf8)
    }
    writer.appendTitles(to: &text)
  }

  private func prefix(of hop: PathHop) -> Prefix? {
    hop.step.prefixLength.flatMap { Prefix(destination, length: Int($0)) }
  }

  private func cells(of hop: PathHop) -> [TableCell] {
    let step = hop.step
    let hasNext = step.nextHop != nil
    return [
      .number(hop.number), .text(hop.routerID.description),
      step.nextHop.map { .text($0.description) } ?? .none,
      hasNext ? .metric(step.linkCost) : .none,
      step.metric.isInfinite ? .none : .metric(step.metric),
      step.roundTripTime.map { .microseconds($0) } ?? .none, loss(step),
      hop.interface.map { .text($0.description) } ?? .none,
      prefix(of: hop).map { .text($0.description) } ?? .none, .text(step.status.word),
    ]
  }

  private func loss(_ step: PathStep) -> TableCell {
    guard step.nextHop != nil, let loss = step.loss else { return .none }
    return form == .json ? .number(loss) : .text("\(loss)%")
  }

  private func appendEnd(
    _ word: String, _ hop: PathHop, _ sentence: String, to text: inout [UInt8]
  ) {
    guard form == .json else {
      let lines = form == .wide ? sentence + "\n" : Paragraph.text(sentence, indent: 0)
      text.append(contentsOf: lines.utf8)
      return
    }
    text.append(contentsOf: "{\"end\":".utf8)
    JSONText.append(word, to: &text)
    text.append(contentsOf: ",\"hop\":\(hop.number),\"text\":".utf8)
    JSONText.append(sentence, to: &text)
    text.append(contentsOf: "}\n".utf8)
  }

  // MARK: The end in words

  private func sentence(_ hop: PathHop) -> String {
    let node = hop.number == 0 ? "this node" : "the node at hop \(hop.number)"
    let prefix = prefix(of: hop).map { $0.description } ?? destination.description
    switch hop.step.status {
    case .forwarded: return ""
    case .ownAddress: return "\(destination) is an address of \(node)."
    case .originated:
      return "\(prefix) is announced by \(node) as its own: there packets leave the Babel network."
    case .unreachable:
      return "The way ends at \(node): it has lost its routes to \(prefix), and holds it as"
        + " unreachable."
    case .noRoute: return "The way ends at \(node): it has no Babel route to \(destination)."
    case .notAsked:
      return "Packets go on to \(address(hop)), which \(node) does not ask: their link has no keys"
        + " (or answer-path false). With answer-path true at both ends it would be asked."
    case .seenBefore:
      return "The question came to \(node) a second time: packets go in a circle."
    case .hopLimit: return "Nobody is asked behind hop \(hop.number): that is the limit."
    case .unknown:
      return "The way ends at \(node), for a reason that this version does not know."
    }
  }

  private func silence(behind hop: PathHop) -> String {
    "Nobody answers at hop \(hop.number + 1) (\(address(hop))): it runs babeld, BIRD or an older"
      + " swabeld, or its link has no keys there, or the answers get lost."
  }

  private func address(_ hop: PathHop) -> String {
    let address = hop.step.nextHop.map { $0.description } ?? "the next hop"
    return hop.interface.map { "\(address) on \($0)" } ?? address
  }
}

extension PathStatus {
  /// One word for programs.
  var word: String {
    switch self {
    case .forwarded: "forwarded"
    case .ownAddress: "own-address"
    case .originated: "originated"
    case .unreachable: "unreachable"
    case .noRoute: "no-route"
    case .notAsked: "not-asked"
    case .seenBefore: "circle"
    case .hopLimit: "hop-limit"
    case .unknown: "unknown"
    }
  }
}
