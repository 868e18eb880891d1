import BabelWire

extension Notice: CustomStringConvertible {
  /// How much the notice matters. Rows of the tables come and go in a healthy network, so they
  /// are for those who look closely.
  public var level: NoticeLevel {
    switch self {
    case .interface: .info
    case .neighbour(let event, _): event == .change ? .debug : .info
    case .originated, .route: .debug
    case .packetDropped(.ownPacket, _, _), .packetDropped(.interfaceDown, _, _): .debug
    case .packetDropped(.unknownIndex, _, _): .info
    case .packetDropped: .warning
    case .packetUnverified(.unknownIndex, _, _), .packetUnverified(.otherIndex, _, _): .info
    case .packetUnverified: .warning
    case .senderAuthenticated: .info
    case .tlvIgnored(_, .unknownType, _, _), .tlvIgnored(_, .mandatorySubTLV, _, _): .debug
    case .tlvIgnored: .warning
    case .neighbourRestarted, .seqnoIncreased, .recovered: .info
    case .neighbourHealed(let step, _, _):
      step == .asked || step == .renewed ? .info : .notice
    case .starving: .debug
    case .limitReached: .warning
    case .neighbourChanged(let change):
      // That a newcomer is gone, or one that was told as lost, is for those who want to know more.
      change.to == .gone && change.from != .usable && !(change.wasUsable && change.from == .deaf)
        ? .info : .notice
    case .routesChanged(let tally): tally.lost + tally.regained > 0 ? .notice : .info
    }
  }

  /// What the notice is about.
  public var topic: LogTopic {
    switch self {
    case .interface: .interfaces
    case .neighbour, .neighbourRestarted, .neighbourChanged, .neighbourHealed: .neighbours
    case .originated, .route, .limitReached, .seqnoIncreased, .recovered, .starving,
      .routesChanged:
      .routes
    case .packetDropped, .packetUnverified, .senderAuthenticated, .tlvIgnored: .packets
    }
  }

  /// The notice as one line of a log, without a final newline.
  public var description: String {
    var line: [UInt8] = []
    switch self {
    case .interface(let event, let status): StatusLine.append(event, status, to: &line)
    case .neighbour(let event, let status): StatusLine.append(event, status, to: &line)
    case .originated(let event, let status): StatusLine.append(event, status, to: &line)
    case .route(let event, let status): StatusLine.append(event, status, to: &line)
    case .packetDropped(let reason, let source, let interface):
      return "packet from \(source) on \(interface) dropped: \(reason)"
    case .packetUnverified(let reason, let source, let interface):
      return "packet from \(source) on \(interface) accepted unverified: \(reason)"
    case .senderAuthenticated(let source, let interface):
      return "packets from \(source) on \(interface) are authenticated"
    case .tlvIgnored(let type, let reason, let source, let interface):
      return "TLV \(type) from \(source) on \(interface) ignored: \(reason)"
    case .neighbourRestarted(let address, let interface):
      return "neighbour \(address) on \(interface) restarted"
    case .neighbourHealed(let step, let address, let interface):
      return "neighbour \(address) on \(interface) does not hear us: it \(step)"
    case .limitReached(let table, let limit):
      return "limit of \(limit) \(table) reached, newcomers are refused"
    case .neighbourChanged(let change): return change.description
    case .routesChanged(let tally): return tally.description
    case .seqnoIncreased(let seqno):
      return "own seqno is now \(seqno)"
    case .recovered(let milliseconds, let answers, let unanswered):
      return "recovered from a crash \(milliseconds) ms after the start: "
        + "\(answers) neighbours acknowledged it, \(unanswered) did not"
    case .starving(let destination, let source):
      return "no feasible route to \(destination) from \(source) is left"
    }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }
}
