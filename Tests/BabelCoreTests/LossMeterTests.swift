import BabelWire
import TestSupport
import Testing

@testable import BabelCore

/// A neighbour that counts its Hellos, and a link that loses some of them.
private struct LossyLink {
  var meter = LossMeter()
  private var chance: Chance
  private var seqno = Seqno(65_000)
  static let window: UInt16 = 600

  init(seed: UInt64) { chance = Chance(seed: seed) }

  /// One Hello is sent.
  mutating func send(isLost: Bool, isUnicast: Bool = true) {
    seqno = seqno.next
    guard !isLost else { return }
    meter.heard(seqno, isUnicast: isUnicast, window: Self.window)
  }

  /// So many are sent, each lost with so many thousandths. Returns how many were sent when a
  /// condition held first, nil if it never did.
  @discardableResult
  mutating func send(
    _ count: Int, losing permille: Int, until condition: (LossMeter) -> Bool = { _ in false }
  ) -> Int? {
    for number in 1...count {
      send(isLost: chance.happens(permille: permille))
      if condition(meter) { return number }
    }
    return nil
  }
}

@Suite struct `Losses` {
  @Test func `a meter is small`() { #expect(MemoryLayout<LossMeter>.size <= 32) }

  /// Losses in thousandths, and after how many Hellos all but one of a hundred links are noticed.
  static let detection: [(permille: Int, most: Int)] = [
    (50, 800), (100, 250), (200, 110), (400, 55),
  ]

  @Test(arguments: detection.indices)
  func `a loss is noticed in time`(row: Int) throws {
    let (permille, most) = Self.detection[row]
    var times: [Int] = []
    for seed in UInt64(1)...200 {
      var link = LossyLink(seed: seed)
      link.send(1000, losing: 0)
      times.append(link.send(20_000, losing: permille) { $0.grade != .clean } ?? 20_000)
    }
    times.sort()
    #expect(times[198] <= most, "\(times[198])")
    print("loss \(permille) of 1000: noticed after \(times[100]) Hellos, 99 of 100 \(times[198])")
  }

  @Test func `one of a hundred lost is no loss, for a day of Hellos five times a second`() {
    var link = LossyLink(seed: 7)
    #expect(link.send(432_000, losing: 10) { $0.grade != .clean } == nil)
    #expect((2...20).contains(link.meter.permille))
  }

  @Test func `the average tells how bad it is`() {
    for (permille, grade) in [(50, LossGrade.poor), (120, .bad), (200, .bad), (400, .bad)] {
      for seed in UInt64(1)...20 {
        var link = LossyLink(seed: seed)
        link.send(3000, losing: permille)
        #expect(link.meter.grade == grade, "\(permille), seed \(seed)")
        let error = abs(Int(link.meter.permille) - permille)
        #expect(error <= max(30, permille / 5), "\(permille), seed \(seed)")
      }
    }
  }

  @Test func `a constant loss changes the grade at most once an hour`() {
    // Five Hellos a second: an hour has 18,000 of them.
    for permille in [10, 15, 20, 30, 50, 70, 90, 120, 200] {
      var changes = 0
      for seed in UInt64(1)...10 {
        var link = LossyLink(seed: seed)
        link.send(18_000, losing: permille)
        var grade = link.meter.grade
        for _ in 0..<18_000 {
          link.send(1, losing: permille)
          changes += link.meter.grade == grade ? 0 : 1
          grade = link.meter.grade
        }
      }
      print("loss \(permille) of 1000: \(changes) changes in ten hours")
      #expect(changes <= 10, "\(permille): \(changes)")
    }
  }

  @Test func `what a link costs`() {
    var link = LossyLink(seed: 3)
    #expect(link.meter.penalty(Metric(384)) == .zero)
    link.send(600, losing: 50)
    #expect(link.meter.penalty(Metric(384)) == Metric(144))
    link.send(600, losing: 300)
    #expect(link.meter.penalty(Metric(384)) == Metric(384))
    #expect(link.meter.penalty(Metric(65535)) == .infinity)
  }

  // MARK: Memory

  @Test func `a link that was bad is trusted when it has been clean twice for a while`() throws {
    var link = LossyLink(seed: 4)
    link.send(600, losing: 200)
    #expect(link.meter.grade == .bad)
    #expect(link.send(500, losing: 0) { $0.grade == .clean } == nil)
    let rest = try #require(link.send(2000, losing: 0) { $0.grade == .clean })
    #expect((500...700).contains(rest), "\(rest)")
  }

  @Test func `one that was bad again and again has to be clean for longer, until that fades`() {
    var link = LossyLink(seed: 5)
    var times: [Int] = []
    for _ in 0..<4 {
      link.send(300, losing: 400)
      times.append(link.send(10_000, losing: 0) { $0.grade == .clean } ?? 10_000)
    }
    #expect(times[0] < 1200 && times[1] > 1900 && times[2] > 3000, "\(times)")
    #expect(times[3] <= 4500, "no longer than that: \(times)")
    link.send(10_000, losing: 0)
    link.send(300, losing: 400)
    let again = link.send(10_000, losing: 0) { $0.grade == .clean } ?? 10_000
    #expect(again < 1200, "\(again)")
  }

  @Test func `a neighbour that begins anew has the same link`() throws {
    var link = LossyLink(seed: 6)
    link.send(600, losing: 200)
    let before = link.meter
    link.meter = try #require(LossMeter(before.numbers))
    #expect(link.meter.numbers == before.numbers)
    link.meter.heard(Seqno(12), isUnicast: true, window: LossyLink.window)
    #expect(link.meter.grade == before.grade)
    #expect(link.meter.permille <= before.permille, "the first seqno makes no gap")
  }

  // MARK: Seqnos

  @Test func `seqnos wrap, and both kinds count for themselves`() {
    var meter = LossMeter()
    for number in 0..<200_000 {
      meter.heard(Seqno(UInt16(truncatingIfNeeded: number)), isUnicast: true, window: 600)
      guard number % 20 == 0 else { continue }
      meter.heard(
        Seqno(UInt16(truncatingIfNeeded: 7 + number / 20)), isUnicast: false, window: 600)
    }
    #expect(meter.permille == 0 && meter.grade == .clean)
  }

  @Test func `a copy, an overtaken Hello and a count that begins anew are no loss`() {
    var meter = LossMeter()
    for number in 1...1000 {
      let base = number < 500 ? 0 : 30_000
      let seqno = Seqno(UInt16(base + number))
      meter.heard(seqno, isUnicast: true, window: 600)
      meter.heard(seqno, isUnicast: true, window: 600)
      meter.heard(Seqno(UInt16(base + number - 1)), isUnicast: true, window: 600)
    }
    #expect(meter.permille == 0 && meter.grade == .clean)
  }

  /// Multicast Hellos leave once for so many quick ones. Both counts have a gap after an outage,
  /// whichever kind comes first.
  @Test(arguments: [2, 5, 20], [false, true])
  func `an outage that both kinds of Hellos show has one cause`(ratio: Int, wasLost: Bool) {
    for start in 0..<ratio {
      for length in [3, 4, 7, 20, 45] {
        var meter = LossMeter()
        for number in 0..<200 where !(100 + start..<100 + start + length).contains(number) {
          let isAfter = number == 100 + start + length && wasLost
          if number % ratio == 0 {
            meter.heard(
              Seqno(UInt16(number / ratio)), isUnicast: false, window: 600, wasUnheard: isAfter)
          }
          meter.heard(Seqno(UInt16(number)), isUnicast: true, window: 600, wasUnheard: isAfter)
          guard number == 100 + start + length + ratio else { continue }
          #expect(meter.numbers[2] <= 3 * 39, "\(start), \(length)")
          #expect(meter.numbers[2] > 0, "\(start), \(length)")
          if wasLost { #expect(meter.numbers[2] <= 2 * 39, "\(start), \(length)") }
        }
      }
    }
  }

  @Test func `an interruption is no lossy link, but many bursts are one`() {
    var link = LossyLink(seed: 8)
    link.send(600, losing: 0)
    for _ in 0..<50 { link.send(isLost: true) }
    link.send(600, losing: 0)
    #expect(link.meter.grade == .clean)
    // Four in a row of each 80: five of a hundred.
    var bursts = 0
    while link.meter.grade == .clean, bursts < 100 {
      for _ in 0..<4 { link.send(isLost: true) }
      link.send(76, losing: 0)
      bursts += 1
    }
    #expect((3...10).contains(bursts), "\(bursts)")
  }
}
