import BabelCore
import BabelWire
import Testing

/// The router-id, addresses and prefixes that the conformance tests use.
enum Example {
  static let ownRouterID = RouterID(0x0200_0000_0000_00AA)
  static let ownAddress = IPAddress(high: 0xFE80_0000_0000_0000, low: 0xAA)
  static let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)
  /// A prefix from elsewhere, and another.
  static let x = prefix("2001:db8:1::", 64)
  static let y = prefix("2001:db8:2::", 64)
  /// A prefix redistributed by the node under test.
  static let own = prefix("2001:db8:aa::", 64)
  /// The router the prefixes from elsewhere originate from.
  static let origin = RouterID(0x0200_0000_0000_0001)
  static let otherOrigin = RouterID(0x0200_0000_0000_0002)

  static func prefix(_ text: String, _ length: Int) -> Prefix {
    guard let address = IPAddress(text), let prefix = Prefix(address, length: length) else {
      preconditionFailure("\(text)/\(length) is not a prefix")
    }
    return prefix
  }
}

/// The node under test on a virtual clock, with scripted peers that speak raw packets.
final class Bench {
  private(set) var node: BabelNode
  private var buffer = ActionBuffer()
  /// Virtual microseconds; tests speak of seconds since the bench was made.
  private(set) var now: Int64 = 0
  private(set) var sent: [SentPacket] = []
  private(set) var notices: [Notice] = []
  /// What the node heard of ways that it was asked for.
  private(set) var pathNews: [(id: PathID, news: PathNews)] = []
  /// What the node wants forwarded, as its actions told.
  private(set) var forwarding: [Prefix: ForwardingTarget] = [:]
  /// The same for source-specific entries.
  private(set) var specific: [ForwardingKey: ForwardingTarget] = [:]
  /// All of them by key, whatever their tables.
  private(set) var entries: [ForwardingKey: ForwardingTarget] = [:]
  /// Changes of forwarding so far.
  private(set) var forwardingChanges = 0
  private var peers: [Peer] = []
  private var offered: Set<Prefix> = []
  /// The first interface, `p0`.
  private(set) var interface = InterfaceID(0)
  /// The time that the node's clock shows at the beginning.
  private let origin: Int64

  /// Makes a node with one interface that is up.
  init(
    _ parameters: InterfaceParameters = InterfaceParameters(), seqno: UInt16 = 100,
    seed: UInt64 = 1, filters: FilterSet? = nil, mtu: UInt32 = 1500, ipv4: IPAddress? = nil,
    beginning: Beginning = .clean, sources: [SourceRecord] = [],
    adopting: [(Prefix, ForwardingTarget)] = [], tables: [UInt32] = [254],
    authentication: AuthenticationRecord? = nil,
    origin: Int64 = 1_000_000_000,
    adjusting: (inout NodeParameters) -> Void = { _ in }
  ) throws {
    var general = NodeParameters(
      routerID: Example.ownRouterID, seqno: Seqno(seqno), seed: seed)
    adjusting(&general)
    var all = FilterSet()
    all.redistribute.rules = [FilterRule()]
    self.origin = origin
    node = BabelNode(general, filters: filters ?? all)
    node.begin(beginning, at: clock)
    for source in sources { node.restoreSource(source, at: clock) }
    for (prefix, target) in adopting {
      for table in tables { adopt(prefix, target, in: table) }
    }
    interface = try addInterface(
      "p0", parameters, mtu: mtu, ipv4: ipv4, authentication: authentication)
  }

  /// Tells of an entry of an earlier life. False if it is not taken.
  @discardableResult
  func adopt(_ prefix: Prefix, _ target: ForwardingTarget, in table: UInt32 = 254) -> Bool {
    let key = ForwardingKey(destination: prefix, source: .any(prefix.family), table: table)
    guard node.adoptForwarding(key, target, at: clock) else { return false }
    (forwarding[prefix], entries[key]) = (target, target)
    return true
  }

  /// Adds another interface; our address is the same on each.
  func addInterface(
    _ name: String, _ parameters: InterfaceParameters = InterfaceParameters(),
    mtu: UInt32 = 1500, ipv4: IPAddress? = nil, authentication: AuthenticationRecord? = nil
  ) throws -> InterfaceID {
    let name = try #require(InterfaceName(name))
    var id: InterfaceID?
    input { id = $0.addInterface(name, parameters, at: $1, into: &$2) }
    let interface = try #require(id)
    if let authentication {
      node.restoreAuthentication(authentication, of: interface, at: clock)
    }
    setLink(interface, isUp: true, mtu: mtu, ipv4: ipv4)
    return interface
  }

  func setLink(
    _ interface: InterfaceID, isUp: Bool, mtu: UInt32 = 1500, ipv4: IPAddress? = nil,
    linkLocal: IPAddress? = Example.ownAddress, subnets: [IPv4Subnet] = []
  ) {
    let state = LinkState(
      isUp: isUp, mtu: mtu, linkLocals: linkLocal.map { [$0] } ?? [], ipv4: ipv4,
      ipv4Subnets: subnets)
    input {
      $0.interfaceChanged(interface, state, kernelRoutesLost: !isUp, at: $1, into: &$2)
    }
  }

  // MARK: Time

  var seconds: Double { Double(now) / 1_000_000 }

  /// Lets virtual seconds pass: the node is called at its deadlines, peers send their Hellos.
  func run(_ seconds: Double) { run(until: now + Int64(seconds * 1_000_000)) }

  /// Calls the node once after some virtual seconds, with a small budget.
  func run(_ seconds: Double, budget: Int) {
    now += Int64(seconds * 1_000_000)
    input(advancing: false) { _ = $0.advance(to: $1, budget: budget, into: &$2) }
  }

  private func run(until end: Int64) {
    while let due = nextEvent(), due <= end {
      now = max(now, due)
      for peer in peers { peer.sendWhatIsDue(at: now) }
      advance()
    }
    now = end
    advance()
  }

  private func nextEvent() -> Int64? {
    let deadline = node.nextDeadline.map { max($0.microseconds - origin, now) }
    return (peers.compactMap { $0.nextDue } + (deadline.map { [$0] } ?? [])).min()
  }

  private func advance() {
    var rounds = 0
    while true {
      var hasMore = false
      input(advancing: false) { hasMore = $0.advance(to: $1, budget: 1000, into: &$2) }
      rounds += 1
      if !hasMore || rounds > 100_000 { break }
    }
    if let deadline = node.nextDeadline, deadline.microseconds - origin <= now {
      Issue.record("a deadline that is not in the future after advance")
    }
  }

  // MARK: Inputs

  /// Calls an input of the node and carries out what the node asks for.
  func input(
    advancing: Bool = true, _ body: (inout BabelNode, Instant, inout ActionBuffer) -> Void
  ) {
    body(&node, Instant(microseconds: origin + now), &buffer)
    for action in buffer.actions {
      switch action {
      case .transmit(let datagram): record(datagram)
      case .notify(let notice): notices.append(notice)
      case .tellPath(let id, let news): pathNews.append((id, news))
      case .forward(let change):
        let isSpecific = !change.key.source.isDefault
        let old = entries[change.key] ?? .absent
        if old != change.old, change.old != .absent {
          Issue.record("\(change) does not start from \(old)")
        }
        forwardingChanges += 1
        entries[change.key] = change.new == .absent ? nil : change.new
        let new = change.new == .absent ? nil : change.new
        if isSpecific {
          specific[change.key] = new
        } else {
          forwarding[change.key.destination] = new
        }
      }
    }
    buffer.removeAll()
  }

  private func record(_ datagram: Datagram) {
    var bytes = Array(buffer.bytes[datagram.bytes])
    let destination =
      switch datagram.destination {
      case .multicast: Example.group
      case .unicast(let address): address
      }
    let mayLeave = node.seal(
      &bytes, datagram, from: Example.ownAddress, to: destination, at: clock)
    #expect(mayLeave)
    sent.append(
      SentPacket(
        time: now, interface: datagram.interface, destination: datagram.destination,
        bytes: bytes,
        tlvs: decode(
          bytes, from: Example.ownAddress, toMulticast: datagram.destination == .multicast),
        timestampOffset: datagram.timestampOffset))
  }

  /// A datagram arrives.
  func deliver(
    _ bytes: [UInt8], from source: IPAddress, on interface: InterfaceID? = nil,
    toMulticast: Bool = true, port: UInt16 = 6696
  ) {
    let id = interface ?? self.interface
    input {
      $0.receive(
        bytes.span, on: id, from: source, port: port,
        to: toMulticast ? Example.group : Example.ownAddress, at: $1, into: &$2)
    }
  }

  /// The kernel drops an entry by itself, or the entry in one table.
  func lose(_ prefix: Prefix, in table: UInt32? = nil) {
    if table == nil { forwarding[prefix] = nil }
    entries = entries.filter {
      $0.key.destination != prefix || $0.key.table != table ?? $0.key.table
    }
  }

  /// The kernel drops everything through an interface by itself.
  func loseAll(through interface: InterfaceID) {
    func leads(_ target: ForwardingTarget) -> Bool {
      if case .via(let path) = target { path.interface == interface } else { false }
    }
    forwarding = forwarding.filter { !leads($0.value) }
    specific = specific.filter { !leads($0.value) }
    entries = entries.filter { !leads($0.value) }
  }

  /// Whether somebody has a route to redistribute, redistributed or not.
  func isOffered(_ prefix: Prefix) -> Bool { offered.contains(prefix) }

  func offer(_ prefix: Prefix) {
    offered.insert(prefix)
    let offer = Self.kernelRoute(prefix)
    input { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
  }

  func withdraw(_ prefix: Prefix) {
    offered.remove(prefix)
    let offer = Self.kernelRoute(prefix)
    input { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
  }

  private static func kernelRoute(_ prefix: Prefix) -> KernelOffer {
    KernelOffer(
      destination: prefix, source: .any(prefix.family), kernelProtocol: 4, interface: nil,
      table: 254)
  }

  /// A neighbour that says Hello every 4 s and IHU with each; after `warm` it has been heard
  /// often enough to be usable.
  func peer(
    _ number: UInt64, on interface: InterfaceID? = nil, hello: UInt16 = 400,
    rxcost: UInt16 = 96, warm: Bool = true
  ) -> Peer {
    let peer = Peer(
      self, number: number, interface: interface ?? self.interface, hello: hello, rxcost: rxcost)
    peers.append(peer)
    if warm {
      peer.isTalking = true
      run(Double(hello) / 100 * 3 + 0.5)
    }
    return peer
  }

  /// Forgets what was sent so far.
  func forget() {
    sent = []
    notices = []
  }

  // MARK: Reading

  /// The counters of authentication of the first interface; nil if it has no keys.
  var authentication: AuthenticationStatus? { node.authenticationStatus().first }

  func neighbour(_ peer: Peer) -> NeighbourStatus? {
    node.neighbours(at: clock).first { $0.address == peer.address && $0.interface == peer.name }
  }

  var neighbourCount: Int { node.neighbours(at: clock).count }

  var clock: Instant { Instant(microseconds: origin + now) }

  func routes(_ prefix: Prefix) -> [RouteStatus] {
    for handle in node.destinationOrder() {
      let routes = node.routes(ofDestination: handle, at: clock)
      if routes.first?.destination == prefix { return routes }
    }
    return []
  }

  /// The routes that the `in` filter denies.
  func denied(_ prefix: Prefix) -> [RouteStatus] {
    node.destinationOrder().flatMap {
      node.routes(ofDestination: $0, includingDenied: true, at: clock)
    }.filter { $0.destination == prefix && $0.reason == .deniedByFilter }
  }

  func route(_ prefix: Prefix, _ peer: Peer) -> RouteStatus? {
    routes(prefix).first { $0.neighbour == peer.address && $0.interface == peer.name }
  }

  /// The installed route, if any.
  func selected(_ prefix: Prefix) -> RouteStatus? { routes(prefix).first { $0.isInstalled } }

  func target(_ prefix: Prefix) -> ForwardingTarget { forwarding[prefix] ?? .absent }

  var seqno: UInt16 { node.seqno.rawValue }

  var isWaiting: Bool { node.awaitsAcknowledgments }

  var adoptedCount: Int { node.adoptedForwardingCount }

  func wanted(_ key: ForwardingKey) -> ForwardingTarget { node.desiredForwarding(key) }

  /// All updates sent for a prefix, with their time in seconds.
  func updates(_ prefix: Prefix) -> [(seconds: Double, packet: SentPacket, update: Update)] {
    sent.flatMap { packet in
      packet.updates.filter { $0.destination == prefix }.map {
        (Double(packet.time) / 1_000_000, packet, $0)
      }
    }
  }

  /// Forgets what was sent, makes a change, and lets seconds pass. Returns the seconds from the
  /// change to the first retraction of a prefix; nil if there was none.
  func retraction(of prefix: Prefix, within limit: Double, after change: () -> Void) -> Double? {
    forget()
    let start = seconds
    change()
    run(limit)
    return updates(prefix).first { $0.update.metric.isInfinite }.map { $0.seconds - start }
  }

  /// All seqno requests sent, with their time in seconds.
  var seqnoRequests: [(seconds: Double, packet: SentPacket, request: SeqnoRequest)] {
    sent.flatMap { packet in
      packet.seqnoRequests.map { (Double(packet.time) / 1_000_000, packet, $0) }
    }
  }
}

/// Everything in a packet, in order.
func decode(_ bytes: [UInt8], from source: IPAddress, toMulticast: Bool) -> [DecodedTLV] {
  do {
    var decoder = try PacketDecoder(bytes.span, from: source, toMulticast: toMulticast)
    var tlvs: [DecodedTLV] = []
    while let tlv = decoder.next(in: bytes.span) { tlvs.append(tlv) }
    return tlvs
  } catch {
    Issue.record("a packet that cannot be decoded: \(error)")
    return []
  }
}
