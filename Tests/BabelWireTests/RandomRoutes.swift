import BabelWire
import TestSupport

extension Chance {
  /// An IPv4 or IPv6 prefix of any length; many share their first octets.
  mutating func prefix(_ family: AddressFamily) -> Prefix {
    if family == .ipv4 {
      let bits = oneIn(3) ? UInt32(truncatingIfNeeded: next()) : 0x0A00_0000 | UInt32(below(4096))
      return Prefix(mapped: IPAddress(ipv4: bits), mappedLength: UInt8(96 + below(33)))
    }
    let high = oneIn(3) ? next() : 0x2001_0DB8_0000_0000 | UInt64(below(64))
    let low = oneIn(2) ? UInt64(below(1000)) : next()
    let prefix = Prefix(mapped: IPAddress(high: high, low: low), mappedLength: UInt8(below(129)))
    return prefix.family == .ipv6 ? prefix : .ipv6Default
  }

  mutating func update() -> OutgoingUpdate {
    let family: AddressFamily = oneIn(2) ? .ipv4 : .ipv6
    var destination = prefix(family)
    let routerID = RouterID(0x0200_0000_0000_0000 | UInt64(1 + below(6)))
    if family == .ipv6, oneIn(6) {
      let address = IPAddress(high: 0x2001_0DB8_0000_0000, low: routerID.rawValue)
      destination = Prefix(mapped: address, mappedLength: 128)
    }
    let nextHops: [UpdateNextHop] = [
      .ipv4(.of("192.0.2.1")), .ipv4(.of("192.0.2.2")), .ipv6,
    ]
    return OutgoingUpdate(
      destination: destination, source: oneIn(5) ? prefix(family) : .any(family),
      routerID: routerID, seqno: Seqno(UInt16(below(65536))),
      metric: oneIn(5) ? .infinity : Metric(UInt16(below(65535))),
      interval: Interval(centiseconds: UInt16(1 + below(65535))),
      nextHop: family == .ipv6 ? .packetSource : nextHops[below(3)])
  }
}

/// Packs updates into as many packets as they take.
func packets(of updates: [OutgoingUpdate], limit: Int) -> [[UInt8]] {
  var encoder = PacketEncoder(limit: limit)
  var packets: [[UInt8]] = []
  for update in updates where !encoder.append(update) {
    packets.append(encoder.bytes)
    encoder.reset()
    guard encoder.append(update) else { return [] }
  }
  packets.append(encoder.bytes)
  return packets
}
