import BabelWire
import Testing

@testable import BabelCore

/// Uses the smallest and greatest numbers that a configuration may hold and that time may reach.
/// Nothing may overflow.
@Suite struct `Arithmetic on numbers from outside` {
  private func kernelMetric(_ configured: UInt32, routeMetric: UInt16) throws -> UInt32? {
    var rule = FilterRule()
    rule.kernelMetric = configured
    var filters = FilterSet()
    filters.install.rules = [rule]
    let bench = try Bench(filters: filters) { $0.reflectsKernelMetric = true }
    bench.peer(0xB1).announce(Example.x, metric: routeMetric)
    bench.run(1)
    guard case .via(let path) = bench.target(Example.x) else { return nil }
    return path.kernelMetric
  }

  @Test(
    arguments: [
      (1000, 1196), (65_339, 65_535), (65_400, 65_535), (65_535, 65_535), (65_536, 65_732),
      (4_294_967_000, 4_294_967_196), (4_294_967_294, 4_294_967_294),
    ] as [(UInt32, UInt32)])
  func `a reflected metric is never smaller than the configured one`(
    configured: UInt32, expected: UInt32
  ) throws {
    // The link costs 96.
    #expect(try kernelMetric(configured, routeMetric: 100) == expected)
    #expect(ReflectedMetric.range(configured).contains(expected))
  }

  @Test func `every reflected metric lies in the range that is watched`() {
    for base: UInt32 in [0, 1, 1000, 65_534, 65_535, 65_536, .max - 65_535, .max - 1, .max] {
      let range = ReflectedMetric.range(base)
      for metric: UInt16 in [0, 1, 96, 65_533, 65_534] {
        #expect(range.contains(ReflectedMetric.sum(base, Metric(metric))))
      }
      #expect(!range.contains(.max), "the place of unreachable entries")
    }
  }

  @Test(arguments: [UInt32.max, 95_000_000, 6_000_000, 5_000_000])
  func `the longest half-life and any age of a metric`(halfLife: UInt32) {
    let timeConstant = Int64(halfLife) * 1_000_000 / 693
    let smoothed = SmoothedMetric(Metric(12_096), at: Instant(microseconds: 0))
    var last = Metric(12_096)
    for hours: Int64 in [0, 1, 6, 24, 240, 5900] {
      let now = Instant(microseconds: hours * 3_600_000_000)
      let value = smoothed.value(Metric(96), timeConstant: timeConstant, at: now)
      #expect(value <= last && value >= Metric(96))
      last = value
    }
    let later = Instant(microseconds: timeConstant / 100)
    let value = smoothed.value(Metric(96), timeConstant: timeConstant, at: later).rawValue
    #expect(abs(Int(value) - 11_976) < 3, "a hundredth of the time constant is a percent")
  }

  @Test func `an average that is far from the metric counts no more`() {
    let smoothed = SmoothedMetric(Metric(16_480), at: Instant(microseconds: 0))
    let soon = Instant(microseconds: 1000)
    #expect(smoothed.value(Metric(96), timeConstant: 6_000_000, at: soon) == Metric(96))
    #expect(smoothed.value(Metric(4_193), timeConstant: 6_000_000, at: soon) > Metric(16_000))
    #expect(smoothed.isFirst(Metric(96)) && !smoothed.isFirst(Metric(4_193)))
  }

  @Test func `interfaces that come and go while work is left do not use up their numbers`() throws {
    let bench = try Bench()
    bench.peer(0xB1).announce(Example.x, metric: 100)
    bench.run(1)
    bench.input(advancing: false) { $0.removeInterface(bench.interface, at: $1, into: &$2) }
    let name = try #require(InterfaceName("e1"))
    var added = 0
    for _ in 0..<66_000 {
      bench.input(advancing: false) {
        guard let id = $0.addInterface(name, InterfaceParameters(), at: $1, into: &$2) else {
          return
        }
        added += 1
        $0.removeInterface(id, at: $1, into: &$2)
        $2.removeAll()
      }
    }
    #expect(added == 65_535)
    bench.run(1)
    bench.input {
      added += $0.addInterface(name, InterfaceParameters(), at: $1, into: &$2) == nil ? 0 : 1
    }
    #expect(added == 65_536, "there is room again once the work is done")
  }

  @Test(arguments: ["in", "out", "redistribute", "install"])
  func `a chain has no more rules than can be numbered`(word: String) throws {
    let rules = [FilterRule](repeating: FilterRule(), count: FilterChain.ruleLimit)
    var configuration = Configuration()
    configuration.filters.input.rules = rules
    configuration.filters.output.rules = rules
    configuration.filters.redistribute.rules = rules
    configuration.filters.install.rules = rules
    #expect(throws: ConfigurationError.self) {
      try ConfigurationParser.parse(statement: Array("\(word) deny".utf8), into: &configuration)
    }
  }

  @Test func `instants far apart have a distance and a text`() {
    let early = Instant(microseconds: -999_000)
    #expect(Instant.distantFuture - early == .max)
    #expect(early - .distantFuture == .min + 1 || early - .distantFuture == .min)
    #expect(early.description == "-0.999")
    #expect(Instant(microseconds: 1_002_000).description == "1.002")
    _ = Tick(.distantFuture)
  }
}
