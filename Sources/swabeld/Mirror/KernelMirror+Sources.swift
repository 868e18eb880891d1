import BabelCore
import BabelKernel
import BabelWire

// Tables of sources; see SourcePrefixTables.
extension KernelMirror {
  /// Whether there are tables for source-specific routes.
  var hasSources: Bool { ledger.sources != nil }
  /// Takes the table of a source prefix back: the kernel refused its rule.
  mutating func closeRoom(of source: Prefix) { ledger.closeRoom(of: source) }
  /// Takes over the rules of a former process. Returns those of ours that are to be removed.
  mutating func adoptRules(_ found: [KernelRule]) -> [KernelRule] { ledger.adoptRules(found) }

  /// Makes exceptions what they should be, at the end of a reading.
  mutating func repairExceptions<Wishes: ForwardingWishes & ~Copyable>(
    _ wishes: borrowing Wishes, into orders: inout [MirrorOrder]
  ) {
    guard hasSources, var inventory = readings.inventory else { return }
    _ = wishes.forEachDesiredForwarding(from: 0, limit: .max) { key, _ in
      inventory.wanted.append(key)
    }
    ledger.repairExceptions(inventory, into: &orders)
  }

  /// The rules that the kernel lacks, and those of ours that it should not have.
  func ruleDifferences(_ found: [KernelRule]) -> (missing: [KernelRule], useless: [KernelRule]) {
    ledger.ruleDifferences(found)
  }

  /// Takes back the table of one source prefix that holds nothing any more. Returns its rule,
  /// which is to be removed; nil if there is no such table.
  mutating func closeIdleSource() -> KernelRule? { ledger.closeIdleSource() }
  /// Removes all exceptions, at the end. All tables count as empty then.
  mutating func dissolveSources(into orders: inout [MirrorOrder]) {
    ledger.dissolveSources(into: &orders)
  }
}
