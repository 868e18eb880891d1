import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Unicast leaves so many percent of the send buffer to multicast: addresses that somebody made
  /// up must not keep our Hellos from leaving.
  private static let unicastRoomPercent = 50

  /// So many actions are not exceeded by much before they are applied.
  private static let actionsPerApplication = 1024

  /// At most so many datagrams are read before something else gets its turn…
  private static let datagramsPerTurn = 256
  /// …and for at most so many microseconds: a Hello may be due.
  private static let turnTime: Int64 = 10_000

  /// Room for a packet, unless an interface carries larger ones.
  private static let leastPacketRoom = 16 << 10
  /// The largest datagram, whatever the link could carry.
  private static let mostPacketRoom: UInt32 = 64 << 10

  /// The Babel group of IPv4 (RFC 8966 §4).
  static let ipv4Group = IPAddress(ipv4: 0xE000_006F)

  /// The socket for interfaces that speak over IPv4, opened when the first one needs it.
  func openIPv4Socket() throws(KernelError) -> ControlSocket {
    if let ipv4Socket { return ipv4Socket }
    let port = settings.configuration.protocolPort
    let opened = ControlSocket(try UDPSocket(port: port, family: .ipv4))
    if notesArrivalTimes { _ = opened.socket.enableArrivalTimes() }
    ipv4Socket = opened
    return opened
  }

  /// Reads datagrams, not too many, and lets the node work on each.
  func receivePackets() { receivePackets(socket, storms) }

  /// Reads datagrams that came over IPv4.
  func receiveIPv4Packets() {
    if let ipv4Socket { receivePackets(ipv4Socket.socket, ipv4Socket.storms) }
  }

  private func receivePackets(_ socket: borrowing UDPSocket, _ storms: StormGuard) {
    let batch = roomForPackets()
    let end = Instant.now + Self.turnTime
    var left = Self.datagramsPerTurn
    var isDrained = false
    var now = Instant.now
    while left > 0, !isDrained, now < end {
      do throws(KernelError) {
        let count = try batch.receive(from: socket)
        isDrained = count < ReceiveBatch.size
        left -= count
        for index in 0..<count {
          batch.withDatagram(index) { datagram, bytes in
            guard storms.admits(datagram.source, on: datagram.ifindex, at: now) else { return }
            receive(datagram, bytes)
          }
          // A burst of full packets would make the buffer, which is kept, needlessly large.
          if actions.actions.count >= Self.actionsPerApplication { carryOut(at: .now) }
        }
      } catch {
        // An error the network reported for something sent earlier; the socket is fine.
        left -= 1
        log.write(.receiveFailed, subject: .error(number: error.errno), "recv: \(error)")
      }
      now = .now
    }
    carryOut(at: .now)
    watch(socket, storms)
  }

  private func roomForPackets() -> ReceiveBatch {
    let room = interfaces.reduce(Self.leastPacketRoom) {
      max($0, Int(min($1.reported.mtu, Self.mostPacketRoom)))
    }
    if let batch, batch.room >= room { return batch }
    let made = ReceiveBatch(room: room)
    batch = made
    return made
  }

  private func receive(_ datagram: ReceivedDatagram, _ bytes: Span<UInt8>) {
    guard !datagram.isTruncated,
      let row = interfaces.first(where: { $0.ifindex == datagram.ifindex && $0.isUp })
    else { return }
    node.receive(
      bytes, on: row.id, from: datagram.source, port: datagram.port, to: datagram.destination,
      at: .now, arrivedAt: datagram.arrival.map { Instant(microseconds: $0) }, into: &actions)
  }

  /// Lets the kernel note arrivals once a running interface measures round-trip times. Without it
  /// (Linux before 5.1) the time until we read counts as time on the way.
  func noteArrivalTimes() {
    guard !notesArrivalTimes,
      interfaces.contains(where: { $0.isPrepared && $0.parameters.timestamps })
    else { return }
    notesArrivalTimes = true
    _ = socket.enableArrivalTimes()
    _ = ipv4Socket?.socket.enableArrivalTimes()
  }

  /// Sends one packet of the action buffer.
  func transmit(_ datagram: Datagram) {
    guard let row = interfaces.first(where: { $0.id == datagram.interface }),
      let ifindex = row.ifindex, let source = row.controlAddress
    else { return }
    let destination =
      switch datagram.destination {
      case .multicast:
        row.parameters.control == .ipv4 ? Self.ipv4Group : settings.configuration.protocolGroup
      case .unicast(let address): address
      }
    do throws(KernelError) {
      if try send(to: destination, ifindex, from: source, datagram) { return }
      // No room: wait a little, once. What does not go then is lost like any other packet.
      if waitForRoom(in: source.family),
        try send(to: destination, ifindex, from: source, datagram)
      {
        return
      }
      unsentPackets &+= 1
      log.write(
        .sendFailed, subject: .noRoom, "send: \(row.name): no room")
    } catch {
      unsentPackets &+= 1
      log.write(.sendFailed, subject: .error(number: error.errno), "send: \(row.name): \(error)")
    }
  }

  /// Stamps, signs and sends a packet; true as well if it must not be sent, false if there is no
  /// room now.
  private func send(
    to destination: IPAddress, _ ifindex: Int32, from source: IPAddress, _ datagram: Datagram
  ) throws(KernelError) -> Bool {
    if case .unicast = datagram.destination,
      sendFillPercent(source.family) >= Self.unicastRoomPercent
    {
      return false
    }
    var bytes = Array(actions.bytes[datagram.bytes])
    // The last things before the socket: a neighbour measures the round trip by the stamp, and
    // the signature covers it.
    if let offset = datagram.timestampOffset { Self.stamp(&bytes, at: offset) }
    guard node.seal(&bytes, datagram, from: source, to: destination, at: .now) else {
      return true
    }
    if source.family == .ipv4 {
      return try ipv4Socket?.socket.send(
        bytes.span, to: destination, ifindex: ifindex, sourceAddress: source,
        dontFragment: datagram.dontFragment) ?? true
    }
    return try socket.send(
      bytes.span, to: destination, ifindex: ifindex, sourceAddress: source,
      dontFragment: datagram.dontFragment)
  }

  private func sendFillPercent(_ family: AddressFamily) -> Int {
    family == .ipv4 ? ipv4Socket?.socket.sendFillPercent ?? 0 : socket.sendFillPercent
  }

  /// Waits until at least half of the send buffer is free. Returns false if that takes longer than
  /// we are willing to wait.
  private func waitForRoom(in family: AddressFamily) -> Bool {
    let began = Instant.now
    let allowance = roomPatience.allowance(at: began)
    guard allowance > 0 else { return false }
    defer { roomPatience.note(Instant.now - began) }
    let deadline = began.microseconds + allowance
    if family == .ipv4 { return ipv4Socket?.socket.waitForRoom(until: deadline) ?? false }
    return socket.waitForRoom(until: deadline)
  }

  /// Writes the low 32 bits of the time in microseconds, most significant first (RFC 9616 §3.2).
  private static func stamp(_ bytes: inout [UInt8], at offset: Int) {
    guard offset >= 0, offset + 4 <= bytes.count else { return }
    let time = UInt32(truncatingIfNeeded: MonotonicClock.microseconds())
    for i in 0..<4 {
      bytes[offset + i] = UInt8(truncatingIfNeeded: time >> UInt32(24 - 8 * i))
    }
  }
}
