import BabelCore

/// How often the configuration was read again, and what is to come back if nobody confirms the last
/// change.
struct Reloading {
  /// Counts the configurations that this process has had: 1 at the start.
  private(set) var generation = 1
  /// The settings to go back to, and when.
  private var former: (settings: Settings, due: Instant)?
  /// What the change under way has led to so far; nil if none is.
  private(set) var effects: ReloadEffects?
  /// Whether the kernel is being asked for what the change is about: a refusal is an effect then.
  private var observesRefusals = false

  /// When ``takeOverdue(at:)`` has something to do.
  var deadline: Instant? { former?.due }

  /// Whether a change waits for its confirmation.
  var isProvisional: Bool { former != nil }

  /// Another configuration is in effect.
  mutating func advance() { generation += 1 }

  /// Settings come back at a time, unless the present ones are confirmed. If others were to come
  /// back already, they are: nobody has confirmed anything since.
  mutating func plan(return settings: Settings, at due: Instant) {
    former = (former?.settings ?? settings, due)
  }

  /// The present settings stay. False if nothing waited for that.
  mutating func confirm() -> Bool {
    defer { former = nil }
    return former != nil
  }

  /// The settings to go back to, because their time has come.
  mutating func takeOverdue(at now: Instant) -> Settings? {
    guard let former, former.due <= now else { return nil }
    self.former = nil
    return former.settings
  }

  // MARK: Effects

  /// A change begins: what the node asks for is its effect.
  mutating func beginEffects() { effects = ReloadEffects() }

  /// Takes in what the node asks for, while a change is under way.
  mutating func observe(_ action: Action) { effects?.take(action) }

  /// From now on the kernel is asked for what the change is about, or not any more.
  mutating func observeRefusals(_ observes: Bool) { observesRefusals = observes }

  /// Takes in that the kernel refuses an entry, if that is an effect of the change under way.
  mutating func observeRefusal(of key: ForwardingKey) {
    if observesRefusals { effects?.takeRefusal(of: key) }
  }

  /// The change has been made. Returns what it led to.
  mutating func endEffects() -> ReloadEffects {
    defer { effects = nil }
    return effects ?? ReloadEffects()
  }
}
