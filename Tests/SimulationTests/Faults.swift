import BabelCore
import BabelWire

/// What a host remembers when its daemon starts again.
enum Memory {
  /// It keeps its router-id, and begins with the seqno after the last one, as after an orderly
  /// stop.
  case savedSeqno
  /// It keeps its router-id, but begins with an arbitrary seqno.
  case lostSeqno
  /// It has a new router-id and an arbitrary seqno.
  case newIdentity
  /// It keeps everything, because it was suspended on purpose; see ``Network/suspend(_:)``.
  case everything
}

extension Network {
  // MARK: Building

  /// Adds a host without ports.
  @discardableResult
  func addHost() -> Int {
    hosts.append(Host(index: hosts.count, clockOrigin: chance.between(0, 10_000_000_000)))
    return hosts.count - 1
  }

  /// Connects hosts by one segment; more than two make it multi-access. Returns its number.
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
  func start(
    _ index: Int, seqno: Seqno? = nil, _ beginning: Beginning = .clean
  ) throws(Violation) {
    let host = hosts[index]
    var parameters = NodeParameters(
      routerID: host.routerID,
      seqno: seqno ?? Seqno(UInt16(truncatingIfNeeded: chance.next())), seed: chance.next())
    parameters.hasLostSeqno = seqno == nil && asksForLostSeqno
    self.parameters?(index, &parameters)
    var filters = FilterSet()
    filters.redistribute.rules = [FilterRule()]
    let daemon = Daemon(parameters, filters: filters)
    host.daemon = daemon
    host.startedAt = now
    host.generation += 1
    host.portOfInterface = []
    daemon.node.begin(restartsCarefully ? beginning : .clean, at: host.clock(now))
    for port in host.ports.indices { try addInterface(host, port) }
    restoreSources(host, daemon)
    adopt(host, daemon)
    for port in host.ports.indices { try bringUp(host, port) }
    for offer in host.offers {
      try input(host) { $0.kernelOfferAdded(offer, at: $1, into: &$2) }
    }
    // A new daemon must be called once even if it asks for nothing.
    daemon.wakeAt = now
    queue.push(.wake, at: now, subject: index, generation: host.generation)
  }

  private func restoreSources(_ host: Host, _ daemon: Daemon) {
    guard let legacy = host.legacy else { return }
    let age = UInt32((now - legacy.time) / 1_000_000)
    for record in legacy.sources where record.secondsLeft > age {
      daemon.node.restoreSource(
        SourceRecord(
          destination: record.destination, source: record.source, routerID: record.routerID,
          seqno: record.seqno, metric: record.metric,
          secondsLeft: record.secondsLeft - age, isAnnounced: record.isAnnounced),
        at: host.clock(now))
    }
  }

  /// The daemon is told of the entries an earlier life left in the kernel.
  private func adopt(_ host: Host, _ daemon: Daemon) {
    for number in host.adopted.sorted() {
      let prefix = destinations.prefixes[number]
      let key = ForwardingKey(destination: prefix, source: .any(prefix.family), table: 254)
      if daemon.node.adoptForwarding(key, host.entry(number), at: host.clock(now)) {
        daemon.setAsked(number, host.entry(number))
      } else {
        host.setEntry(number, .absent)
        host.adopted.remove(number)
        changed.append((host.index, number))
      }
    }
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
    var parameters = port.parameters
    parameters.authentication = authentication
    var id: InterfaceID?
    let seqno = host.legacy?.helloSeqnos[index]
    try input(host) {
      id = $0.addInterface(port.name, parameters, helloSeqno: seqno, at: $1, into: &$2)
    }
    guard let id else { throw violation("host \(host.index): interface refused") }
    host.ports[index].id = id
    while host.portOfInterface.count <= Int(id.rawValue) { host.portOfInterface.append(nil) }
    host.portOfInterface[Int(id.rawValue)] = index
  }

  private func bringUp(_ host: Host, _ index: Int) throws(Violation) {
    let port = host.ports[index]
    guard let id = port.id else { return }
    try input(host) {
      $0.interfaceChanged(id, port.state, kernelRoutesLost: false, at: $1, into: &$2)
    }
  }

  /// The daemon is gone, and with it everything that it knew. Its kernel goes on forwarding, unless
  /// the machine has lost power.
  func crash(_ index: Int, forgettingKernelRoutes: Bool) {
    let host = hosts[index]
    onFault?("host \(index) dies\(forgettingKernelRoutes ? " with its routes" : "")")
    if let loss = host.kernelLoss, now - loss.time < limits.surprise {
      host.kernelLoss?.isUnseen = true
    }
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

  /// The daemon stops on purpose, keeps its forwarding and says nothing. It comes back later with
  /// everything that it knew.
  func suspend(_ index: Int) {
    let host = hosts[index]
    guard let daemon = host.daemon else { return }
    var legacy = Legacy(time: now)
    var position: UInt32? = 0
    while let from = position {
      position = daemon.node.forEachSource(from: from, limit: 1000, at: host.clock(now)) {
        legacy.sources.append($0)
      }
    }
    legacy.helloSeqnos = host.ports.map { port in
      port.id.flatMap { daemon.node.nextHelloSeqno(of: $0) }
    }
    crash(index, forgettingKernelRoutes: false)
    host.legacy = legacy
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
      try bringUp(host, port)
    } else if let id = host.ports[port].id {
      host.ports[port].id = nil
      try input(host) { $0.removeInterface(id, at: $1, into: &$2) }
    }
  }

  /// The daemon comes back; entries left in the kernel are adopted.
  func restart(_ index: Int, _ memory: Memory) throws(Violation) {
    let host = hosts[index]
    guard host.daemon == nil else { return }
    statistics.restarts += 1
    onFault?("host \(index) comes back, \(memory)")
    var seqno: Seqno?
    switch memory {
    case .everything where host.legacy != nil:
      try start(index, seqno: host.savedSeqno, .resumed)
      host.legacy = nil
      return
    case .everything: seqno = host.savedSeqno.next
    case .savedSeqno: seqno = host.savedSeqno.next
    case .lostSeqno:
      // Seqnos form a circle, so of three arbitrary ones each may be newer than the one before.
      if let lost = host.seqnoLost, now - lost < 2 * limits.tolerated {
        for number in host.offered { ledger.unclean[number] = now }
      }
      host.seqnoLost = now
    case .newIdentity:
      host.routerID = RouterID(host.routerID.rawValue &+ 0x0001_0000_0000)
      for number in host.offered { ledger.unclean[number] = now }
    }
    host.legacy = nil
    try start(index, seqno: seqno, .afterCrash)
  }

  // MARK: Links

  /// A link end loses or regains its carrier; the kernel drops the routes through it.
  func setCarrier(_ index: Int, _ port: Int, _ hasCarrier: Bool) throws(Violation) {
    let host = hosts[index]
    guard host.ports[port].hasCarrier != hasCarrier else { return }
    host.ports[port].hasCarrier = hasCarrier
    let ends = segments[host.ports[port].segment].ends.map { $0.host }
    onFault?("host \(index) port \(port) carrier \(hasCarrier) (\(ends))")
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
    onFault?("segment \(segment) cut \(isCut) (\(segments[segment].ends.map { $0.host }))")
    for pair in segments[segment].qualities.indices {
      segments[segment].qualities[pair].isCut = isCut
    }
  }

  /// Packets from one end vanish towards another, or no longer do.
  func setCut(segment: Int, from: Int, to: Int, _ isCut: Bool) {
    let ends = segments[segment].ends
    onFault?("segment \(segment) from \(ends[from].host) to \(ends[to].host) cut \(isCut)")
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
