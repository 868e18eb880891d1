import BabelWire
import TestSupport
import Testing

@testable import BabelKernel

/// What WireGuard tells of its devices, by netlink and as text.
@Suite struct `WireGuard devices` {
  private static let key = (0..<32).map { UInt8($0) }

  // MARK: Netlink

  /// An attribute with its header, padded.
  private func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
    let length = UInt16(4 + value.count)
    var octets = [UInt8(length & 255), UInt8(length >> 8), UInt8(type & 255), UInt8(type >> 8)]
    octets += value
    while octets.count % 4 != 0 { octets.append(0) }
    return octets
  }

  private func number<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number) { Array($0) }
  }

  private func allowed(_ family: UInt16, _ address: [UInt8], _ length: UInt8) -> [UInt8] {
    attribute(
      0x8000, attribute(1, number(family)) + attribute(2, address) + attribute(3, [length]))
  }

  private func peer(_ key: [UInt8], _ rest: [UInt8]) -> [UInt8] {
    attribute(0x8000, attribute(1, key) + rest)
  }

  private func read(_ body: [UInt8], into device: inout WireGuardDevice) {
    device.read(message: 0..<body.count, in: body.span)
  }

  @Test func `a peer has key, endpoint, handshake, traffic and addresses`() throws {
    let addresses =
      allowed(10, [0xFF, 2] + [UInt8](repeating: 0, count: 14), 16)
      + allowed(2, [10, 1, 0, 0], 16)
    let body =
      [0, 1, 0, 0] + attribute(2, Array("wg0\0".utf8))
      + attribute(
        8,
        peer(
          Self.key,
          attribute(4, number(UInt16(2)) + [0xCA, 0x6C, 192, 0, 2, 1] + [0, 0, 0, 0, 0, 0, 0, 0])
            + attribute(6, number(Int64(1_796_000_000)) + number(Int64(5)))
            + attribute(7, number(UInt64(1000))) + attribute(8, number(UInt64(2000)))
            + attribute(9, addresses)))
    var device = WireGuardDevice.empty
    read(body, into: &device)
    let found = try #require(device.peers.first)
    #expect(device.peers.count == 1)
    #expect(found.publicKey == Self.key)
    #expect(found.keyText == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    #expect(found.endpoint?.address == IPAddress("192.0.2.1") && found.endpoint?.port == 51_820)
    #expect(found.handshake == 1_796_000_000)
    #expect(found.received == 1000 && found.sent == 2000)
    #expect(found.allowedIPs.map(\.description) == ["ff02::/16", "10.1.0.0/16"])
    let group = try #require(IPAddress("ff02::1:6"))
    #expect(found.allows(group))
    #expect(!found.allowsSome(of: try #require(Prefix("fe80::/10"))))
  }

  @Test func `a peer that is told in pieces is one`() {
    var device = WireGuardDevice.empty
    for number in UInt8(0)..<3 {
      let addresses = allowed(2, [10, number, 0, 0], 16)
      read(
        [0, 1, 0, 0] + attribute(8, peer(Self.key, attribute(9, addresses))), into: &device)
    }
    #expect(device.peers.count == 1 && device.peers.first?.allowedIPs.count == 3)
  }

  @Test func `peers and addresses are limited`() {
    var device = WireGuardDevice.empty
    for number in 0..<2000 {
      var key = Self.key
      (key[0], key[1]) = (UInt8(number & 255), UInt8(number >> 8))
      read([0, 1, 0, 0] + attribute(8, peer(key, [])), into: &device)
    }
    #expect(device.peers.count == WireGuardDevice.peerLimit && device.isCut)
    var other = WireGuardDevice.empty
    for _ in 0..<100 {
      let addresses = (UInt8(0)..<100).flatMap { allowed(2, [10, $0, 0, 0], 16) }
      read([0, 1, 0, 0] + attribute(8, peer(Self.key, attribute(9, addresses))), into: &other)
    }
    #expect(other.peers.first?.allowedIPs.count == WireGuardPeer.prefixLimit)
  }

  @Test func `the number of a family is read from its answer`() {
    let body = [1, 2, 0, 0] + attribute(2, Array("wireguard\0".utf8)) + attribute(1, [0x1D, 0])
    #expect(genericFamily(message: 0..<body.count, in: body.span) == 0x1D)
    #expect(genericFamily(message: 0..<4, in: body.span) == nil)
    #expect(genericFamily(message: 0..<400, in: body.span) == nil)
  }

  @Test func `random octets, and messages with random changes, do no harm`() {
    var random = Chance(seed: 11)
    let whole =
      [0, 1, 0, 0]
      + attribute(
        8,
        peer(
          Self.key,
          attribute(4, [UInt8](repeating: 10, count: 28))
            + attribute(9, allowed(10, [UInt8](repeating: 0xFE, count: 16), 10))))
    for round in 0..<20_000 {
      var body = whole
      if round % 2 == 0 {
        body = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
      } else {
        for _ in 0..<4 {
          body[Int.random(in: 0..<body.count, using: &random)] = .random(
            in: 0...255, using: &random)
        }
        body.removeLast(Int.random(in: 0..<body.count, using: &random))
      }
      var device = WireGuardDevice.empty
      read(body, into: &device)
      _ = genericFamily(message: 0..<body.count, in: body.span)
      #expect(device.peers.count <= 64)
    }
  }

  @Test func `requests are what the kernel expects`() throws {
    var builder = NetlinkBuilder(capacity: 64)
    builder.familyQuestion("wireguard", sequence: 1)
    let question = builder.bytes
    #expect(question.count == 36 && question[4] == 16 && question[16] == 3)
    builder.removeAll()
    builder.wireGuardQuestion(
      try #require(InterfaceName("a23456789012345")), family: 29, sequence: 2)
    #expect(builder.bytes.count == 40 && builder.bytes[4] == 29)
    #expect(builder.bytes[20] == 20 && builder.bytes[22] == 2)
  }

  @Test func `a change of prefixes is what the kernel expects`() throws {
    let other = [UInt8](repeating: 9, count: 32)
    let messages = WireGuardPeerChange.giving([
      WireGuardEntry(prefix: try #require(Prefix("10.1.0.0/16")), key: Self.key),
      WireGuardEntry(prefix: try #require(Prefix("fd00::/16")), key: Self.key),
      WireGuardEntry(prefix: try #require(Prefix("fe80::1/128")), key: other),
    ])
    #expect(messages.count == 1)
    var builder = NetlinkBuilder(capacity: NetlinkBuilder.wireGuardCount(messages[0]))
    builder.wireGuardChange(
      try #require(InterfaceName("wg0")), messages[0], family: 29, sequence: 7)
    // `struct nlmsghdr` and `genlmsghdr`, then WGDEVICE_A_IFNAME (2) and WGDEVICE_A_PEERS (8), as
    // wg(8) sends them: each peer has WGPEER_A_PUBLIC_KEY (1), WGPEER_A_FLAGS (3) with
    // WGPEER_F_UPDATE_ONLY (4), and WGPEER_A_ALLOWEDIPS (9).
    let first =
      attribute(1, Self.key) + attribute(3, number(UInt32(4)))
      + attribute(
        0x8009,
        allowed(2, [10, 1, 0, 0], 16)
          + allowed(10, [0xFD] + [UInt8](repeating: 0, count: 15), 16))
    let second =
      attribute(1, other) + attribute(3, number(UInt32(4)))
      + attribute(
        0x8009, allowed(10, [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1], 128))
    let body =
      [1, 1, 0, 0] + attribute(2, Array("wg0\0".utf8))
      + attribute(0x8008, attribute(0x8000, first) + attribute(0x8000, second))
    let header =
      number(UInt32(16 + body.count)) + number(UInt16(29)) + number(UInt16(5))
      + number(UInt32(7)) + number(UInt32(0))
    #expect(builder.bytes == header + body)
  }

  @Test func `prefixes are taken by giving them to nobody, who goes at once`() throws {
    let prefix = try #require(Prefix("10.1.0.0/16"))
    let message = try #require(WireGuardPeerChange.taking([prefix]).first)
    #expect(message.map { $0.isRemoved } == [false, true])
    #expect(message.allSatisfy { $0.key == WireGuardPeer.nobody && !$0.isOptional })
    let nobody = "2cf38f4b5c62f07b5a3858e7b32ef6348e5d02d45b0ca0f0a6ada17787d60470"
    let text = String(decoding: WireGuardPeerChange.text(message), as: UTF8.self)
    #expect(
      text == "set=1\npublic_key=\(nobody)\nallowed_ip=10.1.0.0/16\npublic_key=\(nobody)\n"
        + "remove=true\n\n")
    var builder = NetlinkBuilder(capacity: NetlinkBuilder.wireGuardCount(message))
    builder.wireGuardChange(try #require(InterfaceName("wg0")), message, family: 29, sequence: 1)
    // WGPEER_F_REMOVE_ME.
    #expect(Array(builder.bytes.suffix(8)) == attribute(3, number(UInt32(1))))
  }

  @Test func `a message is never longer than an attribute may be`() {
    let entries = (0..<2000).map {
      WireGuardEntry(
        prefix: Prefix(mapped: IPAddress(high: UInt64($0), low: 0), mappedLength: 64),
        key: [UInt8](repeating: UInt8($0 / 700), count: 32))
    }
    let messages = WireGuardPeerChange.giving(entries)
    #expect(messages.flatMap { $0.flatMap { $0.prefixes } } == entries.map { $0.prefix })
    for message in messages {
      #expect(NetlinkBuilder.wireGuardCount(message) < 1 << 16)
      #expect(message.allSatisfy { $0.isOptional && !$0.isRemoved })
    }
  }

  @Test func `own key and address follow from what a device tells`() throws {
    let body = [0, 1, 0, 0] + attribute(4, Self.key)
    var device = WireGuardDevice.empty
    read(body, into: &device)
    #expect(device.publicKey == Self.key)
    // sha256("swabeld link-local" and the octets 0 to 31) begins with these octets.
    #expect(IPAddress(wireGuardKey: Self.key) == IPAddress("fe80::5089:89ca:cd26:e93b"))
    #expect(IPAddress(wireGuardKey: [1]) == nil)
  }

  // MARK: Text

  private static let hexadecimal =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

  @Test func `an answer of wireguard-go is read`() throws {
    let text = """
      private_key=\(Self.hexadecimal)
      listen_port=50000
      public_key=\(Self.hexadecimal)
      preshared_key=0000000000000000000000000000000000000000000000000000000000000000
      protocol_version=1
      endpoint=[fe80::1%eth0]:50001
      last_handshake_time_sec=1796000000
      last_handshake_time_nsec=5
      tx_bytes=2000
      rx_bytes=1000
      persistent_keepalive_interval=0
      allowed_ip=0.0.0.0/0
      allowed_ip=::/0
      errno=0


      """
    let device = try #require(WireGuardDevice(text: Array(text.utf8)))
    let peer = try #require(device.peers.first)
    #expect(WireGuardDevice.isComplete(text: Array(text.utf8)))
    #expect(peer.publicKey == Self.key && peer.handshake == 1_796_000_000)
    #expect(peer.endpoint?.address == IPAddress("fe80::1") && peer.endpoint?.port == 50_001)
    #expect(peer.received == 1000 && peer.sent == 2000 && peer.allowedIPs.count == 2)
    #expect(peer.allows(try #require(IPAddress("ff02::1:6"))))
  }

  @Test func `the public key is computed from the private one, if it is wanted`() throws {
    let text = Array("private_key=\(Self.hexadecimal)\nerrno=0\n\n".utf8)
    let key = Curve25519.publicKey(of: Self.key)
    #expect(WireGuardDevice(text: text)?.publicKey == nil)
    let device = WireGuardDevice(text: text, prefixLimit: 1, withOwnKey: true)
    #expect(device?.publicKey == key && key != nil)
  }

  @Test func `an answer without its end, or with an error, is none`() {
    #expect(WireGuardDevice(text: []) == nil)
    #expect(WireGuardDevice(text: Array("public_key=\(Self.hexadecimal)\n".utf8)) == nil)
    #expect(WireGuardDevice(text: Array("errno=1\n\n".utf8)) == nil)
    #expect(WireGuardDevice(text: Array("errno=0\n\n".utf8))?.peers.isEmpty == true)
  }

  @Test func `random text does no harm`() {
    var random = Chance(seed: 12)
    let words = [
      "public_key=", Self.hexadecimal, "\n", "allowed_ip=", "10.0.0.0/8", "::/0", "endpoint=",
      "[::1]:5", "/", "errno=0", "=", "last_handshake_time_sec=", "-9223372036854775808", "\u{ff}",
      "rx_bytes=", "99999999999999999999999", "10.0.0.0/999",
    ]
    for _ in 0..<5000 {
      var text: [UInt8] = []
      for _ in 0..<Int.random(in: 0..<30, using: &random) {
        text += words[Int.random(in: 0..<words.count, using: &random)].utf8
      }
      _ = WireGuardDevice(text: text + Array("\nerrno=0\n\n".utf8))
    }
  }
}
