/// Decides whether an uplink works from the rounds of its probes: fast when it fails, slowly when
/// it comes back, and the more slowly the more often it has failed.
///
/// It has no clock. The first good round makes a new uplink work; ``Terms/failures`` bad ones in a
/// row make it dead. A dead one works again when it has been good for ``waitingTime`` without a run
/// of as many bad rounds. This time doubles with each failure, up to ``Terms/longestRecovery``, and
/// is halved again for each such longest time that passes without a failure.
public struct GatewayJudge: Equatable, Sendable {
  /// What it goes by, in microseconds.
  public struct Terms: Equatable, Sendable {
    /// Between the beginnings of two rounds, 1 or more.
    public let interval: Int64
    /// Bad rounds in a row that make an uplink dead, 1 or more.
    public let failures: Int
    /// For how long a dead uplink has to be good the first time.
    public let recovery: Int64
    /// The most that this grows to.
    public let longestRecovery: Int64

    /// The terms of a gateway.
    public init(_ gateway: Gateway) {
      self.init(
        interval: Int64(gateway.interval) * 1000, failures: Int(gateway.failures),
        recovery: Int64(gateway.recovery) * 1000,
        longestRecovery: Int64(gateway.longestRecovery) * 1000)
    }

    init(interval: Int64, failures: Int, recovery: Int64, longestRecovery: Int64) {
      self.interval = max(interval, 1)
      self.failures = max(failures, 1)
      self.recovery = max(recovery, 0)
      self.longestRecovery = max(longestRecovery, self.recovery)
    }
  }

  /// Whether the uplink works.
  public enum Verdict: Equatable, Sendable {
    /// It is not known yet.
    case pending
    /// It does.
    case up
    /// It does not.
    case down
  }

  /// More failures than these are not counted: the time that they lead to has its own limit.
  public static let failureLimit = 16

  /// Whether the uplink works.
  public private(set) var verdict = Verdict.pending
  /// Bad rounds since the last good one.
  public private(set) var badRounds = 0
  /// Failures that are not forgiven yet, at most ``failureLimit``.
  public private(set) var flaps = 0
  /// While it is down: since when it has been good; nil if it is not.
  public private(set) var goodSince: Instant?
  /// While it is up: when a failure was forgiven last, or when it came up.
  private var calmSince: Instant?

  /// Nothing is known yet.
  public init() {}

  /// Goes on where an earlier life ended. `flaps` beyond the limit are not counted.
  public init(isUp: Bool, flaps: Int, at now: Instant) {
    verdict = isUp ? .up : .down
    self.flaps = min(max(flaps, isUp ? 0 : 1), Self.failureLimit)
    if isUp { calmSince = now }
  }

  /// For how long a dead uplink has to be good now, in microseconds.
  public func waitingTime(_ terms: Terms) -> Int64 {
    var time = terms.recovery
    for _ in 1..<max(flaps, 1) where time < terms.longestRecovery { time *= 2 }
    return min(time, terms.longestRecovery)
  }

  /// How much of this is left, in microseconds; nil if the uplink is not about to come back.
  public func timeLeft(_ terms: Terms, at now: Instant) -> Int64? {
    goodSince.map { max(0, waitingTime(terms) - (now - $0)) }
  }

  /// Takes the outcome of a round. True if the verdict is another one now.
  public mutating func take(isGood: Bool, _ terms: Terms, at now: Instant) -> Bool {
    let before = verdict
    if isGood { takeGood(terms, at: now) } else { takeBad(terms) }
    return verdict != before
  }

  private mutating func takeGood(_ terms: Terms, at now: Instant) {
    badRounds = 0
    switch verdict {
    case .pending:
      verdict = .up
      calmSince = now
    case .up:
      guard flaps > 0, let since = calmSince, now - since >= terms.longestRecovery else { return }
      flaps -= 1
      calmSince = now
    case .down:
      let since = goodSince ?? now
      goodSince = since
      guard now - since >= waitingTime(terms) else { return }
      verdict = .up
      goodSince = nil
      calmSince = now
    }
  }

  private mutating func takeBad(_ terms: Terms) {
    badRounds = min(badRounds + 1, terms.failures)
    guard badRounds >= terms.failures else { return }
    goodSince = nil
    guard verdict != .down else { return }
    verdict = .down
    flaps = min(flaps + 1, Self.failureLimit)
    calmSince = nil
  }

  /// When the next round begins after one that began and ended at some times. A bad round is
  /// followed at once by another one until it is clear that the uplink is dead, but not sooner than
  /// a quarter of the interval after its beginning.
  public func nextRound(after begin: Instant, endingAt end: Instant, _ terms: Terms) -> Instant {
    let isUnclear = badRounds > 0 && badRounds < terms.failures
    let spacing = isUnclear ? max(terms.interval / 4, 1) : terms.interval
    return max(begin + spacing, end)
  }
}
