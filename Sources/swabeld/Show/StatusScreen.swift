import BabelCore
import BabelKernel
import BabelWire

/// A request for the screen that shows how the daemon is: `status [--json]`.
enum StatusQuery {
  case screen, json

  /// Reads a line; nil if it is another request.
  init?(_ request: [UInt8]) {
    let words = RequestLines.words(request)
    guard let first = words.first, ShowQuery.matches("status", first) else { return nil }
    switch words.count {
    case 1: self = .screen
    case 2 where ShowQuery.matches("--json", words[1]): self = .json
    default: return nil
    }
  }
}

extension Daemon {
  /// Executes a request; returns the lines of the answer.
  func answer(to query: StatusQuery, at now: Instant) -> String {
    switch query {
    case .screen: statusScreen(at: now) + "ok\n"
    case .json: statusJSON(at: now) + "ok\n"
    }
  }

  private func statusScreen(at now: Instant) -> String {
    let survey = self.problems.routes(of: node)
    let tally = survey.tally
    let accounts = node.neighbourAccounts(survey, at: now)
    let usable = accounts.filter { !$0.status.cost.isInfinite }.count
    let up = interfaces.all.filter { $0.isUp }.count
    let (problems, problemCount) = currentProblems(survey, at: now)
    var text = "\(Usage.version) on \(OwnProcess.hostname), router-id \(node.routerID)\n"
    text += "up \(HumanTime.text(uptime(at: now))), process \(OwnProcess.id), "
    text += "configuration \(reloading.generation)"
    text += reloading.isProvisional ? ", which waits for a confirmation\n" : "\n\n"
    text += "interfaces  \(up) of \(interfaces.count) up\n"
    text += "neighbours  \(usable) of \(accounts.count) usable\n"
    text += "routes      \(tally.routes) to \(tally.reached) prefixes that are reached"
    text += tally.held > 0 ? ", \(tally.held) prefixes unreachable\n" : "\n"
    text += "exported    \(tally.originated) prefixes of this machine\n"
    if let drained = settings.live.drainText(at: now) {
      text += "drained     \(drained)\n"
    }
    text += "\n"
    guard !problems.isEmpty else { return text + "No problem is known.\n" }
    text += problemCount == 1 ? "1 problem:\n" : "\(problemCount) problems, the worst first:\n"
    for problem in problems.prefix(Self.shownProblems) {
      text += Paragraph.text("[\(problem.severity.word)] \(problem.text).", indent: 2)
      text += Paragraph.text(problem.remedy, indent: 6)
    }
    if problemCount > min(problems.count, Self.shownProblems) {
      text += Paragraph.text(
        Self.rest(shown: Self.shownProblems, kept: problems.count, of: problemCount), indent: 2)
    }
    return text
  }

  private static let shownProblems = 20

  /// The line that counts the problems that are not shown. Of each kind only some are kept; further
  /// ones are only counted, and no list has them.
  static func rest(shown: Int, kept: Int, of count: Int) -> String {
    let shown = min(shown, kept)
    var text = "and \(count - shown) more"
    if kept > shown {
      text += ": swabelctl status --json" + (kept < count ? " shows \(kept - shown)" : "")
    }
    guard kept < count else { return text }
    let others = kept > shown ? "the other \(count - kept)" : "they"
    return text
      + "; \(others) are only counted, because \(ProblemList.limitOfKind) of a kind are kept"
  }

  /// One object for the daemon, then one for each problem.
  private func statusJSON(at now: Instant) -> String {
    let survey = self.problems.routes(of: node)
    let tally = survey.tally
    let accounts = node.neighbourAccounts(survey, at: now)
    var text: [UInt8] = []
    let writer = TableWriter(
      [
        "version", "host", "router_id", "uptime", "pid", "generation", "interfaces",
        "interfaces_up", "neighbours", "neighbours_usable", "routes", "prefixes_reached",
        "prefixes_unreachable", "exported", "problems", "drained",
      ].map { TableColumn("", $0, 0) }, .json)
    let (problems, problemCount) = currentProblems(survey, at: now)
    writer.append(
      [
        .text(Usage.version), .text(OwnProcess.hostname), .text(node.routerID.description),
        .number(Int(uptime(at: now))), .number(Int(OwnProcess.id)),
        .number(reloading.generation), .number(interfaces.count),
        .number(interfaces.all.filter { $0.isUp }.count), .number(accounts.count),
        .number(accounts.filter { !$0.status.cost.isInfinite }.count), .number(tally.routes),
        .number(tally.reached), .number(tally.held), .number(tally.originated),
        .number(problemCount),
        settings.live.drainText(at: now).map { .text($0) } ?? .none,
      ], to: &text)
    let list = TableWriter(
      ["severity", "problem", "subject", "text", "remedy"].map { TableColumn("", $0, 0) }, .json)
    for problem in problems {
      list.append(
        [
          .text(problem.severity.word), .text(problem.kind.word),
          .text(problem.subject.description),
          .text(problem.text), .text(problem.remedy),
        ], to: &text)
    }
    return String(decoding: text, as: UTF8.self)
  }

  private func uptime(at now: Instant) -> UInt32 {
    UInt32(clamping: max(0, now - startedAt) / 1_000_000)
  }
}

/// Text in lines of at most 80 columns.
enum Paragraph {
  private static let width = 80

  /// Breaks text at blanks; all lines begin with `indent` blanks, and from the second one on with
  /// two more.
  static func text(_ words: String, indent: Int) -> String {
    var lines = ""
    var line = String(repeating: " ", count: indent)
    var used = indent
    for word in words.utf8.split(separator: 0x20) {
      if used + word.count + 1 > width, used > indent + 2 {
        lines += line + "\n"
        line = String(repeating: " ", count: indent + 2)
        used = indent + 2
      } else if line.utf8.last != 0x20, used > indent {
        line += " "
        used += 1
      }
      line += String(decoding: Array(word), as: UTF8.self)
      used += word.count
    }
    return lines + line + "\n"
  }
}
