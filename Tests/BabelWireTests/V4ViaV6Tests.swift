import BabelWire
import Testing

private let routerIDHex = "060a000002000000000000aa"
/// 10.1.0.0/16 with AE 4.
private let updateHex = "080c0400100006400001" + "00010a01"

private func updates(_ hex: String, from source: IPAddress) throws -> [Update] {
  let body = octetsFromHex(hex)
  let octets = [42, 2, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
  var decoder = try PacketDecoder(octets.span, from: source, toMulticast: true)
  var found: [Update] = []
  while let tlv = decoder.next(in: octets.span) {
    if case .tlv(.update(let update)) = tlv { found.append(update) }
  }
  return found
}

@Suite struct `RFC 9229 on the wire` {
  private let ipv4 = IPAddress.of("10.0.0.1")
  private let ipv6 = IPAddress.of("fe80::b1")

  @Test func `RFC 9229 §2.2 AE 4 needs an IPv6 next hop`() throws {
    #expect(try updates(routerIDHex + updateHex, from: ipv4).isEmpty)
    #expect(try updates(routerIDHex + updateHex, from: ipv6).map(\.nextHop) == [ipv6])
    // One of IPv4 does not help, one with AE 3 does.
    let via4 = "070601000a000009"
    #expect(try updates(routerIDHex + via4 + updateHex, from: ipv4).isEmpty)
    let via6 = "070a0300" + "00000000000000c1"
    #expect(
      try updates(routerIDHex + via6 + updateHex, from: ipv4).map(\.nextHop) == [.of("fe80::c1")])
    // A retraction needs none.
    let retraction = "080c0400100006400001" + "ffff0a01"
    #expect(try updates(retraction, from: ipv4).count == 1)
  }

  @Test func `RFC 9229 §2.4 AE 4 in IHU and Next Hop is ignored and sets nothing`() throws {
    #expect(
      decodeBody("050a04000060012c0a000001") == [.ignored(type: 5, .forbiddenAE)])
    let hex = routerIDHex + "070604000a000009" + updateHex
    #expect(try updates(hex, from: ipv6).map(\.nextHop) == [ipv6])
    let with1 = routerIDHex + "070601000a000009" + "070604000a000008"
    let update1 = "080c0100100006400001" + "00010a01"
    #expect(try updates(with1 + update1, from: ipv6).map(\.nextHop) == [.of("10.0.0.9")])
  }

  @Test func `RFC 9229 §4.1 AE 1 and AE 4 have default prefixes of their own`() throws {
    let via = "070601000a000009"
    let default4 = "080d0480180006400001" + "00010a0102"
    let default1 = "080d0180180006400001" + "00010b0102"
    let dependent4 = "080b0400180206400001" + "000103"
    let dependent1 = "080b0100180206400001" + "000103"
    let all = routerIDHex + via + default4 + default1 + dependent4 + dependent1
    #expect(
      try updates(all, from: ipv6).map(\.destination) == [
        .of("10.1.2.0/24"), .of("11.1.2.0/24"), .of("10.1.3.0/24"), .of("11.1.3.0/24"),
      ])
    // And ours are written so.
    var encoder = PacketEncoder(limit: 1452)
    for (text, hop) in [
      ("10.1.2.0/24", UpdateNextHop.ipv6), ("11.1.2.0/24", .ipv4(ipv4)), ("10.1.3.0/24", .ipv6),
      ("11.1.3.0/24", .ipv4(ipv4)),
    ] {
      let fits = encoder.append(
        OutgoingUpdate(
          destination: .of(text), source: .any(.ipv4), routerID: RouterID(9), seqno: Seqno(1),
          metric: Metric(1), interval: .cs(100), nextHop: hop))
      #expect(fits)
    }
    let written = try updates(hexOfBody(encoder), from: ipv6)
    #expect(written.map(\.omitted) == [0, 0, 2, 2])
    #expect(written.map(\.nextHop) == [ipv6, ipv4, ipv6, ipv4])
  }
}
