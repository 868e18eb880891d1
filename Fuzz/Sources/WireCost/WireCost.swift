import BabelWire
import CAllocations
import Foundation

/// Measures the codec and fails if decoding allocates.
@main struct WireCost {
  static let neighbour = IPAddress(high: 0xFE80_0000_0000_0000, low: 1)

  static func main() {
    let probe = allocation_count()
    let array = [UInt8](repeating: 1, count: Int.random(in: 1000...2000))
    guard array.count > 0, allocation_count() > probe else {
      print("allocations are not counted")
      exit(2)
    }
    var allocations: UInt = 0
    for (name, routes) in dumps { allocations += measure(name, routes) }
    allocations += measureFaults()
    let secret = [UInt8](repeating: 7, count: 32)
    allocations += measureSeal("HMAC-SHA256", MACKey(hmacSHA256: secret))
    allocations += measureSeal("BLAKE2s-128", MACKey(blake2s128: secret))
    guard allocations == 0 else {
      print("decoding allocates")
      exit(1)
    }
  }

  // MARK: What is measured

  static var dumps: [(String, [OutgoingUpdate])] {
    let ipv6Networks = (0..<10_000).map { i in
      Prefix(
        mapped: IPAddress(high: 0x2001_0DB8_0000_0000 | UInt64(i), low: 0), mappedLength: 64)
    }
    let ipv6Hosts = (0..<10_000).map { i in
      Prefix(
        mapped: IPAddress(high: 0xFD00_0000_0000_0001, low: UInt64(i + 1)), mappedLength: 128)
    }
    let ipv4Networks = (0..<10_000).map { i in
      Prefix(mapped: IPAddress(ipv4: 0x0A00_0000 | UInt32(i) << 8), mappedLength: 120)
    }
    return [
      ("10,000 /64 of one router", ipv6Networks.map { update($0, of: 1) }),
      ("10,000 /128 of one router", ipv6Hosts.map { update($0, of: 1) }),
      ("10,000 IPv4 /24 of one router", ipv4Networks.map { update($0, of: 1) }),
      (
        "10,000 /64 of 200 routers",
        ipv6Networks.enumerated().map { update($1, of: 1 + UInt64($0 / 50)) }
      ),
    ]
  }

  static func update(_ prefix: Prefix, of router: UInt64) -> OutgoingUpdate {
    OutgoingUpdate(
      destination: prefix, source: .any(prefix.family), routerID: RouterID(router),
      seqno: Seqno(1), metric: Metric(96), interval: Interval(centiseconds: 1600),
      nextHop: prefix.family == .ipv4 ? .ipv4(IPAddress(ipv4: 0xC000_0201)) : .packetSource)
  }

  // MARK: Measuring

  static func measure(_ name: String, _ routes: [OutgoingUpdate]) -> UInt {
    var packets: [[UInt8]] = []
    let encodeTime = best { packets = encode(routes) }
    let octets = packets.reduce(0) { $0 + $1.count }
    var result: Tally = (0, 0, 0)
    let before = allocation_count()
    let decodeTime = best { result = decode(packets) }
    let allocations = allocation_count() - before
    guard result.updates == routes.count else {
      print("\(name): \(result.updates) of \(routes.count) updates came back")
      exit(1)
    }
    let perTLV = decodeTime / Double(result.tlvs)
    let perRoute = Double(octets) / Double(routes.count)
    print(
      "\(name): \(packets.count) packets, \(rounded(perRoute)) octets/route; encode "
        + "\(rounded(encodeTime / Double(routes.count))) ns/route; decode \(rounded(perTLV)) "
        + "ns/TLV, \(allocations) allocations in \(20 * result.tlvs) TLVs")
    return allocations
  }

  /// Every TLV type and many faults: all packets of one random datagram after the other.
  static func measureFaults() -> UInt {
    var generator = SystemRandomNumberGenerator()
    let packets = (0..<2000).map { _ -> [UInt8] in
      var packet: [UInt8] = [42, 2, 2, 0]
      while packet.count < 600 {
        let length = UInt8.random(in: 0...40, using: &generator)
        packet += [UInt8.random(in: 0...20, using: &generator), length]
        for _ in 0..<length { packet.append(UInt8.random(in: 0...9, using: &generator)) }
      }
      return packet
    }
    var result: Tally = (0, 0, 0)
    let before = allocation_count()
    let time = best { result = decode(packets) }
    let allocations = allocation_count() - before
    print(
      "garbage: decode \(rounded(time / Double(result.tlvs))) ns/TLV, \(allocations) allocations "
        + "in \(20 * result.tlvs) TLVs")
    return allocations
  }

  /// What signing adds to a packet sent, and verifying to one received.
  static func measureSeal(_ name: String, _ key: MACKey) -> UInt {
    let addresses = PacketAddresses(
      source: neighbour, sourcePort: 6696,
      destination: IPAddress(high: 0xFF02_0000_0000_0000, low: 0x0001_0006), destinationPort: 6696)
    let keys = [key]
    var sum: UInt = 0
    for size in [30, 300, 1300] {
      var encoder = PacketEncoder(limit: 1452)
      while encoder.count + 18 <= size, encoder.append(Acknowledgment(opaque: 1)) {}
      let plain = encoder.bytes
      var packet = plain
      let sealTime = best {
        for _ in 0..<1000 {
          packet = plain
          _ = PacketSeal.seal(
            &packet, counter: 1, index: [1, 2, 3, 4, 5, 6, 7, 8], keys: keys, between: addresses)
        }
      }
      var valid = 0
      let before = allocation_count()
      let verifyTime = best { valid += verify(packet, keys, addresses, 1000) }
      let allocations = allocation_count() - before
      guard valid == 20_000 else {
        print("\(name): what was sealed is not genuine")
        exit(1)
      }
      sum += allocations
      print(
        "\(name), \(packet.count) octets: seal \(rounded(sealTime / 1e6)) us, verify "
          + "\(rounded(verifyTime / 1e6)) us, \(allocations) allocations in 20000 verifications")
    }
    return sum
  }

  @inline(never)
  static func verify(
    _ packet: [UInt8], _ keys: [MACKey], _ addresses: PacketAddresses, _ count: Int
  ) -> Int {
    let span = packet.span
    var valid = 0
    for _ in 0..<count {
      guard let decoder = try? PacketDecoder(span, from: neighbour, toMulticast: true)
      else { continue }
      let found = PacketSeal.verify(
        span, body: decoder.body, trailer: decoder.trailer, keys: keys, between: addresses)
      if found.verdict == .valid { valid += 1 }
    }
    return valid
  }

  static func encode(_ routes: [OutgoingUpdate]) -> [[UInt8]] {
    var packets: [[UInt8]] = []
    var encoder = PacketEncoder(limit: 1452)
    for route in routes where !encoder.append(route) {
      packets.append(encoder.bytes)
      encoder.reset()
      _ = encoder.append(route)
    }
    packets.append(encoder.bytes)
    return packets
  }

  typealias Tally = (tlvs: Int, updates: Int, sum: Int)

  @inline(never)
  static func decode(_ packets: [[UInt8]]) -> Tally {
    var tally: Tally = (0, 0, 0)
    for packet in packets { decode(packet, &tally) }
    return tally
  }

  static func decode(_ packet: [UInt8], _ tally: inout Tally) {
    let span = packet.span
    guard var decoder = try? PacketDecoder(span, from: neighbour, toMulticast: false)
    else { return }
    while let found = decoder.next(in: span) {
      tally.tlvs += 1
      guard case .tlv(.update(let update)) = found else { continue }
      tally.updates += 1
      tally.sum &+= Int(truncatingIfNeeded: update.destination.address.low)
    }
  }

  /// Nanoseconds of the fastest of twenty runs.
  static func best(_ run: () -> Void) -> Double {
    var best = Double.infinity
    for _ in 0..<20 {
      var start = timespec()
      var end = timespec()
      clock_gettime(CLOCK_MONOTONIC, &start)
      run()
      clock_gettime(CLOCK_MONOTONIC, &end)
      let seconds = Double(end.tv_sec - start.tv_sec)
      best = min(best, seconds * 1e9 + Double(end.tv_nsec - start.tv_nsec))
    }
    return best
  }

  static func rounded(_ value: Double) -> String { String(format: "%.1f", value) }
}
