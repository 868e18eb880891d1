import BabelCore
import BabelWire

/// What is different between two settings of the operator.
struct SettingsDifference {
  /// A line for each statement that is gone (`-`) or new (`+`). Values of keys are left out.
  let lines: [String]
  /// Most of them of each mark that the answer to a reload has; of more it says how many there are.
  private static let namedLimit = 1000
  /// What a client is told if there are some.
  static let needsRestart = "cannot change while running, a restart is needed"

  init(from old: Settings, to new: Settings) {
    let (before, after) = (old.configuration, new.configuration)
    var lines = Self.lines("-", of: before, without: after)
    lines += Self.lines("+", of: after, without: before)
    for key in after.keys where key.file != nil {
      if let former = before.key(id: key.id), former.file == key.file, former != key {
        lines.append("~ key id \(String(decoding: key.id, as: UTF8.self)): its file has changed")
      }
    }
    // The first rule that matches decides, so their order counts.
    if lines.isEmpty, before.statements(showsKeys: true) != after.statements(showsKeys: true) {
      lines.append("~ the order of statements")
    }
    self.lines = lines
  }

  /// What was done with the configuration, in words.
  var summary: String { "reloaded, changes: \(lines.count)" }

  /// The lines of an answer.
  func append(to text: inout String) {
    var counts: [UInt8: Int] = [:]
    var rest = 0
    for line in lines {
      let count = counts[line.utf8.first ?? 0, default: 0]
      counts[line.utf8.first ?? 0] = count + 1
      if count < Self.namedLimit { text += "change \(line)\n" } else { rest += 1 }
    }
    if rest > 0 { text += "change and \(rest) more\n" }
  }

  /// Words of the statements that are different and cannot change while the daemon runs; empty if
  /// all can.
  static func fixed(from old: Settings, to new: Settings) -> [String] {
    let (before, after) = (old.configuration, new.configuration)
    var fixed: [String] = []
    func compare(_ word: String, _ isSame: Bool) { if !isSame { fixed.append(word) } }
    compare("protocol-group", before.protocolGroup == after.protocolGroup)
    compare("protocol-port", before.protocolPort == after.protocolPort)
    compare("random-id", before.usesRandomID == after.usesRandomID)
    compare("router-id", before.routerID == after.routerID)
    compare("ipv6-subtrees", before.ipv6Subtrees == after.ipv6Subtrees)
    compare("source-tables", before.sourceTables == after.sourceTables)
    compare("source-rule-priority", before.sourceRulePriority == after.sourceRulePriority)
    compare("skip-kernel-setup", before.skipsKernelSetup == after.skipsKernelSetup)
    compare("state-file", before.stateFile == after.stateFile)
    compare("pid-file", before.pidFile == after.pidFile)
    compare("user", before.user == after.user)
    compare("limit kernel-buffer", before.limits.kernelBuffer == after.limits.kernelBuffer)
    // The tables for source prefixes point to it.
    compare(
      "export-table beside source-tables",
      before.exportTable == after.exportTable || after.sourceTables == nil)
    return fixed
  }

  /// Words of the statements that only the files may change: who asks over the socket must not say
  /// where it is and who may use it.
  static func reserved(from old: Settings, to new: Settings) -> [String] {
    // Those that say who may use it are no statements of the socket at all.
    old.configuration.localServer == new.configuration.localServer
      ? [] : ["local-port or local-path"]
  }

  private static func lines(
    _ mark: String, of one: Configuration, without other: Configuration
  ) -> [String] {
    // Two keys may differ in nothing but their values, which are not shown.
    let known = Set(other.statements(showsKeys: true))
    let shown = one.statements()
    var result: [String] = []
    for (index, statement) in one.statements(showsKeys: true).enumerated()
    where !known.contains(statement) && shown.indices.contains(index) {
      result.append("\(mark) \(String(decoding: shown[index], as: UTF8.self))")
    }
    return result
  }
}
