import BabelCore
import BabelWire

/// Kinds of lines that may come in floods.
enum LogKind {
  case packetDropped, tlvIgnored, limitReached, otherNotice, receiveFailed, sendFailed
  case routeRefused, overflow, kernelDifference, client, interface, flood
  case interfaceNews, neighbourNews, newcomerNews, routeNews, ruleNews
  case interfaceProblem, neighbourProblem, routeProblem, kernelProblem, configurationProblem

  /// What the lines are about.
  var topic: LogTopic {
    switch self {
    case .packetDropped, .tlvIgnored, .receiveFailed, .sendFailed, .flood: .packets
    case .limitReached, .routeNews, .ruleNews, .routeProblem: .routes
    case .routeRefused, .overflow, .kernelDifference, .kernelProblem: .kernel
    case .client: .socket
    case .interface, .interfaceNews, .interfaceProblem: .interfaces
    case .neighbourNews, .newcomerNews, .neighbourProblem: .neighbours
    case .configurationProblem: .configuration
    case .otherNotice: .process
    }
  }

  /// Kind and subject of a notice.
  static func of(_ notice: Notice) -> (LogKind, LogSubject) {
    switch notice {
    case .packetDropped(let reason, let source, _), .packetUnverified(let reason, let source, _):
      (.packetDropped, .drop(reason, from: source))
    case .tlvIgnored(let type, let reason, let source, _):
      (.tlvIgnored, .tlv(type, reason, from: source))
    case .limitReached(let table, _): (.limitReached, .table(table))
    case .neighbourChanged(let change):
      // Strangers, who can be many, do not use up the lines of those that packets went through.
      (
        change.wasUsable ? .neighbourNews : .newcomerNews,
        .neighbour(change.address, on: change.interface)
      )
    case .neighbourHealed(_, let address, let interface):
      (.newcomerNews, .neighbour(address, on: interface))
    case .routesChanged: (.routeNews, .any)
    case .interface, .neighbour, .originated, .route, .senderAuthenticated, .neighbourRestarted,
      .seqnoIncreased, .recovered, .starving:
      (.otherNotice, .any)
    }
  }
}

/// What a line of the log is about. Lines of one kind and subject are counted together, so that
/// a flood about one thing does not hide lines about another.
enum LogSubject: Hashable {
  /// The kind says it all.
  case any
  /// Packets of a sender that are dropped for one reason.
  case drop(DropReason, from: IPAddress)
  /// TLVs of a type and a sender that are ignored for one reason.
  case tlv(UInt8, TLVFault, from: IPAddress)
  /// A table that is full.
  case table(Limit)
  /// Problems of a kind.
  case problem(ProblemKind)
  /// A neighbour.
  case neighbour(IPAddress, on: InterfaceName)
  /// An interface.
  case named(InterfaceName)
  /// A client of the control socket sent a line without end.
  case requestTooLong
  /// A client did not read its answers in time.
  case clientStalled
  /// The connection to a client failed.
  case clientLost
  /// No more clients are served at a time.
  case tooManyClients
  /// A client could not be accepted.
  case clientRefused
  /// A client that monitors did not read the events in time.
  case monitorBehind
  /// The wait for clients failed when the daemon ended.
  case clientsNotAwaited
  /// A client asked for something that cannot be done.
  case badRequest
  /// Notifications of the kernel were lost.
  case notificationsLost
  /// The kernel could not be listened to.
  case monitorFailed
  /// Links and addresses could not be read.
  case linksNotRead
  /// The kernel's tables could not be read.
  case tablesNotRead
  /// What an earlier life left in the kernel could not be read.
  case earlierLifeNotRead
  /// Changes could not be sent to the kernel, or its answers were lost.
  case answersLost
  /// A single route could not be asked for.
  case routeNotLookedUp
  /// Somebody else's route is where one of ours would be.
  case placeTaken
  /// What one reason prevented: a number of errno(3).
  case error(number: Int32)
  /// A link, by its index.
  case link(Int32)
  /// A send buffer is full.
  case noRoom
  /// A multicast group could not be left.
  case groupNotLeft
  /// A setting of the kernel could not be put back.
  case settingNotRestored
  /// An address that we made could not be removed.
  case addressNotRemoved
  /// Allowed-ips that we gave to peers of WireGuard could not be taken from them.
  case allowedIPsNotTaken
  /// The pause before the end could not be kept.
  case pauseFailed
}
