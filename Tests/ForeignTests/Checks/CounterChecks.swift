import BabelCore
import BabelKernel
import BabelWire

#if SWIFT_PACKAGE
  @testable import swabeld
#endif

extension Findings {
  /// Counters that grow for as long as the daemon runs, and numbers that come from outside.
  mutating func checkCounters() {
    checkTap()
    checkEvents()
    checkRoundTrips()
    checkNumbersOfOptions()
    checkNumbersOfRequests()
    checkPlaces()
    checkPacer()
    // A year of requests without an answer.
    expect("lost of a hundred", PingTally.percentLost(of: 31_536_000, 0), 100)
    expect("lost of a hundred", PingTally.percentLost(of: .max, .max - 1), 0)
  }

  private mutating func checkTap() {
    guard case .request(let request) = TraceRequest.read(Array("capture".utf8)),
      case .request(let short) = TraceRequest.read(Array("trace packets 1000000000".utf8))
    else { return expect(false, "a request for packets is refused") }
    for edge in Self.edges {
      var tap = PacketTap(request, heardOn: [], at: edge, shown: UInt64(edge) - 1)
      expect(tap.admits(waiting: 0, at: edge + 1), "a packet after \(edge) others")
      for _ in 0..<2 { _ = tap.show(cost: 1) }
      expect("the end", tap.farewell, "end packets \(edge + 1) left-out 0\n")
      expect(!tap.isComplete, "an end that nobody asked for")
    }
    var tap = PacketTap(short, heardOn: [], at: 0, shown: 999_999_999)
    expect(!tap.isComplete, "complete too early")
    _ = tap.show(cost: 1)
    expect(tap.isComplete, "not complete")
  }

  private mutating func checkEvents() {
    for edge in Self.edges {
      var windows = EventWindows(leftOut: UInt64(edge) - 2)
      var admitted = 0
      let event = HeldEvent(
        kind: .newcomer, subject: .prefixes, text: EventText(1, leftOutOf: .newcomer),
        time: EventTime(wall: edge, monotonic: edge), isGood: false)
      while windows.admits(event, at: edge) { admitted += 1 }
      expect("events in a minute", Int64(admitted), Int64(History.eventsPerMinute))
      for _ in 0..<2 { _ = windows.admits(event, at: edge) }
      expect("events left out", Int64(clamping: windows.leftOut), edge + 1)
    }
  }

  /// What an earlier life measured is taken if it can have been measured.
  private mutating func checkRoundTrips() {
    guard let name = InterfaceName("e0") else { return expect(false, "no name") }
    for (time, isGood) in [
      (0, true), (180_000_000, true), (180_000_001, false), (0x7FFF_FFFF, false),
      (0x8000_0000, false), (.max, false),
    ] as [(UInt32, Bool)] {
      for place in 0..<3 {
        var times = [UInt32](repeating: 1000, count: 3)
        times[place] = time
        let plain = Self.record(name, [])
        let record = Self.record(name, times)
        expect(plain != nil, "a record without times")
        expect((record != nil) == isGood, "a record with \(time) µs at \(place)")
      }
    }
  }

  /// A record of a link that lost nothing.
  private static func record(_ name: InterfaceName, _ roundTrip: [UInt32]) -> LinkRecord? {
    let losses = [UInt32](repeating: 0, count: LinkRecord.lossCount - 1) + [100]
    return LinkRecord(
      interface: name, address: IPAddress(high: 0xFE80_0000_0000_0000, low: 1), silence: .max,
      unicastSeqno: nil, isMutual: false, losses: losses, roundTrip: roundTrip)
  }

  private mutating func checkNumbersOfOptions() {
    func number(_ text: String, _ range: ClosedRange<Int>) -> Int64? {
      CommandLineOptions.integer(Array(text.utf8), range).map { Int64($0) }
    }
    let all = Int.min...Int.max
    expect("a number", number("2147483647", all), 0x7FFF_FFFF)
    expect("a number", number("-2147483648", all), -0x8000_0000)
    expect("a number", number("0x7fffffff", all), 0x7FFF_FFFF)
    for text in ["2147483648", "4294967295", "4294967296", "0xffffffff", "-4294967296"] {
      expect(number(text, 1...65535) == nil, "\(text) in a range of 16 bits")
      let wanted = MemoryLayout<Int>.size == 8
      expect((number(text, all) != nil) == wanted, "\(text) in a word")
    }
    expect(number("9999999999999999", all) == nil, "a number of sixteen digits")
    let longest = CommandLineOptions.milliseconds(Array("655.35".utf8))
    expect("seconds", longest.map { Int64($0) }, 655_350)
    for text in ["4294967.296", "2147483.648", "99999999999999999999", "655.351"] {
      expect(CommandLineOptions.milliseconds(Array(text.utf8)) == nil, "\(text) s")
    }
    for text in ["6.1.0", "999999.999999", "99999999999.1.2", "4294967296.2147483648"] {
      let version = KernelVersion.parse(Array(text.utf8))
      expect(version.hasV4ViaV6 && version.hasIPv6Subtrees, "Linux \(text)")
    }
  }

  /// Numbers beyond a limit are refused in words, and never taken modulo anything.
  private mutating func checkNumbersOfRequests() {
    let configuration = Configuration()
    for number in ["2147483648", "4294967295", "4294967296", "18446744073709551616"] {
      for line in [
        "interface e0 rxcost \(number)", "interface e0 hello-interval \(number)",
        "default update-interval \(number)", "interface e0 channel \(number)x",
      ] {
        let command = ConfigurationParser.parseRuntime(
          line: Array(line.utf8), configuration: configuration)
        guard case .bad = command else {
          expect(false, "\(line) is taken")
          continue
        }
        expect(true, line)
      }
      for line in ["trace for \(number)", "capture packets \(number)", "trace packets -\(number)"] {
        expect(TraceRequest.read(Array(line.utf8)) == .mistake, "\(line) is taken")
      }
    }
    for (table, isGood) in [("4294967295", true), ("4294967296", false), ("0", false)] {
      var parsed = Configuration()
      do throws(ConfigurationError) {
        try ConfigurationParser.parse(
          file: Array("import-table \(table)\n".utf8), name: "limits", into: &parsed)
        expect(isGood, "table \(table) is taken")
        expect("table", parsed.importTables.last.map { Int64($0) }, 0xFFFF_FFFF)
      } catch {
        expect(!isGood, "table \(table): \(error)")
      }
    }
  }

  /// A place of a rule that cannot be is refused when it is looked for, the same on all processors.
  private mutating func checkPlaces() {
    for (text, number) in [
      ("2", 2), ("2147483647", 0x7FFF_FFFF), ("0", 0), ("-1", 0), ("-2147483648", 0),
      ("-2147483649", 0), ("-9223372036854775808", 0), ("9223372036854775807", Int.max),
    ] {
      let removal = FilterRuleRequest(Array("rule remove in \(text)".utf8))
      expect(removal == .remove(.input, number: number), "rule remove in \(text)")
      let addition = FilterRuleRequest(Array("rule add in at \(text) deny".utf8))
      guard case .add(_, .input, let place) = addition else {
        expect(false, "rule add in at \(text)")
        continue
      }
      expect("the place of a rule", place.map { Int64($0) }, Int64(number))
    }
    let configuration = Configuration()
    for number in [0, 1, Int.max - 1, .max] {
      var changed = configuration
      expect(!changed.removeRule(number, of: .input), "rule \(number) is removed")
      expect(!changed.moveLastRule(of: .input, to: number), "rule \(number) is moved")
    }
  }

  /// A pause of any length is earned once.
  private mutating func checkPacer() {
    for edge in Self.edges {
      var patience = RoomPatience()
      expect("patience", patience.allowance(at: Instant(microseconds: edge)), RoomPatience.wait)
      patience.note(edge)
      expect("patience", patience.allowance(at: Instant(microseconds: edge)), 0)
      let later = Instant(microseconds: edge) + RoomPatience.period
      expect("patience", patience.allowance(at: later), RoomPatience.wait)
    }
  }
}
