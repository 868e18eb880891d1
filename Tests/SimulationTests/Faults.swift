import BabelCore
import BabelWire

/// What a host remembers when its daemon starts again.
enum Memory {
  /// Router-id and the seqno after the last one, as after an orderly stop.
  case savedSeqno
  /// The router-id, but an arbitrary seqno.
  case lostSeqno
  /// Neither: a new router-id.
  case newIdentity
}

extension Network {
  // MARK: Building

  /// Adds a host without ports.
  @discardableResult
  func addHost() -> Int {
    hosts.append(Host(index: hosts.count, clockOrigin: chance.between(0, 10_000_000_000)))
    return hosts.count - 1
  }

  /// Connects hosts by one segment; more than two make it multi-access. Answers its number.
  @discardableResult
  func connect(
    _ members: [Int], _ parameters: InterfaceParameters = InterfaceParameters(),
    quality: Quality = Quality(), mtu: UInt32 = 1500, ipv4: Bool = false
  ) -> Int {
    var segment = Segment()
    let number = segments.count
    for (endpoint, member) in members.enumerated() {
      let host = hosts[member]
      segment.ends.append((member, host.ports.count))
      host.ports.append(
        Port(
          segment: number, endpoint: endpoint,
          name: InterfaceName(octets: Array("p\(host.ports.count)".utf8))!,
          linkLocal: IPAddress(
            high: 0xFE80_0000_0000_0000, low: UInt64(member + 1) << 16 | UInt64(host.ports.count)),
          ipv4: ipv4
            ? IPAddress(ipv4: 0x0A80_0000 | UInt32(number) << 7 | UInt32(endpoint + 1)) : nil,
          parameters: parameters, mtu: mtu))
    }
    segment.qualities = Array(repeating: quality, count: members.count * members.count)
    segments.append(segment)
    return number
  }

  // MARK: Daemons

  /// Starts the daemon of a host with all its ports and offers.
  func start(_ index: Int, seqno: Seqno? = nil) throws(Violation) {
    let host = hosts[index]
    var parameters = NodeParameters(
      routerID: host.routerID,
      seqno: seqno ?? Seqno(UInt16(truncatingIfNeeded: chance.next())), seed: chance.next())
    self.parameters?(index, &parameters)
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    host.daemon = Daemon(parameters, filters: filters)
    host.generation += 1
    host.portOfInterface = []
    for port in host.ports.indices { try addInterface(host, port) }
    for offer in host.offers {
      try input(host) { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    }
    // A fresh daemon must be looked at once even if it asks for nothing.
    host.daemon?.wakeAt = now
    queue.push(.wake, at: now, subject: index, generation: host.generation)
  }

  /// Starts every daemon within `seconds`.
  func startAll(within seconds: Double = 0) {
    for index in hosts.indices {
      at(now + chance.between(0, Int64(seconds * 1_000_000))) { (network) throws(Violation) in
        try network.start(index)
      }
    }
  }

  private func addInterface(_ host: Host, _ index: Int) throws(Violation) {
    let port = host.ports[index]
    var id: InterfaceID?
    try input(host) { id = $0.addInterface(port.name, port.parameters, at: $1, into: &$2) }
    guard let id else { throw violation("host \(host.index): interface refused") }
    host.ports[index].id = id
    while host.portOfInterface.count <= Int(id.rawValue) { host.portOfInterface.append(nil) }
    host.portOfInterface[Int(id.rawValue)] = index
    try input(host) {
      $0.interfaceChanged(id, port.state, kernelRoutesLost: false, at: $1, into: &$2)
    }
  }

  /// The daemon is gone and with it everything it knew. Its kernel goes on forwarding, unless
  /// it is to forget as well (the machine lost power).
  func crash(_ index: Int, forgettingKernelRoutes: Bool) {
    let host = hosts[index]
    host.daemon = nil
    host.generation += 1
    for port in host.ports.indices { host.ports[port].id = nil }
    for number in host.kernel.indices where host.kernel[number] != .absent {
      if forgettingKernelRoutes {
        host.kernel[number] = .absent
        changed.append((index, number))
      } else {
        host.adopted.insert(number)
      }
    }
    if forgettingKernelRoutes { host.adopted = [] }
  }

  /// The daemon stops in good order: it says goodbye and withdraws its routes.
  func stop(_ index: Int) throws(Violation) {
    try input(hosts[index]) { $0.shutDown(keepingForwarding: false, at: $1, into: &$2) }
    crash(index, forgettingKernelRoutes: false)
  }

  /// The daemon stops running on a port, or runs on it again.
  func setConfigured(_ index: Int, _ port: Int, _ isConfigured: Bool) throws(Violation) {
    let host = hosts[index]
    if isConfigured {
      try addInterface(host, port)
    } else if let id = host.ports[port].id {
      host.ports[port].id = nil
      try input(host) { $0.removeInterface(id, at: $1, into: &$2) }
    }
  }

  /// The daemon comes back; entries left in the kernel are adopted and swept after 30 s.
  func restart(_ index: Int, _ memory: Memory) throws(Violation) {
    let host = hosts[index]
    guard host.daemon == nil else { return }
    statistics.restarts += 1
    host.amnesia = now
    var seqno: Seqno?
    switch memory {
    case .savedSeqno: seqno = host.savedSeqno.next
    case .lostSeqno: break
    case .newIdentity:
      host.routerID = RouterID(host.routerID.rawValue &+ 0x0001_0000_0000)
      for number in host.offered { ledger.unclean[number] = now }
    }
    try start(index, seqno: seqno)
    queue.push(.sweep, at: now + 30_000_000, subject: index, generation: host.generation)
  }

  // MARK: Links

  /// A link end loses or regains its carrier; the kernel drops the routes through it.
  func setCarrier(_ index: Int, _ port: Int, _ hasCarrier: Bool) throws(Violation) {
    let host = hosts[index]
    guard host.ports[port].hasCarrier != hasCarrier else { return }
    host.ports[port].hasCarrier = hasCarrier
    if !hasCarrier { dropKernelRoutes(of: host, through: port) }
    guard let id = host.ports[port].id else { return }
    let state = host.ports[port].state
    try input(host) {
      $0.interfaceChanged(id, state, kernelRoutesLost: !hasCarrier, at: $1, into: &$2)
    }
  }

  /// Both or all ends of a segment lose or regain their carrier.
  func setCarrier(segment: Int, _ hasCarrier: Bool) throws(Violation) {
    for end in segments[segment].ends { try setCarrier(end.host, end.port, hasCarrier) }
  }

  /// Packets vanish on a whole segment, in both directions, or no longer do.
  func setCut(segment: Int, _ isCut: Bool) {
    for pair in segments[segment].qualities.indices {
      segments[segment].qualities[pair].isCut = isCut
    }
  }

  /// Packets from one end vanish towards another, or no longer do.
  func setCut(segment: Int, from: Int, to: Int, _ isCut: Bool) {
    segments[segment][from, to].isCut = isCut
  }

  /// Gives all directions of a segment a new quality; cuts stay.
  func setQuality(segment: Int, _ quality: Quality) {
    for pair in segments[segment].qualities.indices {
      let isCut = segments[segment].qualities[pair].isCut
      segments[segment].qualities[pair] = quality
      segments[segment].qualities[pair].isCut = isCut
    }
  }

  // MARK: Offers

  /// A route or address that is not Babel's appears on a host.
  func addOffer(_ index: Int, _ destination: Prefix, isAddress: Bool = false) throws(Violation) {
    let offer = KernelOffer(
      destination: destination, source: .any(destination.family),
      kernelProtocol: isAddress ? nil : 4, interface: nil, table: isAddress ? 0 : 254)
    let host = hosts[index]
    let number = destinations.add(destination)
    host.offers.append(offer)
    host.offered.insert(number)
    changed.append((index, number))
    try input(host) { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
  }

  /// Such a route goes away.
  func removeOffer(_ index: Int, _ destination: Prefix) throws(Violation) {
    let host = hosts[index]
    guard let place = host.offers.firstIndex(where: { $0.destination == destination }) else {
      return
    }
    let offer = host.offers.remove(at: place)
    let number = destinations.add(destination)
    host.offered.remove(number)
    host.withdrawn[number] = now
    changed.append((index, number))
    try input(host) { $0.kernelOfferRemoved(offer, at: $1, into: &$2) }
  }
}
