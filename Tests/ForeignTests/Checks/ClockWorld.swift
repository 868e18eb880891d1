import BabelCore
import BabelWire

/// One node with a clock of its own.
private final class ClockedNode {
  var node: BabelNode
  var buffer = ActionBuffer()
  /// What its clock shows when the world begins, in microseconds.
  let origin: Int64
  /// The network of the prefix that it announces.
  let own: Prefix
  var links: [(id: InterfaceID, link: Int)] = []
  /// What packets to each prefix are done with.
  var forwarding: [ForwardingKey: ForwardingTarget] = [:]
  var isSilent = false

  init(_ number: Int, origin: Int64) {
    self.origin = origin
    let high = 0x2001_0DB8_0000_0000 | UInt64(number + 1) << 16
    own = Prefix(mapped: IPAddress(high: high, low: 0), mappedLength: 64)
    var parameters = NodeParameters(
      routerID: RouterID(UInt64(number + 1)), seqno: Seqno(0xFFFE), seed: UInt64(number + 1))
    // Behind a few packets the counter of signed ones is used up, and an index is drawn anew.
    parameters.firstPacketCounter = 0xFFFF_FFE0
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    node = BabelNode(parameters, filters: filters)
  }

  func clock(_ time: Int64) -> Instant { Instant(microseconds: origin + time) }

  var offer: KernelOffer {
    KernelOffer(
      destination: own, source: .any(.ipv6), kernelProtocol: 4, interface: nil, table: 254)
  }
}

/// Three nodes in a triangle, in virtual time. All that they send and ask for is noted, with stamps
/// as distances from the beginning: what begins at another time of their clocks must look the same.
final class ClockWorld {
  private struct Link {
    let ends: [Int]
    let delay: Int64
    var isCut = false
  }
  private struct Flight {
    let due: Int64
    let link: Int
    let from: Int
    let bytes: [UInt8]
    let toGroup: Bool
  }

  /// What happened, line by line.
  private(set) var trace: [String] = []
  /// Hellos that were sent.
  private(set) var hellos = 0
  /// Requests for a newer seqno that were sent.
  private(set) var requests = 0
  private var now: Int64 = 0
  private var nodes: [ClockedNode]
  private var links: [Link]
  private var flights: [Flight] = []

  private static let group = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)

  /// The clocks of two nodes show `origin`, that of the third one another time.
  init(origin: Int64, third: Int64) {
    nodes = [origin, origin, third].enumerated().map { ClockedNode($0.offset, origin: $0.element) }
    links = [
      Link(ends: [0, 1], delay: 1_000), Link(ends: [1, 2], delay: 2_500),
      Link(ends: [0, 2], delay: 4_000),
    ]
    for number in nodes.indices {
      nodes[number].node.begin(.clean, at: nodes[number].clock(0))
      for link in links.indices where links[link].ends.contains(number) { attach(number, link) }
    }
    for number in nodes.indices { offer(number) }
  }

  private func attach(_ number: Int, _ link: Int) {
    let host = nodes[number]
    var parameters = InterfaceParameters()
    parameters.helloInterval = 1000
    parameters.updateInterval = 4000
    parameters.timestamps = true
    parameters.maxRTTPenalty = Metric(96)
    parameters.rttMin = 1000
    // The way around is better than the direct link.
    parameters.rxcost = Metric(link == 2 ? 400 : 96)
    if link == 1 {
      let key = AuthenticationKey(
        id: Array("k".utf8), algorithm: .hmacSHA256,
        value: SecretOctets([UInt8](repeating: 0x80, count: 32)))
      parameters.authentication.keys = [InterfaceKey(key: key)]
    }
    guard let name = InterfaceName("l\(link)"),
      let id = host.node.addInterface(name, parameters, at: host.clock(now), into: &host.buffer)
    else { return }
    host.links.append((id, link))
    let state = LinkState(
      isUp: true, mtu: 1500, linkLocals: [Self.address(number)], ipv4: nil)
    host.node.interfaceChanged(
      id, state, kernelRoutesLost: false, at: host.clock(now), into: &host.buffer)
    carryOut(number)
  }

  private static func address(_ number: Int) -> IPAddress {
    IPAddress(high: 0xFE80_0000_0000_0000, low: UInt64(number + 1))
  }

  // MARK: What happens to it

  /// A prefix is there.
  func offer(_ number: Int) {
    let host = nodes[number]
    host.node.kernelOfferAdded(host.offer, at: host.clock(now), into: &host.buffer)
    carryOut(number)
  }

  /// A prefix is gone.
  func withdraw(_ number: Int) {
    let host = nodes[number]
    _ = host.node.kernelOfferRemoved(host.offer, at: host.clock(now), into: &host.buffer)
    carryOut(number)
  }

  /// A link loses everything, or no longer.
  func cut(_ link: Int, _ isCut: Bool) { links[link].isCut = isCut }

  /// A node hears and says nothing any more, or does so again.
  func silence(_ number: Int, _ isSilent: Bool) { nodes[number].isSilent = isSilent }

  // MARK: What is seen of it

  /// The node that packets of one to the prefix of another go to; nil if they are dropped.
  func nextNode(from: Int, to: Int) -> Int? {
    for (key, target) in nodes[from].forwarding where key.destination == nodes[to].own {
      if case .via(let path) = target { return Int(path.gateway.low) - 1 }
    }
    return nil
  }

  /// Neighbours of a node that can be used.
  func usable(_ number: Int) -> Int {
    let host = nodes[number]
    return host.node.neighbours(at: host.clock(now)).filter { !$0.cost.isInfinite }.count
  }

  /// The smoothed round-trip times to the neighbours of a node, in microseconds.
  func roundTrips(_ number: Int) -> [UInt32] {
    let host = nodes[number]
    return host.node.neighbours(at: host.clock(now)).compactMap { $0.roundTripTime }
  }

  // MARK: Time

  /// Lets virtual seconds pass.
  func run(_ seconds: Int64) {
    let end = now + seconds * 1_000_000
    while let due = nextEvent(), due <= end {
      now = max(now, due)
      while let index = flights.firstIndex(where: { $0.due <= now }) {
        deliver(flights.remove(at: index))
      }
      for number in nodes.indices { advance(number) }
    }
    now = end
  }

  private func nextEvent() -> Int64? {
    var first = flights.reduce(Int64.max) { min($0, $1.due) }
    for host in nodes {
      if let due = host.node.nextDeadline { first = min(first, due.microseconds - host.origin) }
    }
    return first == .max ? nil : max(first, now)
  }

  private func advance(_ number: Int) {
    let host = nodes[number]
    while host.node.advance(to: host.clock(now), budget: 1000, into: &host.buffer) {
      carryOut(number)
    }
    carryOut(number)
  }

  private func deliver(_ flight: Flight) {
    for number in links[flight.link].ends where number != flight.from && !nodes[number].isSilent {
      let host = nodes[number]
      guard let id = host.links.first(where: { $0.link == flight.link })?.id else { continue }
      host.node.receive(
        flight.bytes.span, on: id, from: Self.address(flight.from), port: 6696,
        to: flight.toGroup ? Self.group : Self.address(number), at: host.clock(now),
        into: &host.buffer)
      carryOut(number)
    }
  }

  private func carryOut(_ number: Int) {
    let host = nodes[number]
    while !host.buffer.isEmpty {
      let (actions, bytes) = (host.buffer.actions, host.buffer.bytes)
      host.buffer.removeAll()
      for action in actions {
        switch action {
        case .transmit(let datagram): send(number, datagram, Array(bytes[datagram.bytes]))
        case .forward(let change):
          host.forwarding[change.key] = change.new
          note(number, "forward \(change.key.destination) \(Self.text(change.new))")
        case .notify, .tellPath: break
        }
      }
    }
  }

  private func send(_ number: Int, _ datagram: Datagram, _ octets: [UInt8]) {
    let host = nodes[number]
    guard let link = host.links.first(where: { $0.id == datagram.interface })?.link else { return }
    let toGroup = datagram.destination == .multicast
    var packet = octets
    if let offset = datagram.timestampOffset {
      let stamp = UInt32(truncatingIfNeeded: host.clock(now).microseconds)
      for i in 0..<4 { packet[offset + i] = UInt8(truncatingIfNeeded: stamp >> UInt32(24 - 8 * i)) }
    }
    let peer = links[link].ends.first { $0 != number } ?? number
    let destination = toGroup ? Self.group : Self.address(peer)
    let isSealed = host.node.seal(
      &packet, datagram, from: Self.address(number), to: destination, at: host.clock(now))
    note(number, "l\(link) \(toGroup ? "all" : "one") \(isSealed ? "" : "not ")sealed")
    describe(packet, from: number, peer)
    guard isSealed, !links[link].isCut, !host.isSilent else { return }
    flights.append(
      Flight(
        due: now + links[link].delay, link: link, from: number, bytes: packet, toGroup: toGroup))
  }

  // MARK: Notes

  private func note(_ number: Int, _ text: String) { trace.append("\(now) n\(number) \(text)") }

  private static func text(_ target: ForwardingTarget) -> String {
    switch target {
    case .absent: "absent"
    case .unreachable: "unreachable"
    case .via(let path): "via \(path.gateway) if \(path.interface.rawValue)"
    }
  }

  private func describe(_ packet: [UInt8], from number: Int, _ peer: Int) {
    do throws(PacketFault) {
      var decoder = try PacketDecoder(
        packet.span, from: Self.address(number), toMulticast: false)
      while let item = decoder.next(in: packet.span) {
        guard case .tlv(let tlv) = item else {
          note(number, "what others ignore")
          continue
        }
        note(number, text(tlv, nodes[number].origin, nodes[peer].origin))
      }
    } catch {
      note(number, "no packet")
    }
  }

  /// A TLV in words; `own` and `other` are the origins of the clocks of sender and neighbour.
  private func text(_ tlv: TLV, _ own: Int64, _ other: Int64) -> String {
    func since(_ stamp: UInt32?, _ origin: Int64) -> String {
      stamp.map { "\($0 &- UInt32(truncatingIfNeeded: origin))" } ?? "never"
    }
    switch tlv {
    case .hello(let hello):
      hellos += 1
      return "hello \(hello.seqno) \(hello.interval) \(since(hello.transmitTimestamp, own))"
    case .ihu(let ihu):
      let times = "\(since(ihu.timestamps?.origin, other)) \(since(ihu.timestamps?.receive, own))"
      return "ihu \(ihu.rxcost) \(ihu.interval) \(times)"
    case .update(let update):
      return "update \(update.destination) \(update.seqno) \(update.metric) \(update.interval)"
    case .routeRequest(let request): return "request \(request.destination)"
    case .seqnoRequest(let request):
      requests += 1
      return "request \(request.destination) \(request.seqno) \(request.hopCount)"
    case .packetCounter(let counter): return "counter \(counter.counter)"
    case .acknowledgmentRequest: return "acknowledgment request"
    case .acknowledgment: return "acknowledgment"
    case .routerID(let id): return "router-id \(id)"
    case .nextHop(let address): return "next hop \(address)"
    case .wildcardRetraction: return "all are gone"
    case .wildcardRequest: return "request all"
    case .challengeRequest: return "challenge"
    case .challengeReply: return "challenge reply"
    case .mac: return "signature"
    case .pad1, .padN, .pathRequest, .pathReply: return "something else"
    }
  }
}
