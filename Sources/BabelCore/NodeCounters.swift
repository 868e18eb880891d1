import BabelWire

/// Why an Update that is well-formed was not taken into the route table.
public enum UpdateRefusal: UInt8, Equatable, Sendable, CaseIterable, CustomStringConvertible {
  /// No route may exist for the prefix.
  case martian
  /// The prefix is an address of ours.
  case ownAddress
  /// The route originates here.
  case ownRouterID
  /// The kernel cannot hold such a route (source-specific IPv4, IPv4 through IPv6).
  case unsupported
  /// The next hop is unspecified, multicast, loopback or an address of ours.
  case nextHop
  /// A filter denies it.
  case filter

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .martian: "martian prefix"
    case .ownAddress: "own address"
    case .ownRouterID: "own router-id"
    case .unsupported: "not supported by the kernel"
    case .nextHop: "impossible next hop"
    case .filter: "denied by a filter"
    }
  }
}

/// What arrived and what was refused since the node was made. Counters wrap.
public struct NodeCounters: Equatable, Sendable {
  /// Packets that arrived.
  public internal(set) var packets: UInt64 = 0
  private var dropped = [UInt64](repeating: 0, count: Self.room)
  private var ignored = [UInt64](repeating: 0, count: Self.room)
  private var refused = [UInt64](repeating: 0, count: Self.room)
  private var full = [UInt64](repeating: 0, count: Self.room)
  /// Tables that were full since the operator was last told.
  private(set) var untold: [Limit] = []

  /// Kinds of one sort that can be counted.
  private static let room = 64

  /// Nothing yet.
  public init() {}

  mutating func count(_ reason: DropReason) { dropped[Int(reason.rawValue) % Self.room] &+= 1 }
  mutating func count(_ fault: TLVFault) { ignored[Int(fault.rawValue) % Self.room] &+= 1 }
  mutating func count(_ refusal: UpdateRefusal) { refused[Int(refusal.rawValue) % Self.room] &+= 1 }

  mutating func countFull(_ table: Limit) {
    full[Int(table.rawValue) % Self.room] &+= 1
    if !untold.contains(table) { untold.append(table) }
  }

  mutating func told() { untold.removeAll(keepingCapacity: true) }

  /// Packets dropped for a reason.
  public subscript(_ reason: DropReason) -> UInt64 { dropped[Int(reason.rawValue) % Self.room] }
  /// TLVs ignored for a reason.
  public subscript(_ fault: TLVFault) -> UInt64 { ignored[Int(fault.rawValue) % Self.room] }
  /// Updates refused for a reason.
  public subscript(_ refusal: UpdateRefusal) -> UInt64 {
    refused[Int(refusal.rawValue) % Self.room]
  }
  /// How often something found no room in a table.
  public subscript(_ table: Limit) -> UInt64 { full[Int(table.rawValue) % Self.room] }

  /// One line for each counter: `counter GROUP NAME VALUE`. The names are the words of the log
  /// with hyphens; new ones may come between.
  public var lines: [String] {
    var lines = ["counter packets received \(packets)"]
    for reason in DropReason.allCases {
      lines.append("counter packets-dropped \(Self.word(reason.description)) \(self[reason])")
    }
    for fault in TLVFault.allCases {
      lines.append("counter tlvs-ignored \(Self.word(fault.description)) \(self[fault])")
    }
    for refusal in UpdateRefusal.allCases {
      lines.append("counter updates-refused \(Self.word(refusal.description)) \(self[refusal])")
    }
    for table in Limit.allCases {
      lines.append("counter limit-reached \(Self.word(table.description)) \(self[table])")
    }
    return lines
  }

  private static func word(_ text: String) -> String {
    String(decoding: text.utf8.map { $0 == 0x20 ? 0x2D : $0 }, as: UTF8.self)
  }
}

extension BabelNode {
  /// How many rows a table has. Of a table that each interface or each neighbour has, it is the
  /// fullest one that counts.
  public func occupancy(of table: Limit) -> Int {
    switch table {
    case .neighbours: return fullest { $0.neighbours.count }
    case .routes: return self.table.routes.count
    case .neighbourRoutes:
      return fullest { interface in
        interface.neighbours.reduce(0) { max($0, neighbours[$1].routes.count) }
      }
    case .sources: return self.table.sourceCount
    case .originatedPrefixes: return offers.count
    case .requests: return requests.count
    case .interfaces: return links.order.count
    case .unicastNeighbours:
      return fullest {
        max(0, $0.unicastPeers.count - $0.parameters.unicastNeighbours.count)
      }
    }
  }

  /// The greatest of the numbers that interfaces have.
  private func fullest(_ number: (Interface) -> Int) -> Int {
    var greatest = 0
    for id in links.order {
      if let interface = links[id] { greatest = max(greatest, number(interface)) }
    }
    return greatest
  }

  /// How many routes are kept that the `in` filter denies, and how many may be.
  public var deniedRoutes: (count: Int, limit: Int) {
    (table.deniedCount, parameters.deniedRouteLimit)
  }

  /// The bound of a table.
  public func limit(of table: Limit) -> Int {
    switch table {
    case .neighbours: parameters.neighbourLimit
    case .routes: parameters.routeLimit
    case .neighbourRoutes: parameters.neighbourRouteLimit
    case .sources: parameters.sourceLimit
    case .originatedPrefixes: parameters.originatedLimit
    case .requests: parameters.requestLimit
    case .interfaces: parameters.interfaceLimit
    case .unicastNeighbours: ProtocolParameters.unicastAnswerLimit
    }
  }

  /// Tells of tables that were full, once however often that was.
  mutating func tellOfLimits(_ buffer: inout ActionBuffer) {
    guard !counters.untold.isEmpty else { return }
    for table in counters.untold {
      buffer.actions.append(.notify(.limitReached(table, limit: limit(of: table))))
    }
    counters.told()
  }
}
