import BabelWire

/// A packet being filled for one interface and destination; full ones go to the buffer.
struct OpenPacket {
  private(set) var encoder: PacketEncoder
  let interface: InterfaceID
  /// Where packets with a Hello go.
  private let destination: DatagramDestination
  /// Where packets without one go.
  private let others: [DatagramDestination]
  let dontFragment: Bool
  private let isSigned: Bool
  private let paddedSize: Int?
  /// Who gets what is for the group, where nothing reaches that; nil where it does.
  private let members: [IPAddress]?
  private var carriesHello = false

  /// A packet for one destination.
  init(_ id: InterfaceID, _ interface: Interface, to destination: DatagramDestination) {
    self.init(id, interface, destination, [destination])
  }

  /// A packet for everyone. What is not a Hello goes to all of `recipients`: a multicast Hello
  /// concerns those who hear the group and nobody else (§4.6.5).
  init(_ id: InterfaceID, _ interface: Interface, toEach recipients: [DatagramDestination]) {
    self.init(id, interface, .multicast, recipients)
  }

  private init(
    _ id: InterfaceID, _ interface: Interface, _ destination: DatagramDestination,
    _ others: [DatagramDestination]
  ) {
    isSigned = interface.sealReserve != nil
    encoder = PacketEncoder(
      limit: interface.datagramLimit, trailerReserve: interface.sealReserve ?? 0,
      bodyReserve: isSigned
        ? PacketSeal.packetCounterCount(indexCount: SecretRandom.count) : 0,
      format: interface.parameters.wireFormat)
    self.interface = id
    self.destination = destination
    self.others = others
    dontFragment = interface.parameters.probesMTU
    let parameters = interface.parameters
    members = parameters.keepsWireGuardPeers ? parameters.groupMembers : nil
    paddedSize = interface.parameters.probesMTU ? interface.datagramLimit : nil
  }

  /// Appends by `append`; when it does not fit, sends what there is and tries once more.
  mutating func add(
    _ buffer: inout ActionBuffer, _ append: (inout PacketEncoder) -> Bool
  ) {
    if append(&encoder) { return }
    close(&buffer)
    _ = append(&encoder)
  }

  /// Appends a Hello, to a packet of its own if there is one already (§4.6.5).
  mutating func add(_ hello: Hello, _ buffer: inout ActionBuffer) {
    if carriesHello || hasOtherRecipients { close(&buffer) }
    add(&buffer) { $0.append(hello) }
    carriesHello = true
  }

  /// What follows goes with the Hello, unless that has other recipients.
  mutating func endHello(_ buffer: inout ActionBuffer) {
    if hasOtherRecipients { close(&buffer) }
  }

  private var hasOtherRecipients: Bool { others.count != 1 || others[0] != destination }

  /// Appends by `append` if it fits.
  mutating func addIfItFits(_ append: (inout PacketEncoder) -> Bool) -> Bool { append(&encoder) }

  /// Whether nothing was appended since the last packet.
  var isEmpty: Bool { encoder.isEmpty }

  /// Hands the packet over and starts the next one.
  mutating func close(_ buffer: inout ActionBuffer) {
    guard !encoder.isEmpty else { return }
    if let paddedSize, carriesHello { encoder.padTrailer(to: paddedSize) }
    let start = buffer.bytes.count
    encoder.append(to: &buffer.bytes)
    let destinations = carriesHello ? [destination] : others
    let members = destinations.contains(.multicast) ? members : nil
    let copies = members.map { members in
      members.map { DatagramDestination.unicast($0) } + destinations.filter { $0 != .multicast }
    }
    for destination in copies ?? destinations {
      buffer.actions.append(
        .transmit(
          Datagram(
            interface: interface, destination: destination, bytes: start..<buffer.bytes.count,
            timestampOffset: encoder.timestampOffset, isSigned: isSigned,
            dontFragment: dontFragment && carriesHello)))
    }
    encoder.reset()
    carriesHello = false
  }
}
