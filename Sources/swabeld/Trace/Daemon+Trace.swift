import BabelCore
import BabelKernel
import BabelWire

extension Daemon {
  /// Executes a request to look at packets.
  func answer(
    to reading: TraceRequest.Reading, _ rights: ClientRights, at now: Instant
  ) -> ControlAnswer {
    guard case .request(let request) = reading else {
      return .lines("no \(TraceRequest.usage)\n")
    }
    guard rights.maySeePackets else { return .lines(ClientRights.refusal) }
    guard server?.tapCount ?? 0 < PacketTap.clientLimit else {
      return .lines("no \(PacketTap.clientLimit) clients look at packets already\n")
    }
    if let name = request.interface, !interfaces.contains(name) {
      return .lines("no Babel has no interface \(name), so nothing would be shown\n")
    }
    var heardOn: [InterfaceName] = []
    if let address = request.neighbour {
      for status in node.neighbours(at: now) where status.address == address {
        heardOn.append(status.interface)
      }
    }
    return .tap(PacketTap(request, heardOn: heardOn, at: now.microseconds))
  }

  /// Shows a packet that was received to those who look. `before` is how many actions there were
  /// before the node received it: what came to them tells what became of it.
  func show(
    _ datagram: ReceivedDatagram, _ bytes: borrowing Span<UInt8>, on row: BabelInterface,
    before: Int
  ) {
    var fate: PacketSighting.Fate =
      row.parameters.authentication.keys.contains { $0.verifies } ? .verified : .received
    for action in actions.actions.dropFirst(before) {
      guard case .notify(let notice) = action else { continue }
      switch notice {
      case .packetDropped(let reason, _, _): fate = .dropped(reason)
      case .packetUnverified(let reason, _, _): fate = .unverified(reason)
      case .senderAuthenticated: fate = .provedNew
      case .interface, .neighbour, .originated, .route, .tlvIgnored, .neighbourRestarted,
        .neighbourHealed, .limitReached, .neighbourChanged, .routesChanged, .seqnoIncreased,
        .recovered, .starving:
        break
      }
    }
    let now = MonotonicClock.microseconds()
    let age = datagram.arrival.map { max(0, now - $0) } ?? 0
    server?.show(
      PacketSighting(
        time: MonotonicClock.wallMicroseconds() - age, interface: row.name,
        source: datagram.source, sourcePort: datagram.port, destination: datagram.destination,
        port: settings.configuration.protocolPort, format: row.parameters.wireFormat, fate: fate),
      bytes, at: now)
  }

  /// Shows a packet that was sent, or could not be, to those who look.
  func show(
    _ bytes: borrowing Span<UInt8>, from source: IPAddress, to destination: IPAddress,
    on row: BabelInterface, _ fate: PacketSighting.Fate
  ) {
    let port = settings.configuration.protocolPort
    server?.show(
      PacketSighting(
        time: MonotonicClock.wallMicroseconds(), interface: row.name, source: source,
        sourcePort: port, destination: destination, port: port,
        format: row.parameters.wireFormat, fate: fate),
      bytes, at: MonotonicClock.microseconds())
  }
}
