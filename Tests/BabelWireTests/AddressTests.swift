import BabelWire
import Foundation
import TestSupport
import Testing

/// What the C library makes of the 16 octets; nil if it refuses the text.
private func libraryText(_ address: IPAddress) -> String {
  var octets = (0..<16).map { address.octet($0) }
  let family = address.family == .ipv4 ? AF_INET : AF_INET6
  if family == AF_INET { octets.removeFirst(12) }
  var text = [CChar](repeating: 0, count: 64)
  guard inet_ntop(family, octets, &text, socklen_t(text.count)) != nil else { return "" }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8($0) }, as: UTF8.self)
}

private func libraryAddress(_ text: String) -> IPAddress? {
  var octets = [UInt8](repeating: 0, count: 16)
  if inet_pton(AF_INET, text, &octets) == 1 {
    return IPAddress(ipv4: octets.prefix(4).reduce(0) { $0 << 8 | UInt32($1) })
  }
  guard inet_pton(AF_INET6, text, &octets) == 1 else { return nil }
  let words = [octets.prefix(8), octets.suffix(8)].map { $0.reduce(0) { $0 << 8 | UInt64($1) } }
  return IPAddress(high: words[0], low: words[1])
}

@Suite struct `§4.1.4 Addresses` {
  @Test(arguments: [
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("1:0:0:2::", "1:0:0:2::"),
    ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("0:0:1:0:0:0:1:0", "0:0:1::1:0"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("fe80::0a1", "fe80::a1"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::ffff:192.0.2.1", "192.0.2.1"),
    ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("ff02::1:6", "ff02::1:6"),
  ])
  func `text is read and printed in canonical form`(_ text: String, _ canonical: String) {
    #expect(IPAddress(text)?.description == canonical)
    #expect(libraryAddress(text) == IPAddress(text))
  }

  @Test(arguments: [
    "", ":", ":::", "1", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
    "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "1.2.3", "1.2.3.4.5",
    "1.2.3.256", "01.2.3.4", "1..2.3", "1.2.3.4 ", " ::1", "fe80::1%eth0", "[::1]", "::1/64",
    "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::", "-1.2.3.4", "0x1.2.3.4",
    "1:2:3:4:5:6:7:", "::1:", "1:::2",
  ])
  func `text that is no address is refused`(_ text: String) {
    #expect(IPAddress(text) == nil)
    #expect(libraryAddress(text) == nil)
  }

  @Test func `random addresses print as the C library prints them, and are read back`() {
    var dice = Chance(seed: 4)
    for _ in 0..<20_000 {
      let mask = dice.next() | dice.next()
      let address = IPAddress(
        high: dice.next() & mask & (dice.oneIn(3) ? 0xFFFF_0000_0000_FFFF : .max),
        low: dice.next() & (dice.oneIn(3) ? 0xFFFF_0000_0000 : dice.next()))
      #expect(IPAddress(address.description) == address)
      // The library prints ::/96 addresses with a dotted quad, which RFC 5952 does not ask for.
      guard address.high != 0 || address.low >> 32 != 0 else { continue }
      #expect(address.description == libraryText(address))
    }
  }

  @Test func `random text is read exactly when the C library reads it`() {
    var dice = Chance(seed: 5)
    let alphabet = Array("0123456789abcdefF:::::...g".utf8)
    for _ in 0..<200_000 {
      let octets = (0..<dice.below(18)).map { _ in alphabet[dice.below(alphabet.count)] }
      let text = String(decoding: octets, as: UTF8.self)
      #expect(IPAddress(text) == libraryAddress(text), "\(text)")
    }
  }

  @Test func `kinds of addresses`() {
    #expect(IPAddress.of("fe80::1").isLinkLocal && !IPAddress.of("fe80:0:0:1::1").isLinkLocal)
    #expect(IPAddress.of("ff02::1:6").isMulticast && IPAddress.of("224.0.0.111").isMulticast)
    #expect(IPAddress.of("127.1.2.3").isLoopback && IPAddress.of("::1").isLoopback)
    #expect(IPAddress.of("0.0.0.0").isUnspecified && IPAddress.unspecified.isUnspecified)
    #expect(!IPAddress.of("10.0.0.1").isMulticast && !IPAddress.of("::2").isLoopback)
    #expect(IPAddress.of("1.2.3.4") < .of("1.2.3.5") && IPAddress.of("::") < .of("1.2.3.4"))
  }
}

@Suite struct `§4.1.5 Prefixes` {
  @Test(arguments: [
    ("2001:db8::1/32", "2001:db8::/32"), ("10.1.2.3/8", "10.0.0.0/8"), ("::1/0", "::/0"),
    ("1.2.3.4/0", "0.0.0.0/0"), ("fe80::1", "fe80::1/128"), ("1.2.3.4", "1.2.3.4/32"),
    ("ffff:ffff:ffff:ffff:ffff::/63", "ffff:ffff:ffff:fffe::/63"),
    ("ffff:ffff:ffff:ffff:ffff::/65", "ffff:ffff:ffff:ffff:8000::/65"),
  ])
  func `text is read, and bits beyond the length are cleared`(_ text: String, _ same: String) {
    #expect(Prefix(text)?.description == same)
  }

  @Test(arguments: ["", "/", "::/", "::/129", "1.2.3.4/33", "::/-1", "::/1x", "::/0001", "x/8"])
  func `text that is no prefix is refused`(_ text: String) { #expect(Prefix(text) == nil) }

  @Test func `containment`() {
    let ten = Prefix.of("10.0.0.0/8")
    #expect(ten.contains(Prefix.of("10.1.0.0/16")) && ten.contains(ten))
    #expect(!ten.contains(Prefix.of("0.0.0.0/0")) && !ten.contains(Prefix.of("11.0.0.0/16")))
    #expect(ten.contains(IPAddress.of("10.255.0.1")) && !ten.contains(IPAddress.of("::")))
    #expect(!Prefix.ipv6Default.contains(ten) && Prefix.ipv6Default != Prefix.ipv4Default)
    #expect(Prefix.ipv4Default.isDefault && Prefix.ipv4Default.length == 0)
    #expect(Prefix(.of("1.2.3.4"), length: 33) == nil && Prefix(.of("::"), length: -1) == nil)
  }

  @Test(arguments: [
    "ff00::/8", "ff02::1/128", "fe80::/10", "fe80::/64", "febf::1/128", "::/128", "::1/128",
    "127.0.0.0/8", "127.0.0.1/32", "0.0.0.0/8", "0.0.0.0/32", "0.1.0.0/16", "224.0.0.0/4",
    "239.1.2.3/32", "255.255.255.255/32",
  ])
  func `martians, §C`(_ text: String) { #expect(Prefix.of(text).isMartian) }

  @Test(arguments: [
    "::/0", "0.0.0.0/0", "fe00::/7", "fc00::/7", "fe00::/9", "fec0::/10", "::/127", "::2/128",
    "0.0.0.0/7", "126.0.0.0/7", "128.0.0.0/8", "240.0.0.0/4", "255.255.255.0/24",
    "192.0.0.0/3", "2000::/3", "10.0.0.0/8",
  ])
  func `prefixes that may be routed, §C`(_ text: String) { #expect(!Prefix.of(text).isMartian) }
}

@Suite struct `§4.1.3 Router-ids and interface names` {
  @Test func `router-ids are read and printed`() {
    let id = RouterID(0x0200_0000_0000_00AA)
    #expect(RouterID("02:00:00:00:00:00:00:aa") == id)
    #expect(RouterID("2-0-0-0-0-0-0-AA") == id)
    #expect(id.description == "02:00:00:00:00:00:00:aa")
  }

  @Test(arguments: [
    "", "02:00:00:00:00:00:00", "02:00:00:00:00:00:00:aa:00", "002:00:00:00:00:00:00:aa",
    "0g:00:00:00:00:00:00:aa", "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff",
    "02::00:00:00:00:00:aa", "02:00:00:00:00:00:00:aa:",
  ])
  func `text that is no router-id is refused, §4.1.3`(_ text: String) {
    #expect(RouterID(text) == nil)
  }

  @Test func `interface names have 1 to 15 octets`() {
    #expect(InterfaceName("wg0")?.description == "wg0")
    #expect(InterfaceName("123456789012345")?.octets.count == 15)
    for text in ["", "1234567890123456", "a b", "a/b", "a\u{7f}", "a\u{0}"] {
      #expect(InterfaceName(text) == nil, "\(text)")
    }
  }
}
