import BabelCore
import BabelWire

extension Daemon {
  /// Tells of each rule that denies something, with what it denied first. That may be as it was
  /// meant, so it is said once, and is no problem.
  func tellOfDenials() {
    for denial in node.takeRuleDenials() {
      let rule = ruleText(denial.number, of: denial.chain)
      log.write(
        .ruleNews, subject: .any, level: .notice,
        denial.neighbour.map {
          "prefix \(denial.destination) of \($0) on \(denial.interface) is denied by \(rule)"
        } ?? "prefix \(denial.destination) is kept from \(denial.interface) by \(rule)")
    }
  }
}
