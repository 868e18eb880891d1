import BabelCore
import BabelKernel
import BabelWire

// The kernel's rules for tables of source-specific routes. The mirror says which there are to be.
extension Daemon {
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
    guard mirror.hasSources else { return }
    do throws(KernelError) {
      for rule in mirror.adoptRules(try RuleRequest.all()) { try RuleRequest.remove(rule) }
    } catch {
      log.write(.error, "\(error)")
    }
  }

  /// Makes rules and exceptions what they should be, right after a reading.
  func repairSources(at now: Instant) {
    guard mirror.hasSources else { return }
    mirror.repairExceptions(node, into: &orders)
    followOrders(at: now)
    do throws(KernelError) {
      try removeIdleRules()
      let (missing, useless) = mirror.ruleDifferences(try RuleRequest.all())
      for rule in missing { try RuleRequest.add(rule) }
      for rule in useless { try RuleRequest.remove(rule) }
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
    }
  }

  /// Removes the rules of tables that were emptied; what was refused for lack of a table gets
  /// another chance.
  func closeIdleSources(at now: Instant) {
    do throws(KernelError) {
      guard try removeIdleRules() else { return }
    } catch {
      log.write(.routeRefused, subject: .error(number: error.errno), "\(error)")
    }
    node.forwardingMayWork(nil, at: now, into: &actions)
    if !actions.isEmpty { carryOut(at: now) }
  }

  /// Removes the rules of tables that hold nothing any more. True if there were some.
  @discardableResult
  private func removeIdleRules() throws(KernelError) -> Bool {
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
}
