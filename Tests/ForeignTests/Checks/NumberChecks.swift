import BabelCore
import BabelKernel
import BabelWire
import CLinux

extension Findings {
  /// 2^31 and 2^32, with what is just below and above.
  static let edges: [Int64] = [31, 32].flatMap { [1 << $0 - 1, 1 << $0, 1 << $0 + 1] }

  /// Values on the wire and points in time at the limits of 16, 31, 32 and 63 bits.
  mutating func checkNumbers() {
    checkSeqnos()
    checkIntervals()
    checkInstants()
    let sum = Metric(0xFFFE).adding(Metric(1))
    expect(sum.isInfinite && Metric(0x8000).adding(Metric(0x8000)).isInfinite, "sum of metrics")
    expect("a sum", Int64(Metric(0x7FFF).adding(Metric(0x7FFF)).rawValue), 0xFFFE)
    for length in [0, 1, 31, 32, 33, 63, 64, 65, 95, 96, 127, 128] {
      let all = IPAddress(high: .max, low: .max)
      let prefix = Prefix(all, length: length)
      let ones = (prefix?.address.high.nonzeroBitCount ?? 0)
      expect(
        "ones of /\(length)", prefix.map { Int64(ones + $0.address.low.nonzeroBitCount) },
        Int64(length))
    }
    expect("an address", IPAddress(ipv4: 0x8000_0001).description, "128.0.0.1")
    expect("an address", IPAddress("255.255.255.255").map { Int64($0.ipv4Bits) }, 0xFFFF_FFFF)
    expect(
      "an address", IPAddress("fe80::ffff:ffff:8000:0").map { Int64($0.low >> 16) },
      0xFFFF_FFFF_8000)
    for (seconds, text) in [
      (1 << 31, "2038-01-19T03:14:08.000Z"), (1 << 32, "2106-02-07T06:28:16.000Z"),
    ] as [(Int64, String)] {
      expect("a stamp", WallClock.stamp(microseconds: seconds * 1_000_000), text)
    }
    expect("the clock", MonotonicClock.microseconds() > 0 ? 1 : 0, 1)
    expect(WallClock.secondsIfSet().map { $0 > 1_704_067_200 } ?? true, "the time of day")
  }

  private mutating func checkSeqnos() {
    for (newer, older) in [(0, 0xFFFF), (1, 0), (0x8000, 1), (0x7FFF, 0), (0, 0x8001)] {
      let (a, b) = (Seqno(UInt16(newer)), Seqno(UInt16(older)))
      expect(a.isNewer(than: b) && !b.isNewer(than: a), "\(a) is newer than \(b)")
      expect(a.distance(from: b) > 0 && b.distance(from: a) < 0, "distance from \(b) to \(a)")
    }
    expect("half the circle", Int64(Seqno(0x8000).distance(from: Seqno(0))), -0x8000)
    expect(!Seqno(0x8000).isNewer(than: Seqno(0)), "half the circle is not newer")
    expect("the next one", Int64(Seqno(0xFFFF).next.rawValue), 0)
  }

  private mutating func checkIntervals() {
    let longest = Interval(centiseconds: 0xFFFF)
    expect("microseconds", longest.microseconds, 655_350_000)
    expect("seven halves of it", longest.microseconds * 7 / 2, 2_293_725_000)
    expect("milliseconds", Int64(longest.milliseconds), 655_350)
    for (milliseconds, hundredths) in [
      (0, 1), (1, 1), (10, 1), (11, 2), (655_340, 65534), (.max, 65534), (1 << 31, 65534),
    ] as [(UInt32, Int64)] {
      let interval = Interval(roundingUpMilliseconds: milliseconds)
      expect("\(milliseconds) ms", Int64(interval.centiseconds), hundredths)
    }
  }

  private mutating func checkInstants() {
    for edge in Self.edges {
      let (before, after) = (Instant(microseconds: edge - 1), Instant(microseconds: edge + 1))
      expect("across \(edge)", after - before, 2)
      expect("back across \(edge)", before - after, -2)
      expect(before < after && before + 2 == after && after + -2 == before, "order at \(edge)")
      let late = Instant(microseconds: edge * 1_000_000)
      expect("\(edge) s", late.description, "\(edge).000")
      expect("from there", late - before, edge * 1_000_000 - edge + 1)
    }
    expect(Instant(microseconds: .max - 1) + 2 == .distantFuture, "saturation")
    let far = Instant(microseconds: .max) - Instant(microseconds: -1)
    expect("the longest time", far, .max)
  }

  /// The sizes and places that BabelKernel writes octet by octet are those of the C library.
  mutating func checkSizes() {
    let word = MemoryLayout<Int>.size
    expect(word == 4 || word == 8, "words of \(word) octets")
    for (name, size, wanted) in [
      ("sockaddr_in", MemoryLayout<sockaddr_in>.size, 16),
      ("sockaddr_in6", MemoryLayout<sockaddr_in6>.size, 28),
      ("sockaddr_nl", MemoryLayout<sockaddr_nl>.size, 12),
      ("sockaddr_un", MemoryLayout<sockaddr_un>.size, 110),
      ("nlmsghdr", MemoryLayout<nlmsghdr>.size, 16), ("rtmsg", MemoryLayout<rtmsg>.size, 12),
      ("rtattr", MemoryLayout<rtattr>.size, 4), ("ifinfomsg", MemoryLayout<ifinfomsg>.size, 16),
      ("ifaddrmsg", MemoryLayout<ifaddrmsg>.size, 8),
      ("rta_cacheinfo", MemoryLayout<rta_cacheinfo>.size, 32),
      ("rtnexthop", MemoryLayout<rtnexthop>.size, 8),
      ("sock_filter", MemoryLayout<sock_filter>.size, 8),
      ("sock_fprog", MemoryLayout<sock_fprog>.size, 2 * word),
      ("iovec", MemoryLayout<iovec>.size, 2 * word), ("pollfd", MemoryLayout<pollfd>.size, 8),
      ("cmsghdr", MemoryLayout<cmsghdr>.size, word + 8),
      ("msghdr", MemoryLayout<msghdr>.stride, word == 8 ? 56 : 28),
      // With 32 bits the year 2038 would be the end.
      ("time_t", MemoryLayout<time_t>.size, 8), ("timespec", MemoryLayout<timespec>.size, 16),
      ("signalfd_siginfo", MemoryLayout<signalfd_siginfo>.size, 128),
      ("UInt64", MemoryLayout<UInt64>.alignment, 8), ("Instant", MemoryLayout<Instant>.size, 8),
      ("IPAddress", MemoryLayout<IPAddress>.size, 16),
      ("InterfaceName", MemoryLayout<InterfaceName>.size, 16),
    ] {
      expect("octets of \(name)", Int64(size), Int64(wanted))
    }
  }
}
