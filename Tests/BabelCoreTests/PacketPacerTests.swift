import BabelWire
import Testing

@testable import BabelCore

/// How many packets of Updates leave at a time.
struct PacketPacerTests {
  /// Octets of a socket's buffer that nobody enlarged, and those that the kernel charges it for a
  /// full packet on an Ethernet.
  static let (buffer, charge) = (212_992, 2304)

  @Test func `a burst that meets the bursts of all others on the link fits into a socket`() {
    for neighbours in 1...22 {
      let burst = PacketPacer.burst(octetsOfPacket: 1452, neighbours: neighbours, isRadio: false)
      #expect(burst >= 4)
      #expect(burst * neighbours * Self.charge <= Self.buffer)
    }
    #expect(PacketPacer.burst(octetsOfPacket: 1452, neighbours: 1, isRadio: false) > 50)
    #expect(PacketPacer.burst(octetsOfPacket: 512, neighbours: 1, isRadio: false) == 64)
    #expect(PacketPacer.burst(octetsOfPacket: 65_000, neighbours: 1, isRadio: false) == 4)
    #expect(PacketPacer.burst(octetsOfPacket: 1452, neighbours: 1, isRadio: true) == 4)
  }

  @Test(arguments: [4, 20, 64])
  func `after a burst one packet leaves in two milliseconds`(burst: Int) {
    var pacer = PacketPacer()
    var left: [Int64] = []
    var now = Instant(microseconds: 1_000_000)
    while left.count < 500 {
      while pacer.take(at: now, burst: burst) { left.append(now.microseconds) }
      let next = pacer.nextTurn(burst: burst)
      #expect(next > now)
      now = next
    }
    #expect(left[burst - 1] == left[0])
    #expect(left[burst] > left[0])
    for first in left.indices {
      for last in first..<left.count {
        #expect(last - first < burst + Int((left[last] - left[first]) / 2000))
      }
    }
    // Whoever waits wakes up for four packets, not for one.
    #expect(left[burst + 3] == left[burst])
    // A pause earns a burst, and not more.
    now = now + 60_000_000
    left.removeAll()
    while pacer.take(at: now, burst: burst) { left.append(now.microseconds) }
    #expect(left.count == burst)
  }
}
