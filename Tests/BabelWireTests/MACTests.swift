import BabelWire
import Testing

/// One row of Vectors/mac.json.
struct MACVector: Decodable, CustomStringConvertible, Sendable {
  let name: String
  let algorithm: String
  let keyHex: String
  let src: String
  let dst: String
  let srcPort: UInt16
  let dstPort: UInt16
  let packetHexWithoutTrailer: String
  let macHex: String
  let fullPacketHex: String

  var description: String { name }
  var packet: [UInt8] { octetsFromHex(packetHexWithoutTrailer) }
  var full: [UInt8] { octetsFromHex(fullPacketHex) }

  var key: MACKey {
    let octets = octetsFromHex(keyHex)
    return algorithm == "hmac-sha256" ? MACKey(hmacSHA256: octets) : MACKey(blake2s128: octets)
  }

  var addresses: PacketAddresses {
    PacketAddresses(
      source: IPAddress(src) ?? .unspecified, sourcePort: srcPort,
      destination: IPAddress(dst) ?? .unspecified, destinationPort: dstPort)
  }

  static let all: [MACVector] = vectors("mac")
}

private func text(_ mac: MAC) -> String { hex((0..<mac.count).map { mac[$0] }) }

private func verify(
  _ packet: [UInt8], _ keys: [MACKey], _ addresses: PacketAddresses
) throws -> PacketSeal.Verification {
  let decoder = try PacketDecoder(packet.span, from: addresses.source, toMulticast: false)
  return PacketSeal.verify(
    packet.span, body: decoder.body, trailer: decoder.trailer, keys: keys, between: addresses)
}

@Suite struct `Hash functions (FIPS 180-4, RFC 4231, RFC 7693)` {
  private func sha256(_ text: String, times: Int = 1, cutting: Int = .max) -> String {
    var hash = SHA256()
    let octets = Array(String(repeating: text, count: times).utf8)
    for start in stride(from: 0, to: octets.count, by: min(cutting, max(octets.count, 1))) {
      let piece = Array(octets[start..<min(octets.count, start + min(cutting, octets.count))])
      hash.update(piece.span)
    }
    let digest = hash.finish()
    return hex((0..<32).map { digest[$0] })
  }

  @Test func `SHA-256, in one piece and in many`() {
    #expect(
      sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    for cutting in [1, 3, 55, 56, 64, 1000] {
      #expect(
        sha256(long, cutting: cutting)
          == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
      #expect(
        sha256("a", times: 10_000, cutting: cutting)
          == "27dd1f61b867b6a0f6e9d8a41c43231de52107e53ae424de8f847b821db4b711")
    }
  }

  @Test(arguments: [
    (
      [UInt8](repeating: 0x0b, count: 20), "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      Array("Jefe".utf8), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      [UInt8](repeating: 0xaa, count: 131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func `RFC 8967 §4.1 HMAC-SHA256 (RFC 4231)`(key: [UInt8], data: String, mac: String) {
    #expect(text(MACKey(hmacSHA256: key).mac(of: Array(data.utf8).span)) == mac)
  }

  /// The self-test of RFC 7693, Appendix E: every length of digest, with and without a key.
  @Test func `RFC 8967 §4.1 BLAKE2s (RFC 7693)`() {
    func sequence(_ count: Int, _ seed: Int) -> [UInt8] {
      var a = UInt32(truncatingIfNeeded: 0xDEAD_4BAD * seed)
      var b: UInt32 = 1
      return (0..<count).map { _ in
        (a, b) = (b, a &+ b)
        return UInt8(b >> 24)
      }
    }
    func digest(_ octets: [UInt8], _ count: Int, _ key: [UInt8] = []) -> [UInt8] {
      var hash = BLAKE2s(digestCount: count, key: key)
      hash.update(octets.span)
      let result = hash.finish()
      return (0..<count).map { result[$0] }
    }
    var all: [UInt8] = []
    for count in [16, 20, 28, 32] {
      for length in [0, 3, 64, 65, 255, 1024] {
        all += digest(sequence(length, length), count)
        all += digest(sequence(length, length), count, sequence(count, count))
      }
    }
    #expect(
      hex(digest(all, 32)) == "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe")
    #expect(hex(digest(Array("abc".utf8), 16)) == "aa4938119b1dc7b87cbad0ffd200d0ae")
  }
}

@Suite struct `RFC 8967 §4.1–4.3 MACs of packets` {
  @Test(arguments: MACVector.all)
  func `RFC 8967 §4.1 vectors`(_ vector: MACVector) throws {
    let mac = vector.key.mac(of: vector.packet.span, between: vector.addresses)
    #expect(text(mac) == vector.macHex)
    #expect(try verify(vector.full, [vector.key], vector.addresses).verdict == .valid)
    #expect(try verify(vector.packet, [vector.key], vector.addresses).verdict == .unsigned)
    let other = MACKey(hmacSHA256: [1, 2, 3])
    #expect(try verify(vector.full, [other], vector.addresses).verdict == .wrong)
    #expect(try verify(vector.full, [other, vector.key], vector.addresses).verdict == .valid)
  }

  @Test func `there are vectors`() { #expect(MACVector.all.count == 22) }

  @Test func `every bit counts, and so do addresses and ports`() throws {
    let vector = try #require(MACVector.all.first { $0.name == "con-sha256-key32" })
    for bit in 0..<(8 * vector.full.count) {
      var packet = vector.full
      packet[bit / 8] ^= 1 << UInt8(bit % 8)
      // If a bit of its header changes, it may be no packet at all.
      let verdict = try? verify(packet, [vector.key], vector.addresses).verdict
      #expect(verdict != .valid)
    }
    let good = vector.addresses
    let other = IPAddress(high: 0xFE80_0000_0000_0000, low: 0x77)
    for wrong in [
      PacketAddresses(
        source: other, sourcePort: 6696, destination: good.destination, destinationPort: 6696),
      PacketAddresses(
        source: good.source, sourcePort: 6696, destination: other, destinationPort: 6696),
      PacketAddresses(
        source: good.source, sourcePort: 6697, destination: good.destination,
        destinationPort: 6696),
      PacketAddresses(
        source: good.source, sourcePort: 6696, destination: good.destination,
        destinationPort: 6697),
    ] {
      #expect(try verify(vector.full, [vector.key], wrong).verdict == .wrong)
    }
  }

  @Test func `RFC 8967 §4.3 a MAC is computed once per key at most`() throws {
    let vector = try #require(MACVector.all.first { $0.name == "con-sha256-key32" })
    var packet = vector.packet
    for i in 0..<40 { packet += [16, 32] + [UInt8](repeating: UInt8(i), count: 32) }
    let keys = [MACKey(hmacSHA256: [1]), MACKey(hmacSHA256: [2]), MACKey(blake2s128: [3])]
    let found = try verify(packet, keys, vector.addresses)
    #expect(found.verdict == .wrong && found.computed == 2)
    let unsigned = try verify(vector.packet, keys, vector.addresses)
    #expect(unsigned.verdict == .unsigned && unsigned.computed == 0)
  }

  @Test func `§4.2 padding and other TLVs around a MAC do not matter`() throws {
    let vector = try #require(MACVector.all.first { $0.name == "con-blake2s-key32" })
    let mac = vector.full[vector.packet.count...]
    for (before, after) in [("00", ""), ("0103000000", "00"), ("0402ffff", "10"), ("1001ff", "00")]
    {
      let packet = vector.packet + octetsFromHex(before) + mac + octetsFromHex(after)
      #expect(try verify(packet, [vector.key], vector.addresses).verdict == .valid)
    }
    // Nothing is read behind a TLV that reaches past the end.
    let packet = vector.packet + octetsFromHex("01ff") + mac
    #expect(try verify(packet, [vector.key], vector.addresses).verdict == .unsigned)
  }

  @Test func `RFC 8967 §6.1 a MAC in the body is none`() throws {
    let key = MACKey(blake2s128: [1])
    var packet: [UInt8] = [42, 2, 0, 18]
    let mac = key.mac(of: packet.span, between: MACVector.all[0].addresses)
    packet += [16, 16] + (0..<16).map { mac[$0] }
    #expect(try verify(packet, [key], MACVector.all[0].addresses).verdict == .unsigned)
  }

  @Test func `RFC 8967 §4.2 sealing puts PC and one MAC per key in front of the padding`() throws {
    let keys = [MACKey(hmacSHA256: [1]), MACKey(blake2s128: [2])]
    let addresses = MACVector.all[0].addresses
    for size in [0, 12, 13, 512] {
      var encoder = PacketEncoder(limit: 512, trailerReserve: 52, bodyReserve: 8)
      expectTrue(encoder.append(FaultRow.hello))
      encoder.padTrailer(to: size)
      let unsealed = encoder.count
      var packet = encoder.bytes
      expectTrue(
        PacketSeal.seal(
          &packet, counter: 0x0102_0304, index: [9, 8], keys: keys, between: addresses))
      #expect(packet.count == unsealed + 60 && packet.count <= 512)
      #expect(size < 512 || packet.count == 512)
      #expect(
        hex(Array(packet[..<22])) == "2a020010" + FaultRow.helloHex + "1106010203040908" + "1020")
      for key in keys { #expect(try verify(packet, [key], addresses).verdict == .valid) }
      #expect(try decodeAll(packet).first == .tlv(.hello(FaultRow.hello)))
    }
    var packet: [UInt8] = [42, 2, 0, 0]
    let tooLong = [UInt8](repeating: 0, count: 33)
    expectTrue(
      !PacketSeal.seal(&packet, counter: 1, index: tooLong, keys: keys, between: addresses))
    var notAPacket: [UInt8] = [42, 2, 0, 9]
    expectTrue(!PacketSeal.seal(&notAPacket, counter: 1, index: [], keys: [], between: addresses))
    #expect(notAPacket == [42, 2, 0, 9])
  }

  @Test func `RFC 8967 §4.3 §6.2 what the body says about authentication`() throws {
    func scan(_ body: String, toMulticast: Bool = false, nonce: [UInt8]? = nil) throws
      -> AuthenticationTLVs
    {
      let octets = octetsFromHex(body)
      let packet = [42, 2, UInt8(octets.count >> 8), UInt8(octets.count & 255)] + octets
      return AuthenticationTLVs(
        in: packet.span, body: OctetRange(offset: 4, count: octets.count),
        toMulticast: toMulticast, nonce: nonce)
    }
    let two = try scan("00" + "1103000000" + "1105000000016a" + "1105000000026a")
    #expect(two.counter == PacketCounter(counter: 1, index: OctetRange(offset: 16, count: 1)))
    #expect(try scan("110400000007").counter?.index.count == 0)
    #expect(try scan("1125" + String(repeating: "00", count: 37)).counter == nil)
    #expect(try scan("12021234" + "12025678").challenge == OctetRange(offset: 10, count: 2))
    #expect(try scan("1200").challenge == OctetRange(offset: 6, count: 0))
    #expect(try scan("12021234", toMulticast: true).challenge == nil)
    #expect(try scan("12c1" + String(repeating: "00", count: 193)).challenge == nil)
    #expect(try scan("13020102" + "13020304", nonce: [1, 2]).isAnswered)
    #expect(try !scan("13020102", nonce: [1, 3]).isAnswered)
    #expect(try !scan("1300", nonce: []).isAnswered && !scan("13020102").isAnswered)
    #expect(try !scan("130301", nonce: [1]).isAnswered)
  }
}
