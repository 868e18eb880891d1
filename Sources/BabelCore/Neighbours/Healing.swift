import BabelWire

/// What was done about a neighbour that we hear and that does not hear us.
public enum HealingStep: UInt8, Equatable, Sendable, CustomStringConvertible {
  /// It was sent an IHU, and asked for an acknowledgment by unicast.
  case asked
  /// It acknowledged by unicast, so it is sent unicast Hellos from now on.
  case greetedByUnicast
  /// It acknowledged what went to the group, so it is sent unicast Hellos no longer.
  case hearsGroup
  /// It soon ceased to hear us again, twice, so it is sent unicast Hellos no longer.
  case relapsed
  /// Its row was made anew.
  case renewed

  /// A few words for an operator.
  public var description: String {
    switch self {
    case .asked: "was asked by unicast"
    case .greetedByUnicast: "answers by unicast, and is sent unicast Hellos from now on"
    case .hearsGroup: "hears what goes to the group, and is sent unicast Hellos no longer"
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
    /// When it is asked by what goes to the group; nil if it is not said to miss that.
    private(set) var trialDue: Instant?
    /// What an acknowledgment has to repeat that answers what went to the group.
    private var trialOpaque: UInt16?

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

    // MARK: Whether it still misses the group

    /// It is sent unicast Hellos from now on, because it misses what goes to the group.
    mutating func beginTrials(at now: Instant) {
      trialDue = now + ProtocolParameters.groupTrialInterval
    }

    /// Asks for an acknowledgment by what goes to the group.
    mutating func tryGroup(_ opaque: UInt16, at now: Instant) {
      trialOpaque = opaque
      beginTrials(at: now)
    }

    /// There is nothing to try any more.
    mutating func endTrials() { (trialDue, trialOpaque) = (nil, nil) }

    /// Takes an acknowledgment. Returns whether it answers what went to the group.
    mutating func acknowledgedGroup(_ opaque: UInt16) -> Bool {
      guard let wanted = trialOpaque, wanted == opaque else { return false }
      endTrials()
      return true
    }

    // MARK: Acknowledgments

    /// Takes an acknowledgment. Returns whether it is the first one.
    mutating func acknowledged(_ opaque: UInt16) -> Bool {
      guard let wanted = self.opaque, wanted == opaque, !hasAnswered else { return false }
      (self.opaque, hasAnswered) = (nil, true)
      return true
    }
  }
}

extension Neighbours {
  /// Takes the next step for a neighbour.
  mutating func takeHealingStep(
    of id: NeighbourID, _ opaque: UInt16, at now: Instant
  ) -> HealingStep {
    self[healing: id].step(opaque, interval: self[id].helloInterval, at: now)
  }

  /// Takes an acknowledgment. Returns whether it is the first one that a neighbour sent because it
  /// was asked.
  mutating func acknowledged(_ opaque: UInt16, by id: NeighbourID) -> Bool {
    self[healing: id].acknowledged(opaque)
  }

  /// A neighbour is sent unicast Hellos because it misses what goes to the group.
  mutating func beginGroupTrials(of id: NeighbourID, at now: Instant) {
    self[healing: id].beginTrials(at: now)
    schedule(id)
  }

  /// It is sent unicast Hellos no longer.
  mutating func endGroupTrials(of id: NeighbourID) {
    self[healing: id].endTrials()
    schedule(id)
  }

  /// A neighbour is asked by what goes to the group.
  mutating func takeGroupTrial(of id: NeighbourID, _ opaque: UInt16, at now: Instant) {
    self[healing: id].tryGroup(opaque, at: now)
  }

  /// Takes an acknowledgment. Returns whether it answers what went to the group.
  mutating func acknowledgedGroup(_ opaque: UInt16, by id: NeighbourID) -> Bool {
    self[healing: id].acknowledgedGroup(opaque)
  }

  /// A neighbour that is sent unicast Hellos comes to hear us, or ceases to. Returns whether
  /// unicast Hellos may still help.
  mutating func noteHealing(of id: NeighbourID, hearsUs: Bool, at now: Instant) -> Bool {
    if hearsUs { self[healing: id].heals(at: now) } else { self[healing: id].relapses(at: now) }
    return self[healing: id].mayBeGreeted
  }
}
