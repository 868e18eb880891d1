import BabelWire

/// A packet being filled for one interface and destination; full ones go to the buffer.
struct OpenPacket {
  private(set) var encoder: PacketEncoder
  let interface: InterfaceID
  let destination: DatagramDestination
  let dontFragment: Bool
  private let paddedSize: Int?
  private var carriesHello = false

  init(_ id: InterfaceID, _ interface: Interface, to destination: DatagramDestination) {
    encoder = PacketEncoder(
      limit: interface.datagramLimit, format: interface.parameters.wireFormat)
    self.interface = id
    self.destination = destination
    dontFragment = interface.parameters.probesMTU
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

  /// Appends a Hello, to a packet of its own if there is one already.
  mutating func add(_ hello: Hello, _ buffer: inout ActionBuffer) {
    if carriesHello { close(&buffer) }
    add(&buffer) { $0.append(hello) }
    carriesHello = true
  }

  /// Appends by `append` if it fits.
  mutating func addIfItFits(_ append: (inout PacketEncoder) -> Bool) -> Bool { append(&encoder) }

  /// Whether nothing was appended since the last packet.
  var isEmpty: Bool { encoder.isEmpty }

  /// Hands the packet over and starts the next one.
  mutating func close(_ buffer: inout ActionBuffer) {
    guard !encoder.isEmpty else { return }
    if let paddedSize, carriesHello { encoder.padTrailer(to: paddedSize) }
    let start = buffer.bytes.count
    buffer.bytes.append(contentsOf: encoder.bytes)
    buffer.actions.append(
      .transmit(
        Datagram(
          interface: interface, destination: destination, bytes: start..<buffer.bytes.count,
          timestampOffset: encoder.timestampOffset, dontFragment: dontFragment && carriesHello)))
    encoder.reset()
    carriesHello = false
  }
}
