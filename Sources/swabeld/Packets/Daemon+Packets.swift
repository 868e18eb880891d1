import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
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

  /// Reads datagrams that came over a family, not too many, and lets the node work on each.
  func receivePackets(over family: AddressFamily) {
    #if DEBUG
      node.trace.enter()
    #endif
    packets.makeRoom(largestPacket)
    let end = Instant.now + Self.turnTime
    var left = Self.datagramsPerTurn
    var isDrained = false
    var now = Instant.now
    while left > 0, !isDrained, now < end {
      do throws(KernelError) {
        let count = try packets.receive(over: family)
        isDrained = count < ReceiveBatch.size
        left -= count
        for index in 0..<count {
          packets.withDatagram(index, over: family, at: now) { datagram, bytes in
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
    packets.noteReading(of: Self.datagramsPerTurn - left, over: family, at: now) {
      node.shortestHelloInterval
    }
    carryOut(at: .now)
    watchStorms(of: family)
  }

  /// Room for the largest packet that may come on an interface.
  private var largestPacket: Int {
    interfaces.all.reduce(Self.leastPacketRoom) {
      max($0, Int(min($1.reported.mtu, Self.mostPacketRoom)))
    }
  }

  private func receive(_ datagram: ReceivedDatagram, _ bytes: Span<UInt8>) {
    guard !datagram.isTruncated,
      let row = interfaces.firstUp(on: datagram.ifindex)
    else { return }
    let before = actions.actions.count
    node.receive(
      bytes, on: row.id, from: datagram.source, port: datagram.port, to: datagram.destination,
      at: .now, arrivedAt: datagram.arrival.map { Instant(microseconds: $0) }, into: &actions)
    if server?.isTapped == true { show(datagram, bytes, on: row, before: before) }
  }

  /// Lets the kernel note arrivals once a running interface measures round-trip times.
  func noteArrivalTimes() {
    guard !packets.notesArrivalTimes,
      interfaces.all.contains(where: { $0.isPrepared && $0.parameters.timestamps })
    else { return }
    packets.noteArrivalTimes()
  }

  /// Sends one packet of the action buffer.
  func transmit(_ datagram: Datagram) {
    guard let row = interfaces.first(datagram.interface),
      let ifindex = row.ifindex, let source = row.controlAddress
    else { return }
    let destination =
      switch datagram.destination {
      case .multicast: packets.group(of: row.parameters.control)
      case .unicast(let address): address
      }
    do throws(KernelError) {
      if try send(to: destination, on: row, ifindex, from: source, datagram) { return }
      // No room: wait a little, once. What does not go then is lost like any other packet.
      if packets.waitForRoom(in: source.family),
        try send(to: destination, on: row, ifindex, from: source, datagram)
      {
        return
      }
      packets.countUnsent()
      log.write(
        .sendFailed, subject: .noRoom, "send: \(row.name): no room")
    } catch {
      packets.countUnsent()
      log.write(.sendFailed, subject: .error(number: error.errno), "send: \(row.name): \(error)")
    }
  }

  /// Stamps, signs and sends a packet; true as well if it must not be sent, false if there is no
  /// room now.
  private func send(
    to destination: IPAddress, on row: BabelInterface, _ ifindex: Int32, from source: IPAddress,
    _ datagram: Datagram
  ) throws(KernelError) -> Bool {
    if case .unicast = datagram.destination, !packets.hasUnicastRoom(source.family) {
      return false
    }
    var bytes = Array(actions.bytes[datagram.bytes])
    // The last things before the socket: a neighbour measures the round trip by the stamp, and
    // the signature covers it.
    if let offset = datagram.timestampOffset { Self.stamp(&bytes, at: offset) }
    guard node.seal(&bytes, datagram, from: source, to: destination, at: .now) else {
      return true
    }
    guard server?.isTapped == true else {
      return try packets.send(
        bytes.span, to: destination, ifindex, from: source, dontFragment: datagram.dontFragment)
    }
    do throws(KernelError) {
      let isSent = try packets.send(
        bytes.span, to: destination, ifindex, from: source, dontFragment: datagram.dontFragment)
      show(
        bytes.span, from: source, to: destination, on: row,
        isSent ? .sent(isSigned: datagram.isSigned) : .noRoom)
      return isSent
    } catch {
      show(bytes.span, from: source, to: destination, on: row, .refused(error))
      throw error
    }
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
