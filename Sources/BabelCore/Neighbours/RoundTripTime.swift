import BabelWire

// Before editing, read RFC 9616 §3.

/// The smoothed round-trip time to a neighbour. All stamps are microseconds modulo 2^32; zero is
/// a valid stamp.
struct RoundTripTime: Equatable {
  /// The neighbour's transmit stamp of its last timestamped Hello, and when we received it.
  private(set) var lastHello: (origin: UInt32, received: UInt32)?
  private var lastHelloAt = Instant(microseconds: 0)
  /// Smoothed round-trip time.
  private(set) var smoothed: UInt32?
  private var sampledAt = Instant(microseconds: 0)

  /// Records the stamps of a timestamped Hello received at `now`.
  mutating func heardHello(transmit: UInt32, at now: Instant) {
    lastHello = (transmit, UInt32(truncatingIfNeeded: now.microseconds))
    lastHelloAt = now
  }

  /// The stamps to be sent back in an IHU; nil without a recent timestamped Hello.
  func echo(at now: Instant) -> IHUTimestamps? {
    guard let lastHello, now - lastHelloAt < ProtocolParameters.rttValidity else { return nil }
    return IHUTimestamps(origin: lastHello.origin, receive: lastHello.received)
  }

  /// Forms a sample from a packet that held a Hello sent at `transmit` and an IHU with `stamps`,
  /// received at `now`. Returns whether the stamps were usable (§3.3).
  mutating func sample(
    transmit: UInt32, stamps: IHUTimestamps, decay: UInt16, at now: Instant
  ) -> Bool {
    let local = UInt32(truncatingIfNeeded: now.microseconds)
    let full = Int32(bitPattern: local &- stamps.origin)
    let remote = Int32(bitPattern: transmit &- stamps.receive)
    let validity = Int32(ProtocolParameters.rttValidity)
    guard full >= 0, full <= validity, remote >= 0, remote <= validity else { return false }
    let sample = UInt32(max(0, full - remote))
    if let old = current(at: now) {
      let weight = UInt64(decay)
      smoothed = UInt32((weight * UInt64(sample) + (256 - weight) * UInt64(old)) / 256)
    } else {
      smoothed = sample
    }
    sampledAt = now
    return true
  }

  /// The smoothed value, nil after a long silence.
  func current(at now: Instant) -> UInt32? {
    smoothed != nil && now - sampledAt < ProtocolParameters.rttValidity ? smoothed : nil
  }

  /// The penalty added to the link cost (§4): linear between `rttMin` and `rttMax`.
  func penalty(_ parameters: InterfaceParameters, at now: Instant) -> Metric {
    guard let rtt = current(at: now), rtt > parameters.rttMin else { return .zero }
    if rtt >= parameters.rttMax { return parameters.maxRTTPenalty }
    let span = UInt64(parameters.rttMax - parameters.rttMin)
    let part = UInt64(parameters.maxRTTPenalty.rawValue) * UInt64(rtt - parameters.rttMin)
    return Metric(UInt16(part / span))
  }

  static func == (a: RoundTripTime, b: RoundTripTime) -> Bool {
    a.smoothed == b.smoothed && a.sampledAt == b.sampledAt
      && a.lastHello?.origin == b.lastHello?.origin
  }
}
