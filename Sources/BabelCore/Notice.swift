import BabelWire

/// What happens to a row of a table.
public enum TableEvent: UInt8, Equatable, Sendable {
  /// The row is new.
  case add
  /// Something an operator can see changed.
  case change
  /// The row is gone; the values are its last.
  case flush
}

/// How much a notice matters.
public enum NoticeLevel: UInt8, Comparable, Sendable {
  /// Of interest when looking for a fault.
  case debug
  /// Normal but worth a line.
  case info
  /// Normal, and an operator wants to know it: this is what a log has that was not asked for more.
  case notice
  /// Something is wrong and we cope.
  case warning
  /// Something is wrong and needs the operator.
  case error

  /// By importance.
  public static func < (a: NoticeLevel, b: NoticeLevel) -> Bool { a.rawValue < b.rawValue }
}

/// A table or queue with a limit.
public enum Limit: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  /// Neighbours of one interface.
  case neighbours
  /// Routes in all.
  case routes
  /// Routes of one neighbour.
  case neighbourRoutes
  /// Sources in all.
  case sources
  /// Prefixes redistributed.
  case originatedPrefixes
  /// Seqno requests pending or remembered.
  case requests
  /// Interfaces.
  case interfaces
  /// Neighbours of one interface that are greeted by unicast because they do so.
  case unicastNeighbours

  /// The table's name.
  public var description: String {
    switch self {
    case .neighbours: "neighbours"
    case .routes: "routes"
    case .neighbourRoutes: "routes of one neighbour"
    case .sources: "sources"
    case .originatedPrefixes: "originated prefixes"
    case .requests: "requests"
    case .interfaces: "interfaces"
    case .unicastNeighbours: "neighbours answered by unicast"
    }
  }
}

/// Why a packet was dropped whole (RFC 8966 §4, §4.2).
public enum DropReason: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  /// Shorter than a header.
  case short
  /// Magic is not 42.
  case magic
  /// Version is not 2.
  case version
  /// Body length exceeds the datagram.
  case bodyLength
  /// Source neither link-local IPv6 nor on-link IPv4.
  case foreignSource
  /// Source port is not ours.
  case sourcePort
  /// Sent by ourselves.
  case ownPacket
  /// Babel does not run on that interface.
  case interfaceDown
  /// No room for another neighbour.
  case neighbourLimit
  /// No MAC (RFC 8967 §4.3).
  case unsigned
  /// No MAC is one of ours.
  case wrongMAC
  /// No packet counter.
  case noPacketCounter
  /// The sender has not shown yet that its index is new.
  case unknownIndex
  /// The index is not the one the sender showed to be new.
  case otherIndex
  /// The packet was received before, or is too old to tell.
  case replayed

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .short: "shorter than a header"
    case .magic: "magic is not 42"
    case .version: "version is not 2"
    case .bodyLength: "body length exceeds the datagram"
    case .foreignSource: "source address is not on the link"
    case .sourcePort: "source port is not the Babel port"
    case .ownPacket: "sent by this node"
    case .interfaceDown: "interface is not up"
    case .neighbourLimit: "too many neighbours on the interface"
    case .unsigned: "not signed"
    case .wrongMAC: "signed with none of our keys, or not meant for us"
    case .noPacketCounter: "signed, but without a packet counter"
    case .unknownIndex: "signed by a newcomer, who is asked to prove that it is no replay"
    case .otherIndex: "signed, but of another life of its sender: restarted, or a replay"
    case .replayed: "a replay: signed, but received before or too old to tell"
    }
  }
}

/// Everything worth telling a human. BabelCore never logs; log, monitors, history and tests
/// consume the same notices.
public enum Notice: Equatable, Sendable {
  /// A row of the interface table.
  case interface(TableEvent, InterfaceStatus)
  /// A row of the neighbour table.
  case neighbour(TableEvent, NeighbourStatus)
  /// A redistributed prefix.
  case originated(TableEvent, OriginatedStatus)
  /// A row of the route table; only if ``NodeParameters/reportsRoutes`` is set.
  case route(TableEvent, RouteStatus)
  /// A packet was dropped whole.
  case packetDropped(DropReason, from: IPAddress, interface: InterfaceName)
  /// A packet that fails verification was processed all the same (`accept-bad-signatures`).
  case packetUnverified(DropReason, from: IPAddress, interface: InterfaceName)
  /// A sender has proved that it holds a key and that its packets are no replays (RFC 8967 §4.3).
  case senderAuthenticated(IPAddress, interface: InterfaceName)
  /// A TLV was ignored; `type` is its number.
  case tlvIgnored(type: UInt8, reason: TLVFault, from: IPAddress, interface: InterfaceName)
  /// A neighbour's Hello seqno jumped: it restarted, and everything from it was flushed.
  case neighbourRestarted(IPAddress, interface: InterfaceName)
  /// A step was taken because a neighbour that we hear does not hear us.
  case neighbourHealed(HealingStep, IPAddress, interface: InterfaceName)
  /// A table is full; the newcomer was refused.
  case limitReached(Limit, limit: Int)
  /// A neighbour came to be of another use: it can be used, or not any more, or in one direction.
  case neighbourChanged(NeighbourChange)
  /// Selected routes changed, all in one burst.
  case routesChanged(RouteNews)
  /// We raised our own seqno because a neighbour asked for it.
  case seqnoIncreased(Seqno)
  /// Routes are selected freely again after a crash: so many milliseconds after the start, when
  /// so many neighbours had acknowledged it, and so many had not.
  case recovered(milliseconds: UInt32, answers: Int, unanswered: Int)
  /// A selected route was lost and nothing feasible is left; requests are on their way.
  case starving(destination: Prefix, source: Prefix)
}
