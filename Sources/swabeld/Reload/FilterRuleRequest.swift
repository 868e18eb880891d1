import BabelCore

/// A request that changes or lists the rules of the filters.
enum FilterRuleRequest: Equatable {
  /// `show rules`.
  case show
  /// `rule add CHAIN [at N] SELECTOR… ACTION…`, with the rule as a statement and its number from 1.
  case add([UInt8], FilterChainName, number: Int?)
  /// `rule remove CHAIN N`.
  case remove(FilterChainName, number: Int)
  /// `rule add CHAIN [at N]` with nothing behind it.
  case addNothing(FilterChainName)

  /// Whether a read-only connection may ask for it.
  var isReadOnly: Bool { self == .show }

  /// Reads a request; nil if it is another one, or malformed.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request).map { String(decoding: $0, as: UTF8.self) }
    guard words.count >= 2 else { return nil }
    if words.count == 2, Self.equal(words[0], "show"), Self.equal(words[1], "rules") {
      self = .show
      return
    }
    guard Self.equal(words[0], "rule"), words.count >= 3, let chain = FilterChainName(words[2])
    else { return nil }
    if Self.equal(words[1], "remove"), words.count == 4, let number = Self.place(words[3]) {
      self = .remove(chain, number: number)
      return
    }
    guard Self.equal(words[1], "add") else { return nil }
    var (rest, number) = (words.dropFirst(3), Int?.none)
    if let word = rest.first, Self.equal(word, "at") {
      guard words.count >= 5, let place = Self.place(words[4]) else { return nil }
      (rest, number) = (words.dropFirst(5), place)
    }
    guard !rest.isEmpty else {
      self = .addNothing(chain)
      return
    }
    let statement = ([words[2]] + rest).joined(separator: " ")
    self = .add(Array(statement.utf8), chain, number: number)
  }

  /// The place that a word names; 0, which is none, for what is less, so that whoever reckons with
  /// it has room for one step.
  private static func place(_ word: String) -> Int? {
    Int64(word).map { Int(clamping: max(0, $0)) }
  }

  private static func equal(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }
}

extension Daemon {
  /// Executes a request; returns the lines of the answer.
  func answer(to request: FilterRuleRequest, at now: Instant) -> String {
    switch request {
    case .show: return rulesText() + "ok\n"
    case .add(let statement, let chain, let number):
      // The dialect of AREDN has an answer of its own to a rule without a place.
      var base = settings.configuration
      base.socketDialect = .babel
      let command = ConfigurationParser.parseRuntime(line: statement, configuration: base)
      guard case .configuration(var configuration) = command else {
        if case .bad(let error) = command { return "no \(error.detail)\n" }
        return "bad\n"
      }
      configuration.socketDialect = settings.configuration.socketDialect
      if let number, !configuration.moveLastRule(of: chain, to: number) {
        return "no There is no such place\n"
      }
      return change(to: configuration, at: now)
    case .addNothing(let chain):
      // In a file such a rule allows everything. Nobody asks for that by saying nothing.
      return "no The rule names neither what it is for nor what to do: "
        + "rule add \(chain.word) allow has no conditions\n"
    case .remove(let chain, let number):
      var configuration = settings.configuration
      let rules = node.rules(of: chain)
      if rules.indices.contains(number - 1), rules[number - 1].rule.position == nil {
        return "no Rule \(number) is implicit, nobody wrote it: "
          + "rule add redistribute local deny puts another before it\n"
      }
      guard configuration.removeRule(number, of: chain) else { return "no No such rule\n" }
      return change(to: configuration, at: now)
    }
  }

  /// Puts a configuration into effect that a client has changed; returns the status line.
  func change(to configuration: Configuration, at now: Instant) -> String {
    var new = settings
    new.configuration = configuration
    let fixed = SettingsDifference.fixed(from: settings, to: new)
    guard fixed.isEmpty else {
      return "no \(SettingsDifference.needsRestart): \(fixed.joined(separator: ", "))\n"
    }
    let reserved = SettingsDifference.reserved(from: settings, to: new)
    guard reserved.isEmpty else {
      let words = reserved.joined(separator: ", ")
      return "no only the files may change this, then a reload: \(words)\n"
    }
    if let table = new.tableOfBothKinds {
      return "no source-tables: table \(table) is used otherwise, but these are for us alone\n"
    }
    let former = settings.configuration
    _ = takeOver(new, at: now)
    tellOfDeadRules(since: former)
    return "ok\n"
  }

  /// Tells the log of rules that can never match since a client has changed the rules. Of those in
  /// files it is told when they are read.
  func tellOfDeadRules(since former: Configuration) {
    guard former.filters != settings.configuration.filters else { return }
    let known = former.deadRules()
    for warning in settings.configuration.deadRules() where !known.contains(warning) {
      log.write(.configurationProblem, subject: .problem(.deadRule), warning.logLine)
    }
  }

  /// A line for each rule: `rule CHAIN N count N statement # place`.
  private func rulesText() -> String {
    var text = ""
    for chain in [FilterChainName.input, .output, .redistribute, .install] {
      for (index, (rule, count)) in node.rules(of: chain).enumerated() {
        let statement = String(decoding: rule.statement(of: chain), as: UTF8.self)
        let place = settings.configuration.description(of: rule.position)
        text += "rule \(chain.word) \(index + 1) count \(count) \(statement)  # \(place)\n"
      }
    }
    return text
  }
}
