import BabelCore
import BabelKernel
import BabelWire

// Routes that only packets from one prefix take, in tables of their own; see SourceTables.

extension ForwardingWriter {
  /// Whether an entry of a key can be made at all: a source prefix may need a table, which is
  /// made here with its rule.
  mutating func makeRoom(for key: ForwardingKey) throws(KernelError) -> Bool {
    guard !key.source.isDefault, sources?.handles(key.destination.family) == true else {
      return true
    }
    guard key.table == sources?.exportTable else { return false }
    if sources?.hasTable(key.source) == true { return true }
    guard let rule = sources?.open(key.source) else { return false }
    do throws(KernelError) {
      try RuleRequest.add(rule)
    } catch {
      guard error.errno != ErrorNumber.exists else { return true }
      sources?.close(key.source)
      throw error
    }
    return true
  }

  /// The steps around a change of an entry that keep lookups going on where they must.
  mutating func exceptions(
    _ key: ForwardingKey, exists: Bool
  ) -> (before: [RouteStep], after: [RouteStep]) {
    sources?.note(key, exists: exists) ?? ([], [])
  }

  /// The kernel refused an entry: it is not there.
  mutating func noteRefusal(of key: ForwardingKey) {
    let (before, after) = exceptions(key, exists: false)
    for step in before + after { enqueuePhysical(step, attempt: Attempt.again) }
  }

  /// Notes a route of somebody else that is looked up after our tables.
  mutating func noteLookedUpLater(_ route: KernelRoute) {
    for step in sources?.noteForeign(route) ?? [] {
      enqueuePhysical(step, attempt: Attempt.again)
    }
  }

  /// Takes over the rules of a former process; those of ours that nobody needs go.
  mutating func adoptRules() throws(KernelError) {
    guard sources != nil else { return }
    for rule in try RuleRequest.all() where sources?.isOurs(rule) == true {
      if sources?.adopt(rule) != true { try RuleRequest.remove(rule) }
    }
  }

  /// Makes rules and exceptions what they should be, after the tables were read.
  mutating func repairSources(_ inventory: SourceInventory) throws(KernelError) {
    guard let known = sources?.foreign else { return }
    var others = inventory.foreign
    others.formUnion(known.filter { inventory.mayLack($0.family) })
    for step in sources?.replaceAll(
      foreign: others, wanted: inventory.wanted, exceptions: inventory.exceptions) ?? []
    {
      enqueuePhysical(step, attempt: Attempt.again)
    }
    try closeIdleSources()
    let found = try RuleRequest.all()
    for rule in sources?.rules ?? [] where !found.contains(rule) { try RuleRequest.add(rule) }
    for rule in found where sources?.isOurs(rule) == true {
      if sources?.rules.contains(rule) != true { try RuleRequest.remove(rule) }
    }
  }

  /// Removes all exceptions; the rules of the tables, which then count as empty, are to follow.
  mutating func dissolveSources() {
    for step in sources?.dissolve() ?? [] { enqueuePhysical(step, attempt: Attempt.again) }
  }

  /// Removes the rules of tables that hold nothing any more. True if there were some.
  @discardableResult
  mutating func closeIdleSources() throws(KernelError) -> Bool {
    var isFreed = false
    for source in sources?.idleSources ?? [] {
      let rule = sources?.rule(source)
      sources?.close(source)
      isFreed = true
      guard let rule else { continue }
      do throws(KernelError) {
        try RuleRequest.remove(rule)
      } catch {
        guard error.errno == ErrorNumber.noEntry else { throw error }
      }
    }
    return isFreed
  }
}

/// What a reading of the kernel's tables has found that matters for tables of sources.
struct SourceInventory {
  /// Destinations of others that are looked up after our tables.
  var foreign: Set<Prefix> = []
  /// Something of a family may have been left out: those known before stay.
  var mayLackIPv4 = false
  var mayLackIPv6 = false
  /// What the node wants forwarded.
  var wanted: [ForwardingKey] = []
  /// Exceptions by table.
  var exceptions: [UInt32: Set<Prefix>] = [:]

  /// Whether something of a family may have been left out.
  func mayLack(_ family: AddressFamily) -> Bool {
    family == .ipv4 ? mayLackIPv4 : mayLackIPv6
  }
}

extension Daemon {
  /// Makes rules and exceptions right after a reading.
  func repairSources(_ inventory: SourceInventory) {
    guard forwarding.sources != nil else { return }
    var inventory = inventory
    node.forEachDesiredForwarding { key, _ in inventory.wanted.append(key) }
    do throws(KernelError) {
      try forwarding.repairSources(inventory)
    } catch {
      log.write(.routeRefused, subject: UInt64(error.errno), "\(error)")
    }
  }

  /// Takes over the rules that a former process left.
  func adoptRules() {
    do throws(KernelError) {
      try forwarding.adoptRules()
    } catch {
      log.write(.error, "\(error)")
    }
  }

  /// Removes the rules of tables that were emptied; what was refused for lack of a table gets
  /// another chance.
  func closeIdleSources(at now: Instant) {
    do throws(KernelError) {
      guard try forwarding.closeIdleSources() else { return }
    } catch {
      log.write(.routeRefused, subject: UInt64(error.errno), "\(error)")
    }
    node.forwardingMayWork(nil, at: now, into: &actions)
    if !actions.isEmpty { settle(at: now) }
  }
}
