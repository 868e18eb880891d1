import BabelWire

// Before editing, read docs/loss.md: it says why the numbers are what they are.

/// How good a link is towards us, told from Hellos that are missing.
public enum LossGrade: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// Up to about two of a hundred are lost.
  case clean
  /// About five of a hundred are lost.
  case poor
  /// So many are lost that TCP hardly gets on.
  case bad

  /// The word for it.
  public var description: String {
    switch self {
    case .clean: "clean"
    case .poor: "poor"
    case .bad: "bad"
    }
  }
}

/// How many of a neighbour's Hellos get lost on the way to us, told from gaps in their seqnos.
///
/// Two counts decide, and both go in whole numbers. Suspicion rises by 39 with each Hello that is
/// missing and falls by 1 with each that comes; at 300 the link is no longer clean. Calm rises by 1
/// with each that comes and falls by 79 with each that is missing; at 540 the link is one grade
/// better. So a grade is hardly ever wrong, and hardly ever changes back and forth. An average says
/// how bad a link is that is not clean.
struct LossMeter: Equatable {
  /// The grade.
  private(set) var grade = LossGrade.clean
  /// How often the link ceased to be clean lately.
  private var relapses: UInt8 = 0
  private var suspicion: Int16 = 0
  private var calm: Int16 = 0
  /// Hellos since suspicion was last nothing, and how many of them are missing.
  private var suspected: UInt16 = 0
  private var suspectedMissing: UInt16 = 0
  /// The average, in 1/2^30.
  private var average: UInt32 = 0
  /// How many Hellos are in the average.
  private var counted = Self.prior
  /// The seqnos that came last.
  private var lastMulticast: Seqno?
  private var lastUnicast: Seqno?
  /// What the longest gap of one kind counted since the last Hello of the other kind.
  private var shownByMulticast: UInt8 = 0
  private var shownByUnicast: UInt8 = 0

  /// Nothing was heard yet.
  init() {}

  // MARK: What is heard

  /// A Hello came, scheduled or not. The average goes over so many Hellos as `window` says. If the
  /// neighbour `wasUnheard`, it sends quick Hellos, and so few of all had come that it could not be
  /// used: traffic has left the link already, and an outage is held against it only if it comes
  /// often.
  mutating func heard(
    _ seqno: Seqno, isUnicast: Bool, window: UInt16, wasUnheard: Bool = false
  ) {
    let last = isUnicast ? lastUnicast : lastMulticast
    let ahead = last.map { seqno.distance(from: $0) } ?? 1
    // One that was overtaken was counted as missing, and a copy was counted.
    guard ahead > 0 || ahead < -Self.greatestGap else { return }
    let beginsAnew = abs(ahead) > Self.greatestGap
    let missing = beginsAnew ? 0 : ahead - 1
    let isOutage = beginsAnew || missing >= Self.gapWeight || wasUnheard && missing > 0
    let shown = isUnicast ? shownByMulticast : shownByUnicast
    var count = min(missing, wasUnheard ? Self.outageWeight : Self.gapWeight)
    // An outage makes a gap in both counts, and is one cause.
    let shows = UInt8(isOutage ? Self.gapWeight : count)
    if isOutage || shown == Self.gapWeight { count = max(0, count - Int(shown)) }
    for _ in 0..<count { take(isMissing: true, window) }
    if isUnicast {
      (lastUnicast, shownByMulticast, shownByUnicast) = (seqno, 0, max(shownByUnicast, shows))
    } else {
      (lastMulticast, shownByUnicast, shownByMulticast) = (seqno, 0, max(shownByMulticast, shows))
    }
    take(isMissing: false, window)
    judge()
  }

  private mutating func take(isMissing: Bool, _ window: UInt16) {
    counted = max(min(counted + (counted < .max ? 1 : 0), window), Self.prior)
    let target: Int64 = isMissing ? Self.whole : 0
    average = UInt32(Int64(average) + (target - Int64(average)) / Int64(counted))
    let (missing, limit) = Self.alarm
    // Where the grade is a lower one already it may rise for long.
    suspicion = min(max(0, suspicion + (isMissing ? missing : -1)), 2 * limit)
    calm = isMissing ? max(0, calm - Self.relief.missing) : min(calm + 1, Int16.max - 1)
    guard suspicion > 0 else {
      (suspected, suspectedMissing) = (0, 0)
      return
    }
    if suspected < .max { suspected += 1 }
    if isMissing, suspectedMissing < .max { suspectedMissing += 1 }
  }

  // MARK: What follows

  private mutating func judge() {
    switch grade {
    case .clean:
      if suspicion >= Self.alarm.limit { worsen() } else { forgive() }
    case .poor:
      if average >= Self.percent(Self.badPercent) {
        grade = .bad
      } else if isCalm {
        improve(to: .clean)
      }
    case .bad:
      if isCalm {
        improve(to: .poor)
      } else if average < Self.percent(Self.poorPercent) {
        (grade, calm) = (.poor, 0)
      }
    }
  }

  /// The link is not clean any more. What was lost since it began is the first estimate: what was
  /// before says nothing of how it is now.
  private mutating func worsen() {
    let count = Int64(suspected) + Int64(Self.prior)
    let estimate = UInt32(Self.whole * Int64(suspectedMissing) / count)
    average = max(average, estimate)
    grade = average >= Self.percent(Self.badPercent) ? .bad : .poor
    relapses = min(relapses + 1, Self.mostRelapses)
    calm = 0
    clearSuspicion()
  }

  /// The link has been clean for long enough. A link that was not so repeatedly needs longer.
  private var isCalm: Bool {
    Int(calm) >= Int(Self.relief.limit) << (max(Int(relapses), 1) - 1)
  }

  private mutating func improve(to better: LossGrade) {
    grade = better
    average = min(average, Self.percent(Self.calmPercent))
    calm = 0
    clearSuspicion()
  }

  private mutating func clearSuspicion() {
    (suspicion, suspected, suspectedMissing) = (0, 0, 0)
  }

  /// One relapse is forgotten after each further time without loss.
  private mutating func forgive() {
    guard relapses > 0, calm >= Self.relief.limit * Self.forgiving else { return }
    relapses -= 1
    calm = 0
  }

  // MARK: What is known

  /// The penalty: nothing for a clean link, all of `most` for a bad one.
  func penalty(_ most: Metric) -> Metric {
    switch grade {
    case .clean: .zero
    case .poor: Metric(UInt16(UInt32(most.rawValue) * Self.poorEighths / 8))
    case .bad: most
    }
  }

  /// The average, in thousandths.
  var permille: UInt16 { UInt16((Int64(average) * 1000 + Self.whole / 2) >> 30) }

  // MARK: From one life to the next

  /// All that is known except the seqnos.
  var numbers: [UInt32] {
    [
      UInt32(grade.rawValue), UInt32(relapses), UInt32(suspicion), UInt32(calm), UInt32(suspected),
      UInt32(suspectedMissing), average, UInt32(counted),
    ]
  }

  /// Goes on with such numbers. Hellos that came meanwhile are no losses: nobody listened. Nil if
  /// no meter can have these numbers.
  init?(_ numbers: [UInt32]) {
    guard numbers.count == 8,
      let grade = UInt8(exactly: numbers[0]).flatMap({ LossGrade(rawValue: $0) }),
      numbers[1] <= Self.mostRelapses, numbers[2] <= 2 * Self.alarm.limit,
      let calm = Int16(exactly: numbers[3]), let suspected = UInt16(exactly: numbers[4]),
      let missing = UInt16(exactly: numbers[5]), missing <= suspected,
      numbers[6] <= Self.whole, let counted = UInt16(exactly: numbers[7]), counted >= Self.prior
    else { return nil }
    self.grade = grade
    relapses = UInt8(numbers[1])
    suspicion = Int16(numbers[2])
    self.calm = calm
    (self.suspected, suspectedMissing) = (suspected, missing)
    average = numbers[6]
    self.counted = counted
  }

  /// Whether nothing is remembered that a new link would have to make up for.
  var isPlain: Bool { grade == .clean && relapses == 0 && suspicion == 0 }

  // MARK: Numbers

  private static let whole: Int64 = 1 << 30
  private static func percent(_ count: Int64) -> UInt32 { UInt32(whole / 100 * count) }

  /// Between one and five of a hundred: ln 5 for a missing one, ln 0.95/0.99 for one that came.
  private static var alarm: (missing: Int16, limit: Int16) { (39, 300) }
  /// Between a half and two and a half of a hundred, likewise.
  private static var relief: (missing: Int16, limit: Int16) { (79, 540) }
  /// So many in a row that are missing count at most: they have one cause.
  private static var gapWeight: Int { 3 }
  /// And so many, if the neighbour could not be used meanwhile.
  private static var outageWeight: Int { 2 }
  /// A greater gap is no loss but a count that began anew, or a link that was down.
  private static var greatestGap: Int { 64 }
  /// An average begins as if so many Hellos had come.
  private static var prior: UInt16 { 32 }
  /// A poor link is bad from so many percent on.
  private static var badPercent: Int64 { 9 }
  /// A bad link is poor again below so many percent.
  private static var poorPercent: Int64 { 4 }
  /// What is left in the average, at most, after a calm time.
  private static var calmPercent: Int64 { 1 }
  /// What a poor link costs.
  private static var poorEighths: UInt32 { 3 }
  private static var mostRelapses: UInt8 { 3 }
  /// A relapse is forgotten after so many calm times.
  private static var forgiving: Int16 { 4 }
}
