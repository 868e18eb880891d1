import BabelCore
import BabelWire

/// ff02::1:6, the group of Babel over IPv6.
let babelGroup = IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006)

extension Network {
  /// Octets of the headers in front of a packet (IPv6 and UDP).
  static let overhead = 48

  func transmit(_ datagram: Datagram, _ buffer: ActionBuffer, of host: Host) throws(Violation) {
    guard let portIndex = host.port(of: datagram.interface) else {
      throw violation("host \(host.index): transmits on an unknown interface")
    }
    var bytes = Array(buffer.bytes[datagram.bytes])
    if let offset = datagram.timestampOffset {
      let clock = UInt32(truncatingIfNeeded: host.clock(now).microseconds)
      for i in 0..<4 { bytes[offset + i] = UInt8(truncatingIfNeeded: clock >> UInt32(24 - 8 * i)) }
    }
    let port = host.ports[portIndex]
    let destination: IPAddress
    switch datagram.destination {
    case .multicast: destination = babelGroup
    case .unicast(let address): destination = address
    }
    if let daemon = host.daemon {
      guard
        daemon.node.seal(
          &bytes, datagram, from: port.linkLocal, to: destination, at: host.clock(now))
      else { throw violation("host \(host.index): a packet that cannot be signed") }
    }
    guard bytes.count <= max(Int(port.mtu) - Self.overhead, 512) else {
      throw violation("host \(host.index): packet of \(bytes.count) octets")
    }
    trace.transmitted(bytes, by: host.index, on: portIndex, to: destination, at: now)
    onTransmit?(host.index, portIndex, destination, bytes)
    try count(bytes.count, host, portIndex)
    guard port.hasCarrier else { return }
    let segment = segments[port.segment]
    for (to, end) in segment.ends.enumerated() where to != port.endpoint {
      if destination != babelGroup,
        hosts[end.host].ports[end.port].linkLocal != destination
      {
        continue
      }
      carry(
        Flight(
          segment: port.segment, to: to, source: port.linkLocal, destination: destination,
          bytes: bytes),
        segment[port.endpoint, to])
    }
  }

  /// Loss, delay, duplication and reordering of one packet towards one receiver.
  private func carry(_ flight: Flight, _ quality: Quality) {
    if quality.isCut || chance.happens(permille: quality.lossPermille) { return }
    let copies = chance.happens(permille: quality.duplicatePermille) ? 2 : 1
    for _ in 0..<copies {
      var delay = quality.delay + chance.between(0, quality.jitter)
      if chance.happens(permille: quality.stragglerPermille) { delay *= 10 }
      queue.push(.arrival, at: now + delay, subject: flights.insert(flight))
    }
  }

  func arrive(_ flight: Flight) throws(Violation) {
    let end = segments[flight.segment].ends[flight.to]
    let host = hosts[end.host]
    guard host.ports[end.port].hasCarrier else { return }
    guard host.socket != nil else { return try hand(flight, to: host, end.port) }
    let charge = SocketBuffer.charge(flight.bytes.count)
    guard host.socket!.occupied + charge <= host.socket!.limit else {
      host.socket!.dropped += 1
      return
    }
    host.socket!.occupied += charge
    host.socket!.peak = max(host.socket!.peak, host.socket!.occupied)
    host.socket!.queue.append(flight)
    if host.socket!.queue.count == 1 {
      queue.push(.drain, at: now + host.socket!.microsecondsPerPacket, subject: host.index)
    }
  }

  func drain(_ host: Host) throws(Violation) {
    guard let socket = host.socket, let flight = socket.queue.first else { return }
    host.socket!.queue.removeFirst()
    host.socket!.occupied -= SocketBuffer.charge(flight.bytes.count)
    if socket.queue.count > 1 {
      queue.push(.drain, at: now + socket.microsecondsPerPacket, subject: host.index)
    }
    try hand(flight, to: host, segments[flight.segment].ends[flight.to].port)
  }

  private func hand(_ flight: Flight, to host: Host, _ port: Int) throws(Violation) {
    guard let id = host.ports[port].id else { return }
    try input(host) { node, clock, buffer in
      node.receive(
        flight.bytes.span, on: id, from: flight.source, port: 6696, to: flight.destination,
        at: clock, into: &buffer)
    }
  }

  // MARK: Storm watch

  private func count(_ octets: Int, _ host: Host, _ port: Int) throws(Violation) {
    statistics.transmitted += 1
    statistics.octets += octets
    host.ports[port].sent += 1
    if host.second != now / 1_000_000 {
      host.second = now / 1_000_000
      host.sentThisSecond = 0
    }
    host.sentThisSecond += 1
    statistics.busiestSecond = max(statistics.busiestSecond, host.sentThisSecond)
    guard host.sentThisSecond <= limits.packetsPerSecond else {
      throw violation("host \(host.index): message storm, \(host.sentThisSecond) packets in 1 s")
    }
    try checkPace(host, port)
  }

  /// At most `limits.burst` packets of one interface in any 100 ms.
  private func checkPace(_ host: Host, _ port: Int) throws(Violation) {
    if host.ports[port].recent.count < limits.burst {
      host.ports[port].recent.append(now)
    } else {
      let slot = host.ports[port].recentNext
      let oldest = host.ports[port].recent[slot]
      host.ports[port].recent[slot] = now
      host.ports[port].recentNext = (slot + 1) % limits.burst
      guard now - oldest >= 100_000 else {
        throw violation(
          "host \(host.index): more than \(limits.burst) packets within "
            + "\(now - oldest) us on \(host.ports[port].name)")
      }
    }
  }
}

extension Host {
  /// The port a running node knows by this number.
  func port(of id: InterfaceID) -> Int? {
    Int(id.rawValue) < portOfInterface.count ? portOfInterface[Int(id.rawValue)] : nil
  }
}
