import BabelWire
import TestSupport
import Testing

private let aa = RouterID(0x0200_0000_0000_00AA)
private let routerIDHex = "060a000002000000000000aa"
private let group: IPAddress = .of("fe80::b1")

/// All TLVs of a body in a format, as from a neighbour by multicast.
private func decodeBody(_ hex: String, _ format: WireFormat) throws -> [DecodedTLV] {
  let body = octetsFromHex(hex)
  let octets = [42, 2, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
  var decoder = try PacketDecoder(octets.span, from: group, toMulticast: true, format: format)
  var tlvs: [DecodedTLV] = []
  while let tlv = decoder.next(in: octets.span) { tlvs.append(tlv) }
  return tlvs
}

private func lastUpdate(_ hex: String, _ format: WireFormat) throws -> Update? {
  guard case .tlv(.update(let update))? = try decodeBody(hex, format).last else { return nil }
  return update
}

private func encoded(_ updates: [OutgoingUpdate], _ format: WireFormat) -> String {
  var encoder = PacketEncoder(limit: 1452, format: format)
  for update in updates where !encoder.append(update) { return "does not fit" }
  return hexOfBody(encoder)
}

private func outgoing(
  _ prefix: String, metric: UInt16 = 258, source: String? = nil,
  nextHop: UpdateNextHop = .packetSource, _ attributes: PathAttributes
) -> OutgoingUpdate {
  let destination = Prefix.of(prefix)
  return OutgoingUpdate(
    destination: destination, source: source.map { .of($0) } ?? .any(destination.family),
    routerID: aa, seqno: Seqno(77), metric: Metric(metric), interval: .cs(1600),
    nextHop: nextHop, attributes: attributes)
}

@Suite struct `Path attributes` {
  private let both = PathAttributes(price: 0x0102_0304, roundTripTime: 0x0A0B_0C0D)
  private let fixed = "02800800" + "0640004d0102"

  @Test func `price and round-trip time are experimental sub-TLVs`() throws {
    let hex = routerIDHex + "0817" + fixed + "20" + "780401020304" + "79040a0b0c0d"
    #expect(encoded([outgoing("2000::/8", both)], .standard) == hex)
    #expect(try lastUpdate(hex, .standard)?.attributes == both)
  }

  @Test func `nothing is sent of what is not known`() throws {
    #expect(
      encoded([outgoing("2000::/8", PathAttributes())], .standard)
        == routerIDHex + "080b" + fixed + "20")
    #expect(
      encoded([outgoing("2000::/8", PathAttributes(price: 5))], .standard)
        == routerIDHex + "0811" + fixed + "20" + "780400000005")
  }

  @Test func `one that is too short is passed over, surplus octets do not matter`() throws {
    let short = routerIDHex + "0811" + fixed + "20" + "7803010203" + "00"
    #expect(try lastUpdate(short, .standard)?.attributes == PathAttributes())
    let long = routerIDHex + "0812" + fixed + "20" + "780501020304ff"
    #expect(try lastUpdate(long, .standard)?.attributes == PathAttributes(price: 0x0102_0304))
  }

  @Test func `they stand beside a source prefix`() throws {
    let update = outgoing("2000::/8", source: "2001:db8::/32", both)
    let hex = encoded([update], .standard)
    let read = try lastUpdate(hex, .standard)
    #expect(read?.attributes == both)
    #expect(read?.source == .of("2001:db8::/32"))
  }

  @Test func `Althea's number means nothing in the standard format`() throws {
    let hex = routerIDHex + "0811" + fixed + "20" + "2d0400000005"
    #expect(try lastUpdate(hex, .standard)?.attributes == PathAttributes())
  }
}

@Suite struct `Althea's wire format` {
  private let fixed = "02800800" + "0640004d0102"

  /// Made by hand after `really_send_update` of the fork: 14 octets, then prefix and sub-TLVs.
  @Test func `an Update as the fork sends it`() throws {
    // A route of its own: price 0, round-trip time 0.
    let own = routerIDHex + "0815" + fixed + "00000000" + "20" + "2d0400000000"
    let update = try lastUpdate(own, .althea)
    #expect(update?.destination == .of("2000::/8"))
    #expect(update?.metric == Metric(258))
    #expect(update?.attributes == PathAttributes(price: 0, roundTripTime: 0))
    // One learned, with diversity (sub-TLV 2), price 1,000,000 and no round-trip time.
    let learned = routerIDHex + "0812" + fixed + "000f4240" + "20" + "0201ff"
    #expect(try lastUpdate(learned, .althea)?.attributes == PathAttributes(price: 1_000_000))
  }

  @Test func `an Update is written as the fork reads it`() throws {
    let known = outgoing("2000::/8", PathAttributes(price: 1_000_000, roundTripTime: 5000))
    #expect(
      encoded([known], .althea)
        == routerIDHex + "0815" + fixed + "000f4240" + "20" + "2d0400001388")
    #expect(
      encoded([outgoing("2000::/8", PathAttributes())], .althea)
        == routerIDHex + "080f" + fixed + "00000000" + "20")
  }

  @Test func `IPv4 with its next hop, and octets left out of a prefix`() throws {
    let via = UpdateNextHop.ipv4(.of("10.0.0.9"))
    let price = PathAttributes(price: 7)
    let hex = encoded(
      [
        outgoing("10.1.2.0/24", nextHop: via, price), outgoing("10.1.3.0/24", nextHop: via, price),
      ], .althea)
    let updates: [Update] = try decodeBody(hex, .althea).compactMap {
      if case .tlv(.update(let update)) = $0 { update } else { nil }
    }
    #expect(updates.map(\.destination) == [.of("10.1.2.0/24"), .of("10.1.3.0/24")])
    #expect(updates.map(\.omitted) == [0, 2])
    #expect(updates.allSatisfy { $0.nextHop == .of("10.0.0.9") && $0.attributes == price })
  }

  @Test func `a wildcard retraction has no price`() throws {
    var encoder = PacketEncoder(limit: 1452, format: .althea)
    let fits = encoder.appendWildcardRetraction(seqno: Seqno(7))
    #expect(fits)
    #expect(hexOfBody(encoder) == "080a00000000ffff0007ffff")
    #expect(try decodeBody("080a00000000ffff0007ffff", .althea) == [.tlv(.wildcardRetraction)])
  }

  @Test func `a standard Update is too short, and what it would have set is forgotten`() throws {
    let standard = routerIDHex + "080b" + fixed + "20"
    #expect(try decodeBody(standard, .althea).last == .ignored(type: 8, .tooShort))
    // A dependent Update after it has nothing to depend on.
    let dependent = "080f" + "02001001" + "0640004d0102" + "00000000" + "01"
    #expect(
      try decodeBody(standard + dependent, .althea).last
        == .ignored(type: 8, .omittedWithoutDefault))
  }

  @Test func `the dead source-specific TLVs are skipped`() throws {
    let hex = "0d12" + "02200800" + "0640004d0102" + "00000000" + "2020010db8" + "00000000"
    let tlvs = try decodeBody(hex.prefix(40) + "0406000000320190", .althea)
    #expect(tlvs.last == .tlv(.hello(FaultRow.hello)))
  }

  @Test func `chance does no harm`() throws {
    var generator = Chance(seed: 8)
    for _ in 0..<5000 {
      let count = Int.random(in: 0...80, using: &generator)
      var body = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if count > 12 { (body[0], body[1], body[2]) = (8, UInt8(count / 2), UInt8(count & 3)) }
      _ = try decodeBody(hex(body), .althea)
    }
  }

  @Test func `no packet is read beyond its end`() throws {
    let whole = octetsFromHex(routerIDHex + "0815" + fixed + "00000000" + "20" + "2d0400000000")
    for count in 0..<whole.count {
      _ = try decodeBody(hex(whole.prefix(count)), .althea)
      var cut = whole
      if cut.count > 13 { cut[13] = UInt8(clamping: count) }
      _ = try decodeBody(hex(cut.prefix(count + 1)), .althea)
    }
  }
}
