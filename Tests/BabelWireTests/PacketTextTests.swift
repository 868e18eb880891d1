import BabelWire
import TestSupport
import Testing

@Suite struct `A packet in words` {
  private func lines(
    _ octets: [UInt8], toMulticast: Bool = true, _ format: WireFormat = .standard
  ) -> [String] {
    let text = PacketText(
      octets.span, from: IPAddress(high: 0xFE80_0000_0000_0000, low: 1), toMulticast: toMulticast,
      format: format)
    let lines = text.octets.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    #expect(lines.count == text.lineCount)
    #expect(lines.allSatisfy { $0.hasPrefix("  ") && $0.count < 1500 })
    return lines.map { String($0.dropFirst(2)) }
  }

  private func packet(_ body: [UInt8], trailer: [UInt8] = []) -> [UInt8] {
    [42, 2, UInt8(body.count >> 8), UInt8(body.count & 255)] + body + trailer
  }

  @Test func `what is no packet of Babel is shown as octets`() {
    #expect(lines([]) == ["no Babel packet"])
    #expect(lines([42, 2, 0, 9, 1]) == ["no Babel packet; octets 2a02000901"])
    let long = [UInt8](repeating: 7, count: 100)
    #expect(
      lines(long) == ["no Babel packet; octets " + String(repeating: "07", count: 32) + "..."])
  }

  @Test func `every TLV has the name of its RFC`() {
    let names = [
      "Pad1", "PadN", "Acknowledgment Request", "Acknowledgment", "Hello", "IHU", "Router-Id",
      "Next Hop", "Update", "Route Request", "Seqno Request",
    ]
    for (type, name) in names.enumerated().dropFirst(2) {
      #expect(
        lines(packet([UInt8(type), 1, 0xFF])).first?.hasPrefix("\(name) ignored: ") == true,
        "\(name)")
    }
    for (type, name) in [(17, "PC"), (18, "Challenge Request"), (19, "Challenge Reply")] {
      let text = lines(packet([UInt8(type), 5, 0, 0, 0, 9, 0xAB]), toMulticast: false).first
      #expect(text?.hasPrefix(name + " ") == true)
    }
    #expect(
      lines(packet([16, 1, 5], trailer: [16, 4, 1, 2, 3, 4, 0, 0]))
        == [
          "MAC ignored: not allowed in this part of the packet; octets 05", "MAC octets 4",
          "Pad1 times 2",
        ])
    #expect(lines(packet([17, 6, 0, 0, 1, 0, 0xAB, 0xCD])) == ["PC 256 index abcd"])
    #expect(lines(packet([17, 4, 0, 0, 1, 0])) == ["PC 256 index -"])
    #expect(
      lines(packet([18, 1, 9])) == [
        "Challenge Request ignored: only valid in a unicast packet; octets 09"
      ])
  }

  @Test func `requests and their source prefixes are complete`() {
    let seqno: [UInt8] = [
      10, 21, 2, 16, 0, 7, 64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20, 1, 128, 3, 16, 0x20, 2,
    ]
    #expect(
      lines(packet(seqno)) == [
        "Seqno Request 2001::/16 seqno 7 router-id 01:02:03:04:05:06:07:08 hop-count 64; "
          + "Source Prefix 2002::/16"
      ])
    #expect(lines(packet([9, 3, 1, 8, 10])) == ["Route Request 10.0.0.0/8"])
    #expect(lines(packet([9, 2, 0, 0])) == ["Route Request for all prefixes"])
    #expect(
      lines(packet([8, 10, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]))
        == ["Update of all prefixes retraction"])
  }

  @Test func `attributes of paths have their names`() {
    let id: [UInt8] = [6, 10, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    let fixed: [UInt8] = [2, 0, 16, 0, 0, 100, 0, 1, 0, 2]
    let more: [UInt8] = [0x20, 1, 120, 4, 0, 0, 0, 5, 121, 4, 0, 0, 1, 0, 1, 2, 0, 0]
    let text =
      "Update 2001::/16 metric 2 seqno 1 router-id 01:02:03:04:05:06:07:08 next-hop fe80::1 "
    #expect(
      lines(packet(id + [8, UInt8(fixed.count + more.count)] + fixed + more)).last
        == text + "interval 1s AE 2; price 5; path RTT us 256; PadN 2")
    #expect(
      lines(
        packet(id + [8, 22] + fixed + [0, 0, 0, 9, 0x20, 1, 45, 4, 0, 0, 1, 0]), .althea
      ).last == text + "interval 1s AE 2 price 9; path RTT us 256")
  }

  @Test func `however a packet is made, its lines are bounded`() {
    let zeros = [UInt8](repeating: 0, count: 60_000)
    #expect(lines(packet(zeros)) == ["Pad1 times 60000"])
    let empty = [UInt8]((0..<60_000).map { $0 % 2 == 0 ? 200 : 0 })
    let many = lines(packet(empty))
    #expect(many.count == PacketText.lineLimit + 1)
    #expect(many.last == "and more octets 58000")
    let inside: [UInt8] = [4, 246, 0, 0, 0, 1, 0, 1] + (0..<240).map { $0 % 2 == 0 ? 9 : 0 }
    #expect(lines(packet(inside)).last?.hasSuffix("; more sub-TLVs") == true)
  }

  @Test func `random octets never stop it`() {
    var chance = Chance(seed: 11)
    for _ in 0..<3000 {
      var octets = (0..<chance.below(200)).map { _ in UInt8(chance.below(256)) }
      if octets.count >= 4, chance.below(8) > 0 {
        octets.replaceSubrange(0..<4, with: [42, 2, 0, UInt8(octets.count - 4)])
        // Types that exist, mostly.
        var place = 4
        while place + 1 < octets.count {
          octets[place] = UInt8(chance.below(20))
          octets[place + 1] = UInt8(chance.below(24))
          place += 2 + Int(octets[place + 1])
        }
      }
      _ = lines(octets, toMulticast: chance.below(2) == 0)
    }
  }
}
