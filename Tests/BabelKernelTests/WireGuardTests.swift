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
