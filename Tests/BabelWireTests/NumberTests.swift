import BabelWire
import Testing

@Suite struct `§3.2.1 Sequence numbers` {
  @Test(
    arguments: [
      (65535, 0, true), (0, 65535, false), (0, 32767, true), (0, 32768, false),
      (32768, 0, false), (5, 5, false), (40000, 7000, true), (7000, 40000, false),
    ] as [(UInt16, UInt16, Bool)])
  func `order is modulo 2^16, §3.2.1`(_ a: UInt16, _ b: UInt16, _ isLess: Bool) {
    #expect(Seqno(b).isNewer(than: Seqno(a)) == isLess)
  }

  @Test func `successor and distance wrap`() {
    #expect(Seqno(65535).next == Seqno(0))
    #expect(Seqno(2).distance(from: Seqno(65534)) == 4)
    #expect(Seqno(65534).distance(from: Seqno(2)) == -4)
    #expect(Seqno(32768).distance(from: Seqno(0)) == -32768)
    #expect(Seqno(65535).description == "65535")
  }
}

@Suite struct `§3.5.2 Metrics` {
  @Test(
    arguments: [
      (65000, 600, 65535), (65438, 96, 65534), (65439, 96, 65535), (0, 0, 0),
      (65535, 0, 65535), (65535, 65535, 65535), (1, 65534, 65535),
    ] as [(UInt16, UInt16, UInt16)])
  func `a sum never wraps, §3.5.2`(_ a: UInt16, _ b: UInt16, _ sum: UInt16) {
    #expect(Metric(a).adding(Metric(b)) == Metric(sum))
    #expect(Metric(b).adding(Metric(a)) == Metric(sum))
    #expect(Metric(sum).isInfinite == (sum == 65535))
  }
}

@Suite struct `§4.1.2 Intervals` {
  @Test(
    arguments: [
      (0, 1), (1, 1), (10, 1), (11, 2), (4000, 400), (4001, 401), (655_340, 65534),
      (655_341, 65534), (UInt32.max, 65534),
    ] as [(UInt32, UInt16)])
  func `milliseconds are rounded up, within 1 to 65534 cs`(_ ms: UInt32, _ cs: UInt16) {
    #expect(Interval(roundingUpMilliseconds: ms).centiseconds == cs)
  }

  @Test func `units`() {
    #expect(Interval.cs(400).milliseconds == 4000)
    #expect(Interval.infinite.microseconds == 655_350_000)
    #expect(Interval.cs(1) < Interval.cs(2) && Interval.cs(400).description == "400 cs")
  }
}
