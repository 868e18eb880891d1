import BabelCore
import BabelKernel
import BabelWire

/// A node with a kernel that does what it is asked for, and checks of everything the node asks.
struct NodeUnderTrial: ~Copyable {
  var node: BabelNode
  var buffer = ActionBuffer()
  /// As a machine that has run for a while.
  var now = Instant(microseconds: 100_000_000_000)
  /// What the kernel forwards.
  private(set) var forwarding: [ForwardingKey: ForwardingTarget] = [:]
  /// Entries that the node asked for, in contrast to those it took over.
  private var asked: Set<ForwardingKey> = []
  /// What is known of each interface, by its number in the node.
  var links: [InterfaceID: Link] = [:]
  /// Where the kernel's routes of ours may be; nil if that is not looked at.
  var places: ForeignRoutes.Places?
  /// Packets that left.
  private(set) var sent: [[UInt8]] = []

  /// An interface of the machine.
  struct Link {
    let name: InterfaceName
    var parameters: InterfaceParameters
    var ifindex: Int32
  }

  static let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)
  static let routerID = RouterID(0x0200_0000_0000_00AA)

  init(_ parameters: NodeParameters, filters: FilterSet = FilterSet()) {
    node = BabelNode(parameters, filters: filters)
  }

  /// Our link-local address on an interface.
  static func ownAddress(_ id: InterfaceID) -> IPAddress {
    IPAddress(high: 0xFE80_0000_0000_0000, low: 0xAA00 + UInt64(id.rawValue))
  }

  /// A state of a link that is up.
  static func state(_ id: InterfaceID, mtu: UInt32 = 1500, hasIPv4: Bool = true) -> LinkState {
    let ipv4 = IPAddress(ipv4: 0x0A00_0001 | UInt32(id.rawValue & 0xFF) << 8)
    let subnet = Prefix(ipv4, length: 24).map { [IPv4Subnet(address: ipv4, prefix: $0)] } ?? []
    return LinkState(
      isUp: true, mtu: mtu, linkLocals: [ownAddress(id)], ipv4: hasIPv4 ? ipv4 : nil,
      ipv4Subnets: hasIPv4 ? subnet : [])
  }

  /// A neighbour's address on an interface.
  func peer(_ number: UInt8, on id: InterfaceID) -> IPAddress {
    links[id]?.parameters.control == .ipv4
      ? IPAddress(ipv4: 0x0A00_0080 | UInt32(id.rawValue & 0xFF) << 8 | UInt32(number & 7))
      : IPAddress(high: 0xFE80_0000_0000_0000, low: 0xB0 + UInt64(number & 7))
  }

  // MARK: Inputs

  /// Adds an interface.
  mutating func addInterface(_ name: InterfaceName, _ parameters: InterfaceParameters)
    -> InterfaceID?
  {
    guard let id = node.addInterface(name, parameters, at: now, into: &buffer) else { return nil }
    links[id] = Link(name: name, parameters: parameters, ifindex: Int32(id.rawValue) + 1)
    settle()
    return id
  }

  /// Removes an interface; the kernel keeps its routes until it is asked to remove them.
  mutating func removeInterface(_ id: InterfaceID) {
    node.removeInterface(id, at: now, into: &buffer)
    settle()
    links[id] = nil
  }

  /// Tells of a change of a link.
  mutating func change(_ id: InterfaceID, _ state: LinkState, routesLost: Bool) {
    if routesLost {
      for (key, target) in forwarding {
        if case .via(let path) = target, path.interface == id { forwarding[key] = nil }
      }
    }
    node.interfaceChanged(id, state, kernelRoutesLost: routesLost, at: now, into: &buffer)
    settle()
  }

  /// A packet arrives.
  mutating func deliver(
    _ bytes: [UInt8], from source: IPAddress, on id: InterfaceID, toMulticast: Bool = true,
    arrivedAt arrival: Instant? = nil
  ) {
    node.receive(
      bytes.span, on: id, from: source, port: 6696,
      to: toMulticast ? Self.group : Self.ownAddress(id), at: now, arrivedAt: arrival,
      into: &buffer)
    settle()
  }

  /// A neighbour says Hello and that it hears us, so often that its link can be used.
  mutating func greet(_ peer: UInt8, on id: InterfaceID, seqno: UInt16, times: UInt16 = 2) {
    for i in 0..<times {
      var encoder = PacketEncoder(limit: 512)
      _ = encoder.append(
        Hello(
          isUnicast: false, seqno: Seqno(seqno &+ i), interval: Interval(centiseconds: 400),
          transmitTimestamp: 7))
      _ = encoder.append(
        IHU(
          address: nil, rxcost: Metric(96), interval: Interval(centiseconds: 1200),
          timestamps: nil))
      deliver(encoder.bytes, from: self.peer(peer, on: id), on: id)
    }
  }

  /// The kernel refuses an entry that it was asked for.
  mutating func refuse(_ key: ForwardingKey) {
    guard asked.contains(key), forwarding.removeValue(forKey: key) != nil else { return }
    node.forwardingFailed(key, at: now, into: &buffer)
    settle()
  }

  /// The kernel has an entry of an earlier life.
  mutating func adopt(_ key: ForwardingKey, _ target: ForwardingTarget) {
    if node.adoptForwarding(key, target, at: now) {
      forwarding[key] = target
      // The key may have been asked for before, but this entry was not: it cannot be refused.
      asked.remove(key)
    }
    settle()
  }

  /// Time passes, with everything that is due meanwhile as long as it is not too much.
  mutating func pass(_ microseconds: Int64, stops: Int = 100) {
    let end = now + microseconds
    var left = stops
    while left > 0, let next = node.nextDeadline, next < end {
      now = max(now, next)
      work()
      left -= 1
    }
    now = end
    work()
  }

  private mutating func work() {
    // A budget of one shows every place where work is broken off.
    var budget = 1
    var rounds = 0
    while node.advance(to: now, budget: budget, into: &buffer) {
      settle()
      rounds += 1
      budget = rounds < 50 ? 1 : 1000
      precondition(rounds < 100_000, "work that has no end")
    }
    settle()
    if let next = node.nextDeadline { precondition(next > now, "what is due was not done") }
  }

  // MARK: Checks

  /// Does what the node asks for, and checks it.
  mutating func settle() {
    while !buffer.isEmpty {
      let actions = buffer.actions
      let bytes = buffer.bytes
      buffer.removeAll()
      for action in actions {
        switch action {
        case .transmit(let datagram):
          precondition(datagram.bytes.lowerBound >= 0 && datagram.bytes.upperBound <= bytes.count)
          send(Array(bytes[datagram.bytes]), datagram)
        case .forward(let change): forward(change)
        case .notify(let notice): Self.check(notice)
        case .tellPath: break
        }
      }
    }
  }

  private mutating func send(_ bytes: [UInt8], _ datagram: Datagram) {
    guard let link = links[datagram.interface] else { return }
    precondition(bytes.count <= 65_535 && bytes.count > PacketHeader.count)
    if let offset = datagram.timestampOffset {
      precondition(offset >= PacketHeader.count && offset + 4 <= bytes.count)
    }
    let own = Self.ownAddress(datagram.interface)
    var packet = bytes
    _ = node.seal(&packet, datagram, from: own, to: Self.group, at: now)
    precondition(packet.count <= 65_535)
    if sent.count < 8 { sent.append(packet) }
    let span = bytes.span
    do throws(PacketFault) {
      var decoder = try PacketDecoder(
        span, from: own, toMulticast: datagram.destination == .multicast,
        format: link.parameters.wireFormat)
      while let item = decoder.next(in: span) {
        if case .ignored(_, let fault) = item { Self.complain("sent what others ignore", fault) }
      }
    } catch {
      preconditionFailure("sent what is no packet")
    }
  }

  private static func complain(_ what: StaticString, _ fault: TLVFault) {
    Log.write(Array("\(fault)\n".utf8), to: 2)
    die(what)
  }

  private mutating func forward(_ change: ForwardingChange) {
    let actual = forwarding[change.key] ?? .absent
    // What the kernel lost or refused may not be known yet.
    precondition(
      change.old == actual || actual == .absent, "starts from what is not there")
    forwarding[change.key] = change.new == .absent ? nil : change.new
    asked.insert(change.key)
    precondition(change.key.source.family == change.key.destination.family)
    guard let places,
      let route = KernelRoute(change.key, change.new, ifindex: { links[$0]?.ifindex })
    else { return }
    precondition(places.contains(route), "a route outside the places that are watched")
    var builder = NetlinkBuilder(capacity: 256)
    builder.route(route, type: 24, flags: 5, sequence: 1)
  }

  /// Every notice can be told in every dialect.
  static func check(_ notice: Notice) {
    precondition(!notice.description.utf8.isEmpty)
    for dialect in [SocketDialect.babel, .aredn, .althea, .swabeld] {
      let line = LineForm(dialect: dialect).line(notice)
      precondition(line.isEmpty || line.last == 0x0A)
    }
  }

  /// Reads all tables.
  mutating func readTables(in dialect: SocketDialect = .babel) {
    var output = OutputQueue()
    var cursor = DumpCursor(
      of: node, at: now, in: LineForm(dialect: dialect), forMonitor: true, into: &output)
    var rounds = 0
    while !cursor.feed(&output, from: node, at: now), rounds < 3 { rounds += 1 }
    var text: [UInt8] = []
    for status in node.neighbours(at: now) { TableDump.append(status, to: &text) }
    for status in node.originatedPrefixes() { TableDump.append(status, to: &text) }
    for status in node.authenticationStatus() { TableDump.append(status, to: &text) }
    for handle in node.destinationOrder() {
      for status in node.routes(ofDestination: handle, at: now) {
        TableDump.append(status, to: &text)
      }
    }
    var position: UInt32? = 0
    while let start = position {
      position = node.forEachSource(from: start, limit: 3, at: now) { _ in }
    }
    node.forEachDesiredForwarding { key, target in
      let actual = forwarding[key] ?? target
      precondition(actual == target, "wants what it did not ask for")
    }
  }

  /// The end: what it does not keep it takes back.
  mutating func shutDown(keepingForwarding keeps: Bool) {
    node.shutDown(keepingForwarding: keeps, at: now, into: &buffer)
    settle()
    precondition(keeps || forwarding.isEmpty, "routes are left in the kernel")
  }
}
