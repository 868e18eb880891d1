import BabelWire

/// What was done about a neighbour that we hear and that does not hear us.
public enum HealingStep: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// It was sent an IHU, and asked for an acknowledgment by unicast.
  case asked
  /// It acknowledged by unicast, so it is sent unicast Hellos from now on.
  case greetedByUnicast
  /// It soon ceased to hear us again, twice, so it is sent unicast Hellos no longer.
  case relapsed
  /// Its row was made anew.
  case renewed

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .asked: "was asked by unicast"
    case .greetedByUnicast: "answers by unicast, and is sent unicast Hellos from now on"
    case .relapsed: "forgets unicast Hellos soon, and is sent none from now on"
    case .renewed: "is treated as a newcomer"
    }
  }
}

extension Neighbour {
  /// How far it has come with a neighbour that we hear and that does not hear us.
  struct Healing {
    /// When the next step is due; nil if there is nothing to heal.
    private(set) var due: Instant?
    /// How many steps were taken.
    private(set) var steps: UInt16 = 0
    /// What an acknowledgment has to repeat; nil if none is awaited.
    private var opaque: UInt16?
    /// Whether it acknowledged what it was sent by unicast.
    private(set) var hasAnswered = false
    /// The next step has waited for those of other neighbours.
    private var hasTurn = false
    /// When it heard us last because of unicast Hellos.
    private var healedAt: Instant?
    /// How often it ceased to hear us soon after that.
    private var relapses: UInt8 = 0

    /// The link works in one direction from now on.
    mutating func begin(at due: Instant) { self.due = due }

    /// It works in both directions, or in none.
    mutating func end() {
      (due, opaque) = (nil, nil)
      (steps, hasAnswered, hasTurn) = (0, false, false)
    }

    /// Gives way to other neighbours. False if it has done so.
    mutating func giveWay(until turn: Instant) -> Bool {
      guard !hasTurn else { return false }
      (due, hasTurn) = (turn, true)
      return true
    }

    /// Takes the next step. The wait for the one after it doubles each time.
    mutating func step(_ opaque: UInt16, interval: Int64, at now: Instant) -> HealingStep {
      steps = min(steps + 1, UInt16.max - 1)
      let shift = Int64(min(steps, 16))
      let wait = ProtocolParameters.healingWait
      due = now + min(max(interval, wait.lowerBound) << shift, wait.upperBound)
      hasTurn = false
      guard steps % ProtocolParameters.healingRound != 0 else { return .renewed }
      self.opaque = opaque
      return .asked
    }

    /// Whether unicast Hellos may help: they were not in vain before.
    var mayBeGreeted: Bool { relapses < ProtocolParameters.healingRelapses }

    /// It hears unicast Hellos.
    mutating func heals(at now: Instant) { healedAt = now }

    /// It hears us no longer, although it is sent unicast Hellos.
    mutating func relapses(at now: Instant) {
      let isSoon = healedAt.map { now - $0 < ProtocolParameters.healingTrial } ?? false
      relapses = isSoon ? relapses + 1 : 0
    }

    /// Takes an acknowledgment. Returns whether it is the first one.
    mutating func acknowledged(_ opaque: UInt16) -> Bool {
      guard let wanted = self.opaque, wanted == opaque, !hasAnswered else { return false }
      (self.opaque, hasAnswered) = (nil, true)
      return true
    }
  }
}
