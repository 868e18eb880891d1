import BabelCore
import BabelKernel

@testable import swabeld

// Tables of source prefixes, and the kernel's rules for them.
extension MirrorWorld {
  /// Whether there is a table for the source prefix of a wish. Its rule is made here.
  mutating func hasRoom(for change: ForwardingChange) -> Bool {
    guard !change.key.source.isDefault, change.new != .absent else { return true }
    switch mirror.makeRoom(for: change.key) {
    case .ready: return true
    case .none: return false
    case .needsRule(let rule):
      kernel.add(rule)
      return true
    }
  }

  /// Removes the rules of tables that hold nothing any more.
  mutating func closeIdleSources() {
    guard mirror.hasIdleSources else { return }
    while let rule = mirror.closeIdleSource() { kernel.remove(rule) }
    node.forwardingMayWork(nil)
  }

  /// Makes exceptions and rules what they should be, at the end of a reading.
  mutating func repairSources() {
    guard mirror.hasSources else { return }
    mirror.repairExceptions(node, into: &orders)
    followOrders()
    while let rule = mirror.closeIdleSource() { kernel.remove(rule) }
    let (missing, useless) = mirror.ruleDifferences(kernel.rules)
    for rule in missing { kernel.add(rule) }
    for rule in useless { kernel.remove(rule) }
  }
}
