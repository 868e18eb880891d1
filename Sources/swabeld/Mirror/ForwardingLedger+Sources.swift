import BabelCore
import BabelKernel
import BabelWire

// Routes that only packets from one prefix take, in tables of their own; see SourcePrefixTables.
extension ForwardingLedger {
  /// The tables; nil if there are to be none.
  var sources: SourcePrefixTables? { tables }

  /// A route of the kernel as if it were in the export table.
  func logical(_ route: KernelRoute) -> KernelRoute { tables?.logical(route) ?? route }

  /// Whether a route, as the kernel tells it, is one of our exceptions.
  func isException(_ route: KernelRoute) -> Bool { tables?.isException(route) ?? false }

  /// Whether somebody else's route to a destination counts when exceptions are made.
  func knowsForeign(_ destination: Prefix) -> Bool { tables?.knowsForeign(destination) ?? false }

  /// Whether there is room for an entry.
  enum Room: Equatable {
    /// It can be made.
    case ready
    /// It cannot be made.
    case none
    /// It can be made once the kernel has a rule.
    case needsRule(KernelRule)
  }

  /// Finds out whether an entry of a key can be made: a source prefix may need a table, which is
  /// given to it here, and the rule of the table.
  mutating func makeRoom(for key: ForwardingKey) -> Room {
    guard !key.source.isDefault, tables?.handles(key.destination.family) == true else {
      return .ready
    }
    guard key.table == tables?.exportTable else { return .none }
    if tables?.hasTable(key.source) == true { return .ready }
    return tables?.open(key.source).map { .needsRule($0) } ?? .none
  }

  /// Takes the table of a source prefix back.
  mutating func closeRoom(of source: Prefix) { tables?.close(source) }

  /// The steps around a change of an entry that keep lookups going on where they must.
  mutating func exceptions(
    _ key: ForwardingKey, exists: Bool
  ) -> (before: [RouteStep], after: [RouteStep]) {
    tables?.note(key, exists: exists) ?? ([], [])
  }

  /// Notes a route of somebody else that is looked up after our tables.
  mutating func noteLookedUpLater(_ route: KernelRoute, into orders: inout [MirrorOrder]) {
    writePhysical(tables?.noteForeign(route) ?? [], into: &orders)
  }

  /// Takes over the rules of a former process. Returns those that look like ours and that nobody
  /// needs.
  mutating func adoptRules(_ found: [KernelRule]) -> [KernelRule] {
    var useless: [KernelRule] = []
    for rule in found where tables?.bearsOurMarks(rule) == true {
      if tables?.adopt(rule) != true { useless.append(rule) }
    }
    return useless
  }

  /// The tables are read from now on.
  mutating func beginComparison() { tables?.beginComparison() }

  /// Makes exceptions what they should be, after the tables were read.
  mutating func repairExceptions(
    _ inventory: SourceInventory, into orders: inout [MirrorOrder]
  ) {
    guard let known = tables?.foreign else { return }
    var others = inventory.foreign
    others.formUnion(known.filter { inventory.mayLack($0.family) })
    let steps =
      tables?.replaceAll(
        foreign: others, wanted: inventory.wanted, exceptions: inventory.exceptions) ?? []
    writePhysical(steps, into: &orders)
  }

  /// The rules that the kernel lacks, and those of ours that it should not have.
  func ruleDifferences(
    _ found: [KernelRule]
  ) -> (missing: [KernelRule], useless: [KernelRule]) {
    guard let tables else { return ([], []) }
    let wanted = tables.rules
    return (
      wanted.filter { !found.contains($0) },
      found.filter { tables.bearsOurMarks($0) && !wanted.contains($0) }
    )
  }

  /// Orders that all exceptions are removed; the rules of the tables, which then count as empty,
  /// are to follow.
  mutating func dissolveSources(into orders: inout [MirrorOrder]) {
    writePhysical(tables?.dissolve() ?? [], into: &orders)
  }

  /// Whether the table of a source prefix holds nothing any more.
  var hasIdleSources: Bool { tables?.idleSources.isEmpty == false }

  /// Takes the table of one source prefix back that holds nothing any more. Returns its rule; nil
  /// if there is no such table.
  mutating func closeIdleSource() -> KernelRule? {
    guard let source = tables?.idleSources.first else { return nil }
    let rule = tables?.rule(source)
    tables?.close(source)
    return rule
  }
}
