import BabelCore
import BabelKernel
import BabelWire

// Tables of source prefixes, and the kernel's rules for them.
extension KernelConnection {
  /// Whether there are tables for source-specific routes.
  var hasSources: Bool { mirror.hasSources }
  /// Whether tables were emptied, so that ``removeIdleRules()`` has something to do.
  var hasIdleSources: Bool { mirror.hasIdleSources }

  /// Whether the kernel may take a change, as far as is known without asking it.
  func mayTake(
    _ change: ForwardingChange, withSubtrees hasSubtrees: Bool, beside foreign: ForeignRoutes?
  ) -> Bool {
    (hasSources || hasSubtrees || change.key.source.isDefault)
      && mirror.mayTake(change, beside: foreign)
  }

  /// Whether an entry of a key can be made at all: a source prefix may need a table, whose rule is
  /// made here.
  func makeRoom(for key: ForwardingKey) -> Bool {
    switch mirror.makeRoom(for: key) {
    case .ready: return true
    case .none: return false
    case .needsRule(let rule):
      do throws(KernelError) {
        try RuleRequest.add(rule)
        return true
      } catch {
        guard error.errno != ErrorNumber.exists else { return true }
        mirror.closeRoom(of: key.source)
        log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
        return false
      }
    }
  }

  /// Takes over the rules that a former process left; those of ours that nobody needs go.
  func adoptRules() {
    guard hasSources else { return }
    do throws(KernelError) {
      for rule in mirror.adoptRules(try RuleRequest.all()) { try RuleRequest.remove(rule) }
    } catch {
      log.write(.error, "\(error)")
    }
  }

  /// Makes exceptions what they should be, right after a reading.
  func repairExceptions(_ node: borrowing BabelNode) {
    mirror.repairExceptions(node, into: &orders)
  }

  /// Makes rules what they should be.
  func repairRules() {
    do throws(KernelError) {
      try removeEmptyTables()
      let (missing, useless) = mirror.ruleDifferences(try RuleRequest.all())
      for rule in missing { try RuleRequest.add(rule) }
      for rule in useless { try RuleRequest.remove(rule) }
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
    }
  }

  /// Removes the rules of tables that hold nothing any more. True unless there are none.
  func removeIdleRules() -> Bool {
    do throws(KernelError) {
      return try removeEmptyTables()
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
      return true
    }
  }

  @discardableResult
  private func removeEmptyTables() throws(KernelError) -> Bool {
    var isFreed = false
    while let rule = mirror.closeIdleSource() {
      isFreed = true
      do throws(KernelError) {
        try RuleRequest.remove(rule)
      } catch {
        guard error.errno == ErrorNumber.noEntry else { throw error }
      }
    }
    return isFreed
  }

  /// Removes all exceptions, at the end. All tables count as empty then.
  func dissolveSources() { mirror.dissolveSources(into: &orders) }
}
