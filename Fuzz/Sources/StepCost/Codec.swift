import BabelWire

/// Packets, without a node.
enum Codec {
  static let neighbour = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)

  /// Full packets with Updates of one router for so many destinations.
  static func packets(_ count: Int, metric: UInt16) -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var encoder = PacketEncoder(limit: 1452)
    for i in 0..<count {
      let update = OutgoingUpdate(
        destination: StepCost.destination(i), source: .any(.ipv6), routerID: RouterID(1),
        seqno: Seqno(1), metric: Metric(metric), interval: Interval(centiseconds: 1600),
        nextHop: .packetSource)
      if encoder.append(update) { continue }
      packets.append(encoder.bytes)
      encoder.reset()
      _ = encoder.append(update)
    }
    packets.append(encoder.bytes)
    return packets
  }

  static func encode() {
    var octets = 0
    StepCost.measure(StepCost.count) {
      octets = packets(StepCost.count, metric: 96).reduce(0) { $0 + $1.count }
    }
    guard octets > 10 * StepCost.count else { StepCost.fail("\(octets) octets were encoded") }
  }

  static func decode() {
    let packets = packets(StepCost.count, metric: 96)
    var updates = 0
    StepCost.measure(StepCost.count) {
      for packet in packets {
        let span = packet.span
        guard var decoder = try? PacketDecoder(span, from: neighbour, toMulticast: true)
        else { continue }
        while let found = decoder.next(in: span) {
          if case .tlv(.update) = found { updates += 1 }
        }
      }
    }
    guard updates == StepCost.count else { StepCost.fail("\(updates) Updates were decoded") }
  }

  /// Checks a signed packet with a body of so many octets.
  static func verify(_ key: MACKey, _ size: Int) {
    let addresses = PacketAddresses(
      source: neighbour, sourcePort: 6696,
      destination: IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006), destinationPort: 6696)
    var encoder = PacketEncoder(limit: 1452)
    while encoder.count + 4 <= size, encoder.append(Acknowledgment(opaque: 1)) {}
    var packet = encoder.bytes
    _ = PacketSeal.seal(
      &packet, counter: 1, index: [1, 2, 3, 4, 5, 6, 7, 8], keys: [key], between: addresses)
    guard let decoder = try? PacketDecoder(packet.span, from: neighbour, toMulticast: true)
    else { StepCost.fail("the packet cannot be read") }
    let (body, trailer) = (decoder.body, decoder.trailer)
    let keys = [key]
    var valid = 0
    StepCost.measure(1000) {
      for _ in 0..<1000 {
        let found = PacketSeal.verify(
          packet.span, body: body, trailer: trailer, keys: keys, between: addresses)
        if found.verdict == .valid { valid += 1 }
      }
    }
    guard valid == 1000 else { StepCost.fail("\(valid) packets were genuine") }
  }
}
