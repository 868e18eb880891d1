import BabelWire

// Before editing, read RFC 9616 §3 and §4.

/// The smoothed round-trip time to a neighbour, and how much it varies. All stamps are
/// microseconds modulo 2^32; zero is a valid stamp.
struct RoundTripTime {
  /// The neighbour's transmit stamp of its newest timestamped Hello, and when that arrived.
  private(set) var lastHello: (origin: UInt32, received: UInt32)?
  private var lastHelloAt = Instant(microseconds: 0)
  private var lastSeqno: (multicast: Seqno?, unicast: Seqno?)
  /// Smoothed round-trip time.
  private var smoothed: UInt32?
  /// Smoothed distance of samples from ``smoothed``; nil before the second sample.
  private var deviation: UInt32?
  /// The greatest deviation of late, and when it was seen. It fades.
  private var worst: (deviation: UInt32, seenAt: Instant) = (0, Instant(microseconds: 0))
  /// The deviation that costs something.
  private var counted: UInt32 = 0
  /// How often the samples changed from one side of the average to the other, up to a few: as long
  /// as the average only approaches them, what is far off is no jitter.
  private var sides: (isAbove: Bool, changes: UInt8) = (false, 0)
  /// For how many microseconds ``smoothed`` counts without a new sample: where Hellos are rare, the
  /// cost must not change between two of them.
  private var validity = ProtocolParameters.rttValidity
  private var sampledAt = Instant(microseconds: 0)
  /// Samples in a row that lie far off on the same side of the average.
  private var run: (isAbove: Bool, length: UInt8) = (false, 0)
  /// A sample far beyond the average that the next one is to confirm.
  private var doubtful: UInt32?

  /// Notes a timestamped Hello that arrived at `now`. False if it is a copy of the newest one or
  /// was overtaken: its stamps would make the time spent on the way appear longer to both sides.
  mutating func heardHello(_ hello: Hello, transmit: UInt32, at now: Instant) -> Bool {
    let last = hello.isUnicast ? lastSeqno.unicast : lastSeqno.multicast
    if let lastHello, let last, hello.seqno.distance(from: last) <= 0,
      Int32(bitPattern: transmit &- lastHello.origin) <= 0
    {
      // Neither count nor clock of the neighbour have moved on. Both are compared, for either may
      // step back when it restarts.
      return false
    }
    if hello.isUnicast {
      lastSeqno.unicast = hello.seqno
    } else {
      lastSeqno.multicast = hello.seqno
    }
    lastHello = (transmit, UInt32(truncatingIfNeeded: now.microseconds))
    lastHelloAt = now
    validity = max(
      ProtocolParameters.rttValidity,
      hello.interval.microseconds * ProtocolParameters.routeHoldHalves / 2)
    return true
  }

  /// The stamps to be sent back in an IHU; nil without a recent timestamped Hello.
  func echo(at now: Instant) -> IHUTimestamps? {
    guard let lastHello, now - lastHelloAt < ProtocolParameters.rttValidity else { return nil }
    return IHUTimestamps(origin: lastHello.origin, receive: lastHello.received)
  }

  /// The round-trip time that the stamps of one packet tell: of its Hello, sent at `transmit`, and
  /// of its IHU, received at `now`. Nil if they are too old or make no sense (§3.3).
  static func sample(transmit: UInt32, stamps: IHUTimestamps, at now: Instant) -> UInt32? {
    let local = UInt32(truncatingIfNeeded: now.microseconds)
    let full = Int32(bitPattern: local &- stamps.origin)
    // Both on the neighbour's clock, whose distance from ours does not matter.
    let remote = Int32(bitPattern: transmit &- stamps.receive)
    let validity = Int32(ProtocolParameters.rttValidity)
    guard full >= 0, full <= validity, remote >= 0, remote <= validity else { return nil }
    return UInt32(max(0, full - remote))
  }

  /// Takes a sample into the averages; `decay` is its weight in 1/256. Returns whether the past
  /// says nothing of the round-trip time any more: it is the first one, the first after a long
  /// silence, or one of many that all lie elsewhere.
  @discardableResult
  mutating func take(_ sample: UInt32, decay: UInt16, at now: Instant) -> Bool {
    guard let old = current(at: now) else {
      smoothed = sample
      deviation = nil
      doubtful = nil
      run.length = 0
      sides.changes = 0
      sampledAt = now
      return true
    }
    guard let sample = confirmed(sample, beside: old) else { return false }
    let distance = sample > old ? sample - old : old - sample
    // RFC 6298 begins with half of the first sample, to be on the safe side. One sample says
    // nothing of how much the next will differ, so the second is waited for.
    let former = UInt64(deviation ?? distance)
    deviation = UInt32((former * 3 + UInt64(distance)) / 4)
    noteRun(sample, beside: old)
    let isElsewhere = run.length >= ProtocolParameters.rttRun
    remember(isAbove: sample > old, isElsewhere: isElsewhere, at: now)
    let weight = UInt64(isElsewhere ? max(decay, ProtocolParameters.rttQuickDecay) : decay)
    smoothed = UInt32((weight * UInt64(sample) + (256 - weight) * UInt64(old)) / 256)
    sampledAt = now
    return isElsewhere
  }

  /// Keeps a deviation that is greater than what is left of earlier ones. After a change to another
  /// round-trip time deviations say nothing for a while, and former ones nothing any more.
  private mutating func remember(isAbove: Bool, isElsewhere: Bool, at now: Instant) {
    if isAbove != sides.isAbove {
      sides = (isAbove, min(sides.changes + 1, ProtocolParameters.jitterSides))
    }
    if isElsewhere {
      sides.changes = 0
      worst.deviation = 0
    } else if let deviation, sides.changes >= ProtocolParameters.jitterSides,
      deviation > faded(at: now)
    {
      worst = (deviation, now)
    }
    // Where all is as ever, this value still varies. A cost must not.
    let held = max(deviation ?? 0, faded(at: now))
    if held > counted + counted / 4 || held < counted - counted / 4 { counted = held }
  }

  /// What is left of the greatest deviation of late: an eighth less after each step of time.
  private func faded(at now: Instant) -> UInt32 {
    let step = ProtocolParameters.jitterFading
    let elapsed = max(0, now - worst.seenAt)
    guard elapsed / step < 64 else { return 0 }
    var left = Int64(worst.deviation)
    for _ in 0..<(elapsed / step) { left -= left / 8 }
    left -= left / 8 * (elapsed % step) / step
    return UInt32(left)
  }

  /// The deviation that costs something: a link that jittered a moment ago is not trusted at once,
  /// and its cost does not go up and down with each pause.
  func rememberedJitter(at now: Instant) -> UInt32? { current(at: now) == nil ? nil : counted }

  /// Goes on with averages that an earlier life had: the time, the deviation if it is known, and
  /// the one that is remembered.
  mutating func resume(_ averages: [UInt32], sampledAt: Instant) {
    if averages.count > 2 {
      counted = averages[2]
      worst = (counted, sampledAt)
    }
    smoothed = averages.first
    deviation = averages.count > 1 ? averages[1] : nil
    self.sampledAt = sampledAt
  }

  /// Counts samples in a row that lie far off on the same side.
  private mutating func noteRun(_ sample: UInt32, beside old: UInt32) {
    let distance = sample > old ? sample - old : old - sample
    guard distance > old / 4 else {
      run.length = 0
      return
    }
    let isAbove = sample > old
    run = (isAbove, isAbove == run.isAbove ? min(run.length + 1, ProtocolParameters.rttRun) : 1)
  }

  /// One packet that was held up for seconds must not spoil the average for a minute: a sample
  /// far beyond counts when the next one is so, too, and then as the smaller of both.
  private mutating func confirmed(_ sample: UInt32, beside old: UInt32) -> UInt32? {
    guard UInt64(sample) > UInt64(old) * 8 + ProtocolParameters.rttOutlier else {
      doubtful = nil
      return sample
    }
    defer { doubtful = sample }
    return doubtful.map { min($0, sample) }
  }

  /// Whether the neighbour sends stamps, but there is no sample yet. Where Hellos are rarer than
  /// stamps are valid, none will come.
  func awaitsSample(at now: Instant) -> Bool {
    guard lastHello != nil, current(at: now) == nil else { return false }
    return validity <= ProtocolParameters.rttValidity * ProtocolParameters.routeHoldHalves / 2
  }

  /// The smoothed value, nil after a long silence.
  func current(at now: Instant) -> UInt32? {
    smoothed != nil && now - sampledAt < validity ? smoothed : nil
  }

  /// The mean deviation of the round-trip time, smoothed as RFC 6298 §2 does; nil without two
  /// recent samples.
  func jitter(at now: Instant) -> UInt32? { current(at: now) == nil ? nil : deviation }

  /// The penalty for the round-trip time, which is added to the link cost (§4).
  func penalty(_ parameters: InterfaceParameters, at now: Instant) -> Metric {
    Self.penalty(
      current(at: now), from: parameters.rttMin, to: parameters.rttMax, parameters.maxRTTPenalty)
  }

  /// The penalty for its variation, likewise.
  func jitterPenalty(_ parameters: InterfaceParameters, at now: Instant) -> Metric {
    Self.penalty(
      rememberedJitter(at: now), from: parameters.jitterMin, to: parameters.jitterMax,
      parameters.maxJitterPenalty)
  }

  /// Nothing up to `least`, all of `penalty` from `most` on, linear between.
  private static func penalty(
    _ time: UInt32?, from least: UInt32, to most: UInt32, _ penalty: Metric
  ) -> Metric {
    guard let time, time > least else { return .zero }
    if time >= most { return penalty }
    let part = UInt64(penalty.rawValue) * UInt64(time - least)
    return Metric(UInt16(part / UInt64(most - least)))
  }
}
