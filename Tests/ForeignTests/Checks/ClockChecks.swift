/// A life with losses and returns, of a minute and a half.
private struct ClockedLife {
  let trace: [String]

  /// How long it is, in seconds.
  static let length: Int64 = 90
  /// Where the clocks stand in the life that all others are compared with.
  static let usual: Int64 = 1_000_000_000

  /// Lets it happen; what must be so at any time is looked at on the way.
  init(origin: Int64, _ findings: inout Findings) {
    let world = ClockWorld(origin: origin, third: Self.usual)
    func expect(_ what: String, _ found: Int?, _ wanted: Int?) {
      let number = found.map { Int64($0) } ?? -1
      findings.expect("\(what), from \(origin) µs", number, wanted.map { Int64($0) } ?? -1)
    }
    world.run(12)
    for number in 0..<3 { expect("neighbours of \(number)", world.usable(number), 2) }
    expect("the way from 0 to 2", world.nextNode(from: 0, to: 2), 1)
    expect("the shorter round trip", world.roundTrips(0).min().map { Int($0) }, 2_000)
    expect("the longer round trip", world.roundTrips(0).max().map { Int($0) }, 8_000)
    // The middle falls silent: its Hellos are missed and the direct link is used, although what it
    // offers is not feasible and a newer seqno has to be asked for.
    world.silence(1, true)
    world.run(20)
    expect("the way from 0 to 2 without 1", world.nextNode(from: 0, to: 2), 2)
    expect("the way from 0 to 1", world.nextNode(from: 0, to: 1), nil)
    expect("neighbours of 0 without 1", world.usable(0), 1)
    world.silence(1, false)
    world.run(13)
    expect("the way from 0 to 2 again", world.nextNode(from: 0, to: 2), 1)
    // Both links of a node are cut, so that its prefix is held and then forgotten.
    world.cut(1, true)
    world.cut(2, true)
    world.run(15)
    expect("a way to who is cut off", world.nextNode(from: 0, to: 2), nil)
    world.cut(1, false)
    world.cut(2, false)
    world.run(12)
    expect("the way from 0 to 2 after that", world.nextNode(from: 0, to: 2), 1)
    world.withdraw(2)
    world.run(6)
    expect("a way to what is gone", world.nextNode(from: 0, to: 2), nil)
    world.offer(2)
    world.run(12)
    expect("the way from 0 to 2 in the end", world.nextNode(from: 0, to: 2), 1)
    trace = world.trace
    // Three nodes with two links each.
    findings.expect(world.hellos >= 6 * 85, "only \(world.hellos) Hellos from \(origin) µs")
    findings.expect(world.requests > 0, "no seqno was asked for from \(origin) µs")
  }
}

extension Findings {
  /// Nodes live the same when their clocks pass 2^31 and 2^32 of microseconds, milliseconds,
  /// hundredths of seconds (in which deadlines are kept) and seconds, whatever is under way then.
  mutating func checkClocks() {
    let usual = ClockedLife(origin: ClockedLife.usual, &self)
    // Slots of timers have a quarter of a second, at whose beginning all lives begin.
    let slot: Int64 = 250_000
    for unit in [1, 1_000, 10_000, 1_000_000] as [Int64] {
      for edge in [1 << 31, 1 << 32] as [Int64] {
        for second in stride(from: 4, to: ClockedLife.length, by: 17) {
          let origin = (edge * unit - second * 1_000_000) / slot * slot
          compare(ClockedLife(origin: origin, &self), usual, from: origin)
        }
      }
    }
  }

  private mutating func compare(_ life: ClockedLife, _ usual: ClockedLife, from origin: Int64) {
    expect("notes from \(origin) µs", Int64(life.trace.count), Int64(usual.trace.count))
    let differs = zip(life.trace, usual.trace).first { $0 != $1 }
    expect("the first difference from \(origin) µs", differs?.0 ?? "none", differs?.1 ?? "none")
  }
}
